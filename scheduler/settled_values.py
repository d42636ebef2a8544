"""The values that settled transactions left, as far as anybody has read them: validation at the head by one look-up."""

from __future__ import annotations

from scheduler.access import (
    BALANCE,
    EXISTENCE,
    STORAGE,
    Address,
    Bounds,
    Location,
    ReadSet,
    TxIndex,
    Value,
    WriteSet,
)
from scheduler.multi_version import MultiVersionState


class SettledValues:
    """What a transaction at the head would read, kept as settling goes on.

    Everybody reads the same few slots, and asking the versions and then the pre-state takes three times as long as a
    dictionary. What is not known here is asked of the multi-version state, whose versions below the head are all
    settled.
    """

    __slots__ = ("_existence", "_state", "_values")

    def __init__(self, state: MultiVersionState) -> None:
        self._state = state
        self._values: dict[Location, Value] = {}
        self._existence: set[Address] = set()

    def broken(self, reads: ReadSet, bounds: Bounds, head: TxIndex) -> Location | None:
        """Return the first location whose value is not the one seen, or whose balance is below its bound.

        None says that the transaction at the head would do exactly the same again. This is the law: nothing settles
        without it.
        """
        values = self._values
        for location, seen in reads.items():
            if location in values:
                value = values[location]
            else:
                value = values[location] = self._state.read(location, head)
                if location[1] == EXISTENCE:
                    self._existence.add(location[0])
            if value != seen:
                return location
        for address, bound in bounds.items():
            location = (address, BALANCE, 0)
            if location in values:
                balance = values[location]
            else:
                balance = values[location] = self._state.balance(address, head)
            if balance < bound:  # type: ignore[operator] # a balance is an int
                return location
        return None

    def settle(self, writes: WriteSet) -> None:
        """Take in what the head wrote; the next one reads behind it."""
        values = self._values
        for address in writes.clears:
            for location in [key for key in values if key[0] == address and key[1] == STORAGE]:
                values[location] = 0
        derived = self._state.derived_existence
        for location, value in writes.values.items():
            kind = location[1]
            if kind == STORAGE or not derived:
                values[location] = value
            elif kind != EXISTENCE:
                values[location] = value
                if location[0] in self._existence:
                    self._forget_existence(location[0])
        for address, amount in writes.deltas.items():
            location = (address, BALANCE, 0)
            if location in values:
                values[location] += amount  # type: ignore[operator] # a balance is an int
            if address in self._existence and derived:
                self._forget_existence(address)

    def _forget_existence(self, address: Address) -> None:
        self._existence.discard(address)
        self._values.pop((address, EXISTENCE, 0), None)
