"""What must hold of loans against single tokens, after every block."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.access import Address
from workloads.artefacts import load_contract
from workloads.stage import Deployed
from workloads.workload import StateReader

OPEN, REPAID, SEIZED = 1, 2, 3
BPS, DAY, YEAR_DAYS = 10_000, 86_400, 365


@dataclass(frozen=True)
class Lending:
    """The loans' contract, the money, and the collections with how many tokens each has."""

    loans: Deployed
    money: Deployed
    collections: tuple[Deployed, ...]
    size: int

    def owner(self, state: StateReader, collection: Deployed, number: int) -> Address:
        """Return who owns a token."""
        return as_address(collection.read(state, "owners", number))

    def loan(self, state: StateReader, number: int) -> Loan:
        """Return a loan; all zero if there is none of this number."""
        read = self.loans.read
        return Loan(*(read(state, "loans", number, member=name, struct="Loan") for name in MEMBERS))

    def ids(self, state: StateReader) -> range:
        """Return the numbers of all loans so far."""
        return range(1, self.loans.read(state, "next_id"))


@dataclass(frozen=True)
class Loan:
    """The members of the contract's struct, as the words they are."""

    status: int
    lender: int
    borrower: int
    collection: int
    token_id: int
    principal: int
    rate: int
    started: int
    due: int
    paid: int

    @property
    def terms(self) -> tuple[int, ...]:
        """Return what never changes once the loan has started."""
        return self.lender, self.borrower, self.collection, self.token_id, self.principal, self.rate, self.started

    @property
    def place(self) -> tuple[Address, int]:
        """Return which token is the collateral."""
        return as_address(self.collection), self.token_id

    def owed(self, now: int) -> int:
        """Return principal and interest by days begun, rounded up."""
        days = (now - self.started) // DAY + 1
        return self.principal - (-self.principal * self.rate * days // (BPS * YEAR_DAYS))


MEMBERS = load_contract("NftLoans").structs["Loan"]


def as_address(value: int) -> Address:
    """Return the address that a slot holds."""
    return value.to_bytes(20, "big")


@dataclass(frozen=True)
class CollateralCheck:
    """Every token has one owner, as the owners' counts say, and lies in escrow exactly while its loan is open."""

    lending: Lending
    people: tuple[Address, ...]

    def violations(self, _before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        open_on = Counter(loan.place for loan in self._loans(after) if loan.status == OPEN)
        lines = []
        for collection in self.lending.collections:
            found = [*self._owners(after, collection), *self._escrow(after, collection, open_on)]
            lines += [f"collection 0x{collection.address.hex()[:8]}: {line}" for line in found]
        return lines

    def _loans(self, state: StateReader) -> list[Loan]:
        return [self.lending.loan(state, number) for number in self.lending.ids(state)]

    def _owners(self, after: StateReader, collection: Deployed) -> Iterator[str]:
        supply = collection.read(after, "totalSupply")
        if supply != self.lending.size:
            yield f"there are {supply} tokens, not {self.lending.size}"
        numbers = range(1, self.lending.size + 1)
        owned = Counter(self.lending.owner(after, collection, number) for number in numbers)
        for person in (*self.people, self.lending.loans.address):
            counted, found = collection.read(after, "balanceOf", person), owned.pop(person, 0)
            if counted != found:
                yield f"0x{person.hex()[:8]} owns {found} tokens, its count says {counted}"
        for stranger in owned:
            yield f"0x{stranger.hex()[:8]} owns tokens and is nobody here"

    def _escrow(self, after: StateReader, collection: Deployed, open_on: Counter[tuple[Address, int]]) -> Iterator[str]:
        for number in range(1, self.lending.size + 1):
            escrowed = self.lending.owner(after, collection, number) == self.lending.loans.address
            loans = open_on[collection.address, number]
            if loans != escrowed:
                yield f"token {number} is {'in escrow' if escrowed else 'free'}, with {loans} open loans on it"


@dataclass(frozen=True)
class BooksCheck:
    """Money moves from peer to peer exactly as the loans of the block say; loans end once, and as their terms say.

    `times` are the blocks' timestamps. Nobody here gets or gives money for anything else.
    """

    lending: Lending
    people: tuple[Address, ...]
    times: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines: list[str] = []
        moved: Counter[int] = Counter()
        for number in self.lending.ids(after):
            old, new = self.lending.loan(before, number), self.lending.loan(after, number)
            lines += [f"loan {number}: {line}" for line in self._loan(old, new, self.times[block_index])]
            if old.status == 0:
                moved[new.lender] -= new.principal
                moved[new.borrower] += new.principal
            if new.status == REPAID and old.status != REPAID:
                moved[new.borrower] -= new.paid
                moved[new.lender] += new.paid
        if len(self.lending.ids(after)) < len(self.lending.ids(before)):
            lines.append("loans are gone")
        return [*lines, *self._money(before, after, moved)]

    def _money(self, before: StateReader, after: StateReader, moved: Counter[int]) -> Iterator[str]:
        money = self.lending.money
        for person in (*self.people, self.lending.loans.address):
            gained = money.read(after, "balanceOf", person) - money.read(before, "balanceOf", person)
            expected = moved[int.from_bytes(person, "big")]
            if gained != expected:
                yield f"0x{person.hex()[:8]} has {gained} more money, the loans say {expected}"

    def _loan(self, old: Loan, new: Loan, now: int) -> Iterator[str]:
        if old.status == 0:
            if new.started != now or new.lender == new.borrower:
                yield f"started at {new.started} in a block of {now}, between {new.lender:x} and {new.borrower:x}"
        elif (old.terms, old.due) != (new.terms, new.due):
            yield "its terms changed"
        if new.status == old.status:
            if new.paid != old.paid:
                yield f"{old.paid} paid became {new.paid} by itself"
        elif old.status not in (0, OPEN) or new.status not in (OPEN, REPAID, SEIZED):
            yield f"its status went from {old.status} to {new.status}"
        elif new.status == REPAID and (new.paid != new.owed(now) or now > new.due):
            yield f"repaid with {new.paid} at {now}: due at {new.due}, owed {new.owed(now)}"
        elif new.status == SEIZED and (now <= new.due or new.paid):
            yield f"seized at {now}, due at {new.due}, with {new.paid} paid"
        elif new.status == OPEN and new.paid:
            yield f"starts with {new.paid} paid"
