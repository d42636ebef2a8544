"""One-line faults in the places that exactness rests on: each must turn the suite red.

Every mutant is planted in a copy of the tree, where the tests named beside it are run. `python -m
tests.test_mutations` prints which test fails for each.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.data import ROOT

SETTLING = "tests/executor/test_settling.py"
FAULTS = "tests/executor/test_faults.py"
CHAIN = "tests/executor/test_faults_chain.py"
POISON = "tests/executor/test_faults_poison.py"


@dataclass(frozen=True)
class Mutant:
    """A fault: in `path`, each old text becomes the new one."""

    name: str
    path: str
    edits: tuple[tuple[str, str], ...]
    tests: str = SETTLING

    def __str__(self) -> str:
        return self.name


APPLIED = "            state.revert(mark)\n        return computation\n\n    @classmethod\n    def apply_create"
"""The end of apply_message."""

MUTANTS = [
    Mutant(
        "validation off",
        "scheduler/settled_values.py",
        (
            (
                "            if value != seen:\n                return location",
                "            if value != seen:\n                pass",
            ),
            (
                "                return address, BALANCE, 0\n        return None",
                "                pass\n        return None",
            ),
        ),
    ),
    Mutant(
        "settled values kept through a clear",
        "scheduler/settled_values.py",
        (("        for address in writes.clears:", "        for address in ():"),),
        "tests/scheduler/test_settled_values.py",
    ),
    Mutant(
        "slots read past a clear",
        "scheduler/settled_values.py",
        (("location[1] in _NOT_KEPT and not clears", "location[1] in _NOT_KEPT"),),
        "tests/scheduler/test_settled_values.py",
    ),
    Mutant(
        "settled balances kept through a delta",
        "scheduler/settled_values.py",
        (("            balances[address] = before + amount", "            pass"),),
        "tests/scheduler/test_settled_values.py",
    ),
    Mutant(
        "settled existence kept through a payment",
        "scheduler/settled_values.py",
        (("            if address in existence:", "            if False:"),),
        "tests/scheduler/test_settled_values.py",
    ),
    Mutant(
        "stale writes kept",
        "scheduler/multi_version.py",
        (
            (
                "        if old is not NOTHING_WRITTEN:\n            self._forget",
                "        if False:\n            self._forget",
            ),
        ),
        "tests/scheduler/test_multi_version.py",
    ),
    Mutant(
        "merge order reversed",
        "executor/parallel.py",
        (("        for index in settled:\n", "        for index in reversed(settled):\n"),),
    ),
    Mutant(
        "existence predicate dropped",
        "executor/view.py",
        (("seen = self.reads[key] = int(self._earlier.exists(", "seen = int(self._earlier.exists("),),
    ),
    Mutant("bounds dropped", "executor/view.py", (("                self.bounds[address] = needed\n", ""),)),
    Mutant(
        "clearing ignored in the versions",
        "scheduler/multi_version.py",
        (("            for address in writes.clears - old.clears:", "            for address in ():"),),
    ),
    Mutant(
        "clearing ignored in the result",
        "executor/view.py",
        (("return WriteSet(values, deltas, frozenset(cleared))", "return WriteSet(values, deltas)"),),
    ),
    Mutant(
        "sender nonce unchecked",
        "executor/view.py",
        (
            (
                "            if seen is None:\n                seen = self._earlier.nonce",
                "            if seen is None:\n                self.reads[key] = seen = self._earlier.nonce",
            ),
            ("self._below)\n            self.reads[key] = seen\n", "self._below)\n"),
        ),
    ),
    Mutant(
        "reads of reverted frames forgotten",
        "executor/evm/computation.py",
        (
            (
                "        mark = state.snapshot()\n        if message.depth",
                "        mark, known = state.snapshot(), len(state.reads)\n        if message.depth",
            ),
            (APPLIED, APPLIED.replace("\n", "\n            state.reads = dict([*state.reads.items()][:known])\n", 1)),
        ),
    ),
    Mutant(
        "deltas applied as values",
        "executor/settled.py",
        (("deltas[address] = deltas.get(address, 0) + delta", "deltas[address] = delta"),),
    ),
    Mutant(
        "deltas read as values",
        "scheduler/multi_version.py",
        (
            (
                "base if deltas is None else base + deltas.total(below)",
                "base if deltas is None else base + deltas.amounts[0]",
            ),
        ),
    ),
    Mutant(
        "replies taken twice",
        "executor/parallel.py",
        (("self._batches.pop(answer.ticket, None)", "self._batches.get(answer.ticket)"),),
        FAULTS,
    ),
    Mutant(
        "what a lost worker ran taken for known",
        "executor/updates.py",
        (("        self._origins[worker] = self._next_origin\n", ""),),
        FAULTS,
    ),
    Mutant(
        "what a lost worker was told taken for known",
        "executor/updates.py",
        (("        self._known[worker] = 0\n", ""),),
        FAULTS,
    ),
    Mutant(
        "stale answer not met with the state",
        "executor/parallel.py",
        (("            self._pool.reopen(worker)\n", ""),),
        FAULTS,
    ),
    Mutant(
        "state given twice for two stale answers",
        "executor/parallel.py",
        (("        if answer.ticket not in self._overtaken:\n", "        if True:\n"),),
        FAULTS,
    ),
    Mutant(
        "what waited behind the suspect suspected",
        "executor/losses.py",
        (("[batch] if place else self._pieces(batch, reason)", "self._pieces(batch, reason)"),),
        POISON,
    ),
    Mutant(
        "lost batches never halved",
        "executor/losses.py",
        (("        if len(batch) == 1 or times == 1:", "        if True:"),),
        POISON,
    ),
    Mutant(
        "tag of the state not compared",
        "executor/worker.py",
        (("        if self._pre_state is None or self._tag != tag:", "        if self._pre_state is None:"),),
        CHAIN,
    ),
    Mutant(
        "step applied to any state",
        "executor/worker.py",
        (("if self._tag != before or not", "if not"),),
        CHAIN,
    ),
    Mutant(
        "epoch of the state not compared",
        "executor/versions.py",
        (("if tag is None or tag.epoch != self.tag.epoch:", "if tag is None:"),),
        CHAIN,
    ),
]


def plant(mutant: Mutant, tree: Path) -> None:
    """Put the fault into a copy of the packages and tests."""
    for name in ("executor", "scheduler", "workloads", "bench", "tests"):
        shutil.copytree(ROOT / name, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tree)
    path = tree / mutant.path
    text = path.read_text()
    for old, new in mutant.edits:
        assert text.count(old) == 1, (
            f"{mutant.name}: the line to change stands {text.count(old)} times in {mutant.path}"
        )
        text = text.replace(old, new)
    path.write_text(text)


def failing(mutant: Mutant, first_only: bool = True) -> list[str]:  # noqa: FBT002
    """Return the tests that fail with the fault in place."""
    with tempfile.TemporaryDirectory() as folder:
        plant(mutant, Path(folder))
        command = [sys.executable, "-m", "pytest", "-q", "-rf", "-p", "no:cacheprovider", mutant.tests]
        done = subprocess.run(
            [*command, *(["-x"] if first_only else [])],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    assert done.returncode in {0, 1}, done.stdout + done.stderr
    return re.findall(r"^FAILED \S+::(\S+)", done.stdout, re.MULTILINE)


@pytest.mark.slow
@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_the_suite_turns_red(mutant: Mutant) -> None:
    assert failing(mutant)


def test_every_mutant_still_finds_its_line(tmp_path: Path) -> None:
    for number, mutant in enumerate(MUTANTS):
        plant(mutant, tmp_path / str(number))


if __name__ == "__main__":
    for each in MUTANTS:
        print(f"{each.name}: {', '.join(failing(each, first_only=False)) or 'NOT FOUND'}")
