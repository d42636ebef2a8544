"""State roots: of a whole state, and of the part of one that a witness proves.

Source: yellow paper 4.1. An account is RLP of [nonce, balance, storage root, code hash].
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from executor.errors import InvalidInput, InvalidRlp
from executor.hashing import keccak256
from executor.partial_trie import NodeDb, PartialTrie
from executor.rlp_codec import decode, decode_int, decode_list, encode_bytes, encode_int, encode_list
from executor.state import Account, MemoryState
from executor.trie import EMPTY_ROOT, secure_root
from executor.types import AccountDiff, StateDiff, Witness
from scheduler.access import EMPTY_CODE_HASH, Address

_ACCOUNT_FIELDS = 4


@dataclass(frozen=True, slots=True)
class TrieAccount:
    """An account as it stands in the state trie; the default is what an absent account reads as."""

    nonce: int = 0
    balance: int = 0
    storage_root: bytes = EMPTY_ROOT
    code_hash: bytes = EMPTY_CODE_HASH


def state_root(state: MemoryState) -> bytes:
    """Return the root of a complete state; every account of it counts, empty ones too."""
    return secure_root({address: encode_account(_with_root(account)) for address, account in state.accounts.items()})


def _with_root(account: Account) -> TrieAccount:
    return TrieAccount(account.nonce, account.balance, storage_root(account.storage), account.code_hash)


def storage_root(storage: Mapping[int, int]) -> bytes:
    """Return the root of an account's slots; zero slots do not count."""
    if not storage:
        return EMPTY_ROOT
    return secure_root({_slot_key(slot): encode_int(value) for slot, value in storage.items() if value})


def witness_state_root(witness: Witness, diff: StateDiff) -> bytes:
    """Return the state root after `diff`, from the parent's root and the nodes of `witness`.

    MissingWitness where the nodes do not reach: they were recorded for another block or another diff.
    """
    nodes = NodeDb(witness.nodes)
    accounts = PartialTrie(nodes, witness.parent_header.state_root)
    changes = {}
    for address, change in diff.accounts.items():
        key = keccak256(address)
        account = _decode(accounts.get(key))
        changes[key] = b"" if change.deleted else encode_account(_changed(account or TrieAccount(), change, nodes))
    return accounts.update(changes)


def _changed(account: TrieAccount, change: AccountDiff, nodes: NodeDb) -> TrieAccount:
    storage = PartialTrie(nodes, EMPTY_ROOT if change.cleared else account.storage_root)
    slots = {keccak256(_slot_key(slot)): encode_int(value) if value else b"" for slot, value in change.storage.items()}
    return TrieAccount(
        account.nonce if change.nonce is None else change.nonce,
        account.balance if change.balance is None else change.balance,
        storage.update(slots),
        account.code_hash if change.code is None else keccak256(change.code),
    )


def check_pre_state(witness: Witness, pre_state: MemoryState) -> None:
    """Compare all of `pre_state` with what `witness` proves; InvalidInput names the first difference."""
    nodes = NodeDb(witness.nodes)
    accounts = PartialTrie(nodes, witness.parent_header.state_root)
    for address, account in pre_state.accounts.items():
        proven = _decode(accounts.get(keccak256(address))) or TrieAccount()
        _compare(address, account, proven)
        slots = PartialTrie(nodes, proven.storage_root)
        for slot, value in account.storage.items():
            encoded = slots.get(keccak256(_slot_key(slot)))
            _agree(address, f"slot {slot:#x}", value, decode_int(decode(encoded)) if encoded else 0)


def _compare(address: Address, account: Account, proven: TrieAccount) -> None:
    _agree(address, "nonce", account.nonce, proven.nonce)
    _agree(address, "balance", account.balance, proven.balance)
    # Recordings leave out code that did not run, e.g. of an account that only received a withdrawal.
    if account.code_hash != EMPTY_CODE_HASH:
        _agree(address, "code hash", _number(account.code_hash), _number(proven.code_hash))


def _agree(address: Address, what: str, recorded: int, proven: int) -> None:
    if recorded != proven:
        raise InvalidInput(
            f"pre.0x{address.hex()}: {what} {recorded:#x} is recorded, {proven:#x} is proven by the witness;"
            " record the block again"
        )


def _number(code_hash: bytes) -> int:
    return int.from_bytes(code_hash, "big")


def _slot_key(slot: int) -> bytes:
    return slot.to_bytes(32, "big")


def encode_account(account: TrieAccount) -> bytes:
    """Return the value of an account in the state trie."""
    fields = encode_int(account.nonce), encode_int(account.balance)
    hashes = encode_bytes(account.storage_root), encode_bytes(account.code_hash)
    return encode_list(b"".join(fields + hashes))


def _decode(data: bytes) -> TrieAccount | None:
    """Return the account that a value of the state trie holds; None where there is none."""
    if not data:
        return None
    items = decode_list(data)
    if len(items) == _ACCOUNT_FIELDS:
        nonce, balance, root, code_hash = items
        if isinstance(root, bytes) and isinstance(code_hash, bytes):
            return TrieAccount(decode_int(nonce), decode_int(balance), root, code_hash)
    raise InvalidRlp("a value of the state trie is not an account; record the witness again")
