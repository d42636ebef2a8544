"""A delta-neutral position by itself: what the price does to it, who may touch it, and what a rebalance repairs."""

from __future__ import annotations

from math import isqrt

import pytest

from workloads.neutral_setup import START_PRICES, Work, deploy_strategy, open_markets
from workloads.parameters import Parameters
from workloads.perp_exchange import LOT, SCALE, UNIT, WAD
from workloads.stage import Stage

STAKE = 10_000 * UNIT
PRICE = START_PRICES[0] * WAD


class Desk:
    """Ann's position of 10 000 of money in the first asset, open; Bob is somebody else."""

    def __init__(self) -> None:
        self.stage = Stage("neutral", 1, block_seconds=600)
        self.work: Work = open_markets(self.stage, Parameters({"users": 4, "assets": 1, "zipf_users": 0.0}))
        self.work.users = (*self.work.users[1:], self.work.users[0])  # the fourth strategy is not opened at genesis
        for index in range(4):
            deploy_strategy(self.work, index)
        self.ann, self.bob = self.work.users[3], self.work.users[0]
        self.strategy = self.work.strategies[3]
        self.stage.begin_block()
        assert self.act("ann", "open", STAKE, 0) == ""

    def act(self, sender: str, function: str, *arguments: int) -> str:
        """Call the strategy; return why it failed, or nothing."""
        person, place = getattr(self, sender), self.strategy.contract
        reason = self.stage.why(person, place.address, place.contract.call(function, *arguments))
        return "" if self.stage.send(function, person, place, function, *arguments, gas=1_500_000) else reason

    def move(self, percent: int) -> None:
        """Move the oracle's price, and the pair's with it."""
        price = PRICE * (100 + percent) // 100
        market = self.work.markets[0]
        asset, money = market.tokens
        assert self.stage.send("post", self.stage.owner, self.work.venue.oracle, "set_price", asset.address, price)
        x, y = (self.stage.get(market.pair, name) for name in ("reserve0", "reserve1"))
        target = isqrt(x * y * SCALE // price)
        token, amount = (asset, target - x) if target > x else (money, x * y // target - y)
        assert self.stage.send("swap", self.bob, market.pair, "swap", token.address, amount, 0)

    def wealth(self) -> int:
        """Return what the strategy says it is worth."""
        return self.stage.ask(self.strategy.contract, "wealth") or 0

    def legs(self) -> tuple[int, int]:
        """Return what is held, and what is sold short."""
        key = self.strategy.contract.address, self.strategy.asset.address, 0
        short = self.stage.get(self.work.venue.perp, "positions", *key, member="size", struct="Position")
        return self.stage.get(self.strategy.contract, "held"), short

    def delta(self) -> int:
        """Return the net exposure."""
        held, short = self.legs()
        return held - short


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_opening_buys_spot_and_shorts_the_same_to_the_lot(desk: Desk) -> None:
    held, short = desk.legs()
    assert held * PRICE // SCALE == pytest.approx(STAKE * 6 // 10, rel=0.01)
    assert short % LOT == 0
    assert 0 <= held - short < LOT
    assert 0.99 * STAKE < desk.wealth() < STAKE, "less fee and slippage"


@pytest.mark.parametrize("percent", [-20, 20])
def test_the_price_moves_one_leg_as_much_as_the_other(desk: Desk, percent: int) -> None:
    before = desk.wealth()
    desk.move(percent)
    moved = desk.delta() * PRICE // SCALE * abs(percent) // 100
    assert abs(desk.wealth() - before) <= moved + 5


@pytest.mark.parametrize("percent", [-20, -3, 3, 20])
def test_a_rebalance_restores_the_shares_and_keeps_delta(desk: Desk, percent: int) -> None:
    desk.move(percent)
    assert desk.stage.ask(desk.strategy.contract, "due")
    before = desk.wealth()
    assert desk.act("bob", "rebalance") == "", "anyone may"
    held, _ = desk.legs()
    price = PRICE * (100 + percent) // 100
    assert held * price // SCALE == pytest.approx(desk.wealth() * 6 // 10, rel=0.01)
    assert 0 <= desk.delta() < LOT
    assert 0.997 * before < desk.wealth() <= before
    assert desk.act("bob", "rebalance") == "balanced"


def test_what_is_harvested_is_hedged_by_the_next_rebalance(desk: Desk) -> None:
    assert desk.act("ann", "harvest", 3 * LOT) == ""
    assert 3 * LOT <= desk.delta() < 4 * LOT
    assert desk.act("bob", "rebalance") == ""
    assert 0 <= desk.delta() < LOT


def test_closing_pays_everything_to_the_owner_and_no_profit_out_of_nothing(desk: Desk) -> None:
    money = desk.work.venue.token
    before = desk.stage.get(money, "balanceOf", desk.ann.address)
    assert desk.act("ann", "close") == ""
    paid = desk.stage.get(money, "balanceOf", desk.ann.address) - before
    assert 0.99 * STAKE < paid < STAKE
    assert desk.legs() == (0, 0)
    for token in (money, desk.strategy.asset):
        assert desk.stage.get(token, "balanceOf", desk.strategy.contract.address) == 0
    assert desk.act("ann", "open", STAKE, 0) == "", "and it can begin again"


def test_a_pair_away_from_the_oracle_is_not_traded_with(desk: Desk) -> None:
    venue, asset = desk.work.venue, desk.strategy.asset.address
    assert desk.stage.send("post", desk.stage.owner, venue.oracle, "set_price", asset, PRICE * 9 // 10)
    assert desk.act("ann", "close") == "", "it sells for more than the oracle says"
    assert desk.act("ann", "open", STAKE, 0) == "price too far from the oracle"


@pytest.mark.parametrize(
    ("sender", "function", "arguments", "reason"),
    [
        ("bob", "open", (STAKE, 0), "only the owner"),
        ("bob", "close", (), "only the owner"),
        ("ann", "open", (STAKE, 0), "already open"),
        ("ann", "harvest", (0,), "nothing to harvest"),
        ("ann", "rebalance", (), "balanced"),
    ],
)
def test_what_must_not_be_is_refused(
    desk: Desk, sender: str, function: str, arguments: tuple[int, ...], reason: str
) -> None:
    assert desk.act(sender, function, *arguments) == reason


def test_a_closed_position_takes_nothing_and_an_opening_minds_its_limits(desk: Desk) -> None:
    assert desk.act("ann", "close") == ""
    assert desk.act("ann", "harvest", LOT) == "not open"
    assert desk.act("ann", "rebalance") == "not open"
    assert desk.act("ann", "close") == "not open"
    assert desk.act("ann", "open", STAKE, WAD) == "too little comes out"
    assert desk.act("ann", "open", 90 * UNIT, 0) == "less than a lot"
