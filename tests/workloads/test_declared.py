"""EIP-2930 lists of the generators that model their contracts: the truth, and each distortion of it."""

from __future__ import annotations

import pytest

from executor.transactions import decode_transaction
from scheduler.access import STORAGE, Location, touched
from tests.oracle import assert_same_as_sequential
from tests.workloads.runs import run_all, wrong_access_sets
from workloads.declared import DECLARE_MODES, DECLARED_ADDRESS_GAS, DECLARED_SLOT_GAS
from workloads.registry import generate
from workloads.workload import Workload

NAMES: dict[str, dict[str, str]] = {
    "lending": {"users": "10", "blocks": "2", "failing": "0.1"},
    "transfers": {"accounts": "12", "kind": "erc20", "failing": "0.1"},
    "amm": {"users": "10", "pairs": "2", "failing": "0.1"},
}


def make(name: str, declare: str, transactions: int = 30) -> Workload:
    return generate(name, transactions, 4, NAMES[name] | {"declare": declare})


def lists(workload: Workload) -> list[set[Location]]:
    """Return the slots that each transaction declares."""
    decoded = [decode_transaction(tx.raw) for block in workload.blocks for tx in block.transactions]
    return [{(address, STORAGE, slot) for address, slots in tx.access_list for slot in slots} for tx in decoded]


def truths(workload: Workload) -> list[set[Location]]:
    """Return the slots that each transaction touches."""
    sets = [access for block in workload.blocks for access in block.access_sets or ()]
    return [{location for location in touched(access) if location[1] == STORAGE} for access in sets]


@pytest.mark.parametrize("name", NAMES)
def test_lists_hold_what_their_mode_says(name: str) -> None:
    made = {mode: make(name, mode) for mode in DECLARE_MODES}
    exact = truths(made["exact"])
    assert lists(made["none"]) == [set()] * 30
    assert lists(made["exact"]) == exact
    assert all(
        declared < truth for declared, truth in zip(lists(made["partial"]), truths(made["partial"]), strict=True)
    )
    over = list(zip(lists(made["over"]), truths(made["over"]), strict=True))
    assert all(declared > truth and len(declared) == 2 * len(truth) for declared, truth in over)


def test_stale_lists_are_those_of_the_state_before_the_block() -> None:
    workload = make("lending", "stale", 60)
    pairs = list(zip(lists(workload), truths(workload), strict=True))
    wrong = sum(declared != truth for declared, truth in pairs)
    assert 0 < wrong < len(pairs)
    first_of_block = pairs[0], pairs[30]
    assert all(declared == truth for declared, truth in first_of_block), "nothing came before these"


def test_a_list_is_paid_for_in_the_gas_limit() -> None:
    for mine, bare in zip(
        make("lending", "exact").blocks[0].transactions, make("lending", "none").blocks[0].transactions, strict=True
    ):
        tx, other = decode_transaction(mine.raw), decode_transaction(bare.raw)
        slots = sum(len(slots) for _, slots in tx.access_list)
        assert tx.gas - other.gas == DECLARED_ADDRESS_GAS * len(tx.access_list) + DECLARED_SLOT_GAS * slots


@pytest.mark.parametrize("mode", ["over", "stale", "partial"])
@pytest.mark.parametrize("name", ["lending", "transfers"])
def test_wrong_lists_change_neither_what_is_touched_nor_what_holds(name: str, mode: str) -> None:
    workload = make(name, mode)
    runs = run_all(workload)
    assert wrong_access_sets(workload, runs) == []
    for index, run in enumerate(runs):
        assert workload.check(run.after, index, run.before) == []


def test_lists_that_say_all_need_one_execution_each_and_wrong_ones_never_the_wrong_result() -> None:
    executions = {}
    for mode in ("exact", "over", "stale", "partial"):
        workload = make("lending", mode)
        compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state, (("graph", "declared", 2, 3, 2),))
        (executions[mode],) = compared.executions("graph", "declared")
    assert executions["exact"] == executions["over"] == 15
    assert min(executions["stale"], executions["partial"]) >= 15
