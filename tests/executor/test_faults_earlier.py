"""Two blocks on one state that read the same and write something else: what belongs to one must not enter the other.

Nothing that is read tells them apart, so validation cannot: only the messages can say to which block they belong.
"""

from __future__ import annotations

import pytest

from executor.pool import Event
from executor.sequential import execute_sequential
from executor.state import PreState
from executor.types import Block
from executor.versions import VersionedState
from executor.wire import BLOCK, unpack
from tests.blocks import Builder, user
from tests.executor.test_faults_chain import Chain, chain_of
from tests.faulty import EARLIER, Faults, FaultyPool
from tests.oracle import assert_same
from tests.schedules import Setting

OPTIMISTIC = Setting()


def payments(value: int) -> Builder:
    builder = Builder()
    builder.fund(*(user(number) for number in range(8)))
    for number in range(6):
        builder.send(user(number), user(number + 10).address, value=value)
    return builder


def run_both(pool: FaultyPool) -> None:
    """Execute two blocks on one tagged state, and hold the second against the sequential result."""
    first, second = payments(5), payments(7)
    state = VersionedState.of(first.state)
    OPTIMISTIC.execute(first.block(), state, pool, None)
    result = OPTIMISTIC.execute(second.block(), state, pool, None)
    assert_same(result, execute_sequential(second.block(), state), state)


class Echo(FaultyPool):
    """Replies of the first block all come again in the second, before any other."""

    def __init__(self) -> None:
        super().__init__(2, None, 1, Faults())
        self._blocks = 0
        self._kept: list[Event] = []

    def begin(self, block: Block, pre_state: PreState) -> None:
        self._blocks += 1
        super().begin(block, pre_state)

    def next_event(self) -> Event:
        if self._blocks > 1 and self._kept:
            self.happened[EARLIER] += 1
            return self._kept.pop(0)
        event = super().next_event()
        if self._blocks == 1:
            self._kept.append(event)
        return event


def test_a_reply_of_the_block_before_settles_nothing() -> None:
    pool = Echo()
    run_both(pool)
    assert pool.happened[EARLIER] == 6


class MissesTheBlock(FaultyPool):
    """The second worker is never told of the second block; as where a Ray actor cannot fetch what it is told."""

    missed = 0

    def tell(self, worker: int, blob: bytes) -> None:
        if worker == 1 and unpack(blob)[0] == BLOCK and self.told[BLOCK] == 3:
            self.told[BLOCK] += 1
            self.missed += 1
            return
        super().tell(worker, blob)


def test_a_worker_that_missed_the_block_does_not_run_the_one_before() -> None:
    pool = MissesTheBlock(2, 1, 2, Faults())
    run_both(pool)
    assert pool.missed == 1


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chain_of(6)


def test_chains_survive_replies_of_earlier_blocks(chain: Chain) -> None:
    earlier = 0
    for seed in range(30):
        pool = FaultyPool(3, seed, 2, Faults(death=0.15, late=0.9, twice=0.4, earlier=True))
        for block, state, expected in chain:
            assert_same(OPTIMISTIC.execute(block, state, pool, None), expected, state, seed)
        earlier += pool.happened[EARLIER]
    assert earlier > 100
