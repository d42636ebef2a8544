"""The contract with the register itself: who owes what, at which prices, and who bears a loss."""

from __future__ import annotations

import pytest

from workloads.stage import ETHER, Deployed, Stage
from workloads.synthetics_pool import NATIVE, WAD, SynthPool, open_pool

ALL = 2**256 - 1


class Floor:
    """Ann, Bob and Liz, ether at 3 000; Bob has 300 ether inside and 100 000 sUSD, which is all there is."""

    def __init__(self) -> None:
        self.stage = Stage("synthetics", 1)
        self.ann, self.bob, self.liz = self.stage.accounts("person", 3)
        self.pool: SynthPool = open_pool(self.stage, 2)
        self.usd, self.btc = self.pool.tokens
        self.stage.begin_block()
        assert self.act("bob", "deposit", value=300 * ETHER) == ""
        assert self.act("bob", "issue", self.usd.address, 100_000 * WAD) == ""

    def act(self, sender: str, function: str, *arguments: int | bytes, value: int = 0) -> str:
        """Call the pool; return why it failed, or nothing."""
        return self.call(sender, self.pool.synthetics, function, *arguments, value=value)

    def call(self, sender: str, place: Deployed, function: str, *arguments: int | bytes, value: int = 0) -> str:
        """Call a contract; return why it failed, or nothing."""
        person = self.stage.owner if sender == "owner" else getattr(self, sender)
        reason = self.stage.why(person, place.address, place.contract.call(function, *arguments))
        return "" if self.stage.send(function, person, place, function, *arguments, value=value) else reason

    def price(self, asset: bytes, price: int) -> None:
        """Let the owner post a price."""
        assert self.call("owner", self.pool.oracle, "set_price", asset, price) == ""

    def debt(self, user: str) -> int:
        """Return what the contract says somebody owes."""
        return self.stage.ask(self.pool.synthetics, "debt_of", getattr(self, user).address) or 0

    def tokens(self, user: str, token: Deployed) -> int:
        """Return how much of a token somebody has."""
        return self.stage.get(token, "balanceOf", getattr(self, user).address)

    def liquidate(self, sender: str, user: str, amount: int = ALL >> 128) -> str:
        """Let `sender` liquidate `user` with sUSD."""
        return self.act(sender, "liquidate", getattr(self, user).address, self.usd.address, amount)


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_issuing_stops_at_the_ratio_to_the_unit(floor: Floor) -> None:
    assert floor.act("ann", "deposit", value=10 * ETHER) == ""
    assert floor.act("ann", "issue", floor.usd.address, 10_000 * WAD + 1) == "not enough collateral"
    assert floor.act("ann", "issue", floor.usd.address, 10_000 * WAD) == ""
    assert floor.debt("ann") == 10_000 * WAD
    assert floor.act("ann", "withdraw", 1) == "not enough collateral"
    assert floor.act("ann", "issue", floor.btc.address, 1) == "not enough collateral"


