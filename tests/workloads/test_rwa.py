"""Fractions of assets: listed holders only, dividends exact to the last digit, loans covered; every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.registry import generate
from workloads.rwa_checks import FractionCheck, LoanCheck
from workloads.workload import Workload

SMALL = {"users": "24", "applicants": "6", "assets": "4"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("rwa", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def fractions(workload: Workload) -> FractionCheck:
    """Return the check that has the estate and all people."""
    return next(check for check in workload.checks if isinstance(check, FractionCheck))


def lending(workload: Workload) -> LoanCheck:
    """Return the check that has who borrowed."""
    return next(check for check in workload.checks if isinstance(check, LoanCheck))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"blocks": "4", "block_seconds": "1000000"},
        {"mix": "liquidate:2,post:1,borrow:1,repay:1,dividend:1", "shock": "0.5", "blocks": "3", "racing": "1"},
        {"failing": "0.5", "assets": "1", "volatility": "0.3"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = make({"failing": "0.05"}, transactions=120).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    known = {"transfer", "claim", "dividend", "borrow", "repay", "list", "delist", "post", "liquidate"}
    assert set(counts) == known
    assert counts["transfer"] == pytest.approx(41, abs=14)
    assert {name for name in names if name.endswith("-reverts")} == {"transfer-reverts", "liquidate-reverts"}
    assert Counter(names)["liquidate"] >= 1
    assert 0.85 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=36)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [36, 36]
    assert compared.conflicts > 0, "the lender's cash is hot where nothing is known before"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("accumulator", 1, "for each fraction"),
        ("accumulator", -(10**9), "accumulator fell"),
        ("carry", 1, "for each fraction"),
        ("carry", 1, "owed are"),
        ("deposited", 1, "the money there is"),
        ("paid", 1, "owed are"),
        ("paid", -1, "the money there is"),
    ],
)
def test_each_sum_of_the_dividends_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, fractions(workload).estate.tokens[0].at(variable), delta, words)


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("marks", -1, "owed are"),
        ("credits", 1, "owed are"),
        ("balanceOf", 1, "9700000 were issued"),
        ("frozen", 1, "and a loan against"),
        ("frozen", 10**7, "frozen and holds less"),
    ],
)
def test_each_fact_about_a_holder_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    check = fractions(workload)
    token = check.estate.tokens[0]
    holder = next(one for one in check.people if token.read(run.after, "marks", one))
    assert_seen(workload, run, token.at(variable, holder), delta, words)


def test_a_holder_who_is_not_listed_is_seen() -> None:
    workload, run = usual()
    check = fractions(workload)
    holder = next(one for one in check.people if check.estate.tokens[0].read(run.after, "balanceOf", one))
    assert_seen(workload, run, check.estate.registry.at("listed", holder), -1, "is not listed")


@pytest.mark.parametrize(
    ("variable", "words"),
    [("cash", "the lender's money"), ("lent", "without interest"), ("earned", "earned, less"), ("lost", "lost")],
)
def test_each_sum_of_the_loans_can_fail(variable: str, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, fractions(workload).estate.loans.at(variable), 1, words)


@pytest.mark.parametrize("member", ["principal", "interest"])
def test_a_loan_above_the_loan_to_value_is_seen(member: str) -> None:
    workload, run = usual()
    check = lending(workload)
    key = next(iter(check.entries[0]))
    place = check.estate.loans.at("loans", *key, member=member, struct="Loan")
    assert_seen(workload, run, place, 10**12, "basis points")


def test_the_supply_of_the_money_can_fail() -> None:
    workload, run = usual()
    money = fractions(workload).estate.money
    assert_seen(workload, run, money.at("balanceOf", fractions(workload).people[0]), 5, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("FractionToken", "    self._settle(receiver)\n", "", "owed are"),
        ("FractionToken", "self.carry = undivided % totalSupply", "self.carry = 0", "for each fraction"),
        ("FractionToken", 'listed(receiver), "not listed"', 'listed(receiver) or True, "not listed"', "were issued"),
        ("FractionLoans", "principal: uint256 = paid - interest", "principal: uint256 = paid", "earned, less"),
        ("FractionLoans", "extcall Fractions(token).release(msg.sender, freed)", "pass", "and a loan against"),
        ("HolderRegistry", "        assert held == 0,", "        assert held >= 0,", "is not listed"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(
    name: str, old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, name, old, new)
    if name == "HolderRegistry":
        lines = after_delisting_a_holder()
    else:
        workload = make({"failing": "0.1", "blocks": "2"}, transactions=80)
        lines = violations(workload)
    assert any(words in line for line in lines), lines


def after_delisting_a_holder() -> list[str]:
    """Return what the check says once an officer has delisted somebody who holds fractions."""
    from tests.workloads.test_rwa_rules import Office  # noqa: PLC0415 - its stage is made with the changed contract

    office = Office()
    assert office.call("owner", office.estate.registry, "delist_holder", office.ann.address) == ""
    people = tuple(one.address for one in (office.ann, office.bob, office.liz, office.eve, office.stage.owner))
    return FractionCheck(office.estate, people, ()).violations(office.stage, office.stage, 0)
