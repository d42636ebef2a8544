"""Votes on a lending market: only what passed changes its parameters, weights add up, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from scheduler.access import Location
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, success_share, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.governance_checks import ParameterCheck, VoteCheck
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "20", "assets": "3", "proposals": "2"}
OPERATIONS = {"vote", "lock", "unlock", "propose", "queue", "execute", "deposit", "borrow", "withdraw", "repay"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("governance", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, list[Run]]:
    """Return a workload of two blocks and its runs: neither is changed by whoever looks."""
    mix = "vote:20,lock:2,propose:2,queue:4,execute:2,deposit:10,borrow:10"
    workload = make({"blocks": "2", "assets": "5", "proposals": "4", "mix": mix})
    return workload, run_all(workload)


def votes(workload: Workload) -> VoteCheck:
    """Return the check that has the DAO and the voters."""
    return next(check for check in workload.checks if isinstance(check, VoteCheck))


def parameters_of(workload: Workload) -> ParameterCheck:
    """Return the check that has the proposed changes."""
    return next(check for check in workload.checks if isinstance(check, ParameterCheck))


def changed_in(member: str, block: int) -> int:
    """Return a proposal of the genesis of which this member changed in a block of the usual workload."""
    workload, runs = usual()
    dao, run = votes(workload).dao, runs[block]
    return next(
        number
        for number in dao.numbers(run.before)
        if dao.proposal(run.before, number, member) != dao.proposal(run.after, number, member)
    )


def voter_of(number: int, *, cast_before: bool) -> bytes:
    """Return who voted on a proposal before the first block of the usual workload, or in it."""
    workload, runs = usual()
    check = votes(workload)
    return next(
        voter
        for voter in check.voters
        if check.dao.ballot(runs[0].after, number, voter)[0]
        and bool(check.dao.ballot(runs[0].before, number, voter)[0]) == cast_before
    )


def proposal_slot(number: int, member: str) -> Location:
    """Return where a proposal's member lies."""
    governance = votes(usual()[0]).dao.governance
    return governance.at("proposals", number, member=member, struct="Proposal")


@pytest.mark.parametrize(
    "params",
    [{}, {"blocks": "6"}, {"proposals": "1", "mix": "execute:1,queue:1,propose:1,borrow:3"}, {"failing": "0.5"}],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_almost_all_succeed() -> None:
    workload = make({"users": "100"}, transactions=150)
    counts = Counter(name.removesuffix("-reverts") for name in workload.operations[0])
    assert set(counts) == OPERATIONS
    assert counts["vote"] == pytest.approx(54, abs=8)
    assert 0.9 < success_share(workload) < 1
    assert set(make({"failing": "1"}, transactions=10).operations[0]) == {"vote-reverts"}


def test_a_proposal_of_a_block_is_voted_on_queued_and_executed_in_later_ones() -> None:
    workload = make({"blocks": "10", "proposals": "1", "mix": "propose:2,vote:9,queue:4,execute:4"}, transactions=100)
    dao, last = votes(workload).dao, run_all(workload)[-1].after
    executed = [number for number in dao.numbers(last) if dao.proposal(last, number, "executed")]
    assert max(executed) > 3, "the first three are of the genesis"


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=25)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "the votes' counters are hot where nothing is known before"


def test_an_execution_stands_between_the_loans_before_and_after_it() -> None:
    workload = make({"assets": "2", "mix": "execute:1,deposit:9", "failing": "0", "proposals": "4"}, transactions=40)
    sets = workload.blocks[0].access_sets or ()
    between = 0
    for at, name in enumerate(workload.operations[0]):
        if name == "execute":
            (config,) = {listing.slots.config for listing in parameters_of(workload).listings} & sets[at].writes
            readers = {index for index, access in enumerate(sets) if config in access.reads}
            between += min(readers) < at < max(readers)
    assert between >= 2, "loans in the same market come before and after"


@pytest.mark.parametrize(("block", "words"), [(0, "ballots sum to"), (1, "votes came at")])
def test_votes_from_nowhere_and_late_votes_are_seen(block: int, words: str) -> None:
    workload, runs = usual()
    number = changed_in("supporting", 0) if block == 0 else changed_in("eta", 1)
    assert_seen(workload, runs[block], proposal_slot(number, "supporting"), 5, words, block)
    assert_seen(workload, runs[block], proposal_slot(number, "opposing"), 5, words, block)


