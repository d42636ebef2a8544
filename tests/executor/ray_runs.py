"""Blocks on Ray workers, long enough that something can happen to them, and what must hold whatever happens."""

from __future__ import annotations

from collections.abc import Callable
from unittest.mock import patch

from executor.block_executor import BlockExecutor
from executor.merge import BlockMerger
from executor.pool import Event, Lost, Pool
from executor.sequential import execute_sequential
from executor.types import BlockStats, TransactionResult
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.oracle import assert_same, recorded_sets

LARGE_STATE = 320_000
"""Bytes of values in the storage of a large state, at least."""


def spinning_block(transactions: int, contracts: int) -> Builder:
    """Return a block whose transactions take milliseconds each, in `contracts` chains."""
    builder = Builder(gas_limit=10**9)
    loop = bytes.fromhex("6107d05b6001900380600357") + COUNTER  # 2000 rounds, then count
    targets = [builder.contract(number, loop) for number in range(contracts)]
    for number in range(transactions):
        builder.fund(user(number))
        builder.send(user(number), targets[number % contracts])
    return builder


def with_a_large_state(builder: Builder) -> Builder:
    """Return the builder with a contract whose storage alone is larger than a message that travels inline."""
    builder.contract(999, b"\x00", storage={slot: 2**248 + slot for slot in range(LARGE_STATE // 32)})
    return builder


class Watch:
    """What a pool tells its driver; `before` is called with the number of each event before it is waited for."""

    def __init__(self, pool: Pool, before: Callable[[int], None] | None = None) -> None:
        self.losses: list[Lost] = []
        self._wait, self._before, self._events = pool.next_event, before, 0

    def next_event(self) -> Event:
        if self._before is not None:
            self._before(self._events)
        self._events += 1
        event = self._wait()
        if isinstance(event, Lost):
            self.losses.append(event)
        return event


def run_checked(
    pool: Pool, builder: Builder, strategy: str = "graph", before: Callable[[int], None] | None = None
) -> tuple[BlockStats, list[Lost]]:
    """Run a block: its result must be the sequential one, each transaction settled exactly once and in order."""
    block, state = builder.block(), builder.state
    sets = recorded_sets(block, state) if strategy == "graph" else None
    settled: list[TransactionResult] = []
    add = BlockMerger.add

    def note(merger: BlockMerger, result: TransactionResult) -> None:
        settled.append(result)
        add(merger, result)

    watch = Watch(pool, before)
    with (
        patch.object(BlockMerger, "add", note),
        patch.object(pool, "next_event", watch.next_event),
        BlockExecutor(strategy=strategy, access_lists="exact" if sets else "none", pool=pool, gate=False) as executor,
    ):
        result = executor.execute_with(block, state, sets)
    assert_same(result, execute_sequential(block, state), state)
    assert [id(one) for one in settled] == [id(one) for one in result.transactions]
    assert len(settled) == len(block.transactions)
    assert result.stats.lost_workers == len(watch.losses)
    return result.stats, watch.losses
