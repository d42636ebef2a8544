"""What must hold of fractions of assets after every block; all is read from storage by layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from scheduler.access import Address
from workloads.checks import SupplyCheck
from workloads.rwa_estate import BPS, ISSUED, MONEY_SCALE, SCALE, Estate, Key
from workloads.stage import Deployed
from workloads.workload import Check, StateReader


def checks_of(
    estate: Estate, people: Sequence[Address], keys: Iterable[Key], entries: Iterable[Mapping[Key, int]]
) -> tuple[Check, ...]:
    """Return what must hold; `people` are all who could have fractions or money, `keys` all loans there ever were."""
    ever, money = tuple(keys), estate.money
    places = (*people, estate.loans.address, *(token.address for token in estate.tokens))
    balances = tuple(money.at("balanceOf", place) for place in places)
    return (
        FractionCheck(estate, tuple(people), ever),
        DividendCheck(estate, tuple(people)),
        LoanCheck(estate, ever, tuple(entries)),
        SupplyCheck("USD", money.at("totalSupply"), balances),
    )


@dataclass(frozen=True)
class FractionCheck:
    """All fractions that were issued are held, by listed persons only, and what is frozen is what loans are against.

    `people` are all who could have fractions, listed or not; `keys` all loans that there ever were.
    """

    estate: Estate
    people: tuple[Address, ...]
    keys: tuple[Key, ...]

    def violations(self, _before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per token or holder that is off."""
        lines = []
        for token in self.estate.tokens:
            found = [*self._holders(after, token), *self._frozen(after, token)]
            lines += [f"fractions 0x{token.address.hex()[:8]}: {line}" for line in found]
        return lines

    def _holders(self, after: StateReader, token: Deployed) -> Iterator[str]:
        balances = {holder: token.read(after, "balanceOf", holder) for holder in self.people}
        if sum(balances.values()) != ISSUED:
            yield f"balances sum to {sum(balances.values())}, {ISSUED} were issued"
        for holder, held in balances.items():
            if held and not self.estate.listed(after, holder):
                yield f"0x{holder.hex()[:8]} holds {held} and is not listed"

    def _frozen(self, after: StateReader, token: Deployed) -> Iterator[str]:
        pledged = {holder: self.estate.loan(after, (holder, of), "fractions") for holder, of in self._loans(token)}
        for holder in self.people:
            frozen = token.read(after, "frozen", holder)
            if frozen != pledged.get(holder, 0):
                yield f"0x{holder.hex()[:8]} has {frozen} frozen, and a loan against {pledged.get(holder, 0)}"
            if frozen > token.read(after, "balanceOf", holder):
                yield f"0x{holder.hex()[:8]} has {frozen} frozen and holds less"

    def _loans(self, token: Deployed) -> list[Key]:
        return [key for key in self.keys if key[1] == token.address]


@dataclass(frozen=True)
class DividendCheck:
    """What holders are owed and what was paid is what was deposited, to the last digit: nothing is rounded away.

    Entitlements are kept times SCALE, and what does not divide by the fractions is carried over, so this is exact.
    """

    estate: Estate
    people: tuple[Address, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per sum that is off."""
        lines = []
        for token in self.estate.tokens:
            found = [*self._sums(after, token), *self._paid(before, after, token)]
            lines += [f"dividends 0x{token.address.hex()[:8]}: {line}" for line in found]
        return lines

    def _sums(self, after: StateReader, token: Deployed) -> Iterator[str]:
        deposited, paid, accumulator, carry = (
            token.read(after, name) for name in ("deposited", "paid", "accumulator", "carry")
        )
        if accumulator * ISSUED + carry != deposited * SCALE or carry >= ISSUED:
            yield f"{accumulator} for each fraction and {carry} carried are not the {deposited} deposited"
        owed = carry
        for holder in self.people:
            grown = accumulator - token.read(after, "marks", holder)
            owed += token.read(after, "credits", holder) + token.read(after, "balanceOf", holder) * grown
        if owed + paid * SCALE != deposited * SCALE:
            yield f"owed are {owed} / {SCALE}, paid {paid}: together not the {deposited} deposited"
        held = self.estate.money.read(after, "balanceOf", token.address)
        if held != deposited - paid:
            yield f"deposited less paid is {deposited - paid}, the money there is {held}"

    @staticmethod
    def _paid(before: StateReader, after: StateReader, token: Deployed) -> Iterator[str]:
        for name in ("paid", "deposited", "accumulator"):
            old, new = token.read(before, name), token.read(after, name)
            if new < old:
                yield f"{name} fell from {old} to {new}"


@dataclass(frozen=True)
class LoanCheck:
    """The lender's books balance, and whoever borrowed or had fractions released stayed within the loan-to-value.

    `entries` are per block the loans that were risked last without being liquidated after it, and the price then.
    """

    estate: Estate
    keys: tuple[Key, ...]
    entries: tuple[Mapping[Key, int], ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        return [*self._books(after), *self._cover(after, block_index)]

    def _books(self, after: StateReader) -> Iterator[str]:
        loans = self.estate.loans
        cash, lent, given, earned, lost = (
            loans.read(after, name) for name in ("cash", "lent", "given", "earned", "lost")
        )
        if cash + lent != given + earned - lost:
            yield f"cash {cash} and loans {lent} are not {given} given, {earned} earned, less {lost} lost"
        summed = sum(self.estate.loan(after, key, "principal") for key in self.keys)
        if lent != summed:
            yield f"lent are {lent}, the borrowers owe {summed} without interest"
        held = self.estate.money.read(after, "balanceOf", loans.address)
        if held != cash:
            yield f"cash is {cash}, the lender's money {held}"

    def _cover(self, after: StateReader, block_index: int) -> Iterator[str]:
        for key, price in self.entries[block_index].items():
            ltv = self.estate.loans.read(after, "terms", key[1], member="ltv", struct="Terms")
            owed = self.estate.loan(after, key, "principal") + self.estate.loan(after, key, "interest")
            worth = self.estate.loan(after, key, "fractions") * price // MONEY_SCALE
            if owed * BPS > worth * ltv:
                yield f"0x{key[0].hex()[:8]} borrowed {owed} against {worth}, above {ltv} basis points"