def test_ballots_that_change_or_weigh_more_than_the_voter_are_seen() -> None:
    workload, (run, _) = usual()
    number, governance = changed_in("supporting", 0), votes(workload).dao.governance
    fresh = governance.at("ballots", number, voter_of(number, cast_before=False), member="weight", struct="Ballot")
    assert_seen(workload, run, fresh, 1, "before the proposal")
    number = changed_in("executed", 0)
    old = governance.at("ballots", number, voter_of(number, cast_before=True), member="supports", struct="Ballot")
    assert_seen(workload, run, old, -1, "which became")


@pytest.mark.parametrize("member", ["snapshot", "ends", "action"])
def test_a_proposal_that_changes_is_seen(member: str) -> None:
    workload, (run, _) = usual()
    number = changed_in("executed", 0)
    assert_seen(workload, run, proposal_slot(number, member), 1, "snapshot, end and action are")
    if member == "action":
        assert_seen(workload, run, proposal_slot(number, member), 1, "its action is")


def test_proposals_that_are_gone_are_seen() -> None:
    workload, (run, _) = usual()
    place = votes(workload).dao.governance.at("next_id")
    assert_seen(workload, run, place, -6, "proposals are gone")


def test_power_without_tokens_is_seen() -> None:
    workload, (run, _) = usual()
    check = votes(workload)
    voter, dao = check.voters[0], check.dao
    number = dao.governance.read(run.after, "checkpoint_count", voter)
    place = dao.governance.at("checkpoints", voter, number, member="power", struct="Checkpoint")
    assert_seen(workload, run, place, 1, "gave another number of tokens")
    assert_seen(workload, run, dao.token.at("balanceOf", voter), 1, "gave another number of tokens")
    assert_seen(workload, run, dao.token.at("balanceOf", dao.governance.address), 1, "tokens are locked")
    assert_seen(workload, run, dao.token.at("totalSupply"), 1, "balances sum to")


def test_executions_out_of_time_or_taken_back_are_seen() -> None:
    workload, runs = usual()
    number = changed_in("executed", 0)
    assert_seen(workload, runs[1], proposal_slot(number, "executed"), -1, "its execution was taken back", 1)
    assert_seen(workload, runs[0], proposal_slot(number, "eta"), 10**9, "to be executed from")
    voted = changed_in("supporting", 0)
    assert_seen(workload, runs[0], proposal_slot(voted, "executed"), 1, "to be executed from 0")


def test_queueing_what_did_not_pass_or_for_another_time_is_seen() -> None:
    workload, (run, _) = usual()
    number, dao = changed_in("eta", 0), votes(workload).dao
    assert_seen(workload, run, proposal_slot(number, "eta"), 1, "queued at")
    votes_for = dao.proposal(run.after, number, "supporting")
    assert_seen(workload, run, proposal_slot(number, "supporting"), -votes_for, "the quorum is")


@pytest.mark.parametrize("member", ["config", "curve"])
def test_parameters_that_nobody_passed_are_seen(member: str) -> None:
    workload, (run, _) = usual()
    check, executed = parameters_of(workload), changed_in("executed", 0)
    mine = check.changes[executed].listing
    assert_seen(workload, run, getattr(mine.slots, member), 1, "executed say")
    changed = {check.changes[n].listing.index for n in check.changes if check.dao.proposal(run.after, n, "executed")}
    other = next((listing for listing in check.listings if listing.index not in changed), None)
    assert other is not None, "the usual block leaves a market alone"
    assert_seen(workload, run, getattr(other.slots, member), 1, "no proposal executed say")


def test_a_pool_of_another_owner_and_wrong_books_are_seen() -> None:
    workload, (run, _) = usual()
    check = parameters_of(workload)
    assert_seen(workload, run, check.dao.pool.at("owner"), 1, "the pool belongs to")
    assert_seen(workload, run, check.listings[0].slots.cash, 1, "cash is")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('assert self.ballots[id][msg.sender].weight == 0, "voted already"', "pass", "ballots sum to"),
        ("< time:\n            low", "<= time:\n            low", "before the proposal"),
        ("self.proposals[id].executed = True", "pass", "no proposal executed say"),
        ("eta: uint256 = block.timestamp + delay", "eta: uint256 = block.timestamp + 1", "queued at"),
        ("self._note(msg.sender, power - amount)", "pass", "gave another number of tokens"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "Governance", old, new)
    params = {"mix": "lock:4,unlock:4,propose:3,vote:15,queue:1,execute:1", "failing": "0.1", "users": "6"}
    workload = make(params)
    lines = violations(workload)
    assert any(words in line for line in lines), lines
