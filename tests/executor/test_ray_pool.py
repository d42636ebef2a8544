"""Ray workers: the same results, and nothing wrong when one of them dies."""

from __future__ import annotations

import os
import signal
import time

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import PoolError
from executor.pool import Event
from executor.ray_pool import RayPool
from executor.sequential import execute_sequential
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.oracle import assert_same


def spinning_block(transactions: int, contracts: int) -> Builder:
    """Return a block whose transactions take milliseconds each, in `contracts` chains."""
    builder = Builder(gas_limit=10**9)
    loop = bytes.fromhex("6107d05b6001900380600357") + COUNTER  # 2000 rounds, then count
    targets = [builder.contract(number, loop) for number in range(contracts)]
    for number in range(transactions):
        builder.fund(user(number))
        builder.send(user(number), targets[number % contracts])
    return builder


@pytest.mark.parametrize(("strategy", "lists"), [("graph", "exact"), ("graph", "observed"), ("optimistic", "none")])
def test_ray_gives_the_sequential_result(ray_pool: RayPool, strategy: str, lists: str) -> None:
    builder = spinning_block(40, contracts=5)
    block, state = builder.block(), builder.state
    with BlockExecutor(strategy=strategy, access_lists=lists, pool=ray_pool, gate=False) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.executions <= (40 if lists == "exact" else 120)
    assert result.stats.batches > 1


def test_a_worker_killed_in_the_middle_changes_nothing(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = spinning_block(200, contracts=10)
    block, state = builder.block(), builder.state
    victims = ray_pool.pids()[:1]
    wait = ray_pool.next_event

    def kill_then_wait() -> Event:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
        return wait()

    monkeypatch.setattr(ray_pool, "next_event", kill_then_wait)
    with BlockExecutor(strategy="graph", access_lists="exact", pool=ray_pool, gate=False) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.lost_workers == 1
    assert not victims


def test_a_worker_killed_between_blocks_is_replaced(ray_pool: RayPool) -> None:
    builder = spinning_block(20, contracts=20)
    block, state = builder.block(), builder.state
    os.kill(ray_pool.pids()[1], signal.SIGKILL)
    time.sleep(0.5)
    with BlockExecutor(strategy="optimistic", pool=ray_pool, gate=False) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)


def test_more_workers_than_processors_are_refused_with_a_reason(ray_pool: RayPool) -> None:
    assert ray_pool.workers == 2
    with pytest.raises(PoolError, match="64 workers need 64 free CPUs: Ray has 2 CPUs"):
        RayPool(workers=64)


def test_a_pool_is_of_no_use_in_a_forked_child(ray_pool: RayPool) -> None:
    builder = spinning_block(1, contracts=1)
    owner = ray_pool._owner
    try:
        ray_pool._owner = owner + 1
        with pytest.raises(PoolError, match="forked child"):
            ray_pool.begin(builder.block(), builder.state)
    finally:
        ray_pool._owner = owner


def test_a_second_executor_that_does_not_fit_says_so(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ray_pool.pids()
    monkeypatch.setattr("executor.ray_session.FREE_SECONDS", 0.3)
    with pytest.raises(PoolError, match="need 2 free CPUs: Ray has 2 CPUs on 1 node, 0 of them free"):
        RayPool(workers=2)