def test_everybody_owes_a_part_of_what_others_gain(floor: Floor) -> None:
    assert floor.act("ann", "deposit", value=300 * ETHER) == ""
    assert floor.act("ann", "issue", floor.btc.address, 100_000 * WAD // 60_000) == ""
    floor.price(floor.btc.address, 120_000 * WAD)
    for user in ("ann", "bob"):
        assert floor.debt(user) == pytest.approx(150_000 * WAD, abs=10**6)
    # Ann burns half of her tokens, now worth 100 000 of the 150 000 that she owes.
    assert floor.act("ann", "burn", floor.btc.address, floor.tokens("ann", floor.btc) // 2) == ""
    assert floor.debt("ann") == pytest.approx(50_000 * WAD, abs=10**6)
    assert floor.debt("bob") == pytest.approx(150_000 * WAD, abs=10**6)


def test_an_exchange_costs_the_fee_and_it_lowers_all_debts(floor: Floor) -> None:
    usd, btc = floor.usd.address, floor.btc.address
    assert floor.act("bob", "exchange", usd, 60_000 * WAD, btc, WAD) == "too little comes out"
    assert floor.act("bob", "exchange", usd, 60_000 * WAD, btc, 0) == ""
    assert floor.tokens("bob", floor.btc) == 997 * 10**15
    assert floor.debt("bob") == 99_820 * WAD
    assert floor.act("bob", "exchange", btc, 997 * 10**15, usd, 0) == ""
    assert floor.tokens("bob", floor.usd) < 100_000 * WAD, "there and back is a loss"


def test_burning_everything_frees_all_ether_and_keeps_what_is_not_needed(floor: Floor) -> None:
    assert floor.act("ann", "deposit", value=10 * ETHER) == ""
    assert floor.act("ann", "issue", floor.usd.address, 1_000 * WAD) == ""
    assert floor.stage.send("pay", floor.bob, floor.usd, "transfer", floor.ann.address, 5 * WAD)
    assert floor.act("ann", "burn", floor.usd.address, 1_005 * WAD) == ""
    assert floor.tokens("ann", floor.usd) == 5 * WAD
    assert floor.debt("ann") == 0
    before = floor.stage.balance(floor.ann.address)
    assert floor.act("ann", "withdraw", 10 * ETHER) == ""
    assert 0 < before + 10 * ETHER - floor.stage.balance(floor.ann.address) < ETHER // 100, "less gas"
    assert floor.act("ann", "burn", floor.usd.address, WAD) == "no debt"


def test_only_the_unhealthy_are_liquidated(floor: Floor) -> None:
    assert floor.act("ann", "deposit", value=10 * ETHER) == ""
    assert floor.act("ann", "issue", floor.usd.address, 10_000 * WAD) == ""
    floor.price(NATIVE, 2_000 * WAD)
    assert floor.liquidate("bob", "ann") == "healthy", "exactly twice the debt"
    floor.price(NATIVE, 1_999 * WAD)
    assert floor.liquidate("ann", "ann") == "own position"
    assert floor.liquidate("bob", "ann", 0) == "nothing to seize"
    assert floor.liquidate("bob", "ann", 4_000 * WAD) == ""
    seized = 10 * ETHER - floor.pool.of(floor.stage, "collateral", floor.ann.address)
    assert seized == 4_400 * WAD * WAD // (1_999 * WAD)
    assert floor.debt("ann") == 6_000 * WAD
    assert floor.tokens("bob", floor.usd) == 96_000 * WAD
    assert floor.liquidate("bob", "ann") == "healthy", "part of it was enough"


def test_what_ether_does_not_cover_falls_to_the_others(floor: Floor) -> None:
    assert floor.act("ann", "deposit", value=10 * ETHER) == ""
    assert floor.act("ann", "issue", floor.usd.address, 10_000 * WAD) == ""
    floor.price(NATIVE, 550 * WAD)  # 10 ether pay for 5 000, with the penalty
    assert floor.liquidate("bob", "ann") == ""
    assert floor.tokens("bob", floor.usd) == 95_000 * WAD
    assert floor.pool.of(floor.stage, "collateral", floor.ann.address) == 0
    assert floor.debt("ann") == 0
    assert floor.debt("bob") == 105_000 * WAD
    assert floor.liquidate("bob", "ann") == "no debt"


@pytest.mark.parametrize(
    ("sender", "function", "arguments", "reason"),
    [
        ("ann", "deposit", (), "nothing to deposit"),
        ("ann", "withdraw", (0,), "nothing to withdraw"),
        ("ann", "withdraw", (1,), "more than deposited"),
        ("bob", "issue", ("usd", 0), "nothing to issue"),
        ("bob", "issue", (NATIVE, 5), "not a synthetic token"),
        ("ann", "issue", ("usd", 5), "not enough collateral"),
        ("bob", "burn", ("usd", 0), "nothing to burn"),
        ("bob", "exchange", ("usd", 5, "usd", 0), "same token"),
        ("bob", "exchange", ("usd", 5, NATIVE, 0), "not a synthetic token"),
        ("bob", "exchange", ("usd", 0, "btc", 0), "too little comes out"),
        ("ann", "exchange", ("usd", 5 * WAD, "btc", 0), "insufficient balance"),
        ("ann", "add_synth", (NATIVE,), "only the owner"),
        ("owner", "add_synth", ("usd",), "added already"),
        ("owner", "add_synth", (b"\x05",), "no price"),
        ("ann", "set_owner", (b"\x05",), "only the owner"),
        ("owner", "set_owner", (0,), "zero owner"),
    ],
)
def test_what_must_not_be_is_refused(
    floor: Floor, sender: str, function: str, arguments: tuple[int | bytes | str, ...], reason: str
) -> None:
    named = [getattr(floor, each).address if isinstance(each, str) else each for each in arguments]
    assert floor.act(sender, function, *named) == reason


def test_ether_without_a_call_is_refused_and_only_the_pool_makes_tokens(floor: Floor) -> None:
    assert not floor.stage.send("gift", floor.ann, floor.pool.synthetics.address, value=ETHER)
    for function in ("mint", "burn"):
        assert floor.call("owner", floor.usd, function, floor.bob.address, 5) == "only the owner"
