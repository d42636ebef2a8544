"""Pairs at a constant product: the books balance, the product grows, and every invariant can fail."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import assert_sound, run_all, success_share
from tests.workloads.test_contracts import needs_vyper
from workloads.amm import PairCheck
from workloads.registry import generate
from workloads.workload import Workload


def make(params: dict[str, str] | None = None, transactions: int = 120, seed: int = 3) -> Workload:
    return generate("amm", transactions, seed, {"pairs": "6", "users": "30", **(params or {})})


def pair_check(workload: Workload) -> PairCheck:
    """Return the check of the hottest pair."""
    return next(check for check in workload.checks if isinstance(check, PairCheck))


@pytest.mark.parametrize("params", [{}, {"blocks": "3"}, {"mix": "swap:1,add:1,remove:1"}, {"failing": "0.5"}], ids=str)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_almost_all_succeed() -> None:
    workload = make(transactions=300)
    counts = Counter(name.removesuffix("-reverts") for name in workload.operations[0])
    assert counts["swap"] == pytest.approx(270, abs=15)
    assert counts["add"] >= 6
    assert 0.9 < success_share(workload) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=60)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [60, 60]
    assert compared.conflicts > 0, "hot pairs conflict where nothing is known before"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("reserve0", 1, "reserve0 is"),
        ("total_shares", -1, "shares, the providers have"),
        ("reserve1", -(10**21), "the product per share fell"),
        ("reserve1", -(10**21), "impermanent loss"),
        ("cumulative0", 1, "cumulative price"),
    ],
)
def test_each_invariant_can_fail(variable: str, delta: int, words: str) -> None:
    workload = make()
    check = pair_check(workload)
    assert_seen(workload, run_all(workload)[0], check.market.pair.at(variable), delta, words)


def test_the_supply_of_a_token_can_fail() -> None:
    workload = make()
    token = pair_check(workload).market.tokens[0]
    assert_seen(workload, run_all(workload)[0], token.at("balanceOf", bytes(20)), 5, "balances sum to")


@needs_vyper
@pytest.mark.slow
def test_a_pair_that_pays_out_too_much_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    fair = "amount_in * (BPS - FEE)\n    # Rounded down"
    plant(monkeypatch, "Pair", fair, fair.replace("-", "+"))
    workload = make()
    (run,) = run_all(workload)
    assert any("product per share fell" in line for line in workload.check(run.after, 0, run.before))
