"""The one oracle: whatever runs a block in parallel must end in exactly the sequential result."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import pytest

from executor.access_lists import exact_sets
from executor.block_executor import BlockExecutor
from executor.errors import InvalidTransaction
from executor.pool import InlinePool, Pool
from executor.roots import state_root
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState
from executor.types import Block, BlockResult
from scheduler.access import NOTHING_EXPECTED, AccessSet

Schedule = tuple[str, str, int | None, int, int]
"""(strategy, access lists, completion-order seed, workers, most executions in a batch)."""

SCHEDULES: tuple[Schedule, ...] = (
    ("graph", "exact", None, 2, 8),
    ("graph", "exact", 7, 4, 1),
    ("graph", "observed", 1, 4, 1),
    ("graph", "declared", 2, 3, 2),
    ("graph", "none", 3, 4, 1),
    ("optimistic", "none", None, 4, 1),
    ("optimistic", "none", 4, 2, 3),
    ("optimistic", "none", 5, 8, 1),
    ("waves", "exact", 6, 4, 1),
)


@dataclass(frozen=True)
class Compared:
    """What a block came to on every schedule; all equal, or the assertion has failed."""

    sequential: BlockResult
    parallel: dict[Schedule, BlockResult]

    def executions(self, strategy: str, lists: str) -> list[int]:
        """Return how often transactions ran, per schedule of a strategy and source."""
        return [r.stats.executions for (s, source, *_), r in self.parallel.items() if (s, source) == (strategy, lists)]

    @property
    def conflicts(self) -> int:
        """Stale results found over all schedules."""
        return sum(result.stats.conflicts for result in self.parallel.values())


def assert_same_as_sequential(
    block: Block, pre_state: MemoryState, schedules: Sequence[Schedule] = SCHEDULES
) -> Compared:
    """Run `block` on every schedule and hold each result against sequential execution, byte by byte."""
    expected = execute_sequential(block, pre_state)
    parallel = {}
    for schedule in schedules:
        strategy, lists, seed, workers, limit = schedule
        pool = InlinePool(workers, seed, limit)
        with BlockExecutor(strategy=strategy, access_lists=lists, pool=pool) as executor:
            result = executor.execute(block, pre_state)
        assert_same(result, expected, pre_state, schedule)
        assert result.stats.max_executions <= 3, schedule
        parallel[schedule] = result
    return Compared(expected, parallel)


def assert_same(result: BlockResult, expected: BlockResult, pre_state: MemoryState, label: object = "") -> None:
    """Hold one result against another: receipts, gas, logs, state diff, requests, and roots where complete."""
    assert result.receipts == expected.receipts, label
    assert result.state_diff == expected.state_diff, label
    assert result_bytes(result) == result_bytes(expected), label
    if pre_state.complete:
        assert root_after(pre_state, result) == root_after(pre_state, expected), label


def root_after(pre_state: MemoryState, result: BlockResult) -> bytes:
    """Return the state root after a block on a complete state."""
    after = pre_state.copy()
    after.apply(result.state_diff)
    return state_root(after)


def assert_rejected(block: Block, pre_state: MemoryState, reason: type[InvalidTransaction], index: int) -> None:
    """Demand that every schedule, and sequential execution, rejects the block for this reason at this index."""
    for strategy, lists, seed, workers, limit in (("sequential", "none", None, 1, 1), *SCHEDULES):
        pool: Pool | None = None if strategy == "sequential" else InlinePool(workers, seed, limit)
        source = "none" if lists == "exact" else lists  # an invalid block cannot be recorded
        with BlockExecutor(strategy=strategy, access_lists=source, backend="inline", pool=pool) as executor:
            with pytest.raises(reason) as caught:
                executor.execute(block, pre_state)
            assert caught.value.index == index, (strategy, lists, seed)


def damaged(sets: Iterable[AccessSet], seed: int) -> tuple[AccessSet, ...]:
    """Return access sets that lie: some emptied, some handed to the wrong transaction, some cut in half."""
    kept = list(sets)
    for position, access in enumerate(kept):
        choice = (position * 7 + seed) % 4
        if choice == 0:
            kept[position] = NOTHING_EXPECTED
        elif choice == 1:
            kept[position] = kept[(position * 3 + seed) % len(kept)]
        elif choice == 2:
            kept[position] = AccessSet(reads=frozenset(sorted(access.reads)[::2]), writes=access.writes)
    return tuple(kept)


def recorded_sets(block: Block, pre_state: MemoryState) -> tuple[AccessSet, ...]:
    """Return what a sequential run touches."""
    return exact_sets(block, pre_state)
