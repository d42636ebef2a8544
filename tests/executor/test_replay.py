"""All recorded blocks: equal to the header, and to sequential execution on every schedule."""

from __future__ import annotations

import pytest

from executor.access_lists import observed_sets
from executor.block_executor import BlockExecutor
from executor.pool import InlinePool
from executor.ray_pool import RayPool
from executor.types import BlockResult
from executor.validation import check_header, describe_failure
from scheduler.graph import build
from tests.conftest import Recorded, recorded
from tests.data import block_number, capsule_paths, needs_data
from tests.oracle import assert_same

WITNESSED = [block_number(path) for path in capsule_paths("witness")]
COMBINATIONS = [
    ("graph", "declared"),
    ("graph", "observed"),
    ("graph", "exact"),
    ("graph", "none"),
    ("optimistic", "none"),
    ("waves", "exact"),
]
SMALL = [116525, 2179522, 5891667, 9069000, 19934116, 22615247]


def ratio(block: Recorded, strategy: str, lists: str, pool: InlinePool | RayPool) -> float:
    """Hold one schedule against sequential execution; return executions per transaction."""
    capsule = block.capsule
    with BlockExecutor(strategy=strategy, access_lists=lists, pool=pool, gate=False) as executor:
        if lists == "exact":
            result = executor.execute_with(capsule.block, capsule.pre_state, block.exact_sets)
        else:
            result = executor.execute(capsule.block, capsule.pre_state)
    assert_same(result, block.expected, capsule.pre_state, (block.number, strategy, lists))
    assert result.stats.max_executions <= 3
    count = len(capsule.block.transactions)
    return result.stats.executions / count if count else 1.0


@needs_data
def test_sequential_execution_gives_the_header(each_block: Recorded) -> None:
    capsule, result = each_block.capsule, each_block.expected
    check = check_header(capsule.block, result, capsule.pre_state)
    assert check.ok, describe_failure(check)
    assert check.checks["gas_used"] is True
    assert check.checks["logs_bloom"] is True
    assert (check.checks["receipts_root"] is True) == has_status(result)


def has_status(result: BlockResult) -> bool:
    """Return whether receipts hold a status, so that their root can be compared (from Byzantium on)."""
    return all(receipt.status is not None for receipt in result.receipts)


@needs_data
def test_exact_lists_run_every_transaction_once(each_block: Recorded) -> None:
    assert ratio(each_block, "graph", "exact", InlinePool(4, seed=each_block.number)) == 1.0


@needs_data
def test_no_lists_run_no_transaction_often(each_block: Recorded) -> None:
    assert ratio(each_block, "optimistic", "none", InlinePool(4, seed=each_block.number)) <= 2.0


@needs_data
def test_fees_credits_and_nonces_make_no_edges() -> None:
    block = recorded(13217637)
    graph = build(observed_sets(block.expected.transactions, block.capsule.pre_state))
    assert graph.longest_chain() <= 0.01 * len(block.expected.transactions)


@needs_data
@pytest.mark.parametrize("number", WITNESSED)
@pytest.mark.parametrize(("strategy", "lists"), [("graph", "exact"), ("optimistic", "none")])
def test_a_witness_gives_the_state_root_of_the_header(number: int, strategy: str, lists: str) -> None:
    capsule = recorded(number, "witness").capsule
    with BlockExecutor(strategy=strategy, access_lists=lists, pool=InlinePool(4, seed=1)) as executor:
        result = executor.execute(capsule.block, capsule.pre_state)
    check = check_header(capsule.block, result, capsule.pre_state, capsule.witness)
    assert check.checks["state_root"] is True
    assert check.state_root == capsule.block.header.state_root


@needs_data
@pytest.mark.parametrize("number", SMALL)
@pytest.mark.parametrize(("strategy", "lists"), COMBINATIONS)
def test_small_blocks_on_every_combination(number: int, strategy: str, lists: str) -> None:
    for seed in (None, 1, 2):
        assert ratio(recorded(number), strategy, lists, InlinePool(4, seed)) <= 2.0


@needs_data
@pytest.mark.slow
def test_every_block_on_every_combination(each_block: Recorded) -> None:
    for strategy, lists in COMBINATIONS:
        for seed in (None, 1, 2):
            runs = ratio(each_block, strategy, lists, InlinePool(4, seed))
            assert runs == 1.0 if lists == "exact" else runs <= 2.0, (strategy, lists, seed, runs)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(("strategy", "lists"), [("graph", "exact"), ("graph", "observed"), ("optimistic", "none")])
def test_every_block_on_ray(each_block: Recorded, ray_pool: RayPool, strategy: str, lists: str) -> None:
    assert ratio(each_block, strategy, lists, ray_pool) <= (1.05 if lists == "exact" else 2.0)
