"""Storage as the reference models of contracts see it: what a call read and changed, with revert."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from scheduler.access import Address, Location


class Reverted(Exception):  # noqa: N818 - as the EVM says it
    """A modelled call reverts; the message is the contract's reason."""


class ModelStorage:
    """Slots of all modelled contracts, journalled per transaction.

    A model mirrors its contract statement by statement; the exact access set of a transaction and the state
    after it then follow by themselves. As in the EVM a store also reads, and reads outlive a revert.
    """

    __slots__ = ("_before", "_reads", "values")

    def __init__(self) -> None:
        self.values: dict[Location, int] = {}
        self._reads: set[Location] = set()
        self._before: dict[Location, int] = {}

    def load(self, location: Location) -> int:
        """Return a slot, 0 if absent, and note the read."""
        self._reads.add(location)
        return self.values.get(location, 0)

    def store(self, location: Location, value: int) -> None:
        """Write a slot; it counts as read too."""
        self._reads.add(location)
        self._before.setdefault(location, self.values.get(location, 0))
        self.values[location] = value

    def add(self, location: Location, amount: int) -> None:
        """Add to a slot."""
        self.store(location, self.load(location) + amount)

    @contextmanager
    def unnoticed(self) -> Iterator[None]:
        """Leave out of the reads whatever is loaded meanwhile: for questions of the generator's own."""
        reads, self._reads = self._reads, set()
        try:
            yield
        finally:
            self._reads = reads

    def begin(self) -> None:
        """Start a transaction."""
        self._reads = set()
        self._before = {}

    def revert(self) -> None:
        """Take back the transaction's writes; its reads stay."""
        self.values.update(self._before)
        self._before = {}

    def touched(self) -> tuple[frozenset[Location], frozenset[Location]]:
        """Return what the transaction read (all it touched) and what it changed."""
        values = self.values
        changed = frozenset(key for key, value in self._before.items() if values[key] != value)
        return frozenset(self._reads), changed

    def touched_on(self, values: dict[Location, int], step: Callable[[], object]) -> frozenset[Location]:
        """Return what `step` would touch on other values, which stay as they are but for zeros."""
        now, self.values = self.values, values
        self.begin()
        with suppress(Reverted):
            step()
        touched = frozenset(self._reads)
        self.revert()
        self.values = now
        self.begin()
        return touched

    def by_account(self) -> dict[Address, dict[int, int]]:
        """Return address -> slot -> value, without zeros: the storage of a genesis."""
        accounts: dict[Address, dict[int, int]] = {}
        for (address, _, slot), value in self.values.items():
            if value:
                accounts.setdefault(address, {})[slot] = value
        return accounts
