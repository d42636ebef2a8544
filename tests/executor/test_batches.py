"""What goes into a message: much where nobody waits for it, and what was learned of the cost of each."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

import executor.parallel
from executor.block_executor import BlockExecutor
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.strategies import expected_sets
from executor.types import BlockResult
from scheduler.access import NOTHING_EXPECTED, AccessSet
from scheduler.batching import MessageCost, target
from tests.blocks import Builder, user
from tests.oracle import assert_same

COUNT = bytes.fromhex("600054600101600055")
"""Adds one to slot 0."""


class PricedPool(InlinePool):
    """Messages cost something here, so that batches are filled to a goal."""

    goal_seconds = 1e-4  # type: ignore[assignment] # an inline pool has none


@dataclass
class Asked:
    """What was asked of `target` during a block, call by call."""

    wide: list[bool]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Note whether each batch was to be one of a wide block."""
    seen = Asked([])

    def spy(remaining: float, workers: int, goal: float, *, wide: bool = False) -> float:
        seen.wide.append(wide)
        return target(remaining, workers, goal, wide=wide)

    monkeypatch.setattr(executor.parallel, "target", spy)
    return seen


def payments(count: int) -> Builder:
    """Return a block in which nobody waits for anybody."""
    builder = Builder()
    builder.fund(*map(user, range(count)))
    for number in range(count):
        builder.send(user(number), bytes([number + 1]) * 20, value=1)
    return builder


def counters(count: int) -> Builder:
    """Return a block that is one chain."""
    builder = Builder()
    builder.fund(*map(user, range(count)))
    contract = builder.contract(1, COUNT)
    for number in range(count):
        builder.send(user(number), contract)
    return builder


def run(builder: Builder, lists: str = "exact", sets: tuple[AccessSet, ...] | None = None) -> BlockResult:
    """Execute a block on two workers; its result must be the sequential one."""
    block, state = builder.block(), builder.state
    expected = expected_sets(lists, block, state) if sets is None else sets
    with BlockExecutor(access_lists=lists, pool=PricedPool(2, 1), gate=False) as parallel:
        result = parallel.execute_with(block, state, expected)
    assert_same(result, execute_sequential(block, state), state)
    return result


def test_a_block_without_long_paths_is_wide_once_its_graph_is_known(asked: Asked) -> None:
    assert run(payments(40)).stats.executions == 40
    assert not asked.wide[0], "the first batches leave before anything is known"
    assert asked.wide[-1]


@pytest.mark.parametrize("lists", ["declared", "observed", "none"])
def test_lists_that_may_be_wrong_make_no_block_wide(asked: Asked, lists: str) -> None:
    run(payments(40), lists)
    assert asked.wide
    assert not any(asked.wide)


def test_a_chain_is_not_wide(asked: Asked) -> None:
    assert run(counters(20)).stats.conflicts == 0
    assert asked.wide
    assert not any(asked.wide)


def test_a_conflict_ends_it(asked: Asked) -> None:
    """The graph was wrong: what is in a large message may run on values that are not up to date."""
    result = run(counters(20), sets=(NOTHING_EXPECTED,) * 20)
    assert result.stats.conflicts
    assert any(asked.wide)
    assert not asked.wide[-1]


def test_turns_are_timed_at_the_beginning_and_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    learned: list[int] = []
    monkeypatch.setattr(MessageCost, "learn", lambda _self, transactions, _seconds: learned.append(transactions))
    builder = payments(40)
    block, state = builder.block(), builder.state
    with BlockExecutor(access_lists="exact", pool=PricedPool(2, batch_limit=1), gate=False) as parallel:
        result = parallel.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.batches == 40
    assert learned == [1] * (8 + 4), "the first eight, and the 16th, 24th, 32nd and 40th"


def test_what_executions_took_is_the_workers_own_account() -> None:
    result = run(payments(40))
    each = sum(transaction.seconds for transaction in result.transactions)
    assert result.stats.traffic.execution_seconds == pytest.approx(each)
    assert result.stats.traffic.worker_seconds > result.stats.traffic.execution_seconds
