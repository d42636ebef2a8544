"""`python -m tests.fuzz`: as many random blocks as wanted; what fails is made small and kept as a file."""

# ruff: noqa: T201 - a program that people run prints
from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

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
    chunks = [(numbers[first : first + CHUNK], tuple(options.forks)) for first in range(0, len(numbers), CHUNK)]
    tally, failures = _campaigns(chunks, options.jobs, options.failures)
    print(_summary(tally))
    for failure in failures:
        path = keep(failure)
        print(f"block {failure.example.number} ({failure.example.case.fork}): {failure.message}")
        print(f"kept; replay with: python -m tests.fuzz --replay {path.name}")
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


def keep(failure: Failure) -> Path:
    """Write a failure into the folder of regressions."""
    example = failure.example
    block, pre = build(example.case)
    return regressions.write(
        f"{example.case.fork.lower()}-{example.number}", block, pre, example.schedules, failure.message
    )


def _campaigns(
    chunks: Sequence[tuple[range, tuple[str, ...]]], jobs: int, most_failures: int
) -> tuple[Tally, list[Failure]]:
    tally, failures, started = Tally(), list[Failure](), time.perf_counter()
    runner: Callable[..., object] = map
    pool = ProcessPoolExecutor(jobs, get_context("spawn")) if jobs > 1 else None
    if pool is not None:
        runner = pool.map
    try:
        for done, failure in runner(_chunk, chunks):  # type: ignore[attr-defined]
            tally.merge(done)
            failures += [failure] if failure else []
            rate = tally.blocks / (time.perf_counter() - started)
            print(f"\r{tally.blocks} blocks, {rate:.1f} a second, {len(failures)} failures", end="", file=sys.stderr)
            if len(failures) >= most_failures:
                break
    finally:
        if pool is not None:
            pool.shutdown(cancel_futures=True)
    print(file=sys.stderr)
    return tally, failures


def _chunk(chunk: tuple[range, tuple[str, ...]]) -> tuple[Tally, Failure | None]:
    numbers, forks = chunk
    return campaign(numbers, forks)


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
