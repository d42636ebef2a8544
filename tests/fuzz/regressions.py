"""Failing blocks kept as capsules in JSON (`regressions/`), with the schedules that they are replayed on."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from executor.capsule import parse_capsule
from executor.capsule_writer import format_capsule
from executor.header import transactions_root, uncles_hash, withdrawals_root
from executor.state import MemoryState
from executor.types import Block
from tests.fuzz.check import DAMAGED, Checked, check
from tests.oracle import SCHEDULES, Schedule

FOLDER = Path(__file__).parent / "regressions"
WITNESSES = Path(__file__).parent / "witnesses"
"""Where the smallest blocks go that show the planted faults (tests/fuzz/planted.py)."""
REPLAYED: tuple[Schedule, ...] = (*SCHEDULES, ("graph", DAMAGED, 8, 3, 2), ("waves", DAMAGED, 9, 2, 1))


def write(
    name: str, block: Block, pre: MemoryState, schedules: Iterable[Schedule], about: str, folder: Path = FOLDER
) -> Path:
    """Write a block as `name`.json and return its path; keys with an underscore are for people and for replaying."""
    header = replace(
        block.header,
        transactions_root=transactions_root(block.transactions),
        uncles_hash=uncles_hash(block.uncles),
        withdrawals_root=None if block.withdrawals is None else withdrawals_root(block.withdrawals),
    )
    document = format_capsule(replace(block, header=header), pre, source="tests.fuzz")
    folder.mkdir(exist_ok=True)
    path = folder / f"{name}.json"
    document |= {
        "_about": about.splitlines(),
        "_replay": f"python -m tests.fuzz --replay {path.name}",
        "_schedules": [list(schedule) for schedule in schedules],
    }
    path.write_text(json.dumps(document, indent=1) + "\n")
    return path


def read(path: Path) -> tuple[Block, MemoryState, tuple[Schedule, ...]]:
    """Return the block, its pre-state, and the schedules on which it failed."""
    document = json.loads(path.read_text())
    capsule = parse_capsule(document)
    schedules = tuple((*kind, seed, workers, limit) for *kind, seed, workers, limit in document["_schedules"])
    return capsule.block, capsule.pre_state, schedules


def replay(path: Path) -> Checked:
    """Check a block again, on its own schedules and all the usual ones; Difference where it still fails."""
    block, pre, schedules = read(path)
    return check(block, pre, (*schedules, *REPLAYED))


def paths() -> list[Path]:
    """Return the files there are, by name: what once failed, and what fails with a fault planted."""
    return [*sorted(FOLDER.glob("*.json")), *sorted(WITNESSES.glob("*.json"))]
