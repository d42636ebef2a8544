"""A futures exchange of the contracts Perp and Oracle: how it is set up at genesis, and how its storage reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from scheduler.access import Address
from workloads.stage import Deployed, Stage
from workloads.workload import StateReader

WAD, BPS = 10**18, 10_000
DECIMALS = 6
"""Of the margin token."""
SCALE: int = 10 ** (36 - DECIMALS)
"""Size times price over this is an amount of the margin token."""
UNIT: int = 10**DECIMALS
LOT, FEE = 10**15, 10
"""Sizes are whole lots; the fee is basis points of what is traded."""
FUND = 20_000_000 * UNIT
"""What the insurance fund of a market starts with."""
MAINTENANCE = 500
FUNDING_PER_SECOND = 34 * 10**9
"""About 0.3 % a day where all is on one side."""
CAP = 10**12 * WAD
NO_LIMIT = {True: 2**256 - 1, False: 0}
"""The price limit that never stops a buyer, and a seller."""

Key = tuple[Address, Address, bool]
"""A position: trader, asset, and whether it is long."""
Prices = tuple[Mapping[Address, tuple[int, ...]], ...]
"""Per block, the prices posted in it."""


@dataclass(frozen=True, slots=True)
class Position:
    """A position, or a side, as it is stored; `margin` is 0 for a side."""

    size: int
    margin: int
    cost: int
    index: int


@dataclass(frozen=True)
class Exchange:
    """The futures contract, its oracle and margin token, and the assets that have a market."""

    perp: Deployed
    oracle: Deployed
    token: Deployed
    assets: tuple[Address, ...]

    def book(self, state: StateReader, asset: Address, member: str) -> int:
        """Return a member of a market's book."""
        value = self.perp.read(state, "books", asset, member=member, struct="Book")
        return signed(value) if member in ("pnl", "funding", "seized") else value

    def side(self, state: StateReader, asset: Address, long: bool) -> Position:  # noqa: FBT001 - as the contract has it
        """Return what is open on one side of a market."""
        size, cost, index = (
            self.perp.read(state, "sides", asset, int(long), member=member, struct="Side")
            for member in ("size", "cost", "index")
        )
        return Position(size, 0, cost, signed(index))

    def position(self, state: StateReader, key: Key) -> Position:
        """Return a position; one that is not open is all zeros."""
        trader, asset, long = key
        size, margin, cost, index = (
            self.perp.read(state, "positions", trader, asset, int(long), member=member, struct="Position")
            for member in ("size", "margin", "cost", "index")
        )
        return Position(size, margin, cost, signed(index))

    def terms(self, state: StateReader, asset: Address, member: str) -> int:
        """Return a term of a market: leverage, maintenance, funding or cap."""
        return self.perp.read(state, "terms", asset, member=member, struct="Terms")

    def price(self, state: StateReader, asset: Address) -> int:
        """Return the oracle's price, with 18 decimals."""
        return self.oracle.read(state, "prices", asset)


def signed(word: int) -> int:
    """Return a slot as an int256."""
    return word - (1 << 256) if word >> 255 else word


def equity(position: Position, *, long: bool, price: int, index: int) -> int:
    """Return margin, gain and funding at a price and funding index, each rounded against the trader."""
    worth = position.size * price
    gain = worth // SCALE - position.cost if long else position.cost + (-worth // SCALE)
    return position.margin + gain + (-position.size * (index - position.index)) // SCALE


def open_exchange(stage: Stage, token: Deployed, prices: Mapping[Address, int], leverage: int) -> Exchange:
    """Deploy oracle and futures; each asset has a price (18 decimals), a market, and a fund that the owner gives."""
    oracle = stage.deploy("Oracle")
    perp = stage.deploy("Perp", token.address, oracle.address)
    stage.allow(token, [stage.owner], perp.address)
    stage.mint(token, stage.owner.address, FUND * len(prices))
    for asset, price in prices.items():
        stage.setup(stage.owner, oracle, "set_price", asset, price)
        stage.setup(stage.owner, perp, "list_market", asset, leverage, MAINTENANCE, FUNDING_PER_SECOND, CAP)
        stage.setup(stage.owner, perp, "insure", asset, FUND)
    return Exchange(perp, oracle, token, tuple(prices))


def give_collateral(stage: Stage, venue: Exchange, holder: Address, amount: int) -> None:
    """Give `holder` free collateral at genesis."""
    stage.mint(venue.token, venue.perp.address, amount)
    stage.seed_slot(venue.perp.at("collateral", holder), amount)


def prices_by_block(posted: Iterable[tuple[int, Address, int]], blocks: int) -> Prices:
    """Return the prices of each block and asset from (block, asset, price) in order."""
    found: list[dict[Address, tuple[int, ...]]] = [{} for _ in range(blocks)]
    for block, asset, price in posted:
        found[block][asset] = (*found[block].get(asset, ()), price)
    return tuple(found)
