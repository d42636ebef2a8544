"""Chains of blocks on workers that keep the state: what they miss, forget or take from elsewhere changes nothing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count

import pytest

from executor.errors import InvalidTransaction
from executor.pool import Event
from executor.roots import state_root
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block, BlockResult, StateDiff
from executor.versions import STEPS_KEPT, VersionedState
from executor.wire import BLOCK, STATE, STEPS, pack_state
from tests.blocks import COINBASE, Builder, user
from tests.executor.test_settling import COUNTER
from tests.faulty import ALL, DEAF, STALE, Faults, FaultyPool, assert_settled_once, settling
from tests.oracle import assert_same
from tests.schedules import Setting

OPTIMISTIC = Setting()
NO_FAULTS = Faults()


@dataclass
class Chain:
    """Blocks that follow each other, the tagged states before them, and their sequential results."""

    builder: Builder
    states: list[VersionedState]
    blocks: list[Block] = field(default_factory=list)
    expected: list[BlockResult] = field(default_factory=list)

    def __iter__(self) -> Iterator[tuple[Block, VersionedState, BlockResult]]:
        """Yield each block with the state before it and its result."""
        return iter(zip(self.blocks, self.states, self.expected, strict=False))

    def grow(self, transactions: int = 6) -> None:
        """Add a block: calls of two counters, and payments."""
        self.builder.raws.clear()
        for number in range(transactions):
            target = b"\xcc" * 18 + bytes([0, number % 2])
            if number % 3:
                self.builder.send(user(number), target)
            else:
                self.builder.send(user(number), user(number + 1).address if number % 2 else COINBASE, value=5)
        block, before = self.builder.block(), self.states[-1]
        self.blocks.append(block)
        self.expected.append(execute_sequential(block, before))
        self.states.append(before.after(self.expected[-1].state_diff))


def chain_of(length: int, bystanders: int = 0) -> Chain:
    """Return a chain of so many blocks on a state with some accounts that nobody touches."""
    builder = Builder()
    builder.fund(*(user(number) for number in range(10)))
    for number in range(2):
        builder.contract(number, COUNTER)
    for number in range(bystanders):
        builder.contract(1000 + number, b"", balance=1, storage={1: 1})
    chain = Chain(builder, [VersionedState.of(builder.state.copy())])
    for _ in range(length):
        chain.grow()
    return chain


@pytest.fixture(scope="module")
def chain() -> Chain:
    return chain_of(6)


def run(pool: FaultyPool, block: Block, state: VersionedState, expected: BlockResult) -> Counter[int]:
    """Run a block and hold it against the sequential result; return the messages told by kind."""
    before = pool.told.copy()
    result = OPTIMISTIC.execute(block, state, pool, None)
    assert_same(result, expected, state)
    return pool.told - before


def assert_holds(pool: FaultyPool, state: VersionedState) -> None:
    """Demand that what workers hold under the tag of a state is that state."""
    for worker in range(pool.workers):
        pool.catch_up(worker)
        replica = pool._replicas[worker]
        assert replica._tag == state.tag
        assert isinstance(replica._pre_state, MemoryState)
        assert state_root(replica._pre_state) == state_root(state)


def test_steps_travel_and_not_snapshots() -> None:
    chain = chain_of(6, bystanders=300)
    pool = FaultyPool(3, 1, 2, NO_FAULTS)
    sizes: list[int] = []
    for block, state, expected in chain:
        shipped = pool.shipped
        told = run(pool, block, state, expected)
        sizes.append(pool.shipped - shipped)
        first = len(sizes) == 1
        assert told == Counter({STATE if first else STEPS: 3, BLOCK: 3})
        assert_holds(pool, state)
    snapshot = len(pack_state(chain.states[0].tag, chain.states[0]))
    assert sizes[0] > 3 * snapshot > 30_000
    assert max(sizes[1:]) < snapshot / 2  # all three workers together


def test_the_same_state_again_is_not_sent_again(chain: Chain) -> None:
    pool = FaultyPool(2, 1, 2, NO_FAULTS)
    for _ in range(3):
        told = run(pool, chain.blocks[2], chain.states[2], chain.expected[2])
    assert told == Counter({BLOCK: 2})


def test_a_worker_that_missed_a_step_is_given_the_state(chain: Chain) -> None:
    pool = FaultyPool(3, 2, 2, NO_FAULTS)
    blocks = list(chain)
    run(pool, *blocks[0])
    with pool.deaf(1):
        told = run(pool, *blocks[1])
    assert told[STATE] == 1
    assert pool.happened[DEAF] == 1
    assert pool.happened[STALE] > 0
    assert run(pool, *blocks[2]) == Counter({STEPS: 3, BLOCK: 3})
    assert_holds(pool, chain.states[2])


@pytest.mark.parametrize("held", ["nothing", "older", "foreign", "later"])
def test_a_worker_that_holds_another_state_is_given_the_right_one(chain: Chain, held: str) -> None:
    foreign = chain_of(4)
    state = {"nothing": None, "older": chain.states[0], "foreign": foreign.states[3], "later": chain.states[5]}[held]
    pool = FaultyPool(3, 3, 2, NO_FAULTS)
    for place, (block, before, expected) in enumerate(list(chain)[:4]):
        if place == 3:
            pool.catch_up(2)
            pool.hold(2, None if state is None else state.tag, state)
        told = run(pool, block, before, expected)
    assert told == Counter({STEPS: 3, STATE: 1, BLOCK: 4})
    assert_holds(pool, chain.states[3])


def test_a_worker_that_was_replaced_between_blocks_is_up_to_date(chain: Chain) -> None:
    pool = FaultyPool(3, 4, 2, NO_FAULTS)
    for block, state, expected in chain:
        run(pool, block, state, expected)
        pool.replace(state.tag.version % 3)
    assert pool.happened[STALE] == 0
    assert pool.told == Counter({STATE: 3 + 6, STEPS: 3 * 5, BLOCK: 3 * 6 + 6})


def test_two_chains_in_turn_are_not_taken_for_one(chain: Chain) -> None:
    """Versions of two epochs are numbered alike; steps of one do not lead from the other."""
    pool = FaultyPool(2, 6, 2, NO_FAULTS)
    for one, other in zip(chain, chain_of(6, bystanders=3), strict=True):
        for block, state, expected in (one, other):
            assert run(pool, block, state, expected) == Counter({STATE: 2, BLOCK: 2})
            assert_holds(pool, state)


def test_going_back_or_far_ahead_takes_a_snapshot(chain: Chain) -> None:
    pool = FaultyPool(2, 5, 2, NO_FAULTS)
    blocks = list(chain)
    for place in (3, 1):
        assert run(pool, *blocks[place]) == Counter({STATE: 2, BLOCK: 2})
    assert run(pool, *blocks[4]) == Counter({STEPS: 2, BLOCK: 2})
    ahead = chain.states[4]
    for _ in range(STEPS_KEPT):
        ahead = ahead.after(StateDiff({}))
    assert run(pool, blocks[4][0], ahead, blocks[4][2]) == Counter({STEPS: 2, BLOCK: 2})
    assert run(pool, blocks[4][0], ahead.after(StateDiff({})), blocks[4][2]) == Counter({STEPS: 2, BLOCK: 2})
    run(pool, *blocks[4])
    assert run(pool, blocks[4][0], ahead.after(StateDiff({})), blocks[4][2]) == Counter({STATE: 2, BLOCK: 2})


def test_chains_survive_every_fault(monkeypatch: pytest.MonkeyPatch, chain: Chain) -> None:
    foreign = chain_of(2)
    happened: Counter[str] = Counter()
    for seed in range(20):
        pool = FaultyPool(3, seed, 2, ALL)
        pool.remember(*foreign.states)
        for block, state, expected in chain:
            with settling(monkeypatch) as added:
                result = OPTIMISTIC.execute(block, state, pool, None)
            assert_same(result, expected, state, (seed, state.tag))
            assert_settled_once(added, result)
            assert result.stats.max_executions <= 3
        happened += pool.happened
        assert pool.told[STEPS] > pool.told[STATE] / 2
    assert happened[STALE] > 50
    assert happened[DEAF] > 20


# -- exceptions in the middle


class Interrupted(FaultyPool):
    """Ctrl-C comes at one event, or while one message is told."""

    def __init__(self, seed: int, event: int | None = None, tell: int | None = None) -> None:
        super().__init__(3, seed, 2, Faults(death=0.1, late=0.5, twice=0.2))
        self._event, self._tell_at = event, tell
        self._events, self._tells = count(), count()

    def next_event(self) -> Event:
        if next(self._events) == self._event:
            raise KeyboardInterrupt
        return super().next_event()

    def tell(self, worker: int, blob: bytes) -> None:
        if next(self._tells) == self._tell_at:
            raise KeyboardInterrupt
        super().tell(worker, blob)


def interrupted(pool: Interrupted, chain: Chain) -> int:
    """Run a chain, each block again where it was interrupted; return how often that was."""
    times = 0
    for block, state, expected in chain:
        try:
            result = OPTIMISTIC.execute(block, state, pool, None)
        except KeyboardInterrupt:
            times += 1
            result = OPTIMISTIC.execute(block, state, pool, None)
        assert_same(result, expected, state)
    return times


def test_ctrl_c_leaves_the_pool_usable(chain: Chain) -> None:
    assert [interrupted(Interrupted(seed=event, event=event), chain) for event in range(30)] == [1] * 30


def test_ctrl_c_while_workers_are_told_leaves_the_pool_usable(chain: Chain) -> None:
    assert [interrupted(Interrupted(seed=tell, tell=tell), chain) for tell in range(20)] == [1] * 20


@pytest.mark.parametrize("seed", range(10))
def test_an_invalid_block_leaves_the_pool_usable(seed: int, chain: Chain) -> None:
    pool = FaultyPool(3, seed, 2, Faults(death=0.1, late=0.5, twice=0.3, damage=0.05))
    for block, state, expected in chain:
        invalid = chain.builder
        invalid.raws[:] = [transaction.raw for transaction in block.transactions]
        invalid.send(user(1), COINBASE, nonce=99)
        with pytest.raises(InvalidTransaction) as caught:
            OPTIMISTIC.execute(invalid.block(), state, pool, None)
        assert caught.value.index == len(block.transactions)
        assert_same(OPTIMISTIC.execute(block, state, pool, None), expected, state)
