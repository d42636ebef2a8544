"""The state root after a block of changed slots: the kept trie, a whole rebuild, py-evm as shipped."""

from __future__ import annotations

from random import Random

import pytest

from bench.pyevm_baseline import ShippedState
from bench.state_root import SEED, random_state, random_writes
from bench.suites.conftest import Timed
from executor.roots import state_root
from executor.state import MemoryState
from executor.state_trie import StateTrie
from executor.types import StateDiff

ACCOUNTS, SLOTS, CHANGED = 250, 5_000, 250
pytestmark = pytest.mark.benchmark(group="state root")


@pytest.fixture(scope="module")
def state() -> MemoryState:
    """Return 5 000 slots over 250 accounts."""
    return random_state(ACCOUNTS, SLOTS)


@pytest.fixture(scope="module")
def diff(state: MemoryState) -> StateDiff:
    """Return 250 changed slots."""
    return random_writes(state, CHANGED, Random(SEED + 1))


@pytest.fixture(scope="module")
def expected(state: MemoryState, diff: StateDiff) -> bytes:
    """Return the root after them, by a whole rebuild."""
    return state_root(_after(state, diff))


def _after(state: MemoryState, diff: StateDiff) -> MemoryState:
    after = state.copy()
    after.apply(diff)
    return after


def test_kept_trie(timed: Timed, state: MemoryState, diff: StateDiff, expected: bytes) -> None:
    """Put the changes into the trie that is there; it is not changed itself, so every round does the same."""
    kept = StateTrie.of(state)
    assert timed(lambda: kept.updated(diff).root, turns=4) == expected


def test_rebuilt(timed: Timed, state: MemoryState, diff: StateDiff, expected: bytes) -> None:
    """Copy the state, apply the changes and hash everything."""
    assert timed(lambda: state_root(_after(state, diff))) == expected


def test_pyevm(timed: Timed, state: MemoryState, diff: StateDiff, expected: bytes) -> None:
    """py-evm's account database: slots read, written, and its root made."""
    shipped = ShippedState(state)
    assert timed(lambda: shipped.slots_written(diff)[0]) == expected
