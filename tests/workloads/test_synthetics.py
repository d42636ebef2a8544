"""Synthetic tokens: the register is what they are worth, debts are covered when made, and every check can fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from executor.state import MemoryState
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all
from tests.workloads.test_contracts import needs_vyper
from workloads.registry import generate
from workloads.synthetics_checks import DebtCheck, RegisterCheck
from workloads.workload import Workload

SMALL = {"users": "24"}


def make(params: dict[str, str] | None = None, transactions: int = 50, seed: int = 3) -> Workload:
    return generate("synthetics", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def register(workload: Workload) -> RegisterCheck:
    """Return the check that has the pool and its users."""
    return next(check for check in workload.checks if isinstance(check, RegisterCheck))


def debts(workload: Workload) -> DebtCheck:
    """Return the check that has who issued."""
    return next(check for check in workload.checks if isinstance(check, DebtCheck))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"blocks": "4", "volatility": "0.1"},
        {"mix": "liquidate:3,post:1,issue:1,burn:1", "shock": "0.5", "blocks": "3", "racing": "1"},
        {"failing": "0.5", "synths": "2"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = make({"failing": "0.05"}, transactions=120).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"deposit", "withdraw", "issue", "burn", "exchange", "pay", "post", "liquidate"}
    assert counts["exchange"] == pytest.approx(26, abs=7)
    assert {name for name in names if name.endswith("-reverts")} == {"issue-reverts", "liquidate-reverts"}
    assert Counter(names)["liquidate"] >= 1
    assert 0.85 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_in_a_crash_the_debts_of_some_fall_to_the_others_and_this_is_no_fault() -> None:
    workload = make({"mix": "liquidate:1", "shock": "0.5", "racing": "1", "failing": "0"}, transactions=6)
    assert debts(workload).notes[0].written_off
    (run,) = run_all(workload)
    assert workload.check(run.after, 0, run.before) == []
    blind = replace(debts(workload), notes=(replace(debts(workload).notes[0], written_off=False),))
    assert any("debt per share rose" in line for line in blind.violations(run.before, run.after, 0))


def test_prices_open_the_block() -> None:
    for names in make({"blocks": "2", "mix": "post:1,issue:2"}).operations:
        assert set(names[: names.count("post")]) == {"post"}


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=30)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [30, 30]
    assert compared.conflicts > 0, "the register is hot where nothing is known before"


def test_deposits_of_ether_do_not_wait_for_each_other() -> None:
    workload = make({"mix": "deposit:1", "zipf_users": "0", "users": "200", "failing": "0"}, transactions=8, seed=5)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert len({access.writes for access in workload.blocks[0].access_sets or ()}) == 8, "eight users"
    assert compared.conflicts == 0, "the pool's balance is credited and never read"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("total_shares", 1, "shares, the users have"),
        ("register", 1, "the register is"),
        ("total_shares", -(10**22), "debt per share rose"),
    ],
)
def test_each_sum_of_the_register_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, register(workload).pool.synthetics.at(variable), delta, words)


@pytest.mark.parametrize(
    ("member", "delta", "words"), [("issued", 1, "issued are"), ("price", 10**9, "marked prices are")]
)
def test_each_entry_of_a_token_can_fail(member: str, delta: int, words: str) -> None:
    workload, run = usual()
    place = register(workload).pool.synthetics.at("synths", 2, member=member, struct="Synth")
    assert_seen(workload, run, place, delta, words)


@pytest.mark.parametrize("variable", ["totalSupply", "balanceOf"])
def test_tokens_from_nowhere_are_seen(variable: str) -> None:
    workload, run = usual()
    check = register(workload)
    keys = (check.users[0],) if variable == "balanceOf" else ()
    assert_seen(workload, run, check.pool.tokens[0].at(variable, *keys), 1, "balances sum to")


@pytest.mark.parametrize("variable", ["collateral", "shares"])
def test_a_debt_without_cover_is_seen(variable: str) -> None:
    workload, run = usual()
    issuer = debts(workload).notes[0].issuers[0]
    pool = register(workload).pool
    held = pool.of(run.after, variable, issuer)
    delta = -held if variable == "collateral" else 100 * held
    assert_seen(workload, run, pool.synthetics.at(variable, issuer), delta, "of its debt")


def test_ether_that_is_lost_is_seen() -> None:
    workload, run = usual()
    pool = register(workload).pool
    wrong: MemoryState = run.after.copy()
    wrong.accounts[pool.synthetics.address].balance -= 1
    assert workload.check(run.after, 0, run.before) == []
    assert any("the users' collateral is" in line for line in workload.check(wrong, 0, run.before))


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("value * (BPS - FEE) * WAD", "value * (BPS + FEE) * WAD", "debt per share rose"),
        ("self.total_shares -= cancelled", "pass", "shares, the users have"),
        ("self.collateral[msg.sender] = held - amount", "pass", "the users' collateral is"),
        ("return total - before + issued * price // WAD", "return total", "the register is"),
        (
            'ISSUE_RATIO), "not enough collateral"\n    log Issued',
            'ISSUE_RATIO) or True, "not enough"\n    log Issued',
            "of its debt",
        ),
    ],
)
def test_a_contract_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "Synthetics", old, new)
    workload = make({"failing": "0.2"}, transactions=40)
    (run,) = run_all(workload)
    lines = workload.check(run.after, 0, run.before)
    assert any(words in line for line in lines), lines
