"""Invariants of the lending pool, read from storage after a block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.access import Address, Location
from workloads.block_builder import BLOCK_TIME, block_time
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import RAY, unpack_accrual
from workloads.storage_model import ModelStorage
from workloads.workload import StateReader, read_int


class StateStorage(ModelStorage):
    """A state as the storage of a model that is only asked."""

    __slots__ = ("_state",)

    def __init__(self, state: StateReader) -> None:
        super().__init__()
        self._state = state

    def load(self, location: Location) -> int:
        """Return a slot."""
        return read_int(self._state, location)


@dataclass(frozen=True)
class PoolCheck:
    """One pool: its books balance, it is solvent, indexes do not fall, and nobody borrowed too much.

    `members` are all who may have positions; `risked` per block who borrowed or withdrew in it.
    """

    pool: Pool
    members: tuple[Address, ...]
    risked: tuple[frozenset[Address], ...]
    block_seconds: int = BLOCK_TIME

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines = [
            f"pool 0x{self.pool.address.hex()[:8]}, {listing.asset.symbol}: {line}"
            for listing in self.pool.listings
            for line in (
                *self._books(listing, after),
                *self._totals(listing, after),
                *_falling(listing, before, after),
            )
        ]
        pool = self.pool.on(StateStorage(after), block_time(block_index, self.block_seconds))
        lines += [
            f"0x{user.hex()} borrowed or withdrew and has a health factor below 1"
            for user in sorted(self.risked[block_index])
            if not pool.standing(user).healthy
        ]
        return lines + [line for user in self.members for line in self._bits(user, after)]

    def _books(self, listing: Listing, after: StateReader) -> Iterator[str]:
        """Cash is what the token says, and what is owned is covered, exactly, in fractions of a base unit."""
        at = listing.slots
        cash = read_int(after, at.cash)
        held = read_int(after, listing.token.balance_at(self.pool.address))
        if cash != held:
            yield f"cash is {cash}, the token balance {held}"
        owned = read_int(after, at.scaled_supply) * read_int(after, at.supply_index)
        lent = read_int(after, at.scaled_debt) * _borrow_index(listing, after)
        free = cash + read_int(after, at.deficit) - read_int(after, at.fees)
        missing = owned - lent - free * RAY
        if missing > 0:
            yield f"insolvent by {-(-missing // RAY)}"

    def _totals(self, listing: Listing, after: StateReader) -> Iterator[str]:
        places = [self.pool.position_at(user, listing) for user in self.members]
        sides = (("supply", listing.slots.scaled_supply), ("debt", listing.slots.scaled_debt))
        for side, (name, total_at) in enumerate(sides):
            total = read_int(after, total_at)
            summed = sum(read_int(after, place[side]) for place in places)
            if total != summed:
                yield f"scaled {name} is {total}, the positions sum to {summed}"

    def _bits(self, user: Address, after: StateReader) -> Iterator[str]:
        """Compare a user's bitmap with where the user has something."""
        actual = 0
        for listing in self.pool.listings:
            supply_at, debt_at = self.pool.position_at(user, listing)
            actual |= listing.supply_bit * bool(read_int(after, supply_at))
            actual |= listing.supply_bit * bool(read_int(after, debt_at)) << 1
        bitmap = read_int(after, self.pool.bitmap_at(user))
        if bitmap != actual:
            yield f"0x{user.hex()} has bitmap {bitmap:#x}, the positions make {actual:#x}"


def _falling(listing: Listing, before: StateReader, after: StateReader) -> Iterator[str]:
    for name, at in (("supply index", listing.slots.supply_index), ("time", listing.slots.updated_at)):
        old, new = read_int(before, at), read_int(after, at)
        if new < old:
            yield f"{name} fell from {old} to {new}"
    old, new = _borrow_index(listing, before), _borrow_index(listing, after)
    if new < old:
        yield f"borrow index fell from {old} to {new}"


def _borrow_index(listing: Listing, state: StateReader) -> int:
    return unpack_accrual(read_int(state, listing.slots.accrual))[0]
