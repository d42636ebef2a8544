"""The suites themselves: they run, they assert what they time, and their documents are comparable."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.suites import reference
from bench.suites.blocks import ALL_WORKLOADS
from tests.bench.test_cli import run
from tests.data import ROOT
from workloads.registry import WORKLOADS


def suites(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run suites as `make bench` does, in a process of their own that knows of no other pytest around it."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
    alone = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    return subprocess.run(command, cwd=ROOT, env=alone, capture_output=True, text=True, check=False)  # noqa: S603 - our own


def test_the_reference_load_never_changes() -> None:
    """Another result is another load: give it a new NAME, so that old runs are not compared with new ones."""
    results = [load() for load in reference.LOADS]
    assert (reference.NAME, *results) == ("keccak+memory/2", 5150227219048883555, 18009000)


def test_every_workload_is_run_end_to_end() -> None:
    assert set(WORKLOADS) - set(ALL_WORKLOADS) == {"replayed"}


@pytest.mark.slow
def test_a_document_of_the_suites_compares_with_itself(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    document = tmp_path / "run.json"
    done = suites("bench/suites/test_wire.py", "--benchmark-only", f"--benchmark-json={document}")
    assert done.returncode == 0, done.stdout + done.stderr
    code, out, _ = run(capfd, "compare-benchmarks", document, document, "--json")
    compared = json.loads(out)
    assert code == 0
    assert {row["ratio"] for row in compared["rows"]} == {1.0}
    assert len(compared["rows"]) == 4


@pytest.mark.slow
@pytest.mark.parametrize("suite", ["scheduler", "state_root", "wire"])
def test_a_suite_asserts_what_it_times(suite: str) -> None:
    done = suites(f"bench/suites/test_{suite}.py", "--benchmark-disable")
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_a_workload_runs_end_to_end_in_every_way() -> None:
    done = suites("bench/suites/test_end_to_end.py", "--benchmark-disable", "-k", "transfers")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "3 passed" in done.stdout
