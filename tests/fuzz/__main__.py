"""`python -m tests.fuzz`: as many random blocks as wanted; what fails is made small and kept as a file."""

# ruff: noqa: T201 - a program that people run prints
from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from time import perf_counter

from tests.fuzz import regressions
from tests.fuzz.blocks import FORK_WEIGHTS
from tests.fuzz.campaign import Failure, Tally, campaign
from tests.fuzz.plans import build

CHUNK = 100


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what the command line asks for; 0 if all agree, 1 if not."""
    options = _parser().parse_args(arguments)
    if options.replay:
        return _replay(options.replay)
    numbers = range(options.seed, options.seed + options.blocks)
    chunks = [numbers[first : first + CHUNK] for first in range(0, len(numbers), CHUNK)]
    chunk = partial(campaign, forks=tuple(options.forks), most_failures=options.failures)
    tally, failures = _campaigns(chunk, chunks, options.jobs, options.failures)
    print(_summary(tally))
    return 1 if failures else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--blocks", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=0, help="number of the first block")
    parser.add_argument("--forks", nargs="*", default=(), choices=list(FORK_WEIGHTS), metavar="FORK")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--failures", type=int, default=1, help="stop after so many")
    parser.add_argument("--replay", metavar="FILE", help=f"a file of {regressions.FOLDER.name}/, or a path")
    return parser


def keep(failure: Failure) -> None:
    """Write a failure into the folder of regressions, and tell how to see it again."""
    example = failure.example
    name = f"{example.case.fork.lower()}-{example.number}"
    path = regressions.write(name, *build(example.case), example.schedules, failure.message)
    print(f"\nblock {example.number} ({example.case.fork}): {failure.message}")
    print(f"kept; replay with: python -m tests.fuzz --replay {path.name}", flush=True)


def _campaigns(
    chunk: Callable[[range], tuple[Tally, list[Failure]]], chunks: Sequence[range], jobs: int, most_failures: int
) -> tuple[Tally, int]:
    """Run the chunks, in `jobs` processes if more than one; return the counts and how many failed."""
    tally, failed, started = Tally(), 0, perf_counter()
    pool = ProcessPoolExecutor(jobs, get_context("spawn")) if jobs > 1 else None
    try:
        for done, failures in pool.map(chunk, chunks) if pool else map(chunk, chunks):
            tally.merge(done)
            for failure in failures:
                keep(failure)
            failed += len(failures)
            rate = tally.blocks / (perf_counter() - started)
            print(f"\r{tally.blocks} blocks, {rate:.1f} a second, {failed} failures", end="", file=sys.stderr)
            if failed >= most_failures:
                break
    finally:
        if pool:
            pool.shutdown(cancel_futures=True)
    print(file=sys.stderr)
    return tally, failed


def _summary(tally: Tally) -> str:
    done = tally.checked
    refused = ", ".join(f"{name} {count}" for name, count in tally.refusals.most_common())
    first_runs = done.executions and f"{done.conflicts} stale results in {done.executions} executions"
    lines = [
        f"{tally.blocks} blocks: {dict(tally.forks.most_common())}",
        f"{done.transactions} transactions: {done.succeeded} succeeded, {done.failed} failed or without status",
        f"{sum(tally.refusals.values())} blocks refused: {refused or 'none'}",
        f"{done.schedules} parallel runs: {first_runs}",
        f"{len(tally.opcodes)} opcodes reached; the rarest: {tally.opcodes.most_common()[:-11:-1]}",
    ]
    return "\n".join(lines)


def _replay(name: str) -> int:
    path = Path(name) if Path(name).exists() else regressions.FOLDER / name
    try:
        checked = regressions.replay(path)
    except Exception as error:  # noqa: BLE001 - a crash of an executor is a finding
        print(f"{path.name}: {type(error).__name__}: {error}")
        return 1
    print(f"{path.name}: all agree; {checked}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
