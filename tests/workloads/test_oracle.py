"""A median oracle and its readers: the answer is the median, nobody sells below it, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.oracle_checks import MedianCheck, SalesCheck
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "20", "makers": "4", "assets": "4"}


def make(params: dict[str, str] | None = None, transactions: int = 80, seed: int = 3) -> Workload:
    return generate("oracle", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def sales(workload: Workload) -> SalesCheck:
    """Return the check that has the contracts and the makers."""
    return next(check for check in workload.checks if isinstance(check, SalesCheck))


@pytest.mark.parametrize(
    "params",
    [{}, {"blocks": "8", "block_seconds": "1500"}, {"reporters": "4", "mix": "post:1,take:1"}, {"failing": "0.5"}],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_only_stale_prices_revert() -> None:
    names = make(transactions=200).operations[0]
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert counts["post"] == pytest.approx(56, abs=6)
    assert counts["offer"] == pytest.approx(16, abs=4)
    assert {name for name in names if name.endswith("-reverts")} == {"take-reverts"}
    assert 0.9 < 1 - Counter(names)["take-reverts"] / 200 < 1
    assert all(name == "take-reverts" for name in make({"failing": "1"}, transactions=10).operations[0])


def test_reports_go_stale_as_time_passes_and_then_sales_revert() -> None:
    params = {"blocks": "8", "block_seconds": "1500", "failing": "0", "mix": "post:1,take:3"}
    *_, last = make(params).operations
    assert "take-reverts" in last


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=30)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [30, 30]
    assert compared.conflicts > 0, "readers of a price conflict with its reporters where nothing is known before"


def test_readers_of_a_price_do_not_wait_for_each_other() -> None:
    params = {"mix": "take:1", "failing": "0", "makers": "300", "zipf_makers": "0", "users": "500", "zipf_users": "0"}
    workload = make({**params, "assets": "1"}, transactions=30)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state, [("optimistic", "none", 5, 8, 1)])
    assert compared.conflicts < 10, "only who meets the same maker or buyer again"


@pytest.mark.parametrize(
    ("variable", "member", "delta", "words"),
    [
        ("answers", "price", 1, "the median of"),
        ("answers", "at", -1, "the answer is of"),
        ("answers", "round", -(10**3), "rounds make"),
        ("reports", "price", 10**30, "the median of"),
    ],
)
def test_each_rule_of_the_median_can_fail(variable: str, member: str, delta: int, words: str) -> None:
    workload, run = usual()
    bazaar = sales(workload).bazaar
    asset = bazaar.assets[0].address
    lowest = min(range(1, 8), key=lambda number: bazaar.reports(run.after, asset)[number - 1][1])
    keys, struct = ((asset,), "Answer") if variable == "answers" else ((asset, lowest), "Report")
    assert_seen(workload, run, bazaar.oracle.at(variable, *keys, member=member, struct=struct), delta, words)


@pytest.mark.parametrize("words", ["and gave", "balances sum to"])
def test_tokens_that_a_maker_did_not_sell_are_seen(words: str) -> None:
    workload, run = usual()
    check = sales(workload)
    assert_seen(workload, run, check.bazaar.assets[0].at("balanceOf", check.makers[0]), -1, words)


@pytest.mark.parametrize("delta", [-(10**9), 10**9])
def test_a_sale_at_another_price_is_seen(delta: int) -> None:
    workload, run = usual()
    check = sales(workload)
    assert_seen(workload, run, check.bazaar.money.at("balanceOf", check.makers[0]), delta, "for what cost from")


def test_tokens_that_stay_with_the_offers_are_seen() -> None:
    workload, run = usual()
    bazaar = sales(workload).bazaar
    assert_seen(workload, run, bazaar.money.at("balanceOf", bazaar.offers.address), 7, "contract holds 7 tokens")


def test_an_answer_that_nobody_gave_is_seen_where_too_few_reported() -> None:
    workload, run = usual()
    check = next(check for check in workload.checks if isinstance(check, MedianCheck))
    silent = check.bazaar.assets[-1].address
    place = check.bazaar.oracle.at("answers", silent, member="price", struct="Answer")
    assert_seen(workload, run, place, 1, "the price is")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("MedianOracle", "fresh[(count - 1) // 2] + fresh[count // 2]", "fresh[0] + fresh[0]", "the median of"),
        ("MedianOracle", "if report.at + max_age < block.timestamp:", "if report.at == 0:", "the median of"),
        ("PeggedOffers", "amount * price * (BPS + spread)", "amount * price * (BPS - spread)", "for what cost from"),
        ("PeggedOffers", "offered.sold + amount", "offered.sold + 1", "and gave"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(
    name: str, old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, name, old, new)
    workload = make({"blocks": "5", "block_seconds": "1500", "zipf_assets": "0"})
    lines = violations(workload)
    assert any(words in line for line in lines), lines
