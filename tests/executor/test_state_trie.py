"""The kept state trie against a full rebuild: after any diffs, on any branch of a chain, and at what cost."""

from __future__ import annotations

import pickle
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor import state_trie, trie_nodes
from executor.hashing import keccak256
from executor.roots import state_root
from executor.state import Account, MemoryState
from executor.state_trie import StateTrie
from executor.trie import EMPTY_ROOT
from executor.types import AccountDiff, BlockResult, StateDiff
from executor.validation import check_header
from tests import builders, eels
from tests.executor.test_roots import diffs, states
from tests.small import CONTRACT, MINER, SENDER, small_block, small_state

steps = st.lists(st.tuples(st.integers(0, 99), diffs), max_size=5)
"""Blocks of a chain with forks: which of the earlier states is the parent, and the diff."""


def after(state: MemoryState, diff: StateDiff) -> MemoryState:
    changed = state.copy()
    changed.apply(diff)
    return changed


# --- equal to a rebuild


@settings(deadline=None, max_examples=60)
@given(states(), steps)
def test_every_block_of_every_branch_has_the_root_of_a_rebuild(
    state: MemoryState, blocks: list[tuple[int, StateDiff]]
) -> None:
    chain = [(state, StateTrie.of(state))]
    for place, diff in blocks:
        parent, trie = chain[place % len(chain)]
        chain.append((after(parent, diff), trie.updated(diff)))
    for reached, trie in chain:  # the earlier ones again, now that later ones have been made of them
        assert trie.root == StateTrie.of(reached).root == state_root(reached)


@settings(deadline=None, max_examples=25)
@given(states(), diffs)
def test_roots_are_those_of_eels(state: MemoryState, diff: StateDiff) -> None:
    whole = after(builders.state("Prague"), StateDiff())
    whole.accounts.update(state.accounts)
    whole.codes.update(state.codes)
    trie = StateTrie.of(whole)
    assert trie.root == eels.state_root("Prague", whole)
    assert trie.updated(diff).root == eels.state_root("Prague", after(whole, diff))


