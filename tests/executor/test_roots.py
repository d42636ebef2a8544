"""State roots: of whole states against py-evm's, of witnessed parts against the whole."""

from __future__ import annotations

from dataclasses import replace

import pytest
import rlp
from eth.db.account import AccountDB
from eth.db.atomic import AtomicDB
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from executor.capsule import load_capsule
from executor.errors import InvalidInput, InvalidRlp, MissingWitness
from executor.hashing import keccak256
from executor.partial_trie import NodeDb, PartialTrie
from executor.rlp_codec import encode_int
from executor.roots import check_pre_state, state_root, storage_root, witness_state_root
from executor.state import MemoryState
from executor.trie import EMPTY_ROOT, trie_root
from executor.types import AccountDiff, StateDiff, Witness
from tests.data import capsule_path, capsule_paths, needs_data
from tests.small import CONTRACT, MINER, SENDER, small_header, small_state

addresses = st.integers(0, 11).map(lambda index: bytes([index]) * 20)
slots = st.dictionaries(st.integers(0, 9) | st.integers(0, 2**256 - 1), st.integers(0, 2**256 - 1), max_size=8)
accounts = st.tuples(st.integers(0, 2**90), st.integers(0, 2**20), st.binary(max_size=6), slots)
changes = st.builds(
    AccountDiff,
    balance=st.none() | st.integers(0, 2**90),
    nonce=st.none() | st.integers(0, 2**20),
    code=st.none() | st.binary(max_size=6),
    storage=slots,
    cleared=st.booleans(),
    deleted=st.booleans(),
)


@st.composite
def states(draw: st.DrawFn) -> MemoryState:
    """Return a complete state of a few accounts."""
    state = MemoryState(complete=True)
    for address, entry in draw(st.dictionaries(addresses, accounts, max_size=8)).items():
        balance, nonce, code, storage = entry
        state.put(address, balance=balance, nonce=nonce, code=code, storage=storage)
    return state


diffs = st.dictionaries(addresses, changes, max_size=6).map(StateDiff)


def py_evm_root(state: MemoryState) -> bytes:
    """Return the root that py-evm's database of accounts gives."""
    db = AccountDB(AtomicDB())
    for address, entry in state.accounts.items():
        db.touch_account(address)
        db.set_balance(address, entry.balance)
        db.set_nonce(address, entry.nonce)
        db.set_code(address, state.codes[entry.code_hash])
        for slot, value in entry.storage.items():
            db.set_storage(address, slot, value)
    return bytes(db.make_state_root())


def whole_witness(state: MemoryState) -> Witness:
    """Return a witness that holds every node of a state."""
    nodes: dict[bytes, bytes] = {}
    tries = HexaryTrie(nodes)
    for address, entry in state.accounts.items():
        storage = HexaryTrie(nodes)
        for slot, value in entry.storage.items():
            storage[keccak256(slot.to_bytes(32, "big"))] = encode_int(value)
        alone = MemoryState({address: entry})
        tries[keccak256(address)] = leaf_of(alone, address)
    header = replace(small_header(), state_root=tries.root_hash)
    return Witness(header, tuple(node for node in nodes.values() if len(node) > 1))


def leaf_of(state: MemoryState, address: bytes) -> bytes:
    """Return the value of an account in the state trie, by rlp's own encoder."""
    entry = state.accounts[address]
    return bytes(rlp.encode([entry.nonce, entry.balance, storage_root(entry.storage), entry.code_hash]))


# --- whole states


@settings(deadline=None)
@given(states())
def test_state_roots_equal_py_evms(state: MemoryState) -> None:
    assert state_root(state) == py_evm_root(state)


def test_empty_accounts_count_and_zero_slots_do_not() -> None:
    state = small_state()
    root = state_root(state)
    state.accounts[SENDER].storage[7] = 0
    assert state_root(state) == root
    del state.accounts[MINER]
    assert state_root(state) != root
    assert state_root(MemoryState()) == storage_root({1: 0}) == EMPTY_ROOT


# --- witnesses


@settings(deadline=None)
@given(states(), diffs)
def test_a_witness_gives_the_root_of_the_state_after_the_diff(state: MemoryState, diff: StateDiff) -> None:
    witness = whole_witness(state)
    assert witness.parent_header.state_root == state_root(state)
    state.apply(diff)
    assert witness_state_root(witness, diff) == state_root(state)


@settings(deadline=None)
@given(states())
def test_a_state_agrees_with_its_own_witness(state: MemoryState) -> None:
    check_pre_state(whole_witness(state), state)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (AccountDiff(balance=5), "balance"),
        (AccountDiff(nonce=5), "nonce"),
        (AccountDiff(code=b"other"), "code hash"),
        (AccountDiff(storage={3: 5}), "slot 0x3"),
    ],
)
def test_a_state_that_differs_from_its_witness_is_refused(change: AccountDiff, said: str) -> None:
    state = small_state()
    witness = whole_witness(state)
    state.apply(StateDiff({CONTRACT: change}))
    with pytest.raises(InvalidInput, match=said):
        check_pre_state(witness, state)


def test_a_node_that_is_not_there_is_named() -> None:
    witness = whole_witness(small_state())
    header = witness.parent_header
    for nodes in ((), tuple(node for node in witness.nodes if keccak256(node) != header.state_root)):
        with pytest.raises(MissingWitness, match=header.state_root.hex()):
            witness_state_root(Witness(header, nodes), StateDiff({SENDER: AccountDiff(balance=1)}))


def test_a_fold_that_needs_an_unknown_sibling_is_refused_unless_another_key_comes() -> None:
    first, second, third = (bytes([nibble << 4]) + bytes(31) for nibble in (1, 2, 3))
    nodes: dict[bytes, bytes] = {}
    trie = HexaryTrie(nodes)
    trie[first], trie[second] = b"v" * 40, b"s" * 40
    sibling = trie.get_node(trie.root_hash)[2]
    known = NodeDb(node for key, node in nodes.items() if key != sibling and len(node) > 1)
    with pytest.raises(MissingWitness):
        PartialTrie(known, trie.root_hash).update({first: b""})
    expected = trie_root([(second, b"s" * 40), (third, b"w")])
    assert PartialTrie(known, trie.root_hash).update({first: b"", third: b"w"}) == expected


@pytest.mark.parametrize("damaged", ["", "80", "c0", "c28080", "c22080ff", "c2c080", "c24080", "d2" + "80" * 18])
def test_what_is_no_trie_node_is_refused(damaged: str) -> None:
    with pytest.raises(InvalidRlp):
        NodeDb([bytes.fromhex(damaged)])


def test_a_leaf_that_is_no_account_is_refused() -> None:
    nodes: dict[bytes, bytes] = {}
    trie = HexaryTrie(nodes)
    trie[keccak256(SENDER)] = b"no account at all, and longer than a hash is"
    witness = Witness(replace(small_header(), state_root=trie.root_hash), (nodes[trie.root_hash],))
    with pytest.raises(InvalidRlp):
        witness_state_root(witness, StateDiff({SENDER: AccountDiff(balance=1)}))


@needs_data
@pytest.mark.parametrize("number", [int(path.name.partition(".")[0]) for path in capsule_paths("witness")])
def test_recorded_witnesses_prove_the_recorded_pre_state(number: int) -> None:
    capsule = load_capsule(capsule_path(number, "witness"))
    assert capsule.witness is not None
    assert witness_state_root(capsule.witness, StateDiff()) == capsule.witness.parent_header.state_root
    check_pre_state(capsule.witness, capsule.pre_state)
