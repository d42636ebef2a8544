"""Loans from notes: no note is spent twice, the tree has every leaf, lenders get what is theirs; all can break."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache

import pytest

from scheduler.access import BALANCE, Location
from scheduler.graph import build
from tests.oracle import assert_same_as_sequential
from tests.workloads.pairings import remembered_pairings
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, assert_sound, run_all, violations, wrong_access_sets
from tests.workloads.test_contracts import needs_vyper
from workloads.notes import frontier, tree
from workloads.private_checks import CANCELLED, OPEN, REPAID, REQUESTED, SEIZED, LoanCheck, SpendCheck, TreeCheck
from workloads.registry import generate
from workloads.workload import Workload, read_int

SMALL = {"users": "15", "notes": "8", "loans": "20", "failing": "0"}
CHEAP = "deposit:6,request:4,cancel:2,repay:4,seize:2"
MIXED = "deposit:9,request:7,cancel:2,repay:7,seize:2,fund:0.1,withdraw:0.1"
FOUND_OPEN, ASKED = (OPEN,), (0, REQUESTED)
"""Status before the block."""
OPERATIONS = {"deposit", "request", "cancel", "repay", "seize", "fund", "withdraw"}


@pytest.fixture(autouse=True)
def remembered() -> Iterator[None]:
    """Check each pairing once."""
    with remembered_pairings():
        yield


def make(params: dict[str, str] | None = None, transactions: int = 40, seed: int = 3) -> Workload:
    return generate("private", transactions, seed, {**SMALL, **(params or {})})


@cache
def usual() -> tuple[Workload, Run]:
    """Return a workload of one block and its run: neither is changed by whoever looks."""
    workload = make({"mix": MIXED}, transactions=25, seed=4)
    return workload, run_all(workload)[0]


def spends(workload: Workload) -> SpendCheck:
    """Return the check that has the pool, the nullifiers and who withdrew."""
    return next(check for check in workload.checks if isinstance(check, SpendCheck))


def loan_slot(status: int, before: tuple[int, ...], member: str) -> Location:
    """Return a member of a loan that the usual block left in this status, found in one of those."""
    workload, run = usual()
    pool = spends(workload).pool
    number = next(
        number
        for number, loan in pool.loans(run.after).items()
        if loan.status == status and pool.loan(run.before, number).status in before
    )
    return pool.contract.at("loans", number, member=member, struct="Loan")


@pytest.mark.parametrize(
    "params", [{"blocks": "4", "block_seconds": "800000", "mix": CHEAP}, {"failing": "0.3", "mix": CHEAP}], ids=str
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_every_invariant_holds_after_a_block_with_spends() -> None:
    workload, run = usual()
    assert workload.check(run.after, 0, run.before) == []
    assert wrong_access_sets(workload, [run]) == []


def test_the_mix_is_what_was_asked_for_and_only_second_spends_revert() -> None:
    workload, _ = usual()
    counts = Counter(workload.operations[0])
    assert set(counts) == OPERATIONS
    assert counts["deposit"] == pytest.approx(9, abs=2)
    names = make({"failing": "0.1", "mix": CHEAP}, transactions=60).operations[0]
    assert {name for name in names if name.endswith("-reverts")} == {"withdraw-reverts"}


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload, _ = usual()
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "the tree is hot where nothing is known before"


def test_spends_do_not_wait_for_those_who_pay_in() -> None:
    workload, _ = usual()
    graph, names = build(workload.blocks[0].access_sets or ()), workload.operations[0]
    befores = {
        kind: [before for before, name in zip(graph.predecessors, names, strict=True) if name == kind]
        for kind in ("withdraw", "fund", "deposit")
    }
    assert befores["withdraw"] == [()]
    (before,) = befores["fund"]
    assert {names[index] for index in before} <= {"request"}, "the one that it funds"
    assert sum(not before for before in befores["deposit"]) <= 1, "one deposit after the other"


@pytest.mark.slow
def test_spends_do_not_wait_for_each_other() -> None:
    workload = make({"mix": "withdraw:1", "users": "3"}, transactions=3)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("optimistic", "none") == [3, 3, 3]
    assert compared.conflicts == 0


def test_the_frontier_is_the_left_nodes_that_wait() -> None:
    leaves = [bytes([number]) * 32 for number in range(1, 8)]
    levels = tree(leaves)
    assert [len(nodes) for nodes in levels[:5]] == [7, 4, 2, 1, 1]
    assert frontier(levels)[:4] == [leaves[6], levels[1][2], levels[2][0], levels[3][0]]
    assert tree(leaves[:6])[-1] != levels[-1]


def test_a_leaf_too_few_and_a_wrong_root_are_seen() -> None:
    workload, run = usual()
    contract = spends(workload).pool.contract
    assert any(isinstance(check, TreeCheck) for check in workload.checks)
    assert_seen(workload, run, contract.at("next_leaf"), -1, "leaves, appended were")
    assert_seen(workload, run, contract.at("next_leaf"), -1, "unspent notes are worth")
    assert_seen(workload, run, contract.at("root"), 1, "the leaves make")
    for state in (run.before, run.after):
        root = contract.read(state, "root")
        assert_seen(workload, run, contract.at("known_roots", root), -1, "is not known")


def test_a_note_that_can_be_spent_again_or_was_spent_for_nothing_is_seen() -> None:
    workload, run = usual()
    check = spends(workload)
    contract = check.pool.contract
    spent_before = next(one for one in check.nullifiers if contract.read(run.before, "spent", one))
    unspent = next(one for one in check.nullifiers if not contract.read(run.after, "spent", one))
    assert_seen(workload, run, contract.at("spent", spent_before), -1, "can be spent again")
    assert_seen(workload, run, contract.at("spent", spent_before), -1, "nullifiers are spent, for")
    assert_seen(workload, run, contract.at("spent", unspent), 1, "unspent notes are worth")


def test_ether_that_was_paid_twice_or_by_halves_is_seen() -> None:
    workload, run = usual()
    check = spends(workload)
    for address, words in ((check.pool.contract.address, "unspent notes"), (check.receivers[0], "a withdrawal paid")):
        wrong = run.after.copy()
        wrong.accounts[address].balance = read_int(run.after, (address, BALANCE, 0)) + 1
        assert any(words in line for line in workload.check(wrong, 0, run.before))


@pytest.mark.parametrize(
    ("status", "before", "member", "delta", "words"),
    [
        (OPEN, FOUND_OPEN, "collateral", 1, "its terms changed"),
        (OPEN, FOUND_OPEN, "due", 1, "due, payee or commitment changed"),
        (OPEN, FOUND_OPEN, "payee", 1, "due, payee or commitment changed"),
        (REPAID, FOUND_OPEN, "commitment", 1, "due, payee or commitment changed"),
        (OPEN, ASKED, "due", 1, "funded at"),
        (REPAID, FOUND_OPEN, "status", 5, "its status went from 2 to 8"),
        (CANCELLED, ASKED, "status", -1, "its status went from"),
        (REPAID, FOUND_OPEN, "due", -(10**9), "ended with status 3"),
        (SEIZED, FOUND_OPEN, "due", 10**9, "ended with status 4"),
        (REPAID, FOUND_OPEN, "status", 1, "its lender has"),
        (SEIZED, FOUND_OPEN, "collateral", 1, "its lender has"),
        (OPEN, FOUND_OPEN, "status", 1, "tokens, the loans' collateral is"),
    ],
)
def test_each_rule_of_the_loans_can_fail(
    status: int, before: tuple[int, ...], member: str, delta: int, words: str
) -> None:
    workload, run = usual()
    assert any(isinstance(check, LoanCheck) for check in workload.checks)
    assert_seen(workload, run, loan_slot(status, before, member), delta, words)


def test_loans_that_are_gone_and_collateral_that_moved_by_itself_are_seen() -> None:
    workload, run = usual()
    pool = spends(workload).pool
    assert_seen(workload, run, pool.contract.at("next_id"), -len(pool.loans(run.after)), "is gone")
    assert_seen(workload, run, pool.token.at("balanceOf", pool.contract.address), 1, "the loans' collateral is")
    assert_seen(workload, run, pool.token.at("totalSupply"), 1, "balances sum to")


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("self.spent[nullifier] = True", "pass", "nullifiers are spent, for"),
        ("self._append(loan.commitment)", "pass", "leaves, appended were"),
        ("node = self._node(self.filled[level], node)", "node = self._node(node, node)", "the leaves make"),
        ("due: uint256 = block.timestamp + loan.duration", "due: uint256 = block.timestamp + 1", "funded at"),
        ("self._send(loan.borrower, NOTE)", "pass", "unspent notes are worth"),
        ("self._release(loan.payee, loan.collateral)", "pass", "its lender has"),
    ],
)
def test_a_contract_that_is_wrong_is_seen(old: str, new: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch, "NotePool", old, new)
    workload = make({"failing": "0.1"})
    lines = violations(workload)
    assert any(words in line for line in lines), lines
