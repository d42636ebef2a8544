"""Delta-neutral positions: net delta stays within a lot after every rebalance, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from scheduler.access import Location
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.amm import PairCheck
from workloads.neutral_checks import NeutralCheck, Strategy
from workloads.perp_exchange import LOT
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "8", "assets": "2"}
REST = {"harvest", "post", "arbitrage", "swap", "long", "open", "close"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("neutral", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def neutral(workload: Workload) -> NeutralCheck:
    """Return the check that has the strategies."""
    return next(check for check in workload.checks if isinstance(check, NeutralCheck))


def hedged(workload: Workload) -> Strategy:
    """Return a strategy that the first block left rebalanced."""
    check = neutral(workload)
    return next(strategy for strategy in check.strategies if strategy.contract.address in check.hedged[0])


@pytest.mark.parametrize(
    "params",
    [{}, {"blocks": "4", "block_seconds": "86400"}, {"volatility": "0.1", "mix": "post:1,rebalance:2,close:1,open:1"}],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_almost_all_succeed() -> None:
    names = make(transactions=100, params={"users": "16"}).operations[0]
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == REST | {"rebalance"}
    assert counts["rebalance"] >= 20
    assert sum(name.endswith("-reverts") for name in names) < 12


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=18)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [18, 18]
    assert compared.conflicts > 0, "pair, futures and money are hot where nothing is known before"


def test_a_rebalance_depends_on_pair_futures_and_oracle() -> None:
    workload, _ = usual()
    check = neutral(workload)
    at = workload.operations[0].index("rebalance")
    access = (workload.blocks[0].access_sets or ())[at]
    pairs = {check.market.pair.address for check in workload.checks if isinstance(check, PairCheck)}
    places = {address for address, _, _ in access.reads}
    assert {check.venue.perp.address, check.venue.oracle.address} <= places
    assert len(places & pairs) == 1


def slot(workload: Workload, kind: str) -> Location:
    """Return where a rebalanced strategy keeps something, or what others keep for it."""
    strategy, venue = hedged(workload), neutral(workload).venue
    address = strategy.contract.address
    places = {
        "held": strategy.contract.at("held"),
        "unhedged": strategy.contract.at("unhedged"),
        "short": venue.perp.at("positions", address, strategy.asset.address, 0, member="size", struct="Position"),
        "asset": strategy.asset.at("balanceOf", address),
        "money": venue.token.at("balanceOf", address),
    }
    return places[kind]


@pytest.mark.parametrize(
    ("kind", "delta", "words"),
    [
        ("held", LOT, "net delta is"),
        ("held", -LOT, "net delta is"),
        ("short", LOT, "net delta is"),
        ("short", LOT, "open interest is"),
        ("unhedged", 1, "was rebalanced, and has 1 unhedged"),
        ("asset", 1, "its balance is"),
        ("asset", 1, "balances sum to"),
        ("money", 5, "lie idle"),
    ],
)
def test_each_invariant_can_fail(kind: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, slot(workload, kind), delta, words)


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("wanted: uint256 = held // LOT * LOT", "wanted: uint256 = held // (2 * LOT) * LOT", "net delta is"),
        ("    self.held = held\n    self.unhedged = 0\n    log", "    self.held = held\n    log", "was rebalanced"),
        ("        held = target\n", "        held = target + LOT\n", "its balance is"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "Neutral", old, new)
    workload = make()
    lines = violations(workload)
    assert any(words in line for line in lines), lines
