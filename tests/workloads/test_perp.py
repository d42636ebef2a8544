"""Perpetual futures: the books balance, funding sums to 0, nobody is above the leverage, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from scheduler.access import Location
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.perp_checks import BooksCheck, EntryCheck
from workloads.perp_exchange import Key
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "20", "markets": "6"}


def make(params: dict[str, str] | None = None, transactions: int = 80, seed: int = 3) -> Workload:
    return generate("perp", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"blocks": "4", "block_seconds": "86400"},
        {"mix": "open:1,close:1,increase:1,liquidate:1,post:1", "volatility": "0.2", "blocks": "3"},
        {"failing": "0.5", "leverage": "19"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    workload = make(transactions=120)
    (names,) = workload.operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"open", "increase", "close", "deposit", "withdraw", "post", "liquidate"}
    assert counts["open"] == pytest.approx(32, abs=7)
    assert {name for name in names if name.endswith("-reverts")} == {"open-reverts", "liquidate-reverts"}
    assert Counter(names)["liquidate"] >= 2
    assert 0.85 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_liquidators_race_and_only_the_first_succeeds() -> None:
    (names,) = make(
        {"racing": "3", "mix": "liquidate:1", "failing": "0", "volatility": "0.1"}, transactions=30
    ).operations
    tries = [name for name in names if name != "post"]
    assert len(tries) >= 6
    rounds = [tuple(tries[at : at + 3]) for at in range(0, len(tries) // 3 * 3, 3)]
    assert set(rounds) == {("liquidate", "liquidate-reverts", "liquidate-reverts")}


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=36)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [36, 36]
    assert compared.conflicts > 0, "open interest is hot where nothing is known before"


def books(workload: Workload) -> BooksCheck:
    """Return the check that has the exchange, its traders and its positions."""
    return next(check for check in workload.checks if isinstance(check, BooksCheck))


def hottest(workload: Workload, kind: str, member: str) -> Location:
    """Return where a member of the hottest market's book or longs lies, or one of the margin token's balances."""
    venue = books(workload).exchange
    keys, struct = ((venue.assets[0],), "Book") if kind == "books" else ((venue.assets[0], 1), "Side")
    return venue.perp.at(kind, *keys, member=member, struct=struct)


@pytest.mark.parametrize(
    ("kind", "member", "delta", "words"),
    [
        ("books", "fees", 1, "the token balance is"),
        ("books", "fund", -1, "the token balance is"),
        ("books", "fund", -1, "the fund is"),
        ("books", "pnl", 1, "less profits"),
        ("books", "seized", -1, "seized"),
        ("books", "funding", 10**6, "more than rounding leaves"),
        ("books", "updated_at", 60, "which is not the rate of"),
        ("sides", "size", 10**15, "open interest is"),
        ("sides", "cost", -1, "the side's cost is"),
        ("sides", "index", 10**12, "funding does not sum to 0"),
        ("sides", "index", 1, "which is not the rate of"),
    ],
)
def test_each_sum_of_a_market_can_fail(kind: str, member: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, hottest(workload, kind, member), delta, words)


def test_a_profit_from_nowhere_is_seen() -> None:
    workload = make({"mix": "open:1,increase:1,close:1"}, transactions=30)
    venue = books(workload).exchange
    place = venue.perp.at("books", venue.assets[0], member="pnl", struct="Book")
    assert_seen(workload, run_all(workload)[0], place, 100, "at one price")


def test_collateral_from_nowhere_is_seen() -> None:
    workload, run = usual()
    check = books(workload)
    place = check.exchange.perp.at("collateral", check.traders[0])
    assert_seen(workload, run, place, 1, "the token balance is")


def grown(workload: Workload, run: Run) -> Key:
    """Return a position that the block opened or grew."""
    check = next(check for check in workload.checks if isinstance(check, EntryCheck))
    place = check.exchange
    return next(k for k in check.positions if place.position(run.after, k).size > place.position(run.before, k).size)


@pytest.mark.parametrize("words", ["leverage is above 10", "equity is below maintenance", "the token balance is"])
def test_a_position_without_its_margin_is_seen(words: str) -> None:
    workload, run = usual()
    key, venue = grown(workload, run), books(workload).exchange
    place = venue.perp.at("positions", *key, member="margin", struct="Position")
    assert_seen(workload, run, place, -venue.position(run.after, key).margin, words)


def test_the_supply_of_the_margin_token_can_fail() -> None:
    workload, run = usual()
    check = books(workload)
    balance = check.exchange.token.at("balanceOf", check.traders[0])
    assert_seen(workload, run, balance, 5, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "return value - convert(cost, int256) if long else convert(cost, int256) - value",
            "return value - convert(cost, int256)",
            "at one price",
        ),
        ("self.books[market].pnl += gain", "self.books[market].pnl -= gain", "less profits"),
        (
            "self.books[market].funding += owed\n    return",
            "self._pay(market, 0)\n    return",
            "more than rounding leaves",
        ),
        ("return paid * max(longs, shorts) // min(longs, shorts)", "return paid", "funding does not sum to 0"),
        ('assert exposure <= equity * convert(self.terms[market].leverage, int256), "', 'assert True, "', "leverage"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "Perp", old, new)
    workload = make({"blocks": "2", "block_seconds": "86400", "failing": "0.1"})
    lines = violations(workload)
    assert any(words in line for line in lines), lines
