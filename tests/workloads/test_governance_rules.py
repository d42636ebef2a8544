"""A DAO by direct calls: whose power counts when, what passes, and that only what passed is done, once, in time."""

from __future__ import annotations

import pytest

from workloads.accounts import KeyPair
from workloads.lending.terms import ASSETS
from workloads.stage import Stage

DAY = 86_400
QUORUM, LEAST = 1_000, 100
PERIOD, DELAY = 2 * DAY, 3 * DAY
RISK, CURVE = (7_000, 7_500, 500, 1_000), (0, 400, 8_000, 8_000)
OTHER = (6_000, 7_500, 500, 1_000)


class Senate:
    """Ann has locked 600, Ben 500 and Cid 50 of 10 000 each; a pool with one market belongs to the DAO."""

    def __init__(self) -> None:
        self.stage = Stage("governance", 1, block_seconds=DAY)
        self.ann, self.ben, self.cid, self.dan = self.people = self.stage.accounts("person", 4)
        self.votes = self.stage.token("VOTE", {person.address: 10_000 for person in self.people})
        self.asset = self.stage.token("WETH", {})
        oracle = self.stage.deploy("Oracle")
        self.pool = self.stage.deploy("LendingPool", oracle.address)
        self.stage.setup(self.stage.owner, oracle, "set_price", self.asset.address, ASSETS[0].price)
        self.stage.setup(self.stage.owner, self.pool, "list_asset", self.asset.address, *RISK, *CURVE, 0)
        places = self.votes.address, self.pool.address
        self.dao = self.stage.deploy("Governance", *places, QUORUM, LEAST, PERIOD, DELAY)
        self.stage.setup(self.stage.owner, self.pool, "set_owner", self.dao.address)
        self.stage.allow(self.votes, self.people, self.dao.address)
        for person, amount in ((self.ann, 600), (self.ben, 500), (self.cid, 50)):
            self.stage.setup(person, self.dao, "lock", amount)
        self.stage.begin_block()

    def action(self, risk: tuple[int, ...] = OTHER) -> tuple[int | bytes, ...]:
        """Return the arguments that set the market's parameters."""
        return self.asset.address, *risk, *CURVE, 0

    def does(self, who: KeyPair, function: str, *arguments: int | bytes) -> None:
        """Send a transaction that succeeds."""
        assert self.stage.send(function, who, self.dao, function, *arguments), self.refused(who, function, *arguments)

    def refused(self, who: KeyPair, function: str, *arguments: int | bytes) -> str:
        """Return why a call would revert."""
        return self.stage.why(who, self.dao.address, self.dao.contract.call(function, *arguments))

    def wait(self, days: int) -> None:
        """Let blocks pass, one a day."""
        for _ in range(days):
            self.stage.end_block()
            self.stage.begin_block()

    def ltv(self) -> int:
        """Return the market's loan-to-value."""
        return self.stage.get(self.pool, "reserves", self.asset.address, member="config", struct="Reserve") & 0xFFFF

    def passed(self) -> None:
        """Let number 1 pass, and be queued on its first day after the voting."""
        self.does(self.ann, "propose", *self.action())
        self.does(self.ann, "vote", 1, 1)
        self.does(self.ben, "vote", 1, 1)
        self.wait(3)
        self.does(self.dan, "queue", 1)


@pytest.fixture
def senate() -> Senate:
    return Senate()


def test_a_proposal_becomes_the_parameter_after_vote_and_delay_and_only_once(senate: Senate) -> None:
    senate.passed()
    assert senate.refused(senate.ann, "queue", 1) == "queued already"
    senate.wait(2)
    assert senate.refused(senate.ann, "execute", 1, *senate.action()) == "too early"
    senate.wait(1)
    assert senate.refused(senate.ann, "execute", 1, *senate.action(RISK)) == "another action"
    assert senate.ltv() == 7_000
    senate.does(senate.dan, "execute", 1, *senate.action())
    assert senate.ltv() == 6_000
    assert senate.refused(senate.ann, "execute", 1, *senate.action()) == "executed already"


def test_a_queued_proposal_expires(senate: Senate) -> None:
    senate.passed()
    senate.wait(3 + 14)
    assert not senate.refused(senate.ann, "execute", 1, *senate.action()).startswith("expired")
    senate.wait(1)
    assert senate.refused(senate.ann, "execute", 1, *senate.action()) == "expired"


