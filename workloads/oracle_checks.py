"""What must hold of a median oracle and of those who sell at its price, after every block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from scheduler.access import Address
from workloads.stage import Deployed
from workloads.workload import StateReader

BPS = 10_000
Answers = tuple[Mapping[Address, tuple[int, ...]], ...]
"""Per block, the answers that were given in it."""


@dataclass(frozen=True)
class Bazaar:
    """Oracle, offers and money, the assets' tokens, and how old a report may be (s) and how many it takes."""

    oracle: Deployed
    offers: Deployed
    money: Deployed
    assets: tuple[Deployed, ...]
    max_age: int
    quorum: int

    def answer(self, state: StateReader, asset: Address, member: str = "price") -> int:
        """Return a member of an asset's answer: price, at or round."""
        return self.oracle.read(state, "answers", asset, member=member, struct="Answer")

    def offer(self, state: StateReader, maker: Address, asset: Address, member: str) -> int:
        """Return a member of an offer: left, sold or spread."""
        return self.offers.read(state, "offers", maker, asset, member=member, struct="Offer")

    def reports(self, state: StateReader, asset: Address) -> list[tuple[int, int]]:
        """Return time and price of every report."""
        count = self.oracle.read(state, "reporter_count", asset)
        return [
            (self._report(state, asset, number, "at"), self._report(state, asset, number, "price"))
            for number in range(1, count + 1)
        ]

    def _report(self, state: StateReader, asset: Address, number: int, member: str) -> int:
        return self.oracle.read(state, "reports", asset, number, member=member, struct="Report")


@dataclass(frozen=True)
class MedianCheck:
    """The answer is the median of the reports that were fresh when the last of them came, and is of that time.

    With too few of them it is the answer of before.
    """

    bazaar: Bazaar

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per wrong answer."""
        lines = []
        for token in self.bazaar.assets:
            found = self._of_asset(before, after, token.address)
            lines += [f"asset 0x{token.address.hex()[:8]}: {line}" for line in found]
        return lines

    def _of_asset(self, before: StateReader, after: StateReader, asset: Address) -> Iterator[str]:
        bazaar = self.bazaar
        reports = bazaar.reports(after, asset)
        last = max(at for at, _ in reports)
        fresh = sorted(price for at, price in reports if at + bazaar.max_age >= last)
        found = bazaar.answer(after, asset), bazaar.answer(after, asset, "at")
        earlier = bazaar.answer(before, asset), bazaar.answer(before, asset, "at")
        middle = fresh[(len(fresh) - 1) // 2] + fresh[len(fresh) // 2]
        expected = (middle // 2, last) if len(fresh) >= bazaar.quorum else earlier
        if found[0] != expected[0]:
            yield f"the price is {found[0]}, not {expected[0]}, the median of {fresh}"
        if found[1] != expected[1]:
            yield f"the answer is of {found[1]}, the last report that counts of {expected[1]}"
        rounds = bazaar.answer(after, asset, "round") - bazaar.answer(before, asset, "round")
        if rounds < 0 or (rounds == 0) != (found == earlier):
            yield f"{rounds} rounds make {earlier} into {found}"


@dataclass(frozen=True)
class SalesCheck:
    """Makers give exactly what they sold, and get what it cost at prices that stood in the block.

    Makers buy nothing, so that their tokens say what they sold. `answers` are those given in each block.
    """

    bazaar: Bazaar
    makers: tuple[Address, ...]
    answers: Answers
    sent: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per maker and asset that is off."""
        lines = []
        for maker in self.makers:
            found = [*self._gave(before, after, maker), *self._got(before, after, maker, block_index)]
            lines += [f"maker 0x{maker.hex()[:8]}: {line}" for line in found]
        held = sum(
            token.read(after, "balanceOf", self.bazaar.offers.address)
            for token in (*self.bazaar.assets, self.bazaar.money)
        )
        return lines if held == 0 else [*lines, f"the offers' contract holds {held} tokens"]

    def _sold(self, before: StateReader, after: StateReader, maker: Address, asset: Address) -> int:
        offer = self.bazaar.offer
        return offer(after, maker, asset, "sold") - offer(before, maker, asset, "sold")

    def _gave(self, before: StateReader, after: StateReader, maker: Address) -> Iterator[str]:
        for token in self.bazaar.assets:
            given = token.read(before, "balanceOf", maker) - token.read(after, "balanceOf", maker)
            sold = self._sold(before, after, maker, token.address)
            if given != sold:
                yield f"sold {sold} of 0x{token.address.hex()[:8]} and gave {given}"

    def _got(self, before: StateReader, after: StateReader, maker: Address, block_index: int) -> Iterator[str]:
        bazaar = self.bazaar
        least = most = 0
        for token in bazaar.assets:
            asset = token.address
            sold = self._sold(before, after, maker, asset)
            prices = (bazaar.answer(before, asset), *self.answers[block_index].get(asset, ()))
            charged = BPS + bazaar.offer(after, maker, asset, "spread")
            unit = 10**30 * BPS  # 18 decimals of asset and of price, 6 of the money
            least += sold * min(prices) * charged // unit
            # Each sale rounds up by less than one unit.
            most += sold * max(prices) * charged // unit + (self.sent[block_index] if sold else 0)
        got = bazaar.money.read(after, "balanceOf", maker) - bazaar.money.read(before, "balanceOf", maker)
        if not least <= got <= most:
            yield f"got {got} for what cost from {least} to {most} at the prices of the block"
