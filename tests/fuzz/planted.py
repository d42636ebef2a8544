"""`python -m tests.fuzz.planted`: after how many random blocks each planted fault is found."""

# ruff: noqa: T201 - a program that people run prints

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from statistics import median

from executor.state import MemoryState
from executor.types import Block
from tests.fuzz import campaign, faults_engine, faults_parallel, regressions
from tests.fuzz.campaign import Example
from tests.fuzz.check import check
from tests.fuzz.fault import Fault
from tests.fuzz.plans import build
from tests.oracle import Schedule

FAULTS: tuple[Fault, ...] = (*faults_parallel.FAULTS, *faults_engine.FAULTS)
CAP = 2_000
SEEDS = (1_000_000, 2_000_000, 3_000_000)
SCHEDULES = 3


def first_found(fault: Fault, seed: int, cap: int = CAP) -> tuple[int, Example] | None:
    """Return after how many examples from `seed` on a fault is found, and by which; None if not within `cap`."""
    for count in range(1, cap + 1):
        example = campaign.numbered(seed + count, schedules=SCHEDULES)
        if shows(fault, example):
            return count, example
    return None


def shows(fault: Fault | None, example: Example) -> bool:
    """Return whether an example fails with the fault in place (None: with none)."""
    block, pre = build(example.case)
    return reveals(fault, block, pre, example.schedules)


def reveals(fault: Fault | None, block: Block, pre: MemoryState, schedules: Sequence[Schedule]) -> bool:
    """Return whether a block fails: in parallel against sequential execution, or sequentially against EELS."""
    in_parallel = fault is None or fault.in_parallel
    against_eels = fault is None or not fault.in_parallel
    with fault.plant() if fault else nullcontext():
        try:
            check(block, pre, schedules if in_parallel else (), against_eels=against_eels)
        except Exception:  # noqa: BLE001 - a Difference; a fault may as well end in a crash, and is found by it
            return True
    return False


# -- witnesses: the smallest blocks that show the faults -------------------------------------------------


def witness_path(fault: Fault) -> Path:
    """Return the file of a fault's witness."""
    return regressions.WITNESSES / f"{_file_name(fault)}.json"


def _file_name(fault: Fault) -> str:
    return re.sub(r"[^a-z0-9]+", "-", fault.name.lower()).strip("-")


def write_witness(fault: Fault, seed: int = SEEDS[0]) -> Path | None:
    """Find a fault, make the block small, and write it; None where it is not found."""
    found = first_found(fault, seed)
    if found is None:
        return None
    _, example = found
    with fault.plant():
        against_eels = not fault.in_parallel
        message = campaign.failure(example, against_eels=against_eels)
        assert message is not None, "it has just been found"
        failure = campaign.smallest(example, message, against_eels=against_eels)
    block, pre = build(failure.example.case)
    about = f"with the fault planted: {fault}\n{failure.message}"
    return regressions.write(_file_name(fault), block, pre, example.schedules, about, regressions.WITNESSES)


# -- the table -------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each fault; 1 if one was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.planted", description=__doc__)
    parser.add_argument("--cap", type=int, default=CAP, help="examples after which to give up")
    parser.add_argument("--only", default="", help="faults whose names hold this")
    parser.add_argument("--witnesses", action="store_true", help="write the smallest block for each instead")
    options = parser.parse_args(arguments)
    faults = [fault for fault in FAULTS if options.only in fault.name]
    if options.witnesses:
        written = [write_witness(fault) for fault in faults]
        print(f"{len(written) - written.count(None)} of {len(written)} written to {regressions.WITNESSES.name}/")
        return int(None in written)
    print(f"| fault | found by | examples (seeds {', '.join(map(str, SEEDS))}) | median |\n|---|---|---|---|")
    missed = sum(not _found(fault, options.cap) for fault in faults)
    return int(missed > 0)


def _found(fault: Fault, cap: int) -> bool:
    """Print the line of a fault, and return whether most seeds found it."""
    found = [first_found(fault, seed, cap) for seed in SEEDS]
    counts = [cap + 1 if one is None else one[0] for one in found]
    told = ", ".join(str(count) if count <= cap else f"none in {cap}" for count in counts)
    middle = median(counts)
    print(f"| {fault} | {'sequential' if fault.in_parallel else 'EELS'} | {told} | {middle} |", flush=True)
    return middle <= cap


if __name__ == "__main__":
    sys.exit(main())
