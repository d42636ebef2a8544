"""Stakes and loops: rewards are those that were emitted, leverage has its limit, and every invariant can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.farm_checks import FarmCheck, LoopCheck
from workloads.flash_loans import NothingLeftCheck
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "16", "loopers": "6", "farms": "2"}


def make(params: dict[str, str] | None = None, transactions: int = 50, seed: int = 3) -> Workload:
    return generate("farm", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def farm_check(workload: Workload) -> FarmCheck:
    """Return the check of the hottest farm."""
    return next(check for check in workload.checks if isinstance(check, FarmCheck))


def loop_check(workload: Workload) -> LoopCheck:
    """Return the check of the first market."""
    return next(check for check in workload.checks if isinstance(check, LoopCheck))


@pytest.mark.parametrize(
    "params",
    [
        {"blocks": "4", "block_seconds": "864000"},
        {"mix": "loop:1,unwind:1", "markets": "1", "blocks": "2", "loopers": "3"},
        {"failing": "0.5", "mix": "leave:3,fund:1,claim:1"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params, transactions=24)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = generate("farm", 100, 3, {**SMALL, "users": "100"}).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"stake", "unstake", "claim", "leave", "fund", "loop", "unwind"}
    assert counts["claim"] == pytest.approx(28, abs=6)
    assert {name for name in names if name.endswith("-reverts")} <= {"unstake-reverts", "loop-reverts"}
    assert 0.9 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=14)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [14, 14]
    assert compared.conflicts > 0, "reward accumulators conflict where nothing is known before"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("total", 1, "the stakes sum to"),
        ("total", -1, "staked, the token balance is"),
        ("paid", 1, "unpaid, the token balance is"),
        ("funded", -(10**18), "emitted"),
        ("per_unit", 10**12, "earned in the block"),
        ("per_unit", -(10**22), "only"),
        ("per_unit", 10**24, "paid or owed, only"),
    ],
)
def test_each_invariant_of_a_farm_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, farm_check(workload).yard.farm.at(variable), delta, words)


def test_a_stake_that_nobody_brought_is_seen() -> None:
    workload, run = usual()
    check = farm_check(workload)
    assert_seen(workload, run, check.yard.farm.at("stakes", check.members[1]), 1, "the stakes sum to")


@pytest.mark.parametrize(
    ("member", "delta", "words"),
    [
        ("cash", 1, "cash is"),
        ("scaled_supply", 1, "scaled_supply is"),
        ("scaled_debt", -1, "scaled_debt is"),
        ("supply_index", -(9 * 10**26), "above the limit of the LTV"),
    ],
)
def test_each_invariant_of_a_market_can_fail(member: str, delta: int, words: str) -> None:
    workload, run = usual()
    check = loop_check(workload)
    place = check.pool.at("reserves", check.token.address, member=member, struct="Reserve")
    assert_seen(workload, run, place, delta, words)


def test_tokens_that_a_looper_keeps_are_seen() -> None:
    workload, run = usual()
    looper = next(check for check in workload.checks if isinstance(check, NothingLeftCheck)).borrower
    token = loop_check(workload).token
    assert_seen(workload, run, token.at("balanceOf", looper.address), 1, "left in the borrower")


def test_the_supply_of_every_token_can_fail() -> None:
    workload, run = usual()
    check = farm_check(workload)
    for token in (check.yard.staked, check.yard.reward, loop_check(workload).token):
        assert_seen(workload, run, token.at("balanceOf", check.members[0]), 5, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("Farm", "    self.entered[user] = per_unit\n", "", "earned in the block"),
        ("Farm", "self.total -= amount", "self.total -= amount - 1", "the stakes sum to"),
        ("Looper", "deposit(asset, step)", "deposit(asset, step - 1)", "left in the borrower"),
        ("LendingPool", 'standing.limit, "not enough', 'standing.limit * 2, "not enough', "above the limit of the LTV"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(
    name: str, old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, name, old, new)
    workload = make({"blocks": "2", "failing": "0.3"}, transactions=40)
    lines = violations(workload)
    assert any(words in line for line in lines), lines
