"""The state before a block: who has what, held in memory, and what a block makes of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from executor.forks import ForkRules
from executor.hashing import keccak256
from executor.types import AccountDiff, StateDiff
from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    STORAGE,
    Address,
    Location,
    Value,
)


class Account:
    """One account; mutable only while a state is being built or a diff applied."""

    __slots__ = ("balance", "code_hash", "nonce", "storage")

    def __init__(
        self,
        balance: int = 0,
        nonce: int = 0,
        code_hash: bytes = EMPTY_CODE_HASH,
        storage: dict[int, int] | None = None,
    ) -> None:
        self.balance = balance
        self.nonce = nonce
        self.code_hash = code_hash
        self.storage = {} if storage is None else storage

    def is_empty(self) -> bool:
        """Return whether the account is empty in the sense of EIP-161."""
        return not (self.balance or self.nonce or self.code_hash != EMPTY_CODE_HASH)

    def copy(self) -> Account:
        """Return an independent copy."""
        return Account(self.balance, self.nonce, self.code_hash, dict(self.storage))


class PreState(Protocol):
    """What an executor needs of the state before the block; a location that is absent reads as zero."""

    @property
    def complete(self) -> bool:
        """Whether this is the whole state, so that its root can be computed."""
        ...

    def read(self, location: Location) -> Value:
        """Return balance, nonce, code hash, slot, or 1 for an account that is present."""
        ...

    def code(self, code_hash: bytes) -> bytes:
        """Return the code of `code_hash`."""
        ...

    def only_storage(self, address: Address) -> bool:
        """Return whether the account has storage, but neither nonce nor code (EIP-7610)."""
        ...


class MemoryState:
    """A state in dictionaries: address -> account, code hash -> code.

    `complete` says that nothing is left out, so that a state root may be computed of it.
    """

    __slots__ = ("accounts", "codes", "complete")

    def __init__(
        self,
        accounts: dict[Address, Account] | None = None,
        codes: dict[bytes, bytes] | None = None,
        *,
        complete: bool = False,
    ) -> None:
        self.accounts = {} if accounts is None else accounts
        self.codes = {} if codes is None else codes
        self.codes.setdefault(EMPTY_CODE_HASH, b"")
        self.complete = complete

    def __reduce__(self) -> tuple[object, ...]:
        """Pickle as plain tuples: a state is shipped to every worker."""
        rows = {a: (x.balance, x.nonce, x.code_hash, x.storage) for a, x in self.accounts.items()}
        return _restore_state, (rows, self.codes, self.complete)

    def read(self, location: Location) -> Value:
        """Return balance, nonce, code hash, slot, or 1 for an account that is present."""
        address, kind, slot = location
        account = self.accounts.get(address)
        if account is None:
            return EMPTY_CODE_HASH if kind == CODE else 0
        if kind == STORAGE:
            return account.storage.get(slot, 0)
        if kind == CODE:
            return account.code_hash
        if kind == BALANCE:
            return account.balance
        if kind == NONCE:
            return account.nonce
        assert kind == EXISTENCE, location  # noqa: S101 - an unknown kind is a fault of ours
        return 1

    def code(self, code_hash: bytes) -> bytes:
        """Return the code of `code_hash`; KeyError where the state does not hold it."""
        return self.codes[code_hash]

    def only_storage(self, address: Address) -> bool:
        """Return whether the account has storage, but neither nonce nor code (EIP-7610)."""
        account = self.accounts.get(address)
        if account is None or account.nonce or account.code_hash != EMPTY_CODE_HASH:
            return False
        return any(account.storage.values())

    def add_code(self, code: bytes) -> bytes:
        """Keep `code` and return its hash."""
        code_hash = keccak256(code) if code else EMPTY_CODE_HASH
        self.codes[code_hash] = code
        return code_hash

    def put(
        self,
        address: Address,
        *,
        balance: int = 0,
        nonce: int = 0,
        code: bytes = b"",
        storage: Mapping[int, int] | None = None,
    ) -> None:
        """Set an account whole; zero slots are dropped."""
        slots = {slot: value for slot, value in (storage or {}).items() if value}
        self.accounts[address] = Account(balance, nonce, self.add_code(code), slots)

    def copy(self) -> MemoryState:
        """Return an independent copy (codes are shared: they never change)."""
        accounts = {address: account.copy() for address, account in self.accounts.items()}
        return MemoryState(accounts, dict(self.codes), complete=self.complete)

    def apply(self, diff: StateDiff) -> None:
        """Make this the state after the block that `diff` describes."""
        for address, change in diff.accounts.items():
            if change.deleted:
                self.accounts.pop(address, None)
            else:
                self._apply_account(address, change)

    def _apply_account(self, address: Address, change: AccountDiff) -> None:
        account = self.accounts.setdefault(address, Account())
        if change.balance is not None:
            account.balance = change.balance
        if change.nonce is not None:
            account.nonce = change.nonce
        if change.code is not None:
            account.code_hash = self.add_code(change.code)
        if change.cleared:
            account.storage.clear()
        for slot, value in change.storage.items():
            if value:
                account.storage[slot] = value
            else:
                account.storage.pop(slot, None)


def state_after(state: MemoryState, diff: StateDiff) -> MemoryState:
    """Return the state after `diff`; it shares with `state` all accounts that the diff does not touch, and codes."""
    accounts: dict[Address, Account] = dict(state.accounts)
    for address in diff.accounts:
        if address in accounts:
            accounts[address] = accounts[address].copy()
    after = MemoryState(accounts, state.codes, complete=state.complete)
    after.apply(diff)
    return after


def _restore_state(
    rows: dict[Address, tuple[int, int, bytes, dict[int, int]]],
    codes: dict[bytes, bytes],
    complete: bool,  # noqa: FBT001 - pickle's call
) -> MemoryState:
    return MemoryState({address: Account(*row) for address, row in rows.items()}, codes, complete=complete)


def sweepable_accounts(pre_state: PreState, rules: ForkRules) -> frozenset[Address]:
    """Return accounts that are present though empty: from EIP-161 on the first touch removes them."""
    if not (rules.empty_accounts_removed and isinstance(pre_state, MemoryState) and pre_state.complete):
        return frozenset()
    return frozenset(address for address, account in pre_state.accounts.items() if account.is_empty())
