"""Runs all combinations on a block in turn, on pools that are started once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import groupby
from statistics import median
from time import process_time
from types import TracebackType
from typing import Self, TypeVar

from bench.compare.chain import chain_of
from bench.compare.model import INLINE, Combination, Comparison, Row
from bench.measure import Case, check_case
from executor.access_lists import observed_sets
from executor.block_executor import BlockExecutor, make_pool
from executor.errors import ParallelEvmError
from executor.gate import WORKERS
from executor.pool import PATIENCE
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.strategies import SEQUENTIAL, expected_sets
from executor.types import BlockResult, BlockStats
from scheduler.access import AccessSet

_Item = TypeVar("_Item")


@dataclass(slots=True)
class _Runs:
    """What the repetitions of one combination on one block came to."""

    stats: list[BlockStats] = field(default_factory=list)
    equal: bool = True

    def add(self, result: BlockResult, expected: bytes) -> None:
        self.stats.append(result.stats)
        self.equal = self.equal and result_bytes(result) == expected


class _Reference(_Runs):
    """Sequential runs of a block: the first, untimed, says what is right; the others are timed."""

    def __init__(self, case: Case) -> None:
        super().__init__()
        self._case = case
        self.last = self._execute()
        self.expected = result_bytes(self.last)
        self._transactions: list[list[float]] = []
        self._processor: list[float] = []

    def run(self) -> None:
        """Execute once more, timed."""
        before = process_time()
        self.last = self._execute()
        self._processor.append((process_time() - before) / self.last.stats.seconds)
        self._transactions.append([one.seconds for one in self.last.transactions])
        self.add(self.last, self.expected)

    def _execute(self) -> BlockResult:
        return execute_sequential(self._case.block, self._case.pre_state, self._case.pre_trie)

    @property
    def seconds(self) -> float:
        """The median of the timed runs."""
        return median(one.seconds for one in self.stats)

    @property
    def seconds_by_transaction(self) -> list[float]:
        """The medians of each transaction."""
        return [median(each) for each in zip(*self._transactions, strict=True)]

    @property
    def processor_share(self) -> float:
        """How much of a processor the runs got."""
        return min(1.0, median(self._processor))


@dataclass(frozen=True, slots=True)
class Bench:
    """What a comparison is asked for."""

    combinations: tuple[Combination, ...]
    workers: int | None = None
    repeat: int = 3
    gate: bool = True
    address: str | None = None
    patience: float = PATIENCE

    @property
    def runs(self) -> int:
        """How many executions a block takes, one combination or sequential at a time."""
        return self.repeat * (len(self.combinations) + len({one.backend for one in self.combinations}))


class Comparer:
    """Workers of every backend and an executor for every combination, for as long as a `with` block lasts.

    Each combination learns of costs from the blocks that it has run itself, as it would for somebody who runs nothing
    else; every repetition of a block starts from what was known before the block, and ships the whole pre-state.
    """

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._workers = bench.workers or os.cpu_count() or 1
        self._stack = ExitStack()
        self._executors: dict[Combination, BlockExecutor] = {}

    def __enter__(self) -> Self:
        """Start the workers; PoolError where there can be none."""
        bench = self._bench
        try:
            for backend, group in groupby(bench.combinations, key=lambda one: one.backend):
                pool = make_pool(backend, self._workers, address=bench.address, patience=bench.patience)
                self._stack.callback(pool.close)
                for one in group:
                    self._executors[one] = BlockExecutor(
                        strategy=one.strategy, access_lists=one.access_lists or "none", pool=pool, gate=bench.gate
                    )
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Give the workers back."""
        self._stack.close()

    def compare(self, case: Case, tick: Callable[[], None] = lambda: None) -> Comparison:
        """Run a block with every combination; `tick` is called after each execution.

        Raises what execution raises, with the block's name.
        """
        try:
            return self._compare(case, tick)
        except ParallelEvmError as error:
            error.where = error.where or _label(case)
            raise

    def _compare(self, case: Case, tick: Callable[[], None]) -> Comparison:
        reference, runs = _Reference(case), {one: _Runs() for one in self._executors}
        sets = self._sets(case, reference.last)
        known = {one: executor.experience for one, executor in self._executors.items()}
        for turn in range(self._bench.repeat):
            for group in _turned(self._groups(), turn):
                reference.run()
                tick()
                for one in _turned(group, turn):
                    executor = self._executors[one]
                    executor.experience = known[one].copy()
                    executor.forget_states()
                    result = executor.execute_with(case.block, case.pre_state, sets[one.access_lists], case.pre_trie)
                    runs[one].add(result, reference.expected)
                    tick()
        if case.done is not None:
            case.done(reference.last)
        return self._comparison(case, reference, runs)

    def _groups(self) -> list[list[Combination]]:
        return [list(group) for _, group in groupby(self._executors, key=lambda one: one.backend)]

    def _sets(self, case: Case, result: BlockResult) -> dict[str, tuple[AccessSet, ...] | None]:
        """Return the access sets of each source that is used; exact ones cost no further execution."""
        block, pre_state = case.block, case.pre_state
        sets: dict[str, tuple[AccessSet, ...] | None] = {}
        for source in {one.access_lists for one in self._executors}:
            if source == "exact" and block.access_sets is None:
                sets[source] = observed_sets(result.transactions, pre_state)
            else:
                sets[source] = expected_sets(source or "none", block, pre_state)
        return sets

    def _comparison(self, case: Case, reference: _Reference, runs: dict[Combination, _Runs]) -> Comparison:
        result, seconds = reference.last, reference.seconds
        chain = chain_of(case.block, result, case.pre_state, reference.seconds_by_transaction)
        header_ok, _, _, problems = check_case(case, result, result)
        rows = [_row(Combination(SEQUENTIAL), 1, reference, seconds, 1.0)]
        for one, ran in runs.items():
            bound = None if one.backend == INLINE else chain.bound(self._workers)
            rows.append(_row(one, self._workers, ran, seconds, bound))
        return Comparison(
            number=case.block.header.number,
            label=_label(case),
            fork=case.block.fork,
            transactions=len(case.block.transactions),
            gas_used=result.gas_used,
            chain=chain,
            rows=tuple(rows),
            processor_share=reference.processor_share,
            header_ok=header_ok,
            problems=problems,
        )


