"""What settling remembers of values read is what a plain replay of the block would say."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.access import BALANCE, EXISTENCE, NOTHING_WRITTEN, STORAGE, Location, Value, WriteSet
from scheduler.settled_values import SettledValues
from tests.scheduler.strategies import base_states, locations, write_sets
from tests.scheduler.toy import ADDRESSES, PlainState

A = ADDRESSES[0]
SLOT, MONEY, ALIVE = (A, STORAGE, 0), (A, BALANCE, 0), (A, EXISTENCE, 0)


class Block:
    """A block that settles one write set after another, beside a plain state that does the same."""

    def __init__(self, base: PlainState) -> None:
        self.plain = base.copy()
        self.values = SettledValues(base, derived_existence=base.derived_existence)

    def settle(self, writes: WriteSet) -> None:
        self.values.settle(writes)
        self.plain.apply(writes)

    def seen(self, *asked: Location) -> bool:
        """Return whether the true values of these locations are found true, and a wrong one is not."""
        reads: dict[Location, Value] = {location: self.plain.now(location) for location in asked}
        right = self.values.broken(reads, {}) is None
        wrong = all(self.values.broken({location: b"no value"}, {}) == location for location in asked)
        return right and wrong


@given(base_states(), st.lists(st.tuples(write_sets, st.lists(locations, max_size=4)), max_size=6))
def test_values_are_those_of_a_replay(base: PlainState, steps: list[tuple[WriteSet, list[Location]]]) -> None:
    block = Block(base)
    asked: set[Location] = set()
    for writes, locations_read in steps:
        asked.update(locations_read)
        assert block.seen(*asked)
        block.settle(writes)
        assert block.seen(*asked)


@given(base_states(), st.lists(write_sets, max_size=4), st.integers(-4, 12))
def test_a_bound_holds_up_to_the_balance(base: PlainState, steps: list[WriteSet], bound: int) -> None:
    block = Block(base)
    for writes in [*steps, NOTHING_WRITTEN]:
        enough = block.plain.now(MONEY) >= bound  # type: ignore[operator]
        assert block.values.broken({}, {A: bound}) == (None if enough else MONEY)
        block.settle(writes)


def test_a_clear_is_seen_by_whoever_reads_next() -> None:
    block = Block(PlainState({SLOT: 9}))
    assert block.seen(SLOT)
    block.settle(WriteSet({}, {}, frozenset({A})))
    assert block.values.broken({SLOT: 9}, {}) == SLOT
    assert block.seen(SLOT)


def test_a_slot_is_cleared_before_anybody_has_read_it() -> None:
    block = Block(PlainState({SLOT: 9}))
    block.settle(WriteSet({}, {}, frozenset({A})))
    assert block.values.broken({SLOT: 9}, {}) == SLOT
    assert block.seen(SLOT)


def test_a_payment_is_seen_by_whoever_reads_next() -> None:
    block = Block(PlainState({MONEY: 5}))
    assert block.seen(MONEY)
    block.settle(WriteSet({}, {A: 2}))
    assert block.values.broken({MONEY: 5}, {}) == MONEY
    assert block.values.broken({}, {A: 8}) == MONEY
    assert block.values.broken({MONEY: 7}, {A: 7}) is None


def test_a_payment_brings_an_account_to_life() -> None:
    block = Block(PlainState())
    assert block.seen(ALIVE)
    block.settle(WriteSet({}, {A: 2}))
    assert block.values.broken({ALIVE: 0}, {}) == ALIVE
    assert block.seen(ALIVE)
