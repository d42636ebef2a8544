"""`python -m tests.fuzz.planted`: after how many random blocks each planted fault is found."""

# ruff: noqa: T201 - a program that people run prints

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from statistics import median

from tests.fuzz import campaign, faults_engine, faults_parallel
from tests.fuzz.campaign import Example
from tests.fuzz.check import Difference, check
from tests.fuzz.fault import Fault
from tests.fuzz.plans import build

FAULTS: tuple[Fault, ...] = (*faults_parallel.FAULTS, *faults_engine.FAULTS)
CAP = 2_000
SEEDS = (1_000_000, 2_000_000, 3_000_000)
SCHEDULES = 3
SEQUENTIAL_ONLY: tuple[()] = ()


def first_found(fault: Fault, seed: int, cap: int = CAP) -> tuple[int, Example] | None:
    """Return after how many examples from `seed` on a fault is found, and by which; None if not within `cap`."""
    for count in range(1, cap + 1):
        example = campaign.numbered(seed + count, schedules=SCHEDULES)
        if shows(fault, example):
            return count, example
    return None


def shows(fault: Fault, example: Example) -> bool:
    """Return whether an example fails with the fault in place: against sequential execution, or against EELS."""
    block, pre = build(example.case)
    schedules = example.schedules if fault.in_parallel else SEQUENTIAL_ONLY
    with fault.plant():
        try:
            check(block, pre, schedules, against_eels=not fault.in_parallel)
        except Difference:
            return True
        except Exception as error:  # noqa: BLE001 - a fault may as well end in a crash, and is found by it
            print(f"{fault}: {type(error).__name__}: {error}", file=sys.stderr)
            return True
    return False


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line for each fault; 1 if one was not found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz.planted", description=__doc__)
    parser.add_argument("--cap", type=int, default=CAP)
    parser.add_argument("--only", default="", help="faults whose names hold this")
    options = parser.parse_args(arguments)
    missed = 0
    print(f"| fault | found by | examples (seeds {', '.join(map(str, SEEDS))}) | median |\n|---|---|---|---|")
    for fault in FAULTS:
        if options.only in fault.name:
            counts = [found[0] if (found := first_found(fault, seed, options.cap)) else options.cap for seed in SEEDS]
            missed += median(counts) >= options.cap
            told = ", ".join(f"{count}" if count < options.cap else f"none in {count}" for count in counts)
            by = "sequential" if fault.in_parallel else "EELS"
            print(f"| {fault} | {by} | {told} | {median(counts)} |", flush=True)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