def _row(one: Combination, workers: int, runs: _Runs, sequential_seconds: float, bound: float | None) -> Row:
    times = [stats.seconds for stats in runs.stats]
    typical = sorted(runs.stats, key=lambda stats: stats.seconds)[(len(times) - 1) // 2]
    return Row(
        combination=one,
        workers=workers,
        times=tuple(times),
        seconds=median(times),
        speedup=sequential_seconds / median(times),
        executions=typical.executions,
        conflicts=typical.conflicts,
        bound=bound,
        equal=runs.equal,
        gate="" if typical.gate is None else typical.gate.where,
        gate_reason="" if typical.gate is None else typical.gate.reason,
        overhead_share=_overhead_share(typical),
        lost_workers=sum(stats.lost_workers for stats in runs.stats),
    )


def _overhead_share(stats: BlockStats) -> float:
    """Return what was no execution, of the processors' time; 0.0 where the driver executed too."""
    traffic, on_driver = stats.traffic, stats.gate is not None and stats.gate.where != WORKERS
    total = traffic.driver_seconds + traffic.worker_seconds
    return 0.0 if on_driver or not total else 1 - traffic.execution_seconds / total


def _label(case: Case) -> str:
    return case.label or f"block {case.block.header.number}"


def _turned(items: Sequence[_Item], turn: int) -> list[_Item]:
    """Return `items` from another one on each turn: none is always the first, which finds caches cold."""
    place = turn % len(items)
    return [*items[place:], *items[:place]]
