"""The trie of a complete state, kept from block to block: a block's diff costs only the paths that it changes."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import TypeAlias

from executor.hashing import keccak256
from executor.rlp_codec import encode_int
from executor.roots import TrieAccount, encode_account
from executor.state import MemoryState
from executor.trie_nodes import EMPTY, Node, find, root_hash, updated
from executor.types import AccountDiff, StateDiff
from scheduler.access import EMPTY_CODE_HASH, Address

StorageNode: TypeAlias = "Node[int]"
StoredAccount: TypeAlias = "tuple[int, int, bytes, StorageNode]"
"""Nonce, balance in wei, code hash, topmost node of the slots."""

_ABSENT: StoredAccount = (0, 0, EMPTY_CODE_HASH, EMPTY)


class StateTrie:
    """The state trie after a block, with all storage tries; never changes.

    `updated` shares all that the diff does not touch, so that the tries of many blocks, of forks too, cost
    little more than one. It knows hashes of codes, not codes, and no addresses: it is no `PreState`.
    """

    __slots__ = ("_accounts",)

    def __init__(self, accounts: Node[StoredAccount] = EMPTY) -> None:
        self._accounts = accounts

    @classmethod
    def of(cls, state: MemoryState) -> StateTrie:
        """Build the trie of a complete state; every account counts, empty ones too, but not zero slots."""
        accounts = (
            (
                keccak256(address),
                (account.nonce, account.balance, account.code_hash, _storage(account.storage.items())),
            )
            for address, account in state.accounts.items()
        )
        return cls(updated(EMPTY, sorted(accounts), _encode))

    @property
    def root(self) -> bytes:
        """The state root, 32 bytes."""
        return root_hash(self._accounts)

    def updated(self, diff: StateDiff) -> StateTrie:
        """Return the trie of the state after `diff`, as `MemoryState.apply` would leave it."""
        changes: list[tuple[bytes, StoredAccount | None]] = []
        for address, change in diff.accounts.items():
            key = _hashed_address(address)
            changes.append((key, None if change.deleted else _changed(find(self._accounts, key) or _ABSENT, change)))
        changes.sort(key=lambda entry: entry[0])
        return StateTrie(updated(self._accounts, changes, _encode))


def _storage(slots: Iterable[tuple[int, int]]) -> StorageNode:
    """Return the trie of the slots of one account."""
    pairs = ((keccak256(slot.to_bytes(32, "big")), value) for slot, value in slots if value)
    return updated(EMPTY, sorted(pairs), encode_int)


def _changed(account: StoredAccount, change: AccountDiff) -> StoredAccount:
    nonce, balance, code_hash, storage = account
    if change.cleared:
        storage = EMPTY
    if change.storage:
        slots = sorted((_hashed_slot(slot), value or None) for slot, value in change.storage.items())
        storage = updated(storage, slots, encode_int)
    return (
        nonce if change.nonce is None else change.nonce,
        balance if change.balance is None else change.balance,
        code_hash if change.code is None else keccak256(change.code),
        storage,
    )


def _encode(account: StoredAccount) -> bytes:
    nonce, balance, code_hash, storage = account
    return encode_account(TrieAccount(nonce, balance, root_hash(storage), code_hash))


# The same addresses and slots change block after block; 2**15 of each take about 7 MB.


@lru_cache(maxsize=2**15)
def _hashed_address(address: Address) -> bytes:
    return keccak256(address)


@lru_cache(maxsize=2**15)
def _hashed_slot(slot: int) -> bytes:
    return keccak256(slot.to_bytes(32, "big"))
