"""The farm and the looper themselves: rewards to the unit, who may do what, and where leverage ends."""

from __future__ import annotations

import pytest

from tests.workloads.calls import act
from workloads.farm import CURVE, LTV, RISK
from workloads.stage import Stage

UNIT = 10**18
DAY = 86_400
EAGER = 1
"""Interest from the first loan on."""


class Yard:
    """A farm of Ann and Bob, who have a million of the token to stake; the owner has rewards."""

    def __init__(self) -> None:
        self.stage = Stage("farm", 1, block_seconds=DAY)
        self.ann, self.bob = people = self.stage.accounts("person", 2)
        self.owner = self.stage.owner
        self.staked = self.stage.token("LP", {person.address: 10**6 * UNIT for person in people})
        self.reward = self.stage.token("REWARD", {self.owner.address: 10**6 * UNIT})
        self.farm = self.stage.deploy("Farm", self.staked.address, self.reward.address)
        self.stage.allow(self.staked, people, self.farm.address)
        self.stage.allow(self.reward, [self.owner], self.farm.address)
        self.stage.begin_block()

    def act(self, sender: str, function: str, *arguments: int | bytes) -> str:
        """Call the farm; return why it failed, or nothing."""
        return act(self.stage, getattr(self, sender), self.farm, function, *arguments)

    def rewards(self, who: str) -> int:
        """Return how much of the reward somebody has."""
        return self.stage.get(self.reward, "balanceOf", getattr(self, who).address)

    def next_day(self) -> None:
        """Begin another block, a day later."""
        self.stage.end_block()
        self.stage.begin_block()


@pytest.fixture
def yard() -> Yard:
    return Yard()


