"""What must hold of perpetual futures after every block: books, profits, funding, and what was opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from scheduler.access import Address
from workloads.perp_exchange import BPS, SCALE, WAD, Exchange, Key, Position, Prices, equity
from workloads.workload import Check, StateReader

ROUNDING = 10
"""Units that partial closes in the same block may shift between margin and cost."""
SIDES = (True, False)


def checks_of(
    exchange: Exchange, traders: Iterable[Address], positions: Iterable[Key], prices: Prices, sent: Iterable[int]
) -> tuple[Check, ...]:
    """Return what must hold; `positions` are all that were ever opened, `sent` the transactions per block."""
    keys = tuple(positions)
    return (
        BooksCheck(exchange, tuple(traders), keys),
        ProfitCheck(exchange, prices, tuple(sent)),
        FundingCheck(exchange, keys, prices, tuple(sent)),
        EntryCheck(exchange, keys, prices),
    )


@dataclass(frozen=True)
class BooksCheck:
    """No margin is made or lost: traders' profits, fees and the insurance funds sum to what was brought in."""

    exchange: Exchange
    traders: tuple[Address, ...]
    positions: tuple[Key, ...]

    def violations(self, _before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per sum that is off."""
        open_now = {key: self.exchange.position(after, key) for key in self.positions}
        lines = [*self._claims(after, open_now)]
        for asset in self.exchange.assets:
            found = [*self._fund(after, asset), *self._sides(after, asset, open_now)]
            lines += [f"market 0x{asset.hex()[:8]}: {line}" for line in found]
        return lines

    def _claims(self, after: StateReader, open_now: Mapping[Key, Position]) -> Iterator[str]:
        venue = self.exchange
        free = sum(venue.perp.read(after, "collateral", trader) for trader in self.traders)
        margins = sum(position.margin for position in open_now.values())
        shared = sum(venue.book(after, asset, name) for asset in venue.assets for name in ("fund", "fees"))
        held = venue.token.read(after, "balanceOf", venue.perp.address)
        if held != free + margins + shared:
            yield f"collateral {free}, margins {margins}, funds and fees {shared}; the token balance is {held}"

    def _fund(self, after: StateReader, asset: Address) -> Iterator[str]:
        fund, given, pnl, funding, seized = (
            self.exchange.book(after, asset, name) for name in ("fund", "given", "pnl", "funding", "seized")
        )
        if fund != given - pnl + funding + seized:
            yield f"the fund is {fund}, not {given} given, less profits {pnl}, with funding {funding}, seized {seized}"

    def _sides(self, after: StateReader, asset: Address, open_now: Mapping[Key, Position]) -> Iterator[str]:
        for long in SIDES:
            side = self.exchange.side(after, asset, long)
            mine = [position for (_, of, is_long), position in open_now.items() if (of, is_long) == (asset, long)]
            size, cost = sum(position.size for position in mine), sum(position.cost for position in mine)
            if side.size != size:
                yield f"open interest is {side.size}, the positions have {size}"
            if side.cost != cost:
                yield f"the side's cost is {side.cost}, the positions have {cost}"


@dataclass(frozen=True)
class ProfitCheck:
    """At one price nobody gains: what becomes a profit was one before, on paper; rounding goes against traders.

    Only for markets whose price stayed the same in the block: otherwise the state does not say who traded when.
    """

    exchange: Exchange
    prices: Prices
    sent: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per market where profits came from nowhere, or went there."""
        lines = []
        for asset in self.exchange.assets:
            if asset not in self.prices[block_index]:
                gained = self._profits(after, asset) - self._profits(before, asset)
                if not -SCALE * self.sent[block_index] <= gained <= 0:
                    lines.append(f"market 0x{asset.hex()[:8]}: traders gained {gained} (over {SCALE}) at one price")
        return lines

    def _profits(self, state: StateReader, asset: Address) -> int:
        """Return profits taken and on paper, times SCALE."""
        price = self.exchange.price(state, asset)
        longs, shorts = (self.exchange.side(state, asset, long) for long in SIDES)
        paper = (longs.size - shorts.size) * price - (longs.cost - shorts.cost) * SCALE
        return self.exchange.book(state, asset, "pnl") * SCALE + paper


@dataclass(frozen=True)
class FundingCheck:
    """One side receives what the other pays, at the rate of the terms; only rounding stays with the fund.

    Indexes move once a block, by the open interest and for the time before it: so the state before it gives both.
    """

    exchange: Exchange
    positions: tuple[Key, ...]
    prices: Prices
    sent: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines = []
        for asset in self.exchange.assets:
            found = [
                *self._indexes(before, after, asset, block_index),
                *self._in_transit(before, after, asset, block_index),
            ]
            lines += [f"market 0x{asset.hex()[:8]}: {line}" for line in found]
        return lines

    def _indexes(self, before: StateReader, after: StateReader, asset: Address, block_index: int) -> Iterator[str]:
        sides = [self.exchange.side(before, asset, long) for long in SIDES]
        sizes = sides[0].size, sides[1].size
        moved = tuple(
            self.exchange.side(after, asset, long).index - side.index for long, side in zip(SIDES, sides, strict=True)
        )
        dust = sizes[0] * moved[0] + sizes[1] * moved[1]
        if not (dust == 0 or 0 < dust < min(sizes)):
            yield f"funding does not sum to 0: indexes moved by {moved} on {sizes}, a difference of {dust}"
        elapsed = self.exchange.book(after, asset, "updated_at") - self.exchange.book(before, asset, "updated_at")
        highest = self.exchange.terms(after, asset, "funding")
        prices = (self.exchange.price(before, asset), *self.prices[block_index].get(asset, ()))
        if moved not in [self._expected(sizes, highest, price, elapsed) for price in prices]:
            yield f"funding indexes moved by {moved} in {elapsed} s, which is not the rate of {sizes} at any price"

    @staticmethod
    def _expected(sizes: tuple[int, int], highest: int, price: int, elapsed: int) -> tuple[int, int]:
        longs, shorts = sizes
        if not (longs and shorts):
            return 0, 0
        rate = highest * abs(longs - shorts) // (longs + shorts)
        paid = price * rate * elapsed // WAD
        received = paid * max(sizes) // min(sizes)
        return (paid, -received) if longs > shorts else (-received, paid)

    def _in_transit(self, before: StateReader, after: StateReader, asset: Address, block_index: int) -> Iterator[str]:
        """Compare all that was paid with all that was received, settled or not: the difference is dust."""
        old, new = self._dust(before, asset), self._dust(after, asset)
        most = SCALE * self.sent[block_index] + self.exchange.side(before, asset, long=True).size
        if not 0 <= new - old <= most:
            yield f"funding paid less received was {old} and is {new} (over {SCALE}): more than rounding leaves"

    def _dust(self, state: StateReader, asset: Address) -> int:
        indexes = {long: self.exchange.side(state, asset, long).index for long in SIDES}
        unsettled = 0
        for key in self.positions:
            if key[1] == asset:
                position = self.exchange.position(state, key)
                unsettled += position.size * (indexes[key[2]] - position.index)
        return self.exchange.book(state, asset, "funding") * SCALE + unsettled


@dataclass(frozen=True)
class EntryCheck:
    """Whoever opened or grew a position did so within the leverage, and above maintenance, at a price of the block."""

    exchange: Exchange
    positions: tuple[Key, ...]
    prices: Prices

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per position that ought not to be."""
        lines = []
        for key in self.positions:
            trader, asset, long = key
            position = self.exchange.position(after, key)
            if position.size > self.exchange.position(before, key).size:
                prices = (self.exchange.price(before, asset), *self.prices[block_index].get(asset, ()))
                found = self._wrong(after, position, asset, long=long, prices=prices)
                lines += [f"position of 0x{trader.hex()[:8]} in 0x{asset.hex()[:8]}: {line}" for line in found]
        return lines

    def _wrong(
        self, after: StateReader, position: Position, asset: Address, *, long: bool, prices: tuple[int, ...]
    ) -> Iterator[str]:
        leverage, least = (self.exchange.terms(after, asset, name) for name in ("leverage", "maintenance"))
        index = self.exchange.side(after, asset, long).index
        standings = [
            (-(-position.size * price // SCALE), equity(position, long=long, price=price, index=index) + ROUNDING)
            for price in prices
        ]
        if not any(exposure <= leverage * own for exposure, own in standings):
            yield f"leverage is above {leverage} at every price of the block: (exposure, equity) {standings}"
        if not any(exposure * least <= own * BPS for exposure, own in standings):
            yield f"equity is below maintenance at every price of the block: (exposure, equity) {standings}"
