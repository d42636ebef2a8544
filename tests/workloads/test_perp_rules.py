"""The futures contract itself: who may do what, what it costs, when a position can be liquidated, and who pays."""

from __future__ import annotations

import pytest

from workloads.perp_exchange import (
    FUND,
    LOT,
    NO_LIMIT,
    UNIT,
    WAD,
    Exchange,
    Key,
    Position,
    give_collateral,
    open_exchange,
    signed,
)
from workloads.stage import Stage

ETH = bytes(19) + b"\xee"
PRICE = 3_000 * WAD
LONG, SHORT = True, False


class Floor:
    """Ann, Bob and Liz with 10 000 of collateral and of tokens each, on an exchange with one market at 3 000."""

    def __init__(self) -> None:
        self.stage = Stage("perp", 1, block_seconds=86_400)
        people = self.stage.accounts("person", 3)
        self.ann, self.bob, self.liz = people
        token = self.stage.token("USD", {person.address: 10_000 * UNIT for person in people}, 6)
        self.venue: Exchange = open_exchange(self.stage, token, {ETH: PRICE}, 10)
        for person in people:
            give_collateral(self.stage, self.venue, person.address, 10_000 * UNIT)
        self.stage.allow(token, people, self.venue.perp.address)
        self.stage.begin_block()

    def act(self, sender: object, function: str, *arguments: int | bytes) -> str:
        """Call the futures contract; return why it failed, or nothing."""
        person = getattr(self, str(sender))
        perp = self.venue.perp
        reason = self.stage.why(person, perp.address, perp.contract.call(function, *arguments))
        return "" if self.stage.send(function, person, perp, function, *arguments) else reason

    def enter(self, sender: str, long: bool, size: int, margin: int, function: str = "open") -> str:
        """Open or increase a position of `size` lots at any price."""
        return self.act(sender, function, ETH, int(long), size * LOT, margin, NO_LIMIT[long])

    def leave(self, sender: str, long: bool, size: int) -> str:
        """Close `size` lots at any price."""
        return self.act(sender, "close", ETH, int(long), size * LOT, NO_LIMIT[not long])

    def price(self, price: int) -> None:
        """Let the owner post a price."""
        assert self.stage.send("post", self.stage.owner, self.venue.oracle, "set_price", ETH, price)

    def next_day(self) -> None:
        """Begin another block, a day later."""
        self.stage.end_block()
        self.stage.begin_block()

    def key(self, sender: str, long: bool) -> Key:
        """Return the key of a position."""
        return getattr(self, sender).address, ETH, long

    def position(self, sender: str, long: bool) -> Position:
        """Return a position as stored."""
        names = ("size", "margin", "cost", "index")
        values = [
            self.stage.get(self.venue.perp, "positions", *self.key(sender, long), member=name, struct="Position")
            for name in names
        ]
        return Position(values[0], values[1], values[2], signed(values[3]))

    def equity(self, sender: str, long: bool) -> int:
        """Return what the contract says a position is worth."""
        return signed(self.stage.ask(self.venue.perp, "equity", *self.key(sender, long)) or 0)

    def free(self, sender: str) -> int:
        """Return free collateral."""
        return self.stage.get(self.venue.perp, "collateral", getattr(self, sender).address)

    def book(self, member: str) -> int:
        """Return a member of the market's book."""
        return signed(self.stage.get(self.venue.perp, "books", ETH, member=member, struct="Book"))


@pytest.fixture
def floor() -> Floor:
    return Floor()


def test_a_profit_is_paid_by_the_fund_and_a_loss_goes_there(floor: Floor) -> None:
    assert floor.enter("ann", LONG, 1_000, 503 * UNIT) == ""  # one whole unit, 3 of fee
    assert floor.position("ann", LONG) == Position(WAD, 500 * UNIT, 3_000 * UNIT, 0)
    assert floor.enter("bob", SHORT, 1_000, 503 * UNIT) == ""
    floor.price(3_100 * WAD)
    assert (floor.equity("ann", LONG), floor.equity("bob", SHORT)) == (600 * UNIT, 400 * UNIT)
    assert floor.leave("ann", LONG, 1_000) == ""
    assert floor.book("fund") == FUND - 100 * UNIT
    assert floor.leave("bob", SHORT, 1_000) == ""
    assert floor.book("fund") == FUND
    fees = (3 + 3) * UNIT + 2 * 31 * UNIT // 10
    assert floor.book("fees") == fees
    assert floor.free("ann") + floor.free("bob") == 20_000 * UNIT - fees


