"""What must hold of coins minted against collateral, after every block; all is read from storage by layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduler.access import Address
from workloads.checks import SupplyCheck
from workloads.stablecoin_issuer import BPS, RAY, Issuer, Key
from workloads.stage import Deployed
from workloads.workload import Check, StateReader

Entries = tuple[Mapping[Key, int], ...]
"""Per block, the positions that minted or withdrew last without being liquidated after it, and the price then."""


def checks_of(
    issuer: Issuer,
    members: Sequence[Address],
    keys: Iterable[Key],
    entries: Sequence[Mapping[Key, int]],
    sent: Sequence[int],
) -> tuple[Check, ...]:
    """Return what must hold; `members` are all who may have tokens, `keys` all positions that there ever were."""
    holders = (*members, issuer.positions.address)
    return (
        SupplyOfCoinsCheck(issuer, tuple(members), tuple(sent)),
        BooksCheck(issuer, tuple(keys)),
        RatioCheck(issuer, tuple(entries)),
        *(
            SupplyCheck(
                f"0x{token.address.hex()[:8]}",
                token.at("totalSupply"),
                tuple(token.at("balanceOf", holder) for holder in holders),
            )
            for token in issuer.tokens
        ),
    )


@dataclass(frozen=True)
class SupplyOfCoinsCheck:
    """Coins are debt: supply = debts + what was written off - fees not yet collected, up to roundings against users.

    Fees enter when time passes (debts and fees grow alike, no coin is made), and become coins when they are
    collected. Every transaction may round by less than one unit of scaled debt and one coin's smallest unit.
    """

    issuer: Issuer
    holders: tuple[Address, ...]
    sent: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per sum that is off."""
        issuer, lines = self.issuer, []
        supply = issuer.coin.read(after, "totalSupply")
        held = sum(issuer.coin.read(after, "balanceOf", holder) for holder in self.holders)
        if held != supply:
            lines.append(f"coins: balances sum to {held}, the supply is {supply}")
        old, new = self._surplus(before), self._surplus(after)
        largest = max(issuer.book(after, token.address, "index") for token in issuer.tokens) // RAY
        most = ((largest + 2) * self.sent[block_index] + len(issuer.tokens)) * RAY
        if not old <= new <= old + most:
            lines.append(f"debts and losses exceed coins and fees by {new} (over 10^27), by {old} before the block")
        return lines

    def _surplus(self, state: StateReader) -> int:
        """Return debts + written off - fees - supply, times RAY."""
        owed = 0
        for token in self.issuer.tokens:
            scaled, index, fees, lost = (
                self.issuer.book(state, token.address, name) for name in ("scaled_debt", "index", "fees", "written_off")
            )
            owed += scaled * index + (lost - fees) * RAY
        return owed - self.issuer.coin.read(state, "totalSupply") * RAY


@dataclass(frozen=True)
class BooksCheck:
    """Positions sum to the books, the books' collateral is in the contract, and indexes grow by the fee of the terms.

    `keys` are all positions that there ever were.
    """

    issuer: Issuer
    keys: tuple[Key, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per book that is off."""
        lines = []
        for token in self.issuer.tokens:
            found = [*self._sums(after, token), *self._index(before, after, token.address)]
            lines += [f"collateral 0x{token.address.hex()[:8]}: {line}" for line in found]
        return lines

    def _sums(self, after: StateReader, token: Deployed) -> Iterator[str]:
        mine = [key for key in self.keys if key[1] == token.address]
        for member in ("collateral", "scaled_debt"):
            booked = self.issuer.book(after, token.address, member)
            summed = sum(self.issuer.position(after, key, member) for key in mine)
            if booked != summed:
                yield f"the book's {member} is {booked}, the positions have {summed}"
        booked = self.issuer.book(after, token.address, "collateral")
        held = token.read(after, "balanceOf", self.issuer.positions.address)
        if booked != held:
            yield f"the book has {booked} of collateral, the token balance is {held}"

    def _index(self, before: StateReader, after: StateReader, asset: Address) -> Iterator[str]:
        issuer = self.issuer
        index, found = issuer.book(before, asset, "index"), issuer.book(after, asset, "index")
        elapsed = issuer.book(after, asset, "updated_at") - issuer.book(before, asset, "updated_at")
        expected = index - (-index * issuer.terms(before, asset, "fee") * elapsed // RAY)
        if found != expected:
            yield f"the index is {found}, the fee of {elapsed} s makes it {expected}"


@dataclass(frozen=True)
class RatioCheck:
    """Whoever minted or withdrew was left with the minimum ratio, at the price of that moment.

    The index is the same all block long, and what comes after in the block (a deposit, a repayment) only helps:
    so the state after the block must still meet the ratio.
    """

    issuer: Issuer
    entries: Entries

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per position with too little collateral."""
        lines = []
        for key, price in self.entries[block_index].items():
            user, asset = key
            unit, ratio = (self.issuer.terms(after, asset, name) for name in ("unit", "ratio"))
            debt = self.issuer.position(after, key, "scaled_debt") * self.issuer.book(after, asset, "index")
            worth = self.issuer.position(after, key, "collateral") * price
            if worth * BPS * RAY < debt * ratio * unit:
                whose = f"position of 0x{user.hex()[:8]} in 0x{asset.hex()[:8]}"
                lines.append(f"{whose}: {worth // unit} of collateral for {debt // RAY} of debt is below {ratio} bps")
        return lines
