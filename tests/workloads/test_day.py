"""A day of all protocols: every part's access sets and invariants hold in the whole."""

from __future__ import annotations

from collections import Counter

import pytest

from executor.errors import UsageError
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import changed
from tests.workloads.runs import assert_sound, run_all, wrong_access_sets
from workloads.block_builder import block_time
from workloads.checks import SupplyCheck
from workloads.day import MIX
from workloads.registry import WORKLOADS, generate
from workloads.workload import Workload

PROTOCOLS = {part.partition(":")[0] for part in MIX.split(",")}
FEW = {"mix": "transfers:4,amm:2,lending:2,oracle:2", "blocks": "3"}


def make(transactions: int = 60, seed: int = 2, params: dict[str, str] | None = None) -> Workload:
    return generate("day", transactions, seed, FEW if params is None else params)


def test_every_protocol_is_part_of_a_day() -> None:
    assert set(WORKLOADS) - {"day", "adversarial", "replayed"} == PROTOCOLS


@pytest.mark.slow
def test_all_of_them_together_hold_every_invariant() -> None:
    workload = make(480, 1, {"blocks": "4"})
    assert {name.partition("/")[0] for names in workload.operations for name in names} == PROTOCOLS
    assert_sound(workload)


def test_a_few_of_them_hold_every_invariant() -> None:
    workload = make()
    runs = run_all(workload)
    assert sum(len(run.result.transactions) for run in runs) == 60
    for index, run in enumerate(runs):
        assert workload.check(run.after, index, run.before) == []
        assert workload.blocks[index].header.timestamp == block_time(index, 3_600)
    assert wrong_access_sets(workload, runs) == []


def test_shares_are_those_of_the_mix_and_each_part_keeps_its_order() -> None:
    workload = make()
    counts = Counter(name.partition("/")[0] for names in workload.operations for name in names)
    assert counts == {"transfers": 24, "amm": 12, "lending": 12, "oracle": 12}
    assert len({name.partition("/")[0] for name in workload.operations[0][:8]}) > 1


def test_blocks_run_in_parallel_as_in_sequence() -> None:
    workload = make()
    block = workload.blocks[0]
    compared = assert_same_as_sequential(block, workload.pre_state)
    assert compared.executions("graph", "exact") == [len(block.transactions)] * 2


def test_the_invariants_of_the_parts_can_fail() -> None:
    workload = make()
    run = run_all(workload)[0]
    supplies = [check for check in workload.checks if isinstance(check, SupplyCheck)]
    assert len(supplies) > 10
    for check in supplies:
        assert workload.check(changed(run.after, check.supply_at, 1), 0, run.before)


def test_an_unknown_protocol_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown operation 'poker'"):
        make(params={"mix": "poker:1"})
