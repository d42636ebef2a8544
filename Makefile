# Everything a person or the CI runs. A fresh machine needs only Python 3.11 to 3.13, make and git.

PYTHON ?= python3
UV_VERSION := 0.13.8
BIN := .venv/bin
STAMP := .venv/.parallel-evm-setup
PACKAGES := executor scheduler workloads bench
MAX_LINES := 400

.DEFAULT_GOAL := help
.PHONY: help setup demo test test-all check bench fix

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP) ## install everything into .venv, from the lock file

# `uv sync` and not `uv run`: Ray's hook for `uv run` starts its workers in a copied environment and hangs.
# The machine's own certificates count, as they do for pip. `--inexact` keeps uv itself, which is not a dependency of the project.
$(STAMP): pyproject.toml uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14) and "needs Python 3.11 to 3.13, found " + sys.version.split()[0] + "; say make PYTHON=python3.12")'
	test -x $(BIN)/uv || { $(PYTHON) -m venv .venv && $(BIN)/python -m pip install --quiet uv==$(UV_VERSION); }
	UV_PROJECT_ENVIRONMENT=.venv UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS=1 $(BIN)/uv sync --frozen --inexact --all-extras --quiet
	@touch $@

demo: $(STAMP) ## lending and ERC-20 blocks on a local Ray, against sequential execution
	$(BIN)/parallel-evm demo

# Ray is started by one of the processes only: tests/conftest.py groups the tests that share it.
JOBS ?= 2
PYTEST := $(BIN)/python -m pytest -n $(JOBS) --dist loadgroup --benchmark-disable

test: $(STAMP) ## run the tests without the slow ones (JOBS=processes)
	$(PYTEST) -m "not slow"

test-all: $(STAMP) ## run every test
	$(PYTEST)

check: $(STAMP) ## lint, formatting, types, import contracts, file lengths
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	@long=$$(find $(PACKAGES) tests -name '*.py' -exec awk 'END { if (NR > $(MAX_LINES)) print FILENAME ": " NR " lines" }' {} \;); \
	if [ -n "$$long" ]; then echo "files above $(MAX_LINES) lines:"; echo "$$long"; exit 1; fi

# Two runs are compared by `parallel-evm compare-benchmarks OLD.json NEW.json`; hash seeds are no part of the noise.
BENCH ?= .benchmarks/latest.json

bench: $(STAMP) ## run the benchmark suites into BENCH=file.json, for compare-benchmarks
	@mkdir -p $(dir $(BENCH))
	PYTHONHASHSEED=0 $(BIN)/python -m pytest bench/suites -q --benchmark-only --benchmark-json=$(BENCH) \
		--benchmark-columns=min,median,iqr,rounds --benchmark-group-by=group --benchmark-sort=fullname

fix: $(STAMP) ## format, apply safe lint fixes, write the table of completions anew
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/python -m bench.completion_table
