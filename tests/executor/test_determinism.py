"""The same bytes for any completion order, number of workers and access sets, right or damaged."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest

from executor.block_executor import BlockExecutor
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState
from executor.types import Block
from scheduler.access import AccessSet
from tests.conftest import recorded
from tests.data import needs_data
from tests.oracle import damaged, recorded_sets
from workloads.registry import generate

CAPSULES = [2179522, 5891667, 8889776, 11114732, 22615247]
WORKLOADS = ["transfers", "lending"]


def results(
    block: Block, state: MemoryState, exact: Sequence[AccessSet], orders: int, workers: Sequence[int]
) -> Iterator[bytes]:
    """Yield the serialised result of every combination."""
    for seed in range(orders):
        for count in workers:
            for sets in (tuple(exact), damaged(exact, seed)):
                with BlockExecutor(
                    strategy="graph", pool=InlinePool(count, seed, batch_limit=1 + seed % 5)
                ) as executor:
                    yield result_bytes(executor.execute_with(block, state, sets))


def assert_one_result(block: Block, state: MemoryState, orders: int, workers: Sequence[int]) -> None:
    expected = result_bytes(execute_sequential(block, state))
    assert set(results(block, state, recorded_sets(block, state), orders, workers)) == {expected}


@needs_data
@pytest.mark.parametrize("number", [2179522, 22615247])
def test_recorded_blocks_end_in_the_same_bytes(number: int) -> None:
    capsule = recorded(number).capsule
    assert_one_result(capsule.block, capsule.pre_state, orders=3, workers=(1, 4))


@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_end_in_the_same_bytes(name: str) -> None:
    workload = generate(name, transactions=40)
    assert_one_result(workload.blocks[0], workload.pre_state, orders=4, workers=(1, 2, 4))


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("number", CAPSULES)
def test_recorded_blocks_in_twenty_orders(number: int) -> None:
    capsule = recorded(number).capsule
    assert_one_result(capsule.block, capsule.pre_state, orders=20, workers=(1, 2, 4))


@pytest.mark.slow
@pytest.mark.parametrize("name", WORKLOADS)
def test_workloads_in_twenty_orders(name: str) -> None:
    workload = generate(name, transactions=120)
    assert_one_result(workload.blocks[0], workload.pre_state, orders=20, workers=(1, 2, 4))
