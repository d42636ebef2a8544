"""Runs all combinations on a block in turn, on pools that are started once."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from itertools import groupby
from statistics import median
from time import process_time
from types import TracebackType
from typing import Self, TypeVar

from bench.bound import block_bound
from bench.compare.chain import chain_of
from bench.compare.model import INLINE, Combination, Comparison, Row
from bench.measure import Case, check_case
from executor.access_lists import observed_sets
from executor.block_executor import BlockExecutor, make_pool
from executor.errors import ParallelEvmError
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
        block, pre_state, trie = case.block, case.pre_state, case.pre_trie
        first = execute_sequential(block, pre_state, trie)
        expected, sets = result_bytes(first), self._sets(case, first)
        known = {one: executor.experience for one, executor in self._executors.items()}
        reference, runs = _Runs(), {one: _Runs() for one in self._executors}
        sequential, shares = first, []
        for turn in range(self._bench.repeat):
            for group in _turned(self._groups(), turn):
                processor = process_time()
                sequential = execute_sequential(block, pre_state, trie)
                shares.append((process_time() - processor) / sequential.stats.seconds)
                reference.add(sequential, expected)
                tick()
                for one in _turned(group, turn):
                    executor = self._executors[one]
                    executor.experience = known[one].copy()
                    executor.forget_states()
                    result = executor.execute_with(block, pre_state, sets[executor.access_lists], trie)
                    runs[one].add(result, expected)
                    tick()
        if case.done is not None:
            case.done(sequential)
        comparison = self._comparison(case, sequential, reference, runs)
        return replace(comparison, processor_share=min(1.0, median(shares)))

    def _groups(self) -> list[list[Combination]]:
        return [list(group) for _, group in groupby(self._executors, key=lambda one: one.backend)]

    def _sets(self, case: Case, result: BlockResult) -> dict[str, tuple[AccessSet, ...] | None]:
        """Return the access sets of each source that is used; exact ones cost no further execution."""
        sources = {executor.access_lists for executor in self._executors.values()}
        exact = case.block.access_sets or observed_sets(result.transactions, case.pre_state)
        return {
            source: exact if source == "exact" else expected_sets(source, case.block, case.pre_state)
            for source in sources
        }

    def _comparison(
        self, case: Case, sequential: BlockResult, reference: _Runs, runs: dict[Combination, _Runs]
    ) -> Comparison:
        header_ok, _, _, problems = check_case(case, sequential, sequential)
        seconds = median(one.seconds for one in reference.stats)
        bound = block_bound(sequential, case.pre_state, self._workers).speedup_at_workers
        rows = [_row(Combination(SEQUENTIAL), 1, reference, seconds, 1.0)]
        for one, ran in runs.items():
            rows.append(_row(one, self._workers, ran, seconds, None if one.backend == INLINE else bound))
        return Comparison(
            number=case.block.header.number,
            label=_label(case),
            fork=case.block.fork,
            transactions=len(case.block.transactions),
            gas_used=sequential.gas_used,
            chain=chain_of(sequential, case.pre_state),
            rows=tuple(rows),
            header_ok=header_ok,
            problems=problems,
        )


def _row(one: Combination, workers: int, runs: _Runs, sequential_seconds: float, bound: float | None) -> Row:
    times = [stats.seconds for stats in runs.stats]
    typical = sorted(runs.stats, key=lambda stats: stats.seconds)[(len(times) - 1) // 2]
    own = typical.plan_seconds + typical.dispatch_seconds + typical.settle_seconds + typical.merge_seconds
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
        own_share=own / typical.seconds,
        lost_workers=sum(stats.lost_workers for stats in runs.stats),
    )


def _label(case: Case) -> str:
    return case.label or f"block {case.block.header.number}"


def _turned(items: Sequence[_Item], turn: int) -> list[_Item]:
    """Return `items` from another one on each turn: none is always the first, which finds caches cold."""
    place = turn % len(items)
    return [*items[place:], *items[:place]]
