"""Runs conformance suites through the block executor: which tests, one by one, and what they came to."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from rich.console import Console

from bench.conformance.blockchain import has_multi_transaction_block, run_blockchain_test
from bench.conformance.fixtures import Fixture, Kind, parse_fixtures
from bench.conformance.outcome import Outcome, Verdict
from bench.conformance.report import outcome_document, show_outcomes
from bench.conformance.sources import read_sources
from bench.conformance.statetest import run_state_test
from bench.console import print_json, progress
from executor.block_executor import BlockExecutor
from executor.errors import UsageError
from executor.pool import InlinePool, Pool
from executor.schedule import ScheduleRecorder
from executor.strategies import SEQUENTIAL


@dataclass(frozen=True, slots=True)
class Selection:
    """Which tests to run: names in which `pattern` is found; with `multi_only` those of crowded blocks."""

    pattern: re.Pattern[str]
    multi_only: bool = False

    @classmethod
    def of(cls, expression: str, *, multi_only: bool = False) -> Selection:
        """Return the selection of a regular expression; UsageError where it is none."""
        try:
            return cls(re.compile(expression), multi_only)
        except re.error as error:
            raise UsageError(f"--run {expression!r}: {error}; give a regular expression") from None

    def holds(self, fixture: Fixture) -> bool:
        """Return whether the test is to be run."""
        if self.pattern.search(fixture.name) is None:
            return False
        return not self.multi_only or has_multi_transaction_block(fixture.fields)


def suite_executor(
    strategy: str,
    access_lists: str,
    backend: str,
    workers: int | None,
    seed: int | None,
    address: str | None,
    pool: Pool | None = None,
    recorder: ScheduleRecorder | None = None,
) -> BlockExecutor:
    """Return an executor for the whole run; inline workers get their transactions one by one.

    The blocks of tests are so small that one message would hold them whole, and nothing would run side by side.
    """
    if pool is None and backend == InlinePool.name and strategy != SEQUENTIAL:
        pool = InlinePool(workers or os.cpu_count() or 1, seed, batch_limit=1)
    return BlockExecutor(
        strategy=strategy, access_lists=access_lists, backend=backend, workers=workers, seed=seed, address=address,
        pool=pool, recorder=recorder, gate=False,
    )  # fmt: skip


def run_and_show(
    paths: Sequence[Path], selection: Selection, executor: BlockExecutor, stream: TextIO, *, as_json: bool
) -> bool:
    """Run the selected tests, print the verdicts to `stream`, and return whether all tests passed."""
    outcomes = list(_counted(run_suites(paths, selection, executor)))
    if as_json:
        print_json(stream, outcome_document(outcomes))
    else:
        lists = f", {executor.access_lists} access sets" if executor.strategy in {"graph", "waves"} else ""
        title = f"{executor.strategy}{lists} on {executor.backend}, {executor.workers} workers"
        show_outcomes(Console(file=stream, width=None if stream.isatty() else 140), outcomes, title)
    return all(outcome.verdict is Verdict.PASSED for outcome in outcomes)


def _counted(outcomes: Iterator[Outcome]) -> Iterator[Outcome]:
    """Count tests on stderr while they run; how many there are is known when the last file is read."""
    with progress() as bar:
        task = bar.add_task("tests", total=None)
        for outcome in outcomes:
            bar.advance(task)
            yield outcome


def run_suites(paths: Sequence[Path], selection: Selection, executor: BlockExecutor) -> Iterator[Outcome]:
    """Yield the outcome of each selected test; UsageError where there is none at all.

    Raises InputOutputError and InvalidInput where the files themselves are at fault.
    """
    found = selected = 0
    for source in read_sources(paths):
        for fixture in parse_fixtures(source):
            found += 1
            if selection.holds(fixture):
                selected += 1
                yield from run_fixture(fixture, executor)
    if not selected:
        named = ", ".join(map(str, paths))
        reason = f"none of {found} tests is selected" if found else "no tests are there"
        raise UsageError(f"{reason} in {named}; name files, folders or archives of tests, and a --run that matches")


def run_fixture(fixture: Fixture, executor: BlockExecutor) -> Iterator[Outcome]:
    """Yield the outcomes of one test: one, or for a state test one per fork and index."""
    if fixture.kind is Kind.BLOCKCHAIN:
        yield run_blockchain_test(fixture, executor)
    elif fixture.kind is Kind.STATE:
        yield from run_state_test(fixture, executor)
    else:
        yield Outcome(
            fixture.name,
            fixture.category,
            str(fixture.fields.get("network", "")),
            Verdict.NOT_EXECUTABLE,
            f"the format {fixture.format} is not known here: blockchain tests and state tests are",
        )
