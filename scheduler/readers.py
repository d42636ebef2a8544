"""Who has read what, so that a change finds the results it makes stale without looking at the others."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable
from heapq import heappop, heappush

from scheduler.access import (
    BALANCE,
    CODE,
    EXISTENCE,
    NONCE,
    STORAGE,
    Address,
    Bounds,
    Location,
    ReadSet,
    TxIndex,
    WriteSet,
)
from scheduler.multi_version import MultiVersionState


class _BoundWatch:
    """The bounds held on one balance: new ones unweighed, the others by what they have to spare.

    `drained` only grows, by every debit wherever it stands in the block; a bound is looked at again when all
    it had to spare may be gone. So a rich account read by everybody costs nothing.
    """

    __slots__ = ("drained", "unweighed", "weighed")

    def __init__(self) -> None:
        self.drained = 0
        self.unweighed: list[tuple[TxIndex, int]] = []
        self.weighed: list[tuple[int, TxIndex, int]] = []

    def weigh(self, reader: TxIndex, bound: int, to_spare: int) -> None:
        """Keep a bound until `to_spare` more is drained."""
        heappush(self.weighed, (self.drained + to_spare, reader, bound))

    def drain(self, amount: int) -> list[tuple[TxIndex, int]]:
        """Return the (reader, bound) that may be broken now; they are no longer kept."""
        self.drained += amount
        suspects, self.unweighed = self.unweighed, []
        while self.weighed and self.weighed[0][0] < self.drained:
            suspects.append(heappop(self.weighed)[1:])
        return suspects


class ReaderIndex:
    """The reads and bounds of results that stand and are not settled yet.

    It may miss a result that became stale (settling finds that); it never names one that is current.
    """

    __slots__ = ("_bounds", "_existence_read", "_readers", "_results", "_slots", "_state")

    def __init__(self, state: MultiVersionState) -> None:
        self._state = state
        self._results: dict[TxIndex, tuple[ReadSet, Bounds]] = {}
        self._readers: dict[Location, TxIndex | list[TxIndex]] = {}  # most locations have one reader
        self._bounds: dict[Address, _BoundWatch] = {}
        self._existence_read: set[Address] = set()
        self._slots: dict[Address, set[Location]] | None = None

    def add(self, index: TxIndex, reads: ReadSet, bounds: Bounds) -> None:
        """Watch what `index` has read."""
        self._results[index] = reads, bounds
        claim = self._readers.setdefault
        for location in reads:
            key = location if location[1] != EXISTENCE else self._existence_key(location, reads)
            found = claim(key, index)
            if found != index:
                self._readers[key] = _with(found, index)
        for address, bound in bounds.items():
            watch = self._bounds.get(address)
            if watch is None:
                watch = self._bounds[address] = _BoundWatch()
            watch.unweighed.append((index, bound))
        if self._slots is not None:
            _add_slots(self._slots, reads)

    def discard(self, index: TxIndex) -> None:
        """Stop watching `index`: its result is stale or settled."""
        self._results.pop(index, None)

    def disturbed_by(self, index: TxIndex, old: WriteSet, new: WriteSet) -> list[TxIndex]:
        """Return who has read what changed when `index` wrote `new` in place of `old`, in block order.

        The new versions must be recorded already.
        """
        stale: set[TxIndex] = set()
        existence_makers = (NONCE, CODE) if self._state.derived_existence else (EXISTENCE,)
        for location in _changed_values(old, new):
            if location in self._readers:
                self._scan(location, location, index, stale)
            if location[1] in existence_makers:
                self._existence_changed(location[0], index, stale)
        for address, change in _balance_changes(old, new):
            self._balance_changed(address, index, change, stale)
        for address in old.clears ^ new.clears:
            for location in self._slots_of(address):
                self._scan(location, location, index, stale)
        return sorted(stale)

    def resting_on(self, index: TxIndex, writes: WriteSet) -> set[TxIndex]:
        """Return who has read a value that `index` wrote, its balance changes included."""
        found: set[TxIndex] = set()
        balances = [(address, BALANCE, 0) for address in writes.deltas]
        for location in (*writes.values, *balances):
            address, kind, _ = location
            for key in [(address, EXISTENCE, 0), (address, EXISTENCE, 1)] if kind == EXISTENCE else [location]:
                readers, first, end = self._reached(key, location, index)
                found.update(reader for reader in readers[first:end] if location in self._reads(reader))
        return found

    def _reached(self, key: Location, location: Location, index: TxIndex) -> tuple[list[TxIndex], int, int]:
        """Return readers, of which those from the first to before the second position see what `index` writes.

        Who reads behind the next writer is out of reach, so a slot that everybody writes is still cheap.
        """
        found = self._readers.get(key, -1)
        readers = [found] if isinstance(found, int) else found
        if readers[-1] <= index:
            return readers, 0, 0
        last = self._state.next_writer(location, index)
        end = len(readers) if last is None else bisect_right(readers, last)
        return readers, bisect_right(readers, index), end

    def _scan(self, key: Location, location: Location, index: TxIndex, stale: set[TxIndex]) -> None:
        """Add those readers of `location` to `stale` for whom a change made by `index` changed the value."""
        readers, first, end = self._reached(key, location, index)
        for position in range(end - 1, first - 1, -1):
            reader = readers[position]
            reads = self._reads(reader)
            if location in reads and self._state.read(location, reader) == reads[location]:
                continue
            if location in reads:
                stale.add(reader)
            del readers[position]
        if first < end and readers:
            self._readers[key] = readers
        elif first < end:
            del self._readers[key]

    def _reads(self, reader: TxIndex) -> ReadSet:
        result = self._results.get(reader)
        return {} if result is None else result[0]

    # -- existence

    def _existence_key(self, location: Location, reads: ReadSet) -> Location:
        """Return the key of those who saw this existence: a change concerns those who saw the other."""
        self._existence_read.add(location[0])
        return location[0], EXISTENCE, int(bool(reads[location]))

    def _existence_changed(self, address: Address, index: TxIndex, stale: set[TxIndex]) -> None:
        if address in self._existence_read:
            exists = self._state.exists(address, index + 1)
            self._scan((address, EXISTENCE, int(not exists)), (address, EXISTENCE, 0), index, stale)

    # -- balances

    def _balance_changed(self, address: Address, index: TxIndex, change: int, stale: set[TxIndex]) -> None:
        location = (address, BALANCE, 0)
        if location in self._readers:
            self._scan(location, location, index, stale)
        if self._state.derived_existence:
            self._existence_changed(address, index, stale)
        watch = self._bounds.get(address)
        if watch is not None and change < 0:
            for reader, bound in watch.drain(-change):
                self._check_bound(address, watch, reader, bound, stale)

    def _check_bound(
        self, address: Address, watch: _BoundWatch, reader: TxIndex, bound: int, stale: set[TxIndex]
    ) -> None:
        result = self._results.get(reader)
        if result is None or result[1].get(address) != bound:
            return
        to_spare = self._state.balance(address, reader) - bound
        if to_spare < 0:
            stale.add(reader)
        else:
            watch.weigh(reader, bound, to_spare)

    # -- cleared accounts

    def _slots_of(self, address: Address) -> list[Location]:
        """Return the slots read of `address`; the table is only built once a block clears an account."""
        if self._slots is None:
            self._slots = {}
            _add_slots(self._slots, self._readers)
        return list(self._slots.get(address, ()))


def _add_slots(slots: dict[Address, set[Location]], locations: Iterable[Location]) -> None:
    for location in locations:
        if location[1] == STORAGE:
            slots.setdefault(location[0], set()).add(location)


def _with(readers: TxIndex | list[TxIndex], index: TxIndex) -> list[TxIndex]:
    """Return the ascending readers with `index` among them."""
    if isinstance(readers, int):
        return [readers, index] if readers < index else [index, readers]
    position = bisect_left(readers, index)
    if position == len(readers) or readers[position] != index:
        readers.insert(position, index)
    return readers


def _changed_values(old: WriteSet, new: WriteSet) -> Iterable[Location]:
    if not old.values:
        return new.values
    locations = old.values.keys() | new.values.keys()
    return [location for location in locations if old.values.get(location) != new.values.get(location)]


def _balance_changes(old: WriteSet, new: WriteSet) -> Iterable[tuple[Address, int]]:
    if not old.deltas:
        return new.deltas.items()
    addresses = old.deltas.keys() | new.deltas.keys()
    changes = ((address, new.deltas.get(address, 0) - old.deltas.get(address, 0)) for address in addresses)
    return [(address, change) for address, change in changes if change]
