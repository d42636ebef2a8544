"""Loans against single tokens: collateral lies in escrow exactly while its loan is open, and every check can fail."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from scheduler.access import Location
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations
from tests.workloads.test_contracts import needs_vyper
from workloads.nft_checks import OPEN, REPAID, SEIZED, BooksCheck, CollateralCheck, Loan
from workloads.registry import generate
from workloads.workload import Workload

SMALL = {"users": "30", "collections": "2", "tokens": "40", "open": "0.5"}
OPERATIONS = {"request", "offer", "lend", "borrow", "repay", "seize", "transfer"}


def make(params: dict[str, str] | None = None, transactions: int = 80, seed: int = 3) -> Workload:
    return generate("nft", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make()
    return workload, run_all(workload)[0]


def books(workload: Workload) -> BooksCheck:
    """Return the check that has the contracts and the people."""
    return next(check for check in workload.checks if isinstance(check, BooksCheck))


def loan_with(status: int, before: int) -> tuple[int, Loan]:
    """Return number and members of a loan that the usual block left in this status, found in that one."""
    workload, run = usual()
    lending = books(workload).lending
    pairs = ((number, lending.loan(run.after, number)) for number in lending.ids(run.after))
    return next(
        (number, loan)
        for number, loan in pairs
        if (loan.status, lending.loan(run.before, number).status) == (status, before)
    )


@pytest.mark.parametrize(
    "params",
    [{}, {"blocks": "6", "block_seconds": "400000"}, {"open": "0", "blocks": "2"}, {"open": "1"}, {"failing": "0.5"}],
    ids=str,
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_only_early_seizures_revert() -> None:
    names = make({"users": "200", "tokens": "100"}, transactions=200).operations[0]
    counts = Counter(name.removesuffix("-reverts") for name in names)
    assert set(counts) == OPERATIONS
    assert counts["repay"] == pytest.approx(44, abs=6)
    assert 0 < Counter(names)["seize-reverts"] < 20
    assert {name for name in names if name.endswith("-reverts")} == {"seize-reverts"}
    assert set(make({"failing": "1"}, transactions=10).operations[0]) == {"seize-reverts"}


def test_loans_fall_due_as_time_passes() -> None:
    workload = make({"blocks": "4", "block_seconds": "1000000", "mix": "seize:1,lend:1,request:1", "failing": "0"})
    assert all("seize" in names for names in workload.operations)


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=25)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "the next number is hot where nothing is known before"


@pytest.mark.parametrize(("collections", "least", "most"), [("1", 15, 25), ("60", 0, 10)])
def test_repayments_wait_for_each_other_only_within_a_collection(collections: str, least: int, most: int) -> None:
    params = {"users": "300", "zipf_users": "0", "open": "1", "mix": "repay:1", "failing": "0"}
    workload = make(
        {**params, "collections": collections, "tokens": "30" if collections == "1" else "4"}, transactions=25
    )
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state, [("optimistic", "none", 5, 8, 1)])
    assert least <= compared.conflicts <= most, "the collection counts the tokens in escrow"


def test_tokens_of_nobody_and_tokens_counted_wrongly_are_seen() -> None:
    workload, run = usual()
    lending = books(workload).lending
    collection = lending.collections[0]
    person = books(workload).people[0]
    assert_seen(workload, run, collection.at("balanceOf", person), 1, "its count says")
    assert_seen(workload, run, collection.at("totalSupply"), 1, "there are 41 tokens, not 40")
    assert_seen(workload, run, collection.at("owners", 3), 1, "is nobody here")


@pytest.mark.parametrize("status", [REPAID, SEIZED])
def test_collateral_without_its_loan_and_a_loan_without_collateral_are_seen(status: int) -> None:
    workload, run = usual()
    number, _ = loan_with(status, OPEN)
    place = books(workload).lending.loans.at("loans", number, member="status", struct="Loan")
    assert_seen(workload, run, place, OPEN - status, "open loans on it")
    number, loan = loan_with(OPEN, OPEN)
    place = books(workload).lending.loans.at("loans", number, member="status", struct="Loan")
    assert_seen(workload, run, place, status - OPEN, "is in escrow, with 0 open loans on it")
    assert loan.status == OPEN


@pytest.mark.parametrize(
    ("member", "status", "before", "delta", "words"),
    [
        ("started", OPEN, 0, 1, "in a block of"),
        ("lender", OPEN, OPEN, 1, "its terms changed"),
        ("due", OPEN, OPEN, 1, "its terms changed"),
        ("paid", OPEN, OPEN, 1, "0 paid became 1"),
        ("paid", OPEN, 0, 1, "starts with 1 paid"),
        ("status", REPAID, OPEN, 7, "its status went from 1 to 9"),
        ("paid", REPAID, OPEN, 1, "repaid with"),
        ("due", REPAID, OPEN, -(10**9), "due at"),
        ("due", SEIZED, OPEN, 10**9, "seized at"),
        ("paid", SEIZED, OPEN, 5, "with 5 paid"),
        ("principal", OPEN, 0, 1, "more money, the loans say"),
    ],
)
def test_each_rule_of_the_books_can_fail(member: str, status: int, before: int, delta: int, words: str) -> None:
    workload, run = usual()
    number, _ = loan_with(status, before)
    place = books(workload).lending.loans.at("loans", number, member=member, struct="Loan")
    assert_seen(workload, run, place, delta, words)


def test_loans_that_are_gone_and_money_that_moved_by_itself_are_seen() -> None:
    workload, run = usual()
    lending, person = books(workload).lending, books(workload).people[0]
    assert_seen(workload, run, lending.loans.at("next_id"), -len(lending.ids(run.after)), "loans are gone")
    places: list[Location] = [lending.money.at("balanceOf", who) for who in (person, lending.loans.address)]
    for place in places:
        assert_seen(workload, run, place, 3, "more money, the loans say")
    assert_seen(workload, run, places[0], 3, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("Nft", "self.balanceOf[sender] -= 1", "self.balanceOf[sender] -= 0", "its count says"),
        ("NftLoans", "// DAY + 1", "// DAY", "repaid with"),
        ("NftLoans", 'assert block.timestamp > loan.due, "not yet due"', "pass", "seized at"),
        ("NftLoans", "self.loans[id].status = SEIZED", "pass", "is free, with 1 open loans"),
        ("NftLoans", "self._pay(lender, borrower, terms.principal)", "pass", "the loans say"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(
    name: str, old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant(monkeypatch, name, old, new)
    workload = make()
    assert any(isinstance(check, CollateralCheck) for check in workload.checks)
    lines = violations(workload)
    assert any(words in line for line in lines), lines
