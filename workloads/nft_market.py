"""The genesis of workload nft: tokens dealt out, some of them collateral of loans that began before; and the draws."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.block_builder import GENESIS_TIME
from workloads.distributions import Zipf, log_normal
from workloads.nft_checks import DAY, MEMBERS, OPEN, Lending, as_address
from workloads.parameters import Parameters
from workloads.stage import Deployed, Stage

UNIT = 10**6
WALLET = 10**9 * UNIT
MEDIAN_LOAN = 2_000.0
LEAST_RATE, MOST_RATE = 500, 4_000
"""Interest a year, in basis points."""
LONGEST = 60
"""Days a loan may last."""
OVERDUE = 4
"""At genesis one loan in so many is past due."""

Terms = tuple[int, int, int]
"""Principal, rate (basis points a year), duration (s)."""
Place = tuple[Deployed, int]
"""A token: its collection and number."""


@dataclass
class Trading:
    """A generation in progress: what is asked for, whose offers stand, and which loans are open."""

    stage: Stage
    parameters: Parameters
    lending: Lending
    users: tuple[KeyPair, ...]
    ranks: Zipf
    keys: dict[Address, KeyPair]
    requests: list[Place] = field(default_factory=list)
    offers: list[tuple[KeyPair, Deployed]] = field(default_factory=list)

    def someone(self) -> KeyPair:
        """Draw a user."""
        return self.users[self.ranks.draw(self.stage.random)]

    def terms(self) -> Terms:
        """Draw what somebody asks for or offers."""
        random = self.stage.random
        principal = int(log_normal(random, MEDIAN_LOAN, 0.8, 20) * UNIT)
        return principal, random.randint(LEAST_RATE, MOST_RATE), random.randint(1, LONGEST) * DAY

    def free(self) -> tuple[Place, KeyPair] | None:
        """Draw a token that is nobody's collateral, and its owner."""
        random, lending = self.stage.random, self.lending
        for _ in range(20):
            place = random.choice(lending.collections), random.randint(1, lending.size)
            owner = lending.owner(self.stage, *place)
            if owner in self.keys:
                return place, self.keys[owner]
        return None

    def loan(self, *, overdue: bool) -> int | None:
        """Draw an open loan that is past due, or one that is not; None if a search finds none."""
        ids = self.lending.ids(self.stage)
        if not ids:
            return None
        start = self.stage.random.randrange(len(ids))
        order: tuple[int, ...] = (*ids[start:], *ids[:start])
        for number in order:
            if self.member(number, "status") == OPEN and (self.member(number, "due") < self.stage.now) == overdue:
                return number
        return None

    def member(self, loan: int, name: str) -> int:
        """Return a member of a loan."""
        return self.stage.get(self.lending.loans, "loans", loan, member=name, struct="Loan")

    def party(self, loan: int, name: str) -> KeyPair:
        """Return a loan's lender or borrower."""
        return self.keys[as_address(self.member(loan, name))]

    def send(self, operation: str, sender: KeyPair, *arguments: int | bytes) -> bool:
        """Call the loans' contract."""
        return self.stage.send(operation, sender, self.lending.loans, operation, *arguments)


def open_market(stage: Stage, parameters: Parameters) -> Trading:
    """Deploy all, deal the tokens out, and let some of them be collateral."""
    users = stage.accounts("user", parameters.integer("users"))
    money = stage.token("USD", {user.address: WALLET for user in users}, 6)
    loans = stage.deploy("NftLoans", money.address)
    collections = tuple(stage.deploy("Nft") for _ in range(parameters.integer("collections")))
    lending = Lending(loans, money, collections, parameters.integer("tokens"))
    ranks = Zipf(len(users), parameters.number("zipf_users"))
    work = Trading(stage, parameters, lending, users, ranks, {user.address: user for user in users})
    stage.allow(money, users, loans.address)
    for collection in collections:
        stage.seed_slot(collection.at("totalSupply"), lending.size)
        for user in users:
            stage.seed_slot(collection.at("isApprovedForAll", user.address, loans.address), 1)
        for number in range(1, lending.size + 1):
            _deal(work, collection, number)
    return work


def _deal(work: Trading, collection: Deployed, number: int) -> None:
    """Give a token to a user, or to the loans' contract with a loan that began up to 60 days ago."""
    stage, loans = work.stage, work.lending.loans
    borrower, lender = stage.random.sample(work.users, 2)
    owner = borrower.address
    if stage.random.random() < work.parameters.number("open"):
        owner = loans.address
        place = loans.at("next_id")
        loan_id = stage.state.accounts[loans.address].storage[place[2]]
        principal, rate, duration = work.terms()
        overdue = stage.random.randrange(OVERDUE) == 0
        started = GENESIS_TIME - duration + (-1 if overdue else stage.random.randint(DAY // 24, duration))
        parties = tuple(int.from_bytes(who, "big") for who in (lender.address, borrower.address, collection.address))
        words = OPEN, *parties, number, principal, rate, started, started + duration
        for member, value in zip(MEMBERS[:-1], words, strict=True):  # nothing is paid
            stage.seed_slot(loans.at("loans", loan_id, member=member, struct="Loan"), value)
        stage.seed_slot(place, loan_id + 1)
    stage.seed_slot(collection.at("owners", number), int.from_bytes(owner, "big"))
    held = collection.at("balanceOf", owner)
    stage.seed_slot(held, stage.state.accounts[collection.address].storage.get(held[2], 0) + 1)
