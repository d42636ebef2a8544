"""The median oracle and the offers by themselves: whose word counts, for how long, and what a sale costs."""

from __future__ import annotations

import pytest

from workloads.stage import Deployed, Stage

AGE, QUORUM, WAD = 3_600, 2, 10**18
BLOCK = 1_800


class Newsroom:
    """Four reporters of one asset, a maker with 100 of it on offer at 1 %, and a buyer with 1 000 of money."""

    def __init__(self) -> None:
        self.stage = Stage("oracle", 1, block_seconds=BLOCK)
        self.reporters = self.stage.accounts("reporter", 4)
        self.maker, self.buyer = self.stage.accounts("person", 2)
        self.asset = self.stage.token("A", {self.maker.address: 100 * WAD})
        self.money = self.stage.token("USD", {self.buyer.address: 1_000 * 10**6}, 6)
        self.oracle = self.stage.deploy("MedianOracle", AGE, QUORUM)
        self.offers = self.stage.deploy("PeggedOffers", self.oracle.address, self.money.address)
        for reporter in self.reporters:
            self.stage.setup(self.stage.owner, self.oracle, "add_reporter", self.asset.address, reporter.address)
        self.stage.allow(self.asset, [self.maker], self.offers.address)
        self.stage.allow(self.money, [self.buyer], self.offers.address)
        self.stage.setup(self.maker, self.offers, "offer", self.asset.address, 100 * WAD, 100)
        self.stage.begin_block()

    def post(self, *prices: int) -> None:
        """Let the first reporters say these prices."""
        for reporter, price in zip(self.reporters, prices, strict=False):
            assert self.stage.send("post", reporter, self.oracle, "post", self.asset.address, price)

    def price(self) -> int | None:
        """Return the oracle's price, None if it gives none."""
        return self.stage.ask(self.oracle, "price", self.asset.address)

    def refused(self, sender: str, place: Deployed, function: str, *arguments: int | bytes) -> str:
        """Return why a call would revert."""
        person = self.stage.owner if sender == "owner" else getattr(self, sender)
        return self.stage.why(person, place.address, place.contract.call(function, *arguments))

    def next_block(self) -> None:
        """Let half an hour pass."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def room() -> Newsroom:
    return Newsroom()


@pytest.mark.parametrize(
    ("prices", "median"),
    [((7,), None), ((7, 4), 5), ((9, 1, 5), 5), ((1, 9, 5, 6), 5), ((4, 4, 4, 9), 4), ((9, 8, 2, 1), 5)],
)
def test_the_answer_is_the_median_of_a_quorum(room: Newsroom, prices: tuple[int, ...], median: int | None) -> None:
    room.post(*prices)
    assert room.price() == median


def test_a_new_report_replaces_the_old_one(room: Newsroom) -> None:
    room.post(3, 5, 7)
    room.post(9)
    assert room.price() == 7


def test_old_reports_do_not_count_and_old_answers_cannot_be_read(room: Newsroom) -> None:
    room.post(100, 200, 300)
    room.next_block()
    room.next_block()
    assert room.price() == 200, "an hour old, not more"
    room.post(400)
    assert room.price() == 300, "of 200, 300 and 400"
    room.next_block()
    assert room.price() == 300
    room.post(500)
    assert room.price() == 300, "one fresh report is no quorum: the answer stays"
    room.next_block()
    assert room.price() == 300
    room.next_block()
    assert room.price() is None
    sale = room.maker.address, room.asset.address, 1, 10**9
    assert room.refused("buyer", room.offers, "take", *sale) == "stale price"


def test_a_removed_reporter_does_not_count(room: Newsroom) -> None:
    room.post(1, 5, 7, 20)
    gone = room.reporters[0]
    stage, oracle, asset = room.stage, room.oracle, room.asset.address
    assert stage.send("remove", stage.owner, oracle, "remove_reporter", asset, gone.address)
    assert room.price() == 7
    assert stage.why(gone, oracle.address, oracle.contract.call("post", asset, 5)) == "not a reporter"
    assert stage.send("post", room.reporters[3], oracle, "post", asset, 6), "the last one moved to its place"
    assert room.price() == 6
    assert stage.get(oracle, "reporter_count", asset) == 3


def test_a_sale_costs_price_and_spread_rounded_up(room: Newsroom) -> None:
    room.post(2 * WAD, 2 * WAD)
    stage, offers = room.stage, room.offers
    assert stage.send("take", room.buyer, offers, "take", room.maker.address, room.asset.address, WAD, 2_020_000)
    assert stage.get(room.money, "balanceOf", room.maker.address) == 2_020_000
    assert stage.send("take", room.buyer, offers, "take", room.maker.address, room.asset.address, 1, 1)
    assert stage.get(room.money, "balanceOf", room.maker.address) == 2_020_001, "the smallest amount costs a unit"
    assert stage.get(room.asset, "balanceOf", room.buyer.address) == WAD + 1


@pytest.mark.parametrize(
    ("amount", "most", "reason"),
    [
        (0, 9, "nothing to take"),
        (101 * WAD, 10**9, "not so much on offer"),
        (WAD, 2_019_999, "too dear"),
    ],
)
def test_sales_that_must_not_be_are_refused(room: Newsroom, amount: int, most: int, reason: str) -> None:
    room.post(2 * WAD, 2 * WAD)
    sale = room.maker.address, room.asset.address, amount, most
    assert room.refused("buyer", room.offers, "take", *sale) == reason


def test_only_the_owner_chooses_reporters_and_only_they_report(room: Newsroom) -> None:
    asset, oracle, buyer = room.asset.address, room.oracle, room.buyer.address
    assert room.refused("buyer", oracle, "post", asset, 5) == "not a reporter"
    assert room.refused("buyer", oracle, "add_reporter", asset, buyer) == "only the owner"
    assert room.refused("buyer", oracle, "remove_reporter", asset, room.reporters[0].address) == "only the owner"
    assert room.refused("buyer", oracle, "set_owner", buyer) == "only the owner"
    assert room.refused("owner", oracle, "add_reporter", asset, room.reporters[0].address) == "a reporter already"
    assert room.refused("owner", oracle, "add_reporter", asset, 0) == "zero reporter"
    assert room.refused("owner", oracle, "remove_reporter", asset, buyer) == "not a reporter"
    assert room.refused("buyer", oracle, "price", asset) == "no price"
    assert room.refused("buyer", room.offers, "offer", asset, 1, 1_001) == "spread too high"
    call = oracle.contract.call("post", asset, 0)
    assert room.stage.why(room.reporters[0], oracle.address, call) == "price out of range"
