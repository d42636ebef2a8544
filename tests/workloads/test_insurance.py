"""Cover pools: cover is backed, payouts come from premiums and capital, and every invariant can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all
from tests.workloads.test_contracts import needs_vyper
from workloads.insurance_checks import FlowCheck, PoolCheck, read_cover
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "24", "underwriters": "5", "pools": "2"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("insurance", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def pool_check(workload: Workload) -> PoolCheck:
    """Return the check of the hottest pool."""
    return next(check for check in workload.checks if isinstance(check, PoolCheck))


def flow_check(workload: Workload) -> FlowCheck:
    """Return the check of what people paid and got."""
    return next(check for check in workload.checks if isinstance(check, FlowCheck))


@pytest.mark.parametrize(
    "params",
    [
        {"blocks": "4"},
        {"blocks": "3", "block_seconds": "2000000", "mix": "buy:1,expire:2,request_exit:1,leave:1"},
        {"failing": "0.5", "pools": "1", "underwriters": "1"},
        {"mix": "claim:1,assess:1", "blocks": "2"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = make({"users": "100", "underwriters": "20"}, transactions=200).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"buy", "stake", "request_exit", "leave", "claim", "assess", "expire"}
    assert counts["buy"] == pytest.approx(80, abs=12)
    assert {name for name in names if name.endswith("-reverts")} <= {"buy-reverts", "expire-reverts"}
    assert 0.9 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=25)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "the capital of a pool conflicts where nothing is known before"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("active", 10**14, "of capital is above 8000 bps"),
        ("active", 1, "active is"),
        ("capital", 1, "the token balance is"),
        ("unearned", -1, "unearned is"),
        ("total_shares", 1, "shares, the underwriters have"),
        ("premiums", 1, "premiums grew by"),
        ("payouts", 1, "premiums less payouts grew by"),
        ("payouts", 10**14, "paid out, premiums were"),
    ],
)
def test_each_sum_of_a_pool_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, pool_check(workload).pool.at(variable), delta, words)


@pytest.mark.parametrize(
    ("member", "delta", "words"), [("claimed", 10**15, "is claimed of cover"), ("premium", 10**9, "the rates make it")]
)
def test_a_cover_that_is_off_is_seen(member: str, delta: int, words: str) -> None:
    workload, run = usual()
    pool = pool_check(workload).pool
    last = pool.read(run.after, "cover_count")
    sold = next(number for number in range(last, 0, -1) if read_cover(pool, run.after, number, "amount"))
    assert sold > pool.read(run.before, "cover_count"), "one that was sold in the block"
    assert_seen(workload, run, pool.at("covers", sold, member=member, struct="Cover"), delta, words)


def test_tokens_from_nowhere_are_seen() -> None:
    workload, run = usual()
    flow = flow_check(workload)
    for words in ("balances sum to", "holders paid"):
        assert_seen(workload, run, flow.token.at("balanceOf", flow.holders[0]), 5, words)


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("    self._end(id, cover)\n    self.capital -= paid\n", "    self._end(id, cover)\n", "the token balance is"),
        ("    self.active -= cover.amount\n", "    self.active -= cover.amount // 2\n", "active is"),
        ("    self.payouts += paid\n", "", "premiums less payouts grew by"),
        ("rate: uint256 = BASE_RATE +", "rate: uint256 = 10 * BASE_RATE +", "the rates make it"),
    ],
)
def test_a_pool_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "CoverPool", old, new)
    workload = make()
    (run,) = run_all(workload)
    lines = workload.check(run.after, 0, run.before)
    assert any(words in line for line in lines), lines
