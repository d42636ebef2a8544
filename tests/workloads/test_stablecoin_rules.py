"""The contract with the positions itself: ratios to the unit, fees, who may liquidate, and who bears a loss."""

from __future__ import annotations

import pytest

from workloads.stablecoin_issuer import LEAST_DEBT, WAD, Issuer, open_issuer
from workloads.stage import Deployed, Stage

YEAR = 365 * 86_400
ALL = 2**256 - 1


class Bank:
    """Ann, Bob and Liz with tokens worth 3 000 each at a ratio of 150 %; Bob has 100 000 coins of his own debt."""

    def __init__(self) -> None:
        self.stage = Stage("stablecoin", 1, block_seconds=YEAR)
        self.ann, self.bob, self.liz = people = self.stage.accounts("person", 3)
        self.issuer: Issuer = open_issuer(self.stage, 1, people)
        self.token = self.issuer.tokens[0]
        self.stage.begin_block()
        assert self.act("bob", "open", 1_000 * WAD, 100_000 * WAD) == ""

    def act(self, sender: str, function: str, *arguments: int) -> str:
        """Call the positions' contract for the one collateral; return why it failed, or nothing."""
        return self.call(sender, self.issuer.positions, function, self.token.address, *arguments)

    def call(self, sender: str, place: Deployed, function: str, *arguments: int | bytes) -> str:
        """Call a contract; return why it failed, or nothing."""
        person = self.stage.owner if sender == "owner" else getattr(self, sender)
        reason = self.stage.why(person, place.address, place.contract.call(function, *arguments))
        return "" if self.stage.send(function, person, place, function, *arguments) else reason

    def liquidate(self, sender: str, user: str, coins: int = ALL) -> str:
        """Let `sender` liquidate the position of `user`."""
        whom = getattr(self, user).address
        return self.call(sender, self.issuer.positions, "liquidate", whom, self.token.address, coins)

    def price(self, price: int) -> None:
        """Let the owner post a price."""
        assert self.call("owner", self.issuer.oracle, "set_price", self.token.address, price) == ""

    def owed(self, user: str) -> int:
        """Return what the contract says a position owes."""
        whom = getattr(self, user).address
        return self.stage.ask(self.issuer.positions, "owed", whom, self.token.address) or 0

    def coins(self, user: str) -> int:
        """Return somebody's coins."""
        return self.stage.get(self.issuer.coin, "balanceOf", getattr(self, user).address)

    def book(self, member: str) -> int:
        """Return a member of the collateral's book."""
        return self.issuer.book(self.stage, self.token.address, member)

    def next_year(self) -> None:
        """Begin another block, a year later."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def bank() -> Bank:
    return Bank()


def test_minting_stops_at_the_ratio_to_the_unit(bank: Bank) -> None:
    assert bank.act("ann", "deposit", WAD) == ""
    most = bank.stage.ask(bank.issuer.positions, "most", bank.ann.address, bank.token.address) or 0
    assert most <= 2_000 * WAD
    assert bank.act("ann", "mint", most + 1) == "below the minimum ratio"
    # One unit of scaled debt is more than one coin's by now, and rounded up.
    assert bank.act("ann", "mint", most - 2) == ""
    assert bank.act("ann", "withdraw", 10) == "below the minimum ratio"
    assert bank.coins("ann") == most - 2
    assert most - 2 <= bank.owed("ann") <= most


def test_a_year_costs_the_fee_and_the_owner_collects_it(bank: Bank) -> None:
    before = bank.owed("bob")
    bank.next_year()
    grown = bank.owed("bob") - before
    assert grown == pytest.approx(before * 0.05, rel=0.001)
    owner = bank.stage.owner.address
    assert bank.call("owner", bank.issuer.positions, "collect_fees", bank.token.address, owner) == ""
    collected = bank.stage.get(bank.issuer.coin, "balanceOf", owner)
    # The fee of the first block's year, before there were debts, is nothing.
    assert 0 <= grown - collected <= 2
    assert bank.act("bob", "repay", ALL) == "insufficient balance", "the fee was never paid out to him"
    assert bank.stage.send("pay", bank.stage.owner, bank.issuer.coin, "transfer", bank.bob.address, collected)
    debt = bank.owed("bob")
    assert bank.act("bob", "repay", debt - LEAST_DEBT + 2) == "debt below the floor"
    assert bank.act("bob", "repay", debt - LEAST_DEBT - 1) == ""


def test_only_positions_below_the_ratio_are_liquidated_and_only_once(bank: Bank) -> None:
    assert bank.act("ann", "open", WAD, 1_999 * WAD) == ""
    assert bank.liquidate("bob", "ann") == "above the minimum ratio"
    bank.price(2_900 * WAD)
    assert bank.stage.ask(bank.issuer.positions, "liquidatable", bank.ann.address, bank.token.address)
    assert bank.liquidate("ann", "ann") == "own position"
    debt, held = bank.owed("ann"), bank.stage.get(bank.token, "balanceOf", bank.bob.address)
    assert bank.liquidate("bob", "ann") == ""
    seized = bank.stage.get(bank.token, "balanceOf", bank.bob.address) - held
    assert seized == debt * 11_300 // (2_900 * 10_000)
    assert bank.owed("ann") == 0
    assert bank.book("written_off") == 0
    assert bank.liquidate("bob", "ann") == "no debt"
    assert bank.act("ann", "withdraw", WAD - seized) == "", "what is left belongs to the user"


def test_a_part_can_be_liquidated_but_no_dust_is_left(bank: Bank) -> None:
    assert bank.act("ann", "open", WAD, 1_999 * WAD) == ""
    bank.price(2_900 * WAD)
    debt = bank.owed("ann")
    assert bank.liquidate("bob", "ann", debt - LEAST_DEBT // 2) == "debt below the floor"
    assert bank.liquidate("bob", "ann", 0) == "nothing to seize"
    assert bank.liquidate("bob", "ann", 1_000 * WAD) == ""
    assert debt - 1_000 * WAD <= bank.owed("ann") <= debt - 1_000 * WAD + 2
    assert bank.coins("bob") == 99_000 * WAD


def test_what_collateral_does_not_cover_is_written_off_and_fees_make_it_good(bank: Bank) -> None:
    assert bank.act("ann", "open", WAD, 1_999 * WAD) == ""
    bank.price(1_130 * WAD)  # one token pays for 1 000 coins, with the penalty
    debt = bank.owed("ann")
    assert bank.liquidate("bob", "ann") == ""
    assert bank.coins("bob") == 99_000 * WAD
    assert bank.book("written_off") == debt - 1_000 * WAD
    lost = bank.book("written_off")
    bank.next_year()
    owner = bank.stage.owner.address
    assert bank.call("owner", bank.issuer.positions, "collect_fees", bank.token.address, owner) == ""
    fees = bank.owed("bob") - 100_000 * WAD
    assert fees - lost - 2 <= bank.stage.get(bank.issuer.coin, "balanceOf", owner) <= fees - lost
    assert bank.book("written_off") == 0


@pytest.mark.parametrize(
    ("sender", "function", "arguments", "reason"),
    [
        ("ann", "deposit", (0,), "nothing to deposit"),
        ("ann", "mint", (LEAST_DEBT // 2,), "debt below the floor"),
        ("ann", "mint", (0,), "nothing to mint"),
        ("ann", "mint", (2 * 10**9 * WAD,), "above the ceiling"),
        ("ann", "mint", (LEAST_DEBT,), "below the minimum ratio"),
        ("ann", "repay", (1,), "no debt"),
        ("ann", "withdraw", (1,), "more than deposited"),
        ("bob", "withdraw", (0,), "nothing to withdraw"),
        ("bob", "repay", (0,), "nothing to repay"),
        ("ann", "set_terms", (15_000, 1_000, 0, 0), "only the owner"),
        ("ann", "collect_fees", (1,), "only the owner"),
        ("owner", "set_terms", (11_000, 1_000, 0, 0), "ratio out of range"),
        ("owner", "set_terms", (15_000, 1_000, 10**21, 0), "fee out of range"),
    ],
)
def test_what_must_not_be_is_refused(
    bank: Bank, sender: str, function: str, arguments: tuple[int, ...], reason: str
) -> None:
    assert bank.act(sender, function, *arguments) == reason


def test_other_collateral_is_refused_and_only_the_contract_makes_coins(bank: Bank) -> None:
    positions, coin = bank.issuer.positions, bank.issuer.coin
    assert bank.call("ann", positions, "deposit", coin.address, 5) == "not a collateral"
    assert bank.call("ann", positions, "set_owner", bank.ann.address) == "only the owner"
    for function in ("mint", "burn"):
        assert bank.call("owner", coin, function, bank.bob.address, 5) == "only the owner"
    assert bank.call("ann", coin, "set_owner", bank.ann.address) == "only the owner"
    assert bank.call("ann", coin, "transferFrom", bank.bob.address, bank.ann.address, 5) == "insufficient allowance"
    assert bank.call("ann", coin, "transfer", bank.bob.address, 5) == "insufficient balance"
