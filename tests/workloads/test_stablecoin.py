"""Coins against collateral: supply is debt less fees, positions keep their ratio, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.registry import generate
from workloads.stablecoin_checks import BooksCheck, RatioCheck, SupplyOfCoinsCheck
from workloads.workload import Workload

SMALL = {"users": "24"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("stablecoin", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def books(workload: Workload) -> BooksCheck:
    """Return the check that has the issuer and all positions."""
    return next(check for check in workload.checks if isinstance(check, BooksCheck))


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"blocks": "4", "block_seconds": "864000"},
        {"mix": "liquidate:2,post:1,collect:1,repay:1", "volatility": "0.5", "blocks": "3", "racing": "1"},
        {"failing": "0.5", "collaterals": "7"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = make(transactions=120).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"open", "deposit", "mint", "repay", "withdraw", "pay", "post", "liquidate", "collect"}
    assert counts["pay"] == pytest.approx(24, abs=6)
    assert {name for name in names if name.endswith("-reverts")} == {"mint-reverts", "liquidate-reverts"}
    assert Counter(names)["liquidate"] >= 1
    assert 0.85 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=36)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [36, 36]
    assert compared.conflicts > 0, "the supply of coins is hot where nothing is known before"


@pytest.mark.parametrize(
    ("member", "delta", "words"),
    [
        ("collateral", 1, "the book's collateral is"),
        ("collateral", -1, "the token balance is"),
        ("scaled_debt", 1, "the book's scaled_debt is"),
        ("scaled_debt", -(10**6), "debts and losses exceed coins and fees"),
        ("fees", 10**6, "debts and losses exceed coins and fees"),
        ("written_off", 10**6, "debts and losses exceed coins and fees"),
        ("index", 1, "makes it"),
        ("updated_at", 1, "makes it"),
    ],
)
def test_each_sum_of_a_collateral_can_fail(member: str, delta: int, words: str) -> None:
    workload, run = usual()
    issuer = books(workload).issuer
    place = issuer.positions.at("books", issuer.tokens[0].address, member=member, struct="Book")
    assert_seen(workload, run, place, delta, words)


@pytest.mark.parametrize(("variable", "words"), [("balanceOf", "coins: balances"), ("totalSupply", "exceed coins")])
def test_coins_from_nowhere_are_seen(variable: str, words: str) -> None:
    workload, run = usual()
    holder = next(check for check in workload.checks if isinstance(check, SupplyOfCoinsCheck)).holders[0]
    keys = (holder,) if variable == "balanceOf" else ()
    assert_seen(workload, run, books(workload).issuer.coin.at(variable, *keys), 10**6, words)


@pytest.mark.parametrize("member", ["collateral", "scaled_debt"])
def test_a_position_below_its_ratio_after_it_minted_is_seen(member: str) -> None:
    workload, run = usual()
    check = next(check for check in workload.checks if isinstance(check, RatioCheck))
    key = next(iter(check.entries[0]))
    place = check.issuer.positions.at("positions", *key, member=member, struct="Position")
    held = check.issuer.position(run.after, key, member)
    assert_seen(workload, run, place, -held if member == "collateral" else 9 * held, " bps")


def test_the_supply_of_a_collateral_can_fail() -> None:
    workload, run = usual()
    token = books(workload).issuer.tokens[0]
    assert_seen(workload, run, token.at("balanceOf", books(workload).keys[0][0]), 5, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("DebtPositions", "self.books[asset].fees = 0", "pass", "exceed coins and fees"),
        ("DebtPositions", "* (grown - index) // RAY", "* (grown - index) // (RAY // 2)", "exceed coins and fees"),
        ("DebtPositions", "self.books[asset].collateral -= amount", "pass", "the book's collateral is"),
        (
            "DebtPositions",
            'index), "below the minimum ratio"\n    log Minted',
            'index) or True, "below"\n    log Minted',
            " bps",
        ),
        ("IssuedToken", "    self.totalSupply -= amount", "    pass", "coins: balances sum to"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(
    name: str, old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, name, old, new)
    workload = make({"blocks": "2", "failing": "0.3", "mix": "collect:1,mint:2,withdraw:1,repay:1"}, transactions=40)
    lines = violations(workload)
    assert any(words in line for line in lines), lines