CASES: dict[str, AccountDiff] = {
    "deleted": AccountDiff(deleted=True),
    "deleted, whatever else is said": AccountDiff(balance=1, storage={0: 7}, deleted=True),
    "cleared": AccountDiff(cleared=True),
    "cleared and written": AccountDiff(storage={0: 9, 4: 4}, cleared=True),
    "cleared and zeroed": AccountDiff(storage={0: 0}, cleared=True),
    "one slot left": AccountDiff(storage={0: 0}),
    "no slots left": AccountDiff(storage={0: 0, 2**255: 0}),
    "an absent slot zeroed": AccountDiff(storage={1: 0}),
    "slots added": AccountDiff(storage={slot: slot + 1 for slot in range(40)}),
    "code": AccountDiff(code=b"\x00"),
    "code gone": AccountDiff(code=b""),
    "emptied but present": AccountDiff(nonce=0, code=b"", cleared=True),
    "balance and nonce": AccountDiff(balance=3, nonce=4),
    "nothing": AccountDiff(),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("address", [CONTRACT, MINER, b"\x11" * 20], ids=["contract", "empty", "absent"])
def test_each_change_of_an_account(case: str, address: bytes) -> None:
    state, diff = small_state(), StateDiff({address: CASES[case]})
    assert StateTrie.of(state).updated(diff).root == state_root(after(state, diff))


def test_an_account_comes_back_without_its_old_slots() -> None:
    trie, state = StateTrie.of(small_state()), small_state()
    for change in (AccountDiff(deleted=True), AccountDiff(balance=1, storage={1: 1})):
        diff = StateDiff({CONTRACT: change})
        trie = trie.updated(diff)
        state.apply(diff)
        assert trie.root == state_root(state)


def test_zero_slots_do_not_count_and_no_accounts_have_the_empty_root() -> None:
    state = small_state()
    state.accounts[SENDER].storage[7] = 0
    assert StateTrie.of(state).root == StateTrie.of(small_state()).root == state_root(small_state())
    gone = StateDiff({address: AccountDiff(deleted=True) for address in (SENDER, CONTRACT, MINER)})
    assert StateTrie.of(MemoryState()).root == StateTrie().root == StateTrie.of(state).updated(gone).root == EMPTY_ROOT


def test_a_copy_through_pickle_goes_on_alike() -> None:
    diff = StateDiff({CONTRACT: AccountDiff(storage={0: 0, 5: 5}), SENDER: AccountDiff(deleted=True)})
    trie = StateTrie.of(small_state())
    copied: StateTrie = pickle.loads(pickle.dumps(trie))  # noqa: S301 - our own bytes
    assert copied.updated(diff).root == trie.updated(diff).root == state_root(after(small_state(), diff))


# --- addresses whose hashes begin alike: the shapes that small random states do not reach


def addresses_under(prefix: str) -> Iterator[bytes]:
    """Yield the addresses, from 1 on, whose keccak-256 begins with the hex digits of `prefix`."""
    candidates = (number.to_bytes(20, "big") for number in count(1))
    return (address for address in candidates if keccak256(address).hex().startswith(prefix))


def under(*prefixes: str) -> dict[bytes, AccountDiff]:
    """Return diffs that fund one address per prefix, each another address."""
    funded: dict[bytes, AccountDiff] = {}
    for prefix in prefixes:
        address = next(address for address in addresses_under(prefix) if address not in funded)
        funded[address] = AccountDiff(balance=1)
    return funded


def without(accounts: dict[bytes, AccountDiff], *prefixes: str) -> dict[bytes, AccountDiff]:
    """Return diffs that delete the accounts under these prefixes."""
    gone = [address for address in accounts if keccak256(address).hex().startswith(prefixes)]
    assert gone
    return dict.fromkeys(gone, AccountDiff(deleted=True))


@pytest.mark.parametrize(
    ("there", "come", "go"),
    [
        (("abc",), ("abd",), ()),
        (("abc0", "abc1"), ("abd",), ()),
        (("abc0", "abc1"), ("ac",), ()),
        (("abc0", "abc1"), ("b",), ()),
        (("abc0", "abc1", "ac"), (), ("ac",)),
        (("abc0", "abc1", "ac"), (), ("abc0",)),
        (("abc0", "abc1", "b"), (), ("b",)),
        (("abc0", "abc1", "b"), (), ("abc1",)),
        (("abc0", "abc1", "b"), (), ("abc0", "abc1")),
        (("abc0", "abc1", "b"), ("abd",), ("abc1", "b")),
        (("a", "b"), (), ("a", "b")),
    ],
)
def test_accounts_whose_hashes_collide(there: tuple[str, ...], come: tuple[str, ...], go: tuple[str, ...]) -> None:
    accounts = under(*there)
    state = after(MemoryState(complete=True), StateDiff(accounts))
    diff = StateDiff({**without(accounts, *go), **under(*come)} if go else under(*come))
    trie = StateTrie.of(state)
    later = trie.updated(diff)
    assert trie.root == state_root(state)
    assert later.root == state_root(after(state, diff))
    back = {
        address: AccountDiff(balance=1) if address in accounts else AccountDiff(deleted=True)
        for address in diff.accounts
    }
    assert later.updated(StateDiff(back)).root == trie.root


# --- work done


class CountedHash:
    """keccak-256 that counts its calls."""

    def __init__(self) -> None:
        self.calls = 0

    def __call__(self, data: bytes) -> bytes:
        self.calls += 1
        return keccak256(data)


@pytest.fixture
def node_hash(monkeypatch: pytest.MonkeyPatch) -> CountedHash:
    """The hash of nodes, counted from the first use of the test on."""
    counted = CountedHash()
    monkeypatch.setattr(trie_nodes, "keccak256", counted)
    return counted


def large_state(accounts: int, slots: int) -> MemoryState:
    """Return funded accounts, the first of which has `slots` slots."""
    state = MemoryState(complete=True)
    state.accounts = {number.to_bytes(20, "big"): Account(balance=1) for number in range(1, accounts + 1)}
    state.accounts[FIRST].storage = {slot: slot + 1 for slot in range(slots)}
    return state


FIRST = (1).to_bytes(20, "big")


def nodes_of(node: Any) -> Iterator[Any]:
    """Yield a node and all below it, of an account's storage too."""
    if len(node) == 1:
        return
    yield node
    if len(node) == 5:
        for child in node[2]:
            yield from nodes_of(child)
    elif isinstance(node[1], tuple):
        yield from nodes_of(node[1][3])


def hashes_of(node: Any) -> int:
    """Return how many hashes a node takes: two where an extension stands above the branch."""
    return 2 if len(node) == 5 and node[3] is not node[4] else 1


@pytest.mark.parametrize("changed", [1, 10, 100])
def test_only_changed_nodes_are_hashed_and_each_once(node_hash: CountedHash, changed: int) -> None:
    trie = StateTrie.of(large_state(300, 4000))
    kept = {id(node) for node in nodes_of(trie._accounts)}
    every = sum(map(hashes_of, nodes_of(trie._accounts)))
    assert node_hash.calls == every > 4300
    diff = StateDiff({FIRST: AccountDiff(storage={slot * 31: 7 for slot in range(changed)})})
    node_hash.calls = 0
    later = trie.updated(diff)
    assert node_hash.calls == sum(hashes_of(node) for node in nodes_of(later._accounts) if id(node) not in kept)
    # 16**3 = 4096: a slot lies about three branches deep, an account two.
    assert changed < node_hash.calls <= changed * 5 + 5
    node_hash.calls = 0
    assert later.root == later.root != trie.root
    assert node_hash.calls == 0


def test_a_diff_that_changes_nothing_hashes_nothing(node_hash: CountedHash) -> None:
    trie = StateTrie.of(large_state(300, 100))
    node_hash.calls = 0
    same = StateDiff({FIRST: AccountDiff(balance=1, storage={0: 1, 10**6: 0}), b"\x99" * 20: AccountDiff(deleted=True)})
    assert trie.updated(same)._accounts is trie._accounts
    assert trie.updated(StateDiff()).root == trie.root
    assert node_hash.calls == 0


def test_a_balance_does_not_touch_the_slots(node_hash: CountedHash) -> None:
    trie = StateTrie.of(large_state(300, 4000))
    node_hash.calls = 0
    later = trie.updated(StateDiff({FIRST: AccountDiff(balance=5)}))
    assert node_hash.calls <= 5
    before, now = (trie_nodes.find(one._accounts, keccak256(FIRST)) for one in (trie, later))
    assert before is not None
    assert now is not None
    assert now[3] is before[3]


def test_hashes_of_addresses_and_slots_are_kept_for_the_next_block(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = CountedHash()
    monkeypatch.setattr(state_trie, "keccak256", counted)
    diff = StateDiff({b"\x77" * 20: AccountDiff(balance=7**50, storage={7**50 + slot: 1 for slot in range(9)})})
    trie = StateTrie().updated(diff)
    assert counted.calls == 10
    trie.updated(diff)
    assert counted.calls == 10
    assert state_trie._hashed_slot.cache_info().maxsize == state_trie._hashed_address.cache_info().maxsize == 2**15


# --- the check against the header


def test_the_header_is_checked_with_a_kept_trie() -> None:
    diff = StateDiff({SENDER: AccountDiff(balance=1, nonce=8)})
    block = small_block("London")
    block = replace(block, header=replace(block.header, state_root=state_root(after(small_state(), diff))))
    result = BlockResult((), diff, 0, 0, block.header.bloom, block.header.receipts_root)
    trie = StateTrie.of(small_state())
    for pre_state in (small_state(), small_state(complete=False)):  # a trie proves what a partial state cannot
        check = check_header(block, result, pre_state, trie=trie)
        assert check.ok
        assert check.checks["state_root"] is True
        assert check.state_root == block.header.state_root
    other = check_header(block, replace(result, state_diff=StateDiff()), small_state(), trie=trie)
    assert other.checks["state_root"] is False
    assert other.state_root == trie.root