def test_a_trade_there_and_back_costs_its_fees_and_never_pays(floor: Floor) -> None:
    floor.price(2_999_999_999_999_999_999_999)  # one lot is worth a broken number of units
    for sender, long in (("ann", LONG), ("bob", SHORT)):
        assert floor.enter(sender, long, 7, 30 * UNIT) == ""
        for part in (3, 1, 3):
            assert floor.leave(sender, long, part) == ""
        assert floor.position(sender, long) == Position(0, 0, 0, 0)
        lost = 10_000 * UNIT - floor.free(sender)
        assert 0 <= lost - 42_000 <= 8, "two fees of 21 000 units, and rounding"
    assert floor.book("fund") >= FUND


def test_leverage_is_capped_at_entry_to_the_unit(floor: Floor) -> None:
    assert floor.enter("ann", LONG, 1_000, 303 * UNIT - 1) == "leverage above the cap"
    assert floor.enter("ann", LONG, 1_000, 303 * UNIT) == ""
    assert floor.enter("ann", LONG, 1_000, 302 * UNIT, "increase") == "leverage above the cap"
    floor.price(2_900 * WAD)
    assert floor.enter("ann", LONG, 0, 50 * UNIT, "increase") == "leverage above the cap"
    assert floor.enter("ann", LONG, 0, 90 * UNIT, "increase") == ""


def test_only_unhealthy_positions_are_liquidated_and_only_once(floor: Floor) -> None:
    floor.enter("ann", LONG, 1_000, 303 * UNIT)
    floor.price(2_843 * WAD)  # equity 143 of 2 843: just above 5 %
    assert floor.act("liz", "liquidate", *floor.key("ann", LONG)) == "healthy"
    assert not floor.stage.ask(floor.venue.perp, "liquidatable", *floor.key("ann", LONG))
    floor.price(2_840 * WAD)
    assert floor.stage.ask(floor.venue.perp, "liquidatable", *floor.key("ann", LONG))
    assert floor.act("liz", "liquidate", *floor.key("ann", LONG)) == ""
    assert floor.free("liz") == 10_000 * UNIT + 14_200_000, "half a percent of 2 840"
    assert floor.book("seized") == 140 * UNIT - 14_200_000
    assert floor.book("fund") == FUND + 300 * UNIT - 14_200_000
    assert floor.act("bob", "liquidate", *floor.key("ann", LONG)) == "no position"


def test_a_loss_beyond_the_margin_is_borne_by_the_fund(floor: Floor) -> None:
    floor.enter("ann", LONG, 1_000, 303 * UNIT)
    floor.price(2_000 * WAD)
    assert floor.equity("ann", LONG) == -700 * UNIT
    assert floor.leave("ann", LONG, 1_000) == "underwater"
    assert floor.act("liz", "liquidate", *floor.key("ann", LONG)) == ""
    assert floor.book("seized") == -700 * UNIT - 10 * UNIT
    assert floor.book("pnl") == -1_000 * UNIT
    assert floor.book("fund") == FUND + 290 * UNIT


def test_the_larger_side_pays_the_smaller_one_all_that_it_owes(floor: Floor) -> None:
    floor.enter("ann", LONG, 3_000, 3_000 * UNIT)
    floor.enter("bob", SHORT, 1_000, 3_000 * UNIT)
    before = floor.equity("ann", LONG), floor.equity("bob", SHORT)
    floor.next_day()
    rate = 34 * 10**9 * 2 // 4 * 86_400  # half of the highest rate, for a day, with 18 decimals
    owed = 3 * 3_000 * UNIT * rate // WAD
    assert before[0] - floor.equity("ann", LONG) == pytest.approx(owed, abs=1)
    assert floor.equity("bob", SHORT) - before[1] == pytest.approx(owed, abs=1)
    assert floor.leave("bob", SHORT, 1_000) == ""
    assert floor.book("funding") == -owed, "paid in advance by the fund"
    assert floor.leave("ann", LONG, 3_000) == ""
    assert floor.book("funding") in (0, 1)


