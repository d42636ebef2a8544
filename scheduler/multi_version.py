"""Every value written in the block, by writer: read below an index, check what was read."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Callable
from typing import Any

from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    NOTHING_WRITTEN,
    STORAGE,
    Address,
    BaseState,
    Bounds,
    Location,
    ReadSet,
    TxIndex,
    Value,
    WriteSet,
)
from scheduler.balances import BalanceChanges

_COMPOSED = (BALANCE, EXISTENCE)
"""Kinds whose value is made of more than the versions of their own location."""


def _put(indices: list[TxIndex], values: list[Any], index: TxIndex, value: Value) -> None:
    """Set the version of `index`, which is not behind all others, in parallel lists, ascending by index."""
    position = bisect_left(indices, index)
    if indices[position] == index:
        values[position] = value
    else:
        indices.insert(position, index)
        values.insert(position, value)


class MultiVersionState:
    """The state before the block plus every version written in it.

    Transaction i reads below i; index -1 is the block's prologue (system calls). `derived_existence` is the
    rule of EIP-161 (from Spurious Dragon on): an account exists if it has a nonce, code or a balance. Its
    EXISTENCE versions then only tell who might have changed it.
    """

    __slots__ = ("_base_read", "_clears", "_deltas", "_versions", "_writes", "base", "derived_existence")

    def __init__(self, base: BaseState, *, derived_existence: bool) -> None:
        self.base = base
        self._base_read: Callable[[Location], Any] = base.read
        self.derived_existence = derived_existence
        self._versions: dict[Location, tuple[list[TxIndex], list[Any]]] = {}
        self._deltas: dict[Address, BalanceChanges] = {}
        self._clears: dict[Address, list[TxIndex]] = {}
        self._writes: dict[TxIndex, WriteSet] = {}

    # -- writing

    def record(self, index: TxIndex, writes: WriteSet) -> None:
        """Let `writes` be all that `index` changes, in place of whatever it had recorded before."""
        old = self._writes.get(index, NOTHING_WRITTEN)
        if old is not NOTHING_WRITTEN:
            self._forget(index, old, writes)
        self._writes[index] = writes
        versions = self._versions  # what follows runs for every write of the block: most are new, or the latest
        for location, value in writes.values.items():
            entry = versions.get(location)
            if entry is None:
                versions[location] = ([index], [value])
            elif index > entry[0][-1]:
                entry[0].append(index)
                entry[1].append(value)
            else:
                _put(*entry, index, value)
        for address, amount in writes.deltas.items():
            deltas = self._deltas.get(address)
            if deltas is None:
                self._deltas[address] = BalanceChanges(index, amount)
            elif index > deltas.indices[-1]:
                deltas.indices.append(index)
                deltas.amounts.append(amount)
                deltas.debits += min(amount, 0)
            else:
                deltas.put(index, amount)
        if writes.clears:
            for address in writes.clears - old.clears:
                insort(self._clears.setdefault(address, []), index)

    def remove(self, index: TxIndex) -> None:
        """Forget everything that `index` recorded."""
        self._forget(index, self._writes.pop(index, NOTHING_WRITTEN), NOTHING_WRITTEN)

    def writes(self, index: TxIndex) -> WriteSet:
        """Return what `index` has recorded."""
        return self._writes.get(index, NOTHING_WRITTEN)

    def _forget(self, index: TxIndex, old: WriteSet, new: WriteSet) -> None:
        """Drop the versions of `old` that `new` does not overwrite; no location is left without a version."""
        for location in old.values.keys() - new.values.keys():
            indices, values = self._versions[location]
            position = bisect_left(indices, index)
            del indices[position], values[position]
            if not indices:
                del self._versions[location]
        for address in old.deltas.keys() - new.deltas.keys():
            deltas = self._deltas[address]
            deltas.drop(index)
            if not deltas.indices:
                del self._deltas[address]
        for address in old.clears - new.clears:
            self._clears[address].remove(index)
            if not self._clears[address]:
                del self._clears[address]

    # -- reading

    def read(self, location: Location, below: TxIndex) -> Value:
        """Return the latest value of `location` written before `below`, else the one before the block."""
        address, kind, slot = location
        if kind == STORAGE:
            return self.storage(address, slot, below)
        if kind == BALANCE:
            return self.balance(address, below)
        if kind == EXISTENCE:
            return int(self.exists(address, below))
        value: Value = self._latest(location, below)
        return value

    def storage(self, address: Address, slot: int, below: TxIndex) -> int:
        """Return a slot's value below `below`."""
        location = (address, STORAGE, slot)
        value: int
        if self._clears and address in self._clears:
            value = self._cleared_slot(location, below)
            return value
        entry = self._versions.get(location)
        if entry is not None:
            position = bisect_left(entry[0], below)
            if position:
                value = entry[1][position - 1]
                return value
        value = self._base_read(location)
        return value

    def balance(self, address: Address, below: TxIndex) -> int:
        """Return a balance in wei below `below`; negative where speculative debits run ahead of credits."""
        deltas = self._deltas.get(address)
        base: int = self._base_read((address, BALANCE, 0))
        return base if deltas is None else base + deltas.total(below)

    def nonce(self, address: Address, below: TxIndex) -> int:
        """Return a nonce below `below`."""
        value: int = self._latest((address, NONCE, 0), below)
        return value

    def code_hash(self, address: Address, below: TxIndex) -> bytes:
        """Return the keccak-256 hash of an account's code below `below`."""
        value: bytes = self._latest((address, CODE, 0), below)
        return value

    def exists(self, address: Address, below: TxIndex) -> bool:
        """Return whether an account exists below `below`: under EIP-161, whether it is not empty."""
        if not self.derived_existence:
            return bool(self._latest((address, EXISTENCE, 0), below))
        # Whoever has a balance exists: asked first, as a bound says so of most, without summing up what all have paid.
        least: int = self._base_read((address, BALANCE, 0))
        changes = self._deltas.get(address)
        if changes is not None:
            least += changes.least(below)
        return least > 0 or self.proven(address, below) or self.balance(address, below) != 0

    def proven(self, address: Address, below: TxIndex) -> bool:
        """Return whether nonce or code alone prove that an account is not empty."""
        return self.nonce(address, below) != 0 or self.code_hash(address, below) != EMPTY_CODE_HASH

    def _latest(self, location: Location, below: TxIndex) -> Any:
        entry = self._versions.get(location)
        if entry is not None:
            position = bisect_left(entry[0], below)
            if position:
                return entry[1][position - 1]
        return self._base_read(location)

    def _cleared_slot(self, location: Location, below: TxIndex) -> Any:
        """Return a slot of an account cleared in the block; what a clearer writes comes after its clear."""
        clears = self._clears[location[0]]
        latest = bisect_left(clears, below)
        if not latest:
            return self._latest(location, below)
        indices, values = self._versions.get(location, ((), ()))
        position = bisect_left(indices, below)
        return values[position - 1] if position and indices[position - 1] >= clears[latest - 1] else 0

    # -- validating

    def holds(self, reads: ReadSet, bounds: Bounds, below: TxIndex) -> Location | None:
        """Return the first location whose value is not the one seen, or whose balance is below its bound.

        None says that a transaction at `below` with these reads would do exactly the same again, as far as the
        versions recorded by now can tell; at the head `SettledValues` asks, and that is final.
        """
        versions, clears, base_read = self._versions, self._clears, self._base_read
        for location, seen in reads.items():
            # `read` spelled out: this runs for every read of the block, and most meet no earlier version.
            entry = versions.get(location)
            if location[1] in _COMPOSED or location[0] in clears:
                value = self.read(location, below)
            elif entry is None or entry[0][0] >= below:
                value = base_read(location)
            else:
                value = entry[1][bisect_left(entry[0], below) - 1]
            if value != seen:
                return location
        for address, bound in bounds.items():
            if self.balance(address, below) < bound:
                return address, BALANCE, 0
        return None

    def disturbed(self, reads: ReadSet, bounds: Bounds, below: TxIndex) -> bool:
        """Return whether writes of this block contradict reads or bounds; unlike `holds`, a hint.

        Most reads meet no version at all: those are not compared.
        """
        versions, deltas, clears = self._versions, self._deltas, self._clears
        suspects = {
            location: seen
            for location, seen in reads.items()
            if location in versions or location[1] in _COMPOSED or location[0] in clears
        }
        limits = {address: bound for address, bound in bounds.items() if address in deltas}
        return self.holds(suspects, limits, below) is not None

    # -- who wrote

    def writer(self, location: Location, below: TxIndex) -> TxIndex:
        """Return the last transaction before `below` that wrote or cleared `location`; -1 if none did."""
        entry = self._versions.get(location)
        position = bisect_left(entry[0], below) if entry is not None else 0
        last = entry[0][position - 1] if entry is not None and position else -1
        if location[1] == STORAGE and location[0] in self._clears:
            clears = self._clears[location[0]]
            position = bisect_left(clears, below)
            return max(last, clears[position - 1]) if position else last
        return last

    def next_writer(self, location: Location, index: TxIndex) -> TxIndex | None:
        """Return the first after `index` that wrote `location`: who reads later, reads its value."""
        entry = self._versions.get(location)
        if entry is None:
            return None
        position = bisect_right(entry[0], index)
        return entry[0][position] if position < len(entry[0]) else None

    def changers(self, address: Address, below: TxIndex, since: TxIndex = 0) -> list[TxIndex]:
        """Return who changed the balance of `address` from `since` on and before `below`, in block order."""
        deltas = self._deltas.get(address)
        if deltas is None:
            return []
        return deltas.indices[bisect_left(deltas.indices, since) : bisect_left(deltas.indices, below)]