def test_nobody_votes_twice_or_late_or_on_nothing(senate: Senate) -> None:
    senate.does(senate.ann, "propose", *senate.action())
    senate.does(senate.ann, "vote", 1, 1)
    assert senate.refused(senate.ann, "vote", 1, 0) == "voted already"
    assert senate.refused(senate.ann, "vote", 2, 1) == "no such proposal"
    assert senate.refused(senate.ann, "queue", 2) == "no such proposal"
    assert senate.refused(senate.ann, "queue", 1) == "voting goes on"
    assert senate.refused(senate.ann, "execute", 1, *senate.action()) == "not queued"
    senate.wait(2)
    assert senate.refused(senate.ben, "queue", 1) == "voting goes on"
    senate.does(senate.cid, "vote", 1, 1)
    senate.wait(1)
    assert senate.refused(senate.ben, "vote", 1, 1) == "voting is over"


@pytest.mark.parametrize(("support", "reason"), [((1, None), "no quorum"), ((0, 0), "rejected"), ((0, 1), "rejected")])
def test_what_did_not_pass_is_not_queued(senate: Senate, support: tuple[int | None, ...], reason: str) -> None:
    senate.does(senate.ann, "propose", *senate.action())
    for voter, choice in zip((senate.ann, senate.ben), support, strict=True):
        if choice is not None:
            senate.does(voter, "vote", 1, choice)
    senate.wait(3)
    assert senate.refused(senate.ann, "queue", 1) == reason


def test_power_counts_as_it_was_before_the_proposals_block(senate: Senate) -> None:
    senate.does(senate.dan, "lock", 5_000)
    assert senate.refused(senate.dan, "propose", *senate.action()) == "too little power", "locked in this very block"
    senate.does(senate.ann, "propose", *senate.action())
    assert senate.refused(senate.dan, "vote", 1, 1) == "no power"
    senate.does(senate.ann, "unlock", 600)
    senate.does(senate.ann, "vote", 1, 1)
    ballot = senate.stage.get(senate.dao, "ballots", 1, senate.ann.address, member="weight", struct="Ballot")
    assert ballot == 600, "what was locked before still votes"
    senate.wait(1)
    senate.does(senate.dan, "propose", *senate.action())
    assert senate.refused(senate.ann, "vote", 2, 1) == "no power", "and never again"


def test_tokens_that_were_passed_on_do_not_vote_again(senate: Senate) -> None:
    stage, votes = senate.stage, senate.votes
    senate.does(senate.ben, "propose", *senate.action())
    senate.does(senate.ann, "vote", 1, 1)
    senate.does(senate.ann, "unlock", 600)
    assert stage.send("transfer", senate.ann, votes, "transfer", senate.dan.address, 600)
    senate.does(senate.dan, "lock", 600)
    senate.wait(1)
    assert senate.refused(senate.dan, "vote", 1, 1) == "no power"


def test_power_is_found_among_many_checkpoints(senate: Senate) -> None:
    stage, dao = senate.stage, senate.dao
    times = []
    for _ in range(6):
        times.append(stage.now)
        senate.does(senate.cid, "lock", 10)
        senate.does(senate.cid, "lock", 10)
        senate.wait(1)
    found = [stage.ask(dao, "power_before", senate.cid.address, time) for time in (*times, stage.now)]
    assert found == [50, 70, 90, 110, 130, 150, 170]
    assert stage.ask(dao, "power_before", senate.cid.address, 1) == 0
    assert stage.ask(dao, "power", senate.cid.address) == 170


def test_only_what_is_locked_comes_back_and_only_the_dao_changes_the_pool(senate: Senate) -> None:
    assert senate.refused(senate.ann, "unlock", 601) == "not so much locked"
    assert senate.refused(senate.ann, "unlock", 0) == "not so much locked"
    assert senate.refused(senate.ann, "lock", 0) == "nothing to lock"
    assert senate.refused(senate.ann, "lock", 10_000) == "insufficient balance"
    assert senate.refused(senate.cid, "propose", *senate.action()) == "too little power"
    call = senate.pool.contract.call("set_asset", *senate.action())
    assert senate.stage.why(senate.stage.owner, senate.pool.address, call) == "only the owner"


def test_a_change_that_the_pool_refuses_stays_undone(senate: Senate) -> None:
    foolish = (9_900, 9_900, 500, 1_000)
    senate.does(senate.ann, "propose", *senate.action(foolish))
    senate.does(senate.ann, "vote", 1, 1)
    senate.does(senate.ben, "vote", 1, 1)
    senate.wait(3)
    senate.does(senate.ann, "queue", 1)
    senate.wait(3)
    assert senate.refused(senate.ann, "execute", 1, *senate.action(foolish)) == "threshold too high"
