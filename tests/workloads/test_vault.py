"""Shares of vaults: a share never loses worth, nobody gains by rounding, and every invariant can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all
from tests.workloads.test_contracts import needs_vyper
from workloads.registry import generate
from workloads.vault_checks import BooksCheck
from workloads.workload import Workload

SMALL = {"users": "20", "vaults": "2"}


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    return generate("vault", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def books(workload: Workload) -> BooksCheck:
    """Return the check of the hottest vault."""
    return next(check for check in workload.checks if isinstance(check, BooksCheck))


@pytest.mark.parametrize(
    "params",
    [
        {"blocks": "4"},
        {"blocks": "3", "block_seconds": "100000", "mix": "donate:1,mint:1,redeem:2,withdraw:2"},
        {"failing": "0.5", "users": "3", "vaults": "1"},
    ],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_what_reverts_was_meant_to() -> None:
    (names,) = make({"users": "80"}, transactions=200).operations
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == {"deposit", "mint", "withdraw", "redeem", "transfer", "donate"}
    assert counts["deposit"] == pytest.approx(60, abs=8)
    assert {name for name in names if name.endswith("-reverts")} == {"redeem-reverts"}
    assert 0.9 < sum(not name.endswith("-reverts") for name in names) / len(names) < 1


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=25)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "assets and supply conflict where nothing is known before"


@pytest.mark.parametrize(
    ("variable", "delta", "words"),
    [
        ("totalSupply", -1, "shares, the holders have"),
        ("managed", 1, "assets, the token balance is"),
        ("managed", -(10**21), "the price of a share fell"),
        ("locked", 10**21, "the price of a share fell"),
        ("updated_at", 600, "exact prices make it"),
    ],
)
def test_each_invariant_of_a_vault_can_fail(variable: str, delta: int, words: str) -> None:
    workload, run = usual()
    assert_seen(workload, run, books(workload).store.vault.at(variable), delta, words)


@pytest.mark.parametrize(("place", "words"), [("vault", "gained"), ("token", "paid"), ("token", "balances sum to")])
def test_one_unit_too_much_is_seen(place: str, words: str) -> None:
    workload, run = usual()
    check = books(workload)
    contract = check.store.vault if place == "vault" else check.store.token
    assert_seen(workload, run, contract.at("balanceOf", check.members[1]), 1, words)


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (
            "self._ceil_div(shares * (self._assets() + VIRTUAL_ASSETS), self.totalSupply",
            "unsafe_div(shares * (self._assets() + VIRTUAL_ASSETS), self.totalSupply",
            "paid",
        ),
        ("    self.managed -= assets\n", "    self.managed -= assets * 3 // 2\n", "the price of a share fell"),
        ("return self.managed - self._still_locked()", "return self.managed", "exact prices make it"),
        ("self.balanceOf[owner] = held - shares", "self.balanceOf[owner] = held - shares // 2", "shares, the holders"),
    ],
)
def test_a_vault_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "Vault", old, new)
    workload = make({"mix": "mint:1,redeem:1"}, transactions=30)
    (run,) = run_all(workload)
    lines = workload.check(run.after, 0, run.before)
    assert any(words in line for line in lines), lines
