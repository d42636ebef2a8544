"""What settled effects come to: only what differs from before, and all of what a clear would otherwise take along."""

from __future__ import annotations

from executor.hashing import keccak256
from executor.settled import SettledState
from executor.state import MemoryState, state_after
from executor.types import AccountDiff, StateDiff, TransactionResult
from scheduler.access import BALANCE, CODE, NONCE, STORAGE, Value, WriteSet

HERE, THERE = b"\x11" * 20, b"\x22" * 20


def diff_of(state: MemoryState, *writes: WriteSet) -> StateDiff:
    """Return what transactions with these writes come to."""
    settled = SettledState(state, empty_removed=True)
    for each in writes:
        settled.apply(TransactionResult({}, {}, each, {}))
    return settled.diff()


def slots(**values: int) -> dict[tuple[bytes, int, int], Value]:
    """Return writes of slots, by their number behind an underscore."""
    return {(HERE, STORAGE, int(name[1:])): value for name, value in values.items()}


def a_state() -> MemoryState:
    """Return a state of two accounts, one of which has slots."""
    state = MemoryState()
    state.put(HERE, nonce=1, balance=7, storage={1: 5, 2: 6})
    state.put(THERE, nonce=3)
    return state


def test_a_cleared_account_keeps_what_is_written_again_even_if_it_was_the_same_before() -> None:
    state = a_state()
    found = diff_of(state, WriteSet(slots(_1=5), {}, frozenset({HERE})))
    assert found == StateDiff({HERE: AccountDiff(storage={1: 5}, cleared=True)})
    assert state_after(state, found).accounts[HERE].storage == {1: 5}


def test_what_is_as_before_in_the_end_is_no_difference() -> None:
    there_and_back = (
        WriteSet({**slots(_1=9), (THERE, NONCE, 0): 4}, {HERE: -2, THERE: 2}),
        WriteSet({**slots(_1=5), (THERE, NONCE, 0): 3}, {HERE: 2, THERE: -2}),
    )
    assert diff_of(a_state(), *there_and_back) == StateDiff()
    assert diff_of(a_state(), there_and_back[0]) == StateDiff(
        {HERE: AccountDiff(balance=5, storage={1: 9}), THERE: AccountDiff(balance=2, nonce=4)}
    )


def test_an_account_that_comes_or_goes_is_named() -> None:
    new = b"\x33" * 20
    assert diff_of(a_state(), WriteSet({}, {new: 1})) == StateDiff({new: AccountDiff(balance=1)})
    state = MemoryState()
    state.put(HERE, balance=7)
    assert diff_of(state, WriteSet({}, {HERE: -7})) == StateDiff({HERE: AccountDiff(deleted=True)})
    assert state.read((HERE, BALANCE, 0)) == 7


def test_an_account_destroyed_after_it_had_a_nonce_is_gone() -> None:
    gone = WriteSet({(HERE, NONCE, 0): 0}, {HERE: -7}, frozenset({HERE}))
    assert diff_of(a_state(), gone) == StateDiff({HERE: AccountDiff(deleted=True)})


def test_a_code_may_be_all_that_changes() -> None:
    settled = SettledState(a_state(), empty_removed=True)
    code = b"\x60\x00"
    settled.apply(TransactionResult({}, {}, WriteSet({(HERE, CODE, 0): keccak256(code)}, {}), {keccak256(code): code}))
    assert settled.diff() == StateDiff({HERE: AccountDiff(code=code)})