def test_nobody_pays_funding_where_nobody_would_receive_it(floor: Floor) -> None:
    floor.enter("ann", LONG, 1_000, 1_000 * UNIT)
    before = floor.equity("ann", LONG)
    floor.next_day()
    assert floor.equity("ann", LONG) == before


@pytest.mark.parametrize(
    ("function", "arguments", "reason"),
    [
        ("open", (ETH, 1, LOT + 1, UNIT, NO_LIMIT[True]), "not whole lots"),
        ("open", (ETH, 1, LOT, UNIT, PRICE - 1), "price beyond the limit"),
        ("open", (ETH, 0, LOT, UNIT, PRICE + 1), "price beyond the limit"),
        ("open", (ETH, 0, LOT, 10_001 * UNIT, 0), "not enough collateral"),
        ("open", (ETH, 0, LOT, 0, 0), "margin below the fee"),
        ("open", (ETH, 0, 0, 5, 0), "nothing to open"),
        ("open", (bytes(20), 0, LOT, UNIT, 0), "market not listed"),
        ("open", (ETH, 1, 2 * 10**12 * WAD, UNIT, NO_LIMIT[True]), "margin below the fee"),
        ("increase", (ETH, 0, LOT, UNIT, 0), "no position"),
        ("close", (ETH, 0, LOT, NO_LIMIT[True]), "not so much open"),
        ("withdraw", (10_001 * UNIT,), "not enough collateral"),
        ("withdraw", (0,), "nothing to withdraw"),
        ("deposit", (0,), "nothing to deposit"),
        ("deposit", (10_001 * UNIT,), "insufficient balance"),
        ("insure", (bytes(20), 1), "market not listed"),
        ("list_market", (b"\x01", 10, 500, 0, LOT), "only the owner"),
        ("collect_fees", (ETH, b"\x01"), "only the owner"),
        ("set_owner", (b"\x01",), "only the owner"),
    ],
)
def test_what_must_not_be_is_refused(
    floor: Floor, function: str, arguments: tuple[int | bytes, ...], reason: str
) -> None:
    assert floor.act("ann", function, *arguments) == reason


@pytest.mark.parametrize(
    ("terms", "reason"),
    [
        ((0, 500, 0, LOT), "leverage out of range"),
        ((20, 500, 0, LOT), "maintenance out of range"),
        ((10, 50, 0, LOT), "maintenance out of range"),
        ((10, 500, 10**15, LOT), "funding out of range"),
        ((10, 500, 0, 1), "cap out of range"),
    ],
)
def test_the_owner_lists_no_market_that_could_not_be_liquidated(
    floor: Floor, terms: tuple[int, ...], reason: str
) -> None:
    perp, owner = floor.venue.perp, floor.stage.owner
    call = perp.contract.call("list_market", b"\x01", *terms)
    assert floor.stage.why(owner, perp.address, call) == reason
    assert floor.stage.why(owner, perp.address, perp.contract.call("list_market", ETH, 10, 500, 0, LOT)) == (
        "listed already"
    )


def test_fees_go_to_whom_the_owner_says_and_only_once(floor: Floor) -> None:
    floor.enter("ann", LONG, 1_000, 503 * UNIT)
    owner, perp = floor.stage.owner, floor.venue.perp
    assert floor.stage.send("collect", owner, perp, "collect_fees", ETH, floor.liz.address)
    assert floor.stage.get(floor.venue.token, "balanceOf", floor.liz.address) == 10_003 * UNIT
    assert not floor.stage.send("collect", owner, perp, "collect_fees", ETH, floor.liz.address)


def test_a_fund_that_is_short_pays_no_profit_and_keeps_the_position(floor: Floor) -> None:
    floor.enter("ann", LONG, 1_000, 503 * UNIT)
    floor.price(30_000_000 * WAD)
    assert floor.leave("ann", LONG, 1_000) == "fund is short"
    assert floor.position("ann", LONG).size == WAD
