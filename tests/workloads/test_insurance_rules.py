"""The cover pool itself: premiums by use, who may claim and decide, when underwriters may leave, and with what."""

from __future__ import annotations

import pytest

from tests.workloads.calls import act
from workloads.insurance_checks import read_cover
from workloads.stage import Stage

UNIT = 10**6
DAY = 86_400
YEAR = 365 * DAY
MUCH = 2**255


class Cover:
    """A pool to which Una has staked 10 000; Ann, Bob and the assessor (the owner) have a million each."""

    def __init__(self) -> None:
        self.stage = Stage("insurance", 1, block_seconds=7 * DAY)
        self.una, self.ann, self.bob = self.stage.accounts("person", 3)
        self.owner = self.stage.owner
        people = (self.una, self.ann, self.bob, self.owner)
        self.token = self.stage.token("USD", {person.address: 10**6 * UNIT for person in people}, 6)
        self.pool = self.stage.deploy("CoverPool", self.token.address)
        self.stage.allow(self.token, people, self.pool.address)
        self.stage.begin_block()
        assert self.act("una", "stake", 10_000 * UNIT) == ""

    def act(self, sender: str, function: str, *arguments: int | bytes) -> str:
        """Call the pool; return why it failed, or nothing."""
        return act(self.stage, getattr(self, sender), self.pool, function, *arguments)

    def get(self, variable: str) -> int:
        """Return a variable of the pool."""
        return self.stage.get(self.pool, variable)

    def held(self, who: str) -> int:
        """Return what somebody has of the token."""
        return self.stage.get(self.token, "balanceOf", getattr(self, who).address)

    def next_week(self) -> None:
        """Begin another block, a week later."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def cover() -> Cover:
    return Cover()


def test_the_premium_grows_with_the_use_of_the_capital_up_to_its_limit(cover: Cover) -> None:
    """At half of what may be covered the rate is 2 % + 18 % / 2, at all of it 20 %."""
    assert cover.act("ann", "buy", 8_001 * UNIT, YEAR, MUCH) == "not enough capital"
    assert cover.act("ann", "buy", 4_000 * UNIT, YEAR, 440 * UNIT - 1) == "premium too high"
    assert cover.act("ann", "buy", 4_000 * UNIT, YEAR, 440 * UNIT) == ""
    assert cover.held("ann") == (10**6 - 440) * UNIT
    assert cover.act("bob", "buy", 4_000 * UNIT, YEAR, MUCH) == ""
    assert cover.held("bob") == (10**6 - 800) * UNIT
    assert cover.act("bob", "buy", 1, YEAR, MUCH) == "not enough capital"
    assert (cover.get("capital"), cover.get("unearned"), cover.get("premiums")) == (10**10, 1240 * UNIT, 1240 * UNIT)


def test_the_smallest_cover_is_not_free(cover: Cover) -> None:
    assert cover.act("ann", "buy", 1, DAY, MUCH) == ""
    assert cover.get("premiums") == 1


def test_a_claim_is_the_holders_and_decided_by_the_assessor_once(cover: Cover) -> None:
    assert cover.act("ann", "buy", 1_000 * UNIT, YEAR, MUCH) == ""
    before = cover.held("ann")
    premium = cover.get("premiums")
    assert cover.act("bob", "claim", 1, 5) == "only the holder"
    assert cover.act("ann", "claim", 1, 1_000 * UNIT + 1) == "more than covered"
    assert cover.act("ann", "claim", 1, 0) == "more than covered"
    assert cover.act("owner", "assess", 1, 5) == "no claim"
    assert cover.act("ann", "claim", 1, 900 * UNIT) == ""
    assert cover.act("ann", "claim", 1, 5) == "claimed already"
    assert cover.act("ann", "assess", 1, 900 * UNIT) == "only the assessor"
    assert cover.act("owner", "assess", 1, 901 * UNIT) == "more than claimed"
    assert cover.act("owner", "assess", 1, 600 * UNIT) == ""
    assert cover.held("ann") - before == 600 * UNIT
    assert cover.get("capital") == 9_400 * UNIT + premium
    assert (cover.get("active"), cover.get("unearned"), cover.get("payouts")) == (0, 0, 600 * UNIT)
    assert cover.act("owner", "assess", 1, 5) == "no claim", "no second payout"
    assert cover.act("ann", "claim", 1, 5) == "not open"


def test_a_refused_claim_may_be_made_again_and_the_cover_ends_after_its_grace(cover: Cover) -> None:
    assert cover.act("ann", "buy", 1_000 * UNIT, DAY, MUCH) == ""
    assert cover.act("bob", "expire", 1) == "too early"
    assert cover.act("ann", "claim", 1, UNIT) == ""
    assert cover.act("owner", "assess", 1, 0) == ""
    assert read_cover(cover.pool, cover.stage, 1, "amount") == 1_000 * UNIT
    cover.next_week()
    assert cover.act("bob", "expire", 1) == "too early", "the grace is a week after the end"
    assert cover.act("ann", "claim", 1, UNIT) == ""
    cover.next_week()
    assert cover.act("bob", "expire", 1) == "a claim waits"
    assert cover.act("owner", "assess", 1, 0) == ""
    assert cover.act("ann", "claim", 1, UNIT) == "too late"
    premium = cover.get("premiums")
    assert cover.act("bob", "expire", 1) == ""
    assert cover.get("capital") == 10_000 * UNIT + premium
    assert cover.act("bob", "expire", 1) == "not open"


def test_an_underwriter_waits_and_bears_losses_until_then(cover: Cover) -> None:
    shares = cover.stage.get(cover.pool, "shares", cover.una.address)
    assert cover.act("ann", "buy", 5_000 * UNIT, DAY, MUCH) == ""
    assert cover.act("una", "leave") == "not announced"
    assert cover.act("una", "request_exit", shares + 1) == "not so many shares"
    assert cover.act("una", "request_exit", shares) == ""
    assert cover.act("una", "leave") == "too early"
    assert cover.act("ann", "claim", 1, 5_000 * UNIT) == ""
    cover.next_week()
    assert cover.act("una", "leave") == "needed for cover"
    assert cover.act("owner", "assess", 1, 5_000 * UNIT) == ""
    before = cover.held("una")
    assert cover.act("una", "leave") == ""
    left = cover.held("una") - before
    assert left == 5_000 * UNIT + cover.get("premiums"), "all that is left, and nothing of the virtual capital"
    assert cover.get("capital") == cover.stage.get(cover.token, "balanceOf", cover.pool.address) == 0
    assert cover.get("total_shares") == 0
    assert cover.act("una", "leave") == "not announced"


def test_an_exit_is_not_kept_for_later(cover: Cover) -> None:
    assert cover.act("una", "request_exit", 1_000) == ""
    for _ in range(2):
        cover.next_week()
    assert cover.act("una", "leave") == "too late"


def test_shares_are_never_bought_or_sold_with_a_gain(cover: Cover) -> None:
    assert cover.act("ann", "buy", 3_333 * UNIT + 1, DAY, MUCH) == ""
    for _ in range(2):
        cover.next_week()
    assert cover.act("ann", "expire", 1) == ""
    capital, total = cover.get("capital") + 1_000, cover.get("total_shares") + 1_000
    assert cover.act("bob", "stake", 777_777) == ""
    shares = cover.stage.get(cover.pool, "shares", cover.bob.address)
    assert shares == 777_777 * total // capital
    assert cover.act("bob", "request_exit", shares) == ""
    cover.next_week()
    assert cover.act("bob", "leave") == ""
    assert cover.held("bob") < 10**6 * UNIT


@pytest.mark.parametrize(
    ("sender", "function", "arguments", "reason"),
    [
        ("bob", "stake", (0,), "too little for a share"),
        ("bob", "stake", (10**7 * UNIT,), "insufficient balance"),
        ("bob", "request_exit", (1,), "not so many shares"),
        ("bob", "buy", (0, DAY, MUCH), "nothing to cover"),
        ("bob", "buy", (5, DAY - 1, MUCH), "duration out of range"),
        ("bob", "buy", (5, YEAR + 1, MUCH), "duration out of range"),
        ("bob", "expire", (7,), "not open"),
        ("bob", "claim", (7, 5), "only the holder"),
        ("bob", "set_assessor", (1,), "only the assessor"),
        ("owner", "set_assessor", (0,), "zero assessor"),
    ],
)
def test_what_must_not_be_is_refused(
    cover: Cover, sender: str, function: str, arguments: tuple[int, ...], reason: str
) -> None:
    assert cover.act(sender, function, *arguments) == reason
