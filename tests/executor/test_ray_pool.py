"""Ray workers: the same results as in order, and one Ray for all executors of a process."""

from __future__ import annotations

import os

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import PoolError
from executor.ray_pool import RayPool
from executor.sequential import execute_sequential
from executor.versions import VersionedState
from tests.blocks import user
from tests.executor.ray_runs import LARGE_STATE, run_checked, spinning_block, with_a_large_state
from tests.oracle import assert_same


@pytest.mark.parametrize(("strategy", "lists"), [("graph", "exact"), ("graph", "observed"), ("optimistic", "none")])
def test_ray_gives_the_sequential_result(ray_pool: RayPool, strategy: str, lists: str) -> None:
    builder = spinning_block(40, contracts=5)
    block, state = builder.block(), builder.state
    with BlockExecutor(strategy=strategy, access_lists=lists, pool=ray_pool, gate=False) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.executions <= (40 if lists == "exact" else 120)
    assert result.stats.batches > 1


def test_a_large_state_is_put_into_the_store_once_for_all_workers(
    ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    puts: list[int] = []
    put = ray_pool._put

    def note(blob: bytes) -> object:
        puts.append(len(blob))
        return put(blob)

    monkeypatch.setattr(ray_pool, "_put", note)
    builder = with_a_large_state(spinning_block(20, contracts=4))
    run_checked(ray_pool, builder)
    assert len(puts) == 1
    assert puts[0] > LARGE_STATE


def test_states_of_a_chain_travel_as_differences(ray_pool: RayPool) -> None:
    builder = with_a_large_state(spinning_block(20, contracts=4))
    state, block = VersionedState.of(builder.state), builder.block()
    builder.raws.clear()
    for number in range(20):
        builder.send(user(number), user(number + 1).address, value=1)
    after, shipped = state.after(execute_sequential(block, state).state_diff), []
    with BlockExecutor(strategy="optimistic", access_lists="none", pool=ray_pool, gate=False) as executor:
        for one, before in ((block, state), (builder.block(), after)):
            shipped.append(ray_pool.shipped)
            assert_same(executor.execute(one, before), execute_sequential(one, before), before)
    first, second = shipped[1] - shipped[0], ray_pool.shipped - shipped[1]
    assert first > 2 * LARGE_STATE
    assert 0 < second < LARGE_STATE / 2


def test_more_workers_than_processors_are_refused_with_a_reason(ray_pool: RayPool) -> None:
    assert ray_pool.workers == 2
    with pytest.raises(PoolError, match="64 workers need 64 free CPUs: Ray has 2 CPUs"):
        RayPool(workers=64)


def test_a_second_executor_that_does_not_fit_says_so(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ray_pool.pids()
    monkeypatch.setattr("executor.ray_session.FREE_SECONDS", 0.3)
    with pytest.raises(PoolError, match="need 2 free CPUs: Ray has 2 CPUs on 1 node, 0 of them free; ask for fewer"):
        RayPool(workers=2)


def test_a_forked_child_can_neither_use_nor_close_a_pool(ray_pool: RayPool) -> None:
    builder = spinning_block(4, contracts=4)
    before, child = ray_pool.pids(), os.fork()
    if child == 0:
        told = []
        ray_pool.close()
        for attempt in (lambda: ray_pool.begin(builder.block(), builder.state), lambda: RayPool(workers=1)):
            try:
                attempt()
            except PoolError as error:
                told.append("forked" in str(error))
        os._exit(told != [True, True])
    assert os.waitpid(child, 0)[1] == 0
    run_checked(ray_pool, builder)
    assert ray_pool.pids() == before


def test_a_pool_whose_ray_is_gone_starts_no_other(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.ray_session.RaySession.alive", lambda *_: False)
    with pytest.raises(PoolError, match="shut down under this pool"):
        run_checked(ray_pool, spinning_block(1, contracts=1))
