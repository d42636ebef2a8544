"""The values that settled transactions left: what a transaction at the head of the block would read."""

from __future__ import annotations

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


class SettledValues:
    """One value per location, for the head alone, over the state before the block.

    Everybody reads the same few slots, and asking versions and pre-state takes three times as long as a dictionary:
    each value is kept from the first time it is read or written. What comes before the first transaction is settled
    like one.
    """

    __slots__ = ("_base_read", "_clears", "_deltas", "_derived", "_existence", "_values")

    def __init__(self, base: BaseState, *, derived_existence: bool) -> None:
        self._base_read = base.read
        self._derived = derived_existence
        self._values: dict[Location, Value] = {}
        self._deltas: dict[Address, int] = {}
        self._clears: set[Address] = set()
        self._existence: set[Address] = set()

    def broken(self, reads: ReadSet, bounds: Bounds) -> Location | None:
        """Return the first location whose value is not the one seen, or whose balance is below its bound.

        None says that the transaction at the head would do exactly the same again. This is the law: nothing settles
        without it.
        """
        values = self._values
        for location, seen in reads.items():
            value = values[location] if location in values else self._first_read(location)
            if value != seen:
                return location
        for address, bound in bounds.items():
            location = (address, BALANCE, 0)
            balance = values[location] if location in values else self._first_read(location)
            if balance < bound:  # type: ignore[operator] # a balance is an int
                return location
        return None

    def _value(self, location: Location) -> Value:
        return self._values[location] if location in self._values else self._first_read(location)

    def _first_read(self, location: Location) -> Value:
        """Return and keep a value that nobody has read or written since it was last forgotten."""
        address, kind, _ = location
        value: Value
        if kind == STORAGE and address in self._clears:
            value = 0
        elif kind == EXISTENCE and self._derived:
            value = self._derived_existence(address)
            self._existence.add(address)
        else:
            value = self._base_read(location)
            if kind == BALANCE:
                value += self._deltas.get(address, 0)  # type: ignore[operator] # a balance is an int
        self._values[location] = value
        return value

    def _derived_existence(self, address: Address) -> int:
        """Return whether an account is not empty (EIP-161)."""
        proven = self._value((address, NONCE, 0)) != 0 or self._value((address, CODE, 0)) != EMPTY_CODE_HASH
        return int(proven or self._value((address, BALANCE, 0)) != 0)

    def settle(self, writes: WriteSet) -> None:
        """Take in what the head wrote; the next one reads behind it."""
        values, derived = self._values, self._derived
        for address in writes.clears:
            self._clears.add(address)
            for location in [key for key in values if key[0] == address and key[1] == STORAGE]:
                del values[location]
        for location, value in writes.values.items():
            if location[1] == STORAGE or not derived:
                values[location] = value
            elif location[1] != EXISTENCE:
                values[location] = value
                if location[0] in self._existence:
                    self._forget_existence(location[0])
        deltas = self._deltas
        for address, amount in writes.deltas.items():
            deltas[address] = deltas.get(address, 0) + amount
            location = (address, BALANCE, 0)
            if location in values:
                values[location] += amount  # type: ignore[operator] # a balance is an int
            if derived and address in self._existence:
                self._forget_existence(address)

    def _forget_existence(self, address: Address) -> None:
        self._existence.discard(address)
        del self._values[address, EXISTENCE, 0]