def test_rewards_are_shared_by_stake_and_time(yard: Yard) -> None:
    assert yard.act("owner", "fund", 40 * DAY, 4 * DAY) == ""  # ten units a second
    assert yard.act("ann", "stake", 3 * UNIT) == ""
    yard.next_day()
    assert yard.act("bob", "stake", UNIT) == ""
    yard.next_day()
    assert yard.act("ann", "claim") == ""
    assert yard.act("ann", "claim") == "nothing to claim"
    assert yard.act("bob", "leave") == ""
    expected = {"ann": 10 * DAY + 10 * DAY * 3 // 4, "bob": 10 * DAY // 4}
    assert {who: expected[who] - yard.rewards(who) for who in expected} == {"ann": 0, "bob": 0}


def test_no_reward_for_a_stake_of_no_time_and_dust_stays(yard: Yard) -> None:
    assert yard.act("owner", "fund", 10, DAY) == ""
    assert yard.act("ann", "stake", UNIT) == ""
    yard.next_day()
    assert yard.act("bob", "stake", 10**6 * UNIT) == ""
    assert yard.act("bob", "leave") == ""
    assert yard.act("ann", "leave") == ""
    assert (yard.rewards("bob"), yard.rewards("ann")) == (0, 9), "ten units less what was rounded"


def test_the_period_waits_while_nobody_is_staked_and_ends(yard: Yard) -> None:
    assert yard.act("owner", "fund", 20 * DAY, 2 * DAY) == ""
    yard.next_day()
    assert yard.act("ann", "stake", UNIT) == ""
    for _ in range(3):
        yard.next_day()
    assert yard.stage.ask(yard.farm, "earned", yard.ann.address) == 20 * DAY
    assert yard.act("ann", "claim") == ""
    yard.next_day()
    assert yard.act("ann", "claim") == "nothing to claim"


def test_new_rewards_are_added_to_those_not_yet_emitted(yard: Yard) -> None:
    assert yard.act("owner", "fund", 20 * DAY, 2 * DAY) == ""
    assert yard.act("ann", "stake", UNIT) == ""
    yard.next_day()
    assert yard.act("owner", "fund", 5 * DAY, 3 * DAY) == ""
    assert yard.stage.get(yard.farm, "rate") == 5 * 10**27
    yard.next_day()
    assert yard.stage.ask(yard.farm, "earned", yard.ann.address) == 15 * DAY


@pytest.mark.parametrize(
    ("sender", "function", "arguments", "reason"),
    [
        ("ann", "stake", (0,), "nothing to stake"),
        ("ann", "stake", (10**7 * UNIT,), "insufficient balance"),
        ("ann", "unstake", (1,), "more than staked"),
        ("ann", "unstake", (0,), "nothing to unstake"),
        ("ann", "leave", (), "nothing to unstake"),
        ("ann", "claim", (), "nothing to claim"),
        ("ann", "fund", (1, DAY), "only the owner"),
        ("ann", "set_owner", (1,), "only the owner"),
        ("owner", "set_owner", (0,), "zero owner"),
        ("owner", "fund", (1, 0), "duration out of range"),
        ("owner", "fund", (2**129, DAY), "amount out of range"),
    ],
)
def test_what_must_not_be_is_refused(
    yard: Yard, sender: str, function: str, arguments: tuple[int, ...], reason: str
) -> None:
    assert yard.act(sender, function, *arguments) == reason


class Loop:
    """A lending pool with a million of one asset, and Ann's looper with a thousand of hers."""

    def __init__(self) -> None:
        self.stage = Stage("farm", 1, block_seconds=DAY)
        self.ann, self.bob = self.stage.accounts("person", 2)
        owner = self.stage.owner
        self.token = self.stage.token("M", {owner.address: 10**6 * UNIT, self.ann.address: 1_000 * UNIT})
        oracle = self.stage.deploy("Oracle")
        self.pool = self.stage.deploy("LendingPool", oracle.address)
        self.looper = self.stage.deploy("Looper", self.ann.address, self.pool.address, self.token.address)
        self.stage.allow(self.token, [owner], self.pool.address)
        self.stage.allow(self.token, [self.ann], self.looper.address)
        self.stage.setup(owner, oracle, "set_price", self.token.address, 7 * UNIT)
        self.stage.setup(owner, self.pool, "list_asset", self.token.address, *RISK, *CURVE, EAGER)
        self.stage.setup(owner, self.pool, "deposit", self.token.address, 10**6 * UNIT)
        self.stage.begin_block()

    def act(self, function: str, *arguments: int) -> str:
        """Let Ann call her looper."""
        return act(self.stage, self.ann, self.looper, function, *arguments)

    def ask(self, view: str) -> int:
        """Return what the looper has in the pool: supplied or owed."""
        return self.stage.ask(self.pool, view, self.looper.address, self.token.address) or 0


@pytest.fixture
def loop() -> Loop:
    return Loop()


def test_a_loop_is_a_geometric_series_below_its_limit(loop: Loop) -> None:
    assert loop.act("loop", 100 * UNIT, 3, LTV) == ""
    assert loop.ask("supplied") == pytest.approx(100 * UNIT * (1 + 0.8 + 0.64 + 0.512), abs=10)
    assert loop.ask("owed") == loop.ask("supplied") - 100 * UNIT
    assert loop.act("loop", 0, 1, LTV) == "nothing to deposit"
    assert loop.act("loop", 300 * UNIT, 12, LTV) == ""
    equity = loop.ask("supplied") - loop.ask("owed")
    assert 4 < loop.ask("supplied") / equity <= 1 / (1 - LTV / 10_000)


def test_beyond_the_limit_nothing_is_looped(loop: Loop) -> None:
    assert loop.act("loop", 100 * UNIT, 2, LTV + 1) == "not enough collateral"
    assert loop.act("loop", 100 * UNIT, 13, LTV) == "too many rounds"
    assert loop.act("loop", 100 * UNIT, 1, 10_000) == "part out of range"
    assert loop.ask("supplied") == 0
    assert loop.stage.get(loop.token, "balanceOf", loop.ann.address) == 1_000 * UNIT


def test_unwinding_repays_everything_and_returns_the_rest_less_interest(loop: Loop) -> None:
    assert loop.act("loop", 1_000 * UNIT, 8, LTV) == ""
    loop.stage.end_block()
    loop.stage.begin_block()
    interest = loop.ask("owed") - (loop.ask("supplied") - 1_000 * UNIT)
    assert interest > 0
    assert loop.act("unwind") == ""
    assert (loop.ask("owed"), loop.ask("supplied")) == (0, 0)
    back = loop.stage.get(loop.token, "balanceOf", loop.ann.address)
    # Each of the steps of an unwinding rounds by a few units, never in favour of the looper.
    assert 1_000 * UNIT - interest - 100 <= back <= 1_000 * UNIT - interest
    assert loop.act("unwind") == "nothing to withdraw"


def test_only_the_owner_of_a_looper_may_use_it(loop: Loop) -> None:
    assert loop.act("loop", 10 * UNIT, 1, LTV) == ""
    for function, arguments in (("loop", (1, 1, 1)), ("unwind", ())):
        assert act(loop.stage, loop.bob, loop.looper, function, *arguments) == "only the owner"
