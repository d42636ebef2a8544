"""The values that settled transactions left: what a transaction at the head of the block would read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    STORAGE,
    Address,
    BaseState,
    Bounds,
    Location,
    ReadSet,
    Value,
    WriteSet,
)

_NOT_KEPT = (STORAGE, NONCE)
"""Kinds kept only once they are written: most are read by few, and to keep them costs more than to ask again."""


class SettledValues:
    """One value per location, for the head alone, over the state before the block.

    Values are kept from the first time they are read or written, balances by account; but slots and nonces only once
    they are written. What comes before the first transaction is settled like one.
    """

    __slots__ = ("_balances", "_base_read", "_clears", "_derived", "_existence", "_values")

    def __init__(self, base: BaseState, *, derived_existence: bool) -> None:
        self._base_read: Callable[[Location], Any] = base.read
        self._derived = derived_existence
        self._values: dict[Location, Value] = {}
        self._balances: dict[Address, int] = {}
        self._clears: set[Address] = set()
        self._existence: set[Address] = set()

    def broken(self, reads: ReadSet, bounds: Bounds) -> Location | None:
        """Return the first location whose value is not the one seen, or whose balance is below its bound.

        None says that the transaction at the head would do exactly the same again. This is the law: nothing settles
        without it.
        """
        known, base_read, clears = self._values.get, self._base_read, self._clears
        for location, seen in reads.items():
            value = known(location)
            if value is None:  # `_unknown` spelled out for what is not kept, which most reads are of
                plain = location[1] in _NOT_KEPT and not clears
                value = base_read(location) if plain else self._unknown(location)
            if value != seen:
                return location
        balances = self._balances
        for address, bound in bounds.items():
            balance = balances[address] if address in balances else self._first_balance(address)
            if balance < bound:
                return address, BALANCE, 0
        return None

    def _value(self, location: Location) -> Value:
        return self._values[location] if location in self._values else self._unknown(location)

    def _balance(self, address: Address) -> int:
        return self._balances[address] if address in self._balances else self._first_balance(address)

    def _unknown(self, location: Location) -> Value:
        """Return a value that is not kept yet; keep it, unless it is a balance, a slot or a nonce."""
        address, kind, _ = location
        if kind == BALANCE:
            return self._balance(address)
        value: Value
        if kind == STORAGE:
            value = 0 if address in self._clears else self._base_read(location)
            return value
        if kind == EXISTENCE and self._derived:
            value = self._derived_existence(address)
            self._existence.add(address)
        else:
            value = self._base_read(location)
        if kind not in _NOT_KEPT:
            self._values[location] = value
        return value

    def _first_balance(self, address: Address) -> int:
        """Return and keep a balance that nobody has asked for or changed."""
        balance: int = self._base_read((address, BALANCE, 0))
        self._balances[address] = balance
        return balance

    def _derived_existence(self, address: Address) -> int:
        """Return whether an account is not empty (EIP-161)."""
        proven = self._value((address, NONCE, 0)) != 0 or self._value((address, CODE, 0)) != EMPTY_CODE_HASH
        return int(proven or self._balance(address) != 0)

    def settle(self, writes: WriteSet) -> None:
        """Take in what the head wrote; the next one reads behind it."""
        values, balances, existence = self._values, self._balances, self._existence
        for address in writes.clears:
            self._clears.add(address)
            for location in [key for key in values if key[0] == address and key[1] == STORAGE]:
                del values[location]
        values.update(writes.values)
        if self._derived:
            for address, kind, _ in writes.values:
                if kind != STORAGE and (kind == EXISTENCE or address in existence):
                    self._forget_existence(address)  # written existence is but a hint where it is derived
        for address, amount in writes.deltas.items():
            before = balances[address] if address in balances else self._first_balance(address)
            balances[address] = before + amount
            if address in existence:
                self._forget_existence(address)

    def _forget_existence(self, address: Address) -> None:
        self._existence.discard(address)
        self._values.pop((address, EXISTENCE, 0), None)
