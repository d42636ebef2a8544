"""The lines that the README shows are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from executor.capsule_writer import dump_capsule
from tests.bench.sealed import sealed
from tests.blocks import Builder, user
from tests.data import ROOT
from tests.executor.test_settling import COUNTER

MOST_LINES = 9


def shown() -> str:
    """Return the README's Python."""
    found = re.search(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None
    return found.group(1)


def test_the_embedding_is_shown_in_under_ten_lines() -> None:
    assert len(shown().strip().splitlines()) <= MOST_LINES


def test_the_embedding_runs_as_shown(tmp_path: Path) -> None:
    builder = Builder(fork="Shanghai")
    builder.fund(user(0), user(1))
    counter = builder.contract(1, COUNTER)
    builder.send(user(0), counter)
    builder.send(user(1), counter)
    block = sealed(builder)
    dump_capsule(block, builder.state, tmp_path / "block.json.gz")
    done = subprocess.run(
        [sys.executable, "-c", shown()], cwd=tmp_path, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    figures, checks = done.stdout.strip().splitlines()
    assert figures.split()[:2] == [str(block.header.gas_used), block.header.receipts_root.hex()]
    assert "False" not in checks
    assert "'state_root': True" in checks
