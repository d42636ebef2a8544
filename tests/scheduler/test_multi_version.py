"""The multi-version state against a naive model: all write sets, replayed one after another."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    NOTHING_WRITTEN,
    STORAGE,
    Location,
    Value,
    WriteSet,
)
from scheduler.multi_version import MultiVersionState
from tests.scheduler.strategies import base_states, locations, write_sets
from tests.scheduler.toy import ADDRESSES, SLOTS, PlainState

A, B, _, _ = ADDRESSES
SLOT = (A, STORAGE, 0)
records = st.lists(st.tuples(st.integers(-1, 6), st.none() | write_sets), max_size=12)
ALL_LOCATIONS = [(a, kind, 0) for a in ADDRESSES for kind in (BALANCE, NONCE, CODE, EXISTENCE)]
ALL_LOCATIONS += [(a, STORAGE, slot) for a in ADDRESSES for slot in SLOTS]


def naive_read(base: PlainState, written: dict[int, WriteSet], location: Location, below: int) -> Value:
    state = base.copy()
    for index in sorted(written):
        if index < below:
            state.apply(written[index])
    return state.now(location)


def recorded(
    base: PlainState, changes: list[tuple[int, WriteSet | None]]
) -> tuple[MultiVersionState, dict[int, WriteSet]]:
    """Return the state and the naive model after recording (or, for None, removing) one after another."""
    state = MultiVersionState(base, derived_existence=base.derived_existence)
    written: dict[int, WriteSet] = {}
    for index, writes in changes:
        if writes is None:
            state.remove(index)
            written.pop(index, None)
        else:
            state.record(index, writes)
            written[index] = writes
    return state, written


def state_with(*written: WriteSet, derived: bool = True) -> MultiVersionState:
    """Return an empty base with these writes of transactions 0, 1, ..."""
    return recorded(PlainState({}, derived), list(enumerate(written)))[0]


@given(base_states(), records)
def test_reads_are_those_of_a_replay(base: PlainState, changes: list[tuple[int, WriteSet | None]]) -> None:
    state, written = recorded(base, changes)
    for below in range(-1, 8):
        expected = {location: naive_read(base, written, location, below) for location in ALL_LOCATIONS}
        assert {location: state.read(location, below) for location in ALL_LOCATIONS} == expected


@given(base_states(), records, locations, st.integers(-1, 7))
def test_direct_methods_agree_with_read(
    base: PlainState, changes: list[tuple[int, WriteSet | None]], location: Location, below: int
) -> None:
    state, _ = recorded(base, changes)
    address = location[0]
    assert state.storage(address, 1, below) == state.read((address, STORAGE, 1), below)
    assert state.balance(address, below) == state.read((address, BALANCE, 0), below)
    assert state.nonce(address, below) == state.read((address, NONCE, 0), below)
    assert state.code_hash(address, below) == state.read((address, CODE, 0), below)
    assert int(state.exists(address, below)) == state.read((address, EXISTENCE, 0), below)


@given(base_states(), records, st.integers(0, 7), st.dictionaries(locations, st.integers(0, 1)))
def test_reads_hold_until_one_differs(
    base: PlainState, changes: list[tuple[int, WriteSet | None]], below: int, guesses: dict[Location, Value]
) -> None:
    state, written = recorded(base, changes)
    differing = [at for at, seen in guesses.items() if naive_read(base, written, at, below) != seen]
    assert state.holds(guesses, {}, below) == (differing[0] if differing else None)


@given(base_states(), records, st.integers(0, 7), st.integers(-4, 12))
def test_a_bound_holds_up_to_the_balance(
    base: PlainState, changes: list[tuple[int, WriteSet | None]], below: int, bound: int
) -> None:
    state, written = recorded(base, changes)
    enough = naive_read(base, written, (A, BALANCE, 0), below) >= bound  # type: ignore[operator]
    assert state.holds({}, {A: bound}, below) == (None if enough else (A, BALANCE, 0))


@given(base_states(), records, records, st.integers(0, 7))
def test_what_held_before_is_disturbed_exactly_when_it_no_longer_holds(
    base: PlainState,
    changes: list[tuple[int, WriteSet | None]],
    more: list[tuple[int, WriteSet | None]],
    below: int,
) -> None:
    reads = {location: base.now(location) for location in ALL_LOCATIONS}
    bounds = {address: base.read((address, BALANCE, 0)) for address in ADDRESSES}
    state, _ = recorded(base, changes + more)
    assert state.disturbed(reads, bounds, below) == (state.holds(reads, bounds, below) is not None)  # type: ignore[arg-type]


def test_a_replaced_result_leaves_nothing_behind() -> None:
    state = state_with(WriteSet({SLOT: 1}, {A: 5}, frozenset({B})))
    state.record(0, WriteSet({(A, NONCE, 0): 1}, {}))
    assert (state.storage(A, 0, 1), state.balance(A, 1), state.nonce(A, 1)) == (0, 0, 1)
    state.record(0, NOTHING_WRITTEN)
    assert [state._versions, state._deltas, state._clears] == [{}, {}, {}]


def test_a_clear_hides_what_came_before_it() -> None:
    base = PlainState({SLOT: 9})
    state, _ = recorded(base, [(0, WriteSet({SLOT: 1}, {})), (1, WriteSet({}, {}, frozenset({A})))])
    assert [state.storage(A, 0, below) for below in (0, 1, 2)] == [9, 1, 0]


def test_what_the_clearer_writes_survives_its_clear() -> None:
    state = state_with(WriteSet({SLOT: 1}, {}), WriteSet({SLOT: 2}, {}, frozenset({A})))
    assert (state.storage(A, 0, 2), state.storage(A, 1, 2)) == (2, 0)


def test_existence_is_a_predicate_where_it_is_derived() -> None:
    funded = WriteSet({(A, EXISTENCE, 0): 0}, {A: 1})
    assert state_with(funded).exists(A, 1)
    assert not state_with(funded, derived=False).exists(A, 1)
    assert state_with(WriteSet({(A, CODE, 0): b"\1" * 32}, {})).exists(A, 1)
    assert not state_with(WriteSet({(A, CODE, 0): EMPTY_CODE_HASH}, {})).exists(A, 1)


def test_existence_seen_is_checked() -> None:
    state = state_with(WriteSet({}, {A: 1}))
    assert state.holds({(A, EXISTENCE, 0): 1}, {}, 1) is None
    assert state.holds({(A, EXISTENCE, 0): 0}, {}, 1) == (A, EXISTENCE, 0)
    assert state.holds({(A, EXISTENCE, 0): 0}, {}, 0) is None


@given(base_states(), records, st.integers(-1, 7))
def test_the_least_sum_of_changes_is_below_the_sum(
    base: PlainState, changes: list[tuple[int, WriteSet | None]], below: int
) -> None:
    state, written = recorded(base, changes)
    for address, found in state._deltas.items():
        made = [written[index].deltas.get(address, 0) for index in sorted(written)]
        assert found.debits == sum(amount for amount in made if amount < 0)
        assert found.least(below) <= found.total(below)


def test_a_credit_is_enough_to_exist_whatever_others_pay_later() -> None:
    state = state_with(WriteSet({}, {A: 3}), WriteSet({}, {A: -3}), WriteSet({}, {A: 1}))
    assert [state.exists(A, below) for below in range(4)] == [False, True, False, True]


def test_late_changes_reach_sums_already_known() -> None:
    state = state_with(*[WriteSet({}, {A: 1})] * 5)
    assert state.balance(A, 5) == 5
    state.record(2, WriteSet({}, {A: 10}))
    assert [state.balance(A, below) for below in range(6)] == [0, 1, 2, 12, 13, 14]


@given(base_states(), records, locations, st.integers(-1, 7))
def test_writers(base: PlainState, changes: list[tuple[int, WriteSet | None]], location: Location, below: int) -> None:
    state, written = recorded(base, changes)
    wrote = [i for i in sorted(written) if location in written[i].values]
    cleared = [i for i in written if location[1] == STORAGE and location[0] in written[i].clears]
    assert state.writer(location, below) == max((i for i in wrote + cleared if i < below), default=-1)
    assert state.next_writer(location, below) == next((i for i in wrote if i > below), None)
    changers = [i for i in sorted(written) if location[0] in written[i].deltas and 0 <= i < below]
    assert state.changers(location[0], below) == changers
