"""The contracts of fractions themselves: who may hold, how dividends divide, and what a loan costs."""

from __future__ import annotations

import pytest

from workloads.rwa_estate import FUND, ISSUED, UNIT, WAD, Estate, open_estate, seed_fractions
from workloads.stage import Deployed, Stage

YEAR = 365 * 86_400
ALL = 2**256 - 1


class Office:
    """Ann and Bob with 100 and 50 fractions worth 50 each, Liz is listed without any, Eve is not listed."""

    def __init__(self) -> None:
        self.stage = Stage("rwa", 1, block_seconds=YEAR)
        self.ann, self.bob, self.liz, self.eve = self.stage.accounts("person", 4)
        listed = (self.ann, self.bob, self.liz)
        self.estate: Estate = open_estate(self.stage, 1, listed, (self.eve,))
        (self.token,) = self.estate.tokens
        seed_fractions(self.stage, self.token, self.ann.address, 100)
        seed_fractions(self.stage, self.token, self.bob.address, 50)
        self.stage.begin_block()

    def call(self, sender: str, place: Deployed, function: str, *arguments: int | bytes) -> str:
        """Call a contract; return why it failed, or nothing."""
        person = self.stage.owner if sender == "owner" else getattr(self, sender)
        reason = self.stage.why(person, place.address, place.contract.call(function, *arguments))
        return "" if self.stage.send(function, person, place, function, *arguments) else reason

    def token_call(self, sender: str, function: str, *arguments: int | bytes) -> str:
        """Call the token."""
        return self.call(sender, self.token, function, *arguments)

    def loan_call(self, sender: str, function: str, *arguments: int | bytes) -> str:
        """Call the lender for the one token."""
        return self.call(sender, self.estate.loans, function, self.token.address, *arguments)

    def liquidate(self, sender: str, borrower: str) -> str:
        """Let `sender` liquidate the loan of `borrower`."""
        whom = getattr(self, borrower).address
        return self.call(sender, self.estate.loans, "liquidate", whom, self.token.address)

    def transfer(self, sender: str, receiver: str, amount: int) -> str:
        """Move fractions."""
        return self.token_call(sender, "transfer", getattr(self, receiver).address, amount)

    def held(self, user: str) -> int:
        """Return somebody's fractions."""
        return self.stage.get(self.token, "balanceOf", getattr(self, user).address)

    def money(self, user: str) -> int:
        """Return somebody's money."""
        return self.stage.get(self.estate.money, "balanceOf", getattr(self, user).address)

    def claimable(self, user: str) -> int:
        """Return what somebody could claim."""
        return self.stage.ask(self.token, "claimable", getattr(self, user).address) or 0

    def owed(self, user: str) -> int:
        """Return what somebody owes."""
        return self.stage.ask(self.estate.loans, "owed", getattr(self, user).address, self.token.address) or 0

    def price(self, price: int) -> None:
        """Let the owner post a valuation."""
        assert self.call("owner", self.estate.oracle, "set_price", self.token.address, price) == ""

    def next_year(self) -> None:
        """Begin another block, a year later."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def office() -> Office:
    return Office()


def test_fractions_move_between_listed_persons_only(office: Office) -> None:
    registry = office.estate.registry
    assert office.transfer("ann", "eve", 1) == "not listed"
    assert office.call("owner", registry, "list_holder", office.eve.address) == ""
    assert office.transfer("ann", "eve", 1) == ""
    assert office.call("owner", registry, "delist_holder", office.eve.address) == "holds fractions"
    assert office.transfer("eve", "bob", 1) == ""
    assert office.call("owner", registry, "delist_holder", office.eve.address) == ""
    assert (office.held("ann"), office.held("bob"), office.held("eve")) == (99, 51, 0)


def test_dividends_go_to_who_holds_when_they_are_deposited(office: Office) -> None:
    assert office.token_call("owner", "deposit_dividend", ISSUED * UNIT) == ""
    assert office.transfer("ann", "liz", 40) == ""
    assert office.token_call("owner", "deposit_dividend", ISSUED * UNIT) == ""
    assert [office.claimable(user) for user in ("ann", "bob", "liz")] == [160 * UNIT, 100 * UNIT, 40 * UNIT]
    before = office.money("ann")
    assert office.token_call("ann", "claim") == ""
    assert office.money("ann") - before == 160 * UNIT
    assert office.token_call("ann", "claim") == "nothing to claim"
    assert office.token_call("eve", "claim") == "not listed"


def test_what_does_not_divide_is_carried_over_and_nothing_is_lost(office: Office) -> None:
    for _ in range(3):  # one unit of money for millions of fractions, thrice
        assert office.token_call("owner", "deposit_dividend", 1) == ""
    assert office.claimable("ann") == 0
    assert office.token_call("owner", "deposit_dividend", ISSUED - 3) == ""
    assert office.claimable("ann") == 100
    assert office.stage.get(office.token, "carry") == 0


def test_a_pledged_fraction_earns_but_does_not_move(office: Office) -> None:
    assert office.loan_call("ann", "borrow", 60, 1_800 * UNIT + 1) == "not enough collateral"
    assert office.loan_call("ann", "borrow", 60, 1_800 * UNIT) == ""
    assert office.transfer("ann", "bob", 41) == "insufficient balance"
    assert office.transfer("ann", "bob", 40) == ""
    assert office.loan_call("ann", "borrow", 1, UNIT) == "insufficient balance"
    assert office.token_call("owner", "deposit_dividend", ISSUED * UNIT) == ""
    assert office.claimable("ann") == 60 * UNIT
    assert office.loan_call("ann", "repay", 900 * UNIT, 31) == "not enough collateral"
    assert office.loan_call("ann", "repay", 900 * UNIT, 30) == ""
    assert office.transfer("ann", "bob", 30) == ""
    assert office.loan_call("ann", "repay", ALL, 0) == ""
    assert office.transfer("ann", "bob", 30) == ""


def test_a_year_costs_simple_interest_and_it_is_paid_first(office: Office) -> None:
    assert office.loan_call("ann", "borrow", 100, 1_000 * UNIT) == ""
    office.next_year()
    interest = office.owed("ann") - 1_000 * UNIT
    assert interest == pytest.approx(80 * UNIT, rel=0.001)
    assert office.loan_call("ann", "repay", interest, 0) == ""
    loans = office.estate.loans
    assert office.stage.get(loans, "lent") == 1_000 * UNIT
    assert office.stage.get(loans, "earned") == interest
    assert office.owed("ann") == 1_000 * UNIT
    assert office.call("owner", loans, "withdraw", interest) == ""
    assert office.stage.get(loans, "given") == FUND


def test_only_loans_above_the_threshold_are_liquidated_and_only_by_listed_persons(office: Office) -> None:
    assert office.loan_call("ann", "borrow", 100, 3_000 * UNIT) == ""
    office.price(40 * WAD)
    assert office.liquidate("liz", "ann") == "healthy", "exactly 75 %"
    office.price(39 * WAD)
    assert office.liquidate("ann", "ann") == "own loan"
    assert office.liquidate("eve", "ann") == "not listed"
    before = office.money("liz")
    assert office.liquidate("liz", "ann") == ""
    assert before - office.money("liz") == 3_000 * UNIT
    assert office.held("liz") == 3_000 * 108 // (39 * 100)
    assert office.liquidate("liz", "ann") == "no loan"
    assert office.transfer("ann", "bob", 100 - office.held("liz")) == "", "the rest is free"


def test_what_fractions_do_not_cover_is_lost_to_the_lender(office: Office) -> None:
    assert office.loan_call("ann", "borrow", 100, 3_000 * UNIT) == ""
    office.price(27 * WAD)
    before = office.money("liz")
    assert office.liquidate("liz", "ann") == ""
    assert before - office.money("liz") == 2_500 * UNIT, "100 fractions at 27, less the penalty"
    assert office.held("liz") == 100
    assert office.stage.get(office.estate.loans, "lost") == 500 * UNIT
    assert office.owed("ann") == 0


@pytest.mark.parametrize(
    ("sender", "place", "function", "arguments", "reason"),
    [
        ("ann", "registry", "list_holder", ("eve",), "only an officer"),
        ("ann", "registry", "delist_holder", ("liz",), "only an officer"),
        ("ann", "registry", "add_token", ("eve",), "only the owner"),
        ("ann", "registry", "set_officer", ("ann", 1), "only the owner"),
        ("ann", "registry", "set_owner", ("ann",), "only the owner"),
        ("owner", "registry", "list_holder", ("ann",), "listed already"),
        ("owner", "registry", "list_holder", (0,), "zero holder"),
        ("owner", "registry", "delist_holder", ("eve",), "not listed"),
        ("ann", "token", "deposit_dividend", (5,), "only the issuer"),
        ("owner", "token", "deposit_dividend", (0,), "amount out of range"),
        ("ann", "token", "transferFrom", ("bob", "ann", 1), "insufficient allowance"),
        ("ann", "token", "set_agent", ("ann",), "only the issuer"),
        ("owner", "token", "set_agent", ("ann",), "agent set already"),
        ("owner", "token", "freeze", ("ann", 1), "only the agent"),
        ("owner", "token", "release", ("ann", 1), "only the agent"),
        ("owner", "token", "seize", ("ann", "bob", 1), "only the agent"),
        ("ann", "loans", "borrow", ("token", 1, 0), "nothing to borrow"),
        ("ann", "loans", "borrow", ("eve", 1, 1), "not a collateral"),
        ("ann", "loans", "repay", ("token", 1, 0), "no loan"),
        ("ann", "loans", "fund", (1,), "only the owner"),
        ("ann", "loans", "withdraw", (1,), "only the owner"),
        ("owner", "loans", "withdraw", (FUND + 1,), "not enough cash"),
        ("ann", "loans", "set_terms", ("token", 1, 2, 0, 0), "only the owner"),
        ("owner", "loans", "set_terms", ("token", 7_500, 7_500, 0, 0), "ltv out of range"),
        ("owner", "loans", "set_terms", ("token", 6_000, 9_500, 800, 0), "threshold out of range"),
    ],
)
def test_what_must_not_be_is_refused(
    office: Office, sender: str, place: str, function: str, arguments: tuple[int | str, ...], reason: str
) -> None:
    named = [getattr(office, each).address if isinstance(each, str) else each for each in arguments]
    where = office.token if place == "token" else getattr(office.estate, place)
    assert office.call(sender, where, function, *named) == reason
