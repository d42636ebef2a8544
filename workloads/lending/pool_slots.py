"""Where contracts/LendingPool.vy keeps what: reserves, positions, bitmaps, and the oracle's prices."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.access import STORAGE, Address, Location
from workloads.artefacts import Contract, load_contract
from workloads.lending.terms import Asset
from workloads.token_model import Token


@dataclass(frozen=True, slots=True)
class ReserveSlots:
    """Where the pool keeps one asset's reserve."""

    config: Location
    curve: Location
    updated_at: Location
    accrual: Location
    supply_index: Location
    scaled_supply: Location
    scaled_debt: Location
    cash: Location
    fees: Location
    deficit: Location


@dataclass(frozen=True)
class Listing:
    """An asset of a pool: what it is, its place in the pool, its token, its slots, its slot in the oracle."""

    asset: Asset
    index: int
    token: Token
    slots: ReserveSlots
    price_at: Location

    @property
    def supply_bit(self) -> int:
        """Return the bit in a user's bitmap; the one above it is for debt."""
        return int(1 << 2 * self.index)


class PoolSlots:
    """The slots of the pool at `address`; locations are remembered, since hashing is what costs."""

    def __init__(self, address: Address, oracle: Address) -> None:
        self.address = address
        self.oracle = oracle
        self.listings: list[Listing] = []
        self.contract: Contract = load_contract("LendingPool")
        self._oracle_contract = load_contract("Oracle")
        self._positions: dict[tuple[Address, int], tuple[Location, Location]] = {}
        self._bitmaps: dict[Address, Location] = {}
        self.oracle_at = self._at("oracle")

    def _at(self, variable: str, *keys: int | bytes) -> Location:
        return self.address, STORAGE, self.contract.slot(variable, *keys)

    def list_asset(self, asset: Asset, token: Token) -> Listing:
        """Add an asset; its slots are seeded by whoever makes the genesis."""
        first = self.contract.slot("reserves", token.address)
        names = self.contract.structs["Reserve"]
        members = {name: (self.address, STORAGE, first + i) for i, name in enumerate(names)}
        price_at = (self.oracle, STORAGE, self._oracle_contract.slot("prices", token.address))
        listing = Listing(asset, len(self.listings), token, ReserveSlots(**members), price_at)
        self.listings.append(listing)
        return listing

    def asset_at(self, index: int) -> Location:
        """Return where the address of asset `index` is kept."""
        return self.address, STORAGE, self.contract.layout["assets"] + index

    def position_at(self, user: Address, listing: Listing) -> tuple[Location, Location]:
        """Return the locations of a user's scaled supply and scaled debt in one asset."""
        known = self._positions.get((user, listing.index))
        if known is None:
            slot = self.contract.slot("positions", user, listing.token.address)
            known = (self.address, STORAGE, slot), (self.address, STORAGE, slot + 1)
            self._positions[user, listing.index] = known
        return known

    def bitmap_at(self, user: Address) -> Location:
        """Return the location of a user's bitmap."""
        known = self._bitmaps.get(user)
        if known is None:
            known = self._bitmaps[user] = self._at("user_assets", user)
        return known
