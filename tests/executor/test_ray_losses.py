"""Ray workers that die, hang or run out of memory: nothing changes but the count of lost workers."""

from __future__ import annotations

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import sleep
from types import ModuleType
from typing import Any
from unittest.mock import patch

import pytest
import ray
from ray.exceptions import ActorUnavailableError, ObjectLostError, ObjectStoreFullError, OutOfMemoryError, RayError

from executor.errors import PoolError
from executor.ray_pool import RayPool, RayWorker
from executor.wire import BATCH, STATE, unpack
from tests.executor.ray_runs import run_checked, spinning_block, with_a_large_state


@contextmanager
def planted(pool: RayPool, worker: int, strange: type[RayWorker]) -> Iterator[None]:
    """Have a worker of another class in a worker's place; its successor is a good one again."""
    with patch.object(pool, "worker_class", strange):
        pool._start_again(worker, shares=False)
    actor = pool._actors[worker]
    try:
        assert len(pool.pids()) == pool.workers
        yield
    finally:
        if pool._actors[worker] is actor:
            pool._start_again(worker, shares=False)


def at_first_batch(act: Callable[[bytes | None], Any], *, executed: bool) -> type[RayWorker]:
    """Return workers that do something strange with their first batch, before or after they execute it."""

    class Strange(RayWorker):  # pickled with what it closes over, as it is no class of a module
        def handle(self, blob: bytes) -> bytes | None:
            batch = unpack(blob)[0] == BATCH
            if batch and not executed:
                act(None)
            answer = super().handle(blob)
            if batch and executed:
                act(answer)
            return answer

    return Strange


def killed(_: bytes | None) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_worker_killed_in_the_middle_changes_nothing(ray_pool: RayPool) -> None:
    victims = ray_pool.pids()[:1]

    def kill(event: int) -> None:
        if event == 1:
            os.kill(victims.pop(), signal.SIGKILL)

    stats, losses = run_checked(ray_pool, spinning_block(100, contracts=10), before=kill)
    assert not victims
    assert stats.lost_workers == 1
    assert losses[0].tickets


def test_a_worker_killed_between_blocks_is_replaced(ray_pool: RayPool) -> None:
    os.kill(ray_pool.pids()[1], signal.SIGKILL)
    stats, losses = run_checked(ray_pool, spinning_block(20, contracts=20), strategy="optimistic")
    assert [loss.worker for loss in losses] == [1]
    assert stats.executions == 20


@pytest.mark.slow
def test_all_workers_may_be_killed(ray_pool: RayPool) -> None:
    victims = ray_pool.pids()

    def kill(event: int) -> None:
        if event == 2:
            while victims:
                os.kill(victims.pop(), signal.SIGKILL)

    stats, losses = run_checked(ray_pool, spinning_block(100, contracts=10), before=kill)
    assert {loss.worker for loss in losses} == {0, 1}
    assert stats.lost_workers == 2


@pytest.mark.slow
@pytest.mark.parametrize("executed", [False, True])
def test_a_batch_is_executed_again_wherever_its_worker_died(ray_pool: RayPool, executed: bool) -> None:
    with planted(ray_pool, 0, at_first_batch(killed, executed=executed)):
        stats, losses = run_checked(ray_pool, spinning_block(60, contracts=10))
        assert [loss.worker for loss in losses] == [0]
        assert stats.executions == 60


@pytest.mark.slow
def test_a_worker_that_hangs_is_given_up(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    with planted(ray_pool, 1, at_first_batch(lambda _: sleep(3600), executed=False)):
        monkeypatch.setattr(ray_pool, "patience", 3.0)
        _, losses = run_checked(ray_pool, spinning_block(60, contracts=10))
        assert [(loss.worker, loss.reason) for loss in losses] == [(1, "no answer for 3 s")]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OutOfMemoryError("the node ran low"), "out of memory"),  # type: ignore[no-untyped-call]
        (ObjectLostError("00" * 28, None, ""), "ObjectLostError: .*"),
        (ActorUnavailableError("no route", None), "ActorUnavailableError: .*no route.*"),
    ],
)
def test_whatever_ray_says_of_a_loss_the_batch_is_executed_again(
    ray_pool: RayPool, error: RayError, reason: str
) -> None:
    errors, get = [error], ray.get

    def lose_one(ref: Any, **options: Any) -> Any:
        if errors and ref in ray_pool._in_flight:
            raise errors.pop()
        return get(ref, **options)

    with patch("ray.get", lose_one):
        _, (loss,) = run_checked(ray_pool, spinning_block(60, contracts=10))
    assert re.fullmatch(reason, loss.reason)


class Greedy(RayWorker):
    """Runs out of memory at its first transaction."""

    def _begin(self, *args: Any) -> None:
        super()._begin(*args)
        assert self._open is not None
        patch.object(self._open.engine, "_run", side_effect=MemoryError).start()


class Small(RayWorker):
    """Runs out of memory when it takes in a state."""

    def handle(self, blob: bytes) -> bytes | None:
        small = patch("executor.worker.unpack", side_effect=MemoryError)
        with small if unpack(blob)[0] == STATE else patch("executor.worker.unpack", unpack):
            return super().handle(blob)


@pytest.mark.slow
@pytest.mark.parametrize("strange", [Greedy, Small])
def test_memory_that_runs_out_ends_the_worker_and_not_the_block(ray_pool: RayPool, strange: type[RayWorker]) -> None:
    with planted(ray_pool, 0, strange):
        _, losses = run_checked(ray_pool, spinning_block(60, contracts=10))
        assert [(loss.worker, loss.reason) for loss in losses] == [(0, "out of memory")]


class Deaf(RayWorker):
    """Misses the first state that it is told."""

    told = False

    def handle(self, blob: bytes) -> bytes | None:
        if unpack(blob)[0] == STATE and not self.told:
            self.told = True
            return None
        return super().handle(blob)


@pytest.mark.slow
def test_a_state_that_got_lost_on_its_way_is_put_again(ray_pool: RayPool) -> None:
    with planted(ray_pool, 0, Deaf):
        builder = with_a_large_state(spinning_block(60, contracts=10))
        with patch.object(ray_pool, "_put", side_effect=ray_pool._put) as put:
            stats, losses = run_checked(ray_pool, builder)
        assert put.call_count == 2
        assert not losses
        assert stats.executions == 60


def test_a_store_without_room_for_the_state_says_so(ray_pool: RayPool) -> None:
    builder = with_a_large_state(spinning_block(10, contracts=10))
    with (
        patch("ray.put", side_effect=ObjectStoreFullError),
        pytest.raises(PoolError, match=r"a message of \d\.\d MB does not fit .* --object-store-memory"),
    ):
        run_checked(ray_pool, builder)
    run_checked(ray_pool, builder)


@pytest.mark.slow
def test_too_many_losses_end_the_block_in_one_line(ray_pool: RayPool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.ray_pool.MOST_LOSSES", 0)
    builder = spinning_block(20, contracts=10)
    os.kill(ray_pool.pids()[0], signal.SIGKILL)
    with pytest.raises(
        PoolError, match="1 workers were lost in one block, the last: ActorDiedError: Worker "
    ) as caught:
        run_checked(ray_pool, builder)
    assert "\n" not in str(caught.value)
    monkeypatch.undo()
    run_checked(ray_pool, builder)


def broken(_: bytes | None) -> None:
    msg = "planted"
    raise ValueError(msg)


@pytest.mark.slow
def test_a_fault_of_a_worker_is_told_and_the_pool_lives_on(ray_pool: RayPool) -> None:
    with planted(ray_pool, 0, at_first_batch(broken, executed=False)):
        builder = spinning_block(20, contracts=10)
        with pytest.raises(PoolError, match=r"a worker failed: .*ValueError: planted"):
            run_checked(ray_pool, builder)
    run_checked(ray_pool, builder)


@pytest.mark.slow
def test_a_node_without_the_package_is_told_of(ray_pool: RayPool) -> None:
    lacking = type("Worker", (RayWorker,), {"__module__": "not_there"})
    module = ModuleType("not_there")
    vars(module)["Worker"] = lacking
    with (
        patch.dict("sys.modules", not_there=module),
        patch.object(ray_pool, "worker_class", lacking),
        pytest.raises(PoolError, match="No module named 'not_there'; every node needs this version of parallel-evm"),
    ):
        ray_pool._start_all()
    renew(ray_pool)


@pytest.mark.slow
def test_workers_that_do_not_start_are_told_of(ray_pool: RayPool) -> None:
    reason = r"2 of 2 Ray workers did not start in 0\.01 s: Ray has 2 CPUs on 1 node"
    with patch("executor.ray_pool.START_SECONDS", 0.01), pytest.raises(PoolError, match=reason):
        ray_pool._start_all()
    renew(ray_pool)


@pytest.mark.slow
def test_a_lost_worker_that_cannot_be_replaced_ends_the_block(ray_pool: RayPool) -> None:
    os.kill(ray_pool.pids()[0], signal.SIGKILL)
    with (
        patch("executor.ray_pool.START_SECONDS", 0.0),
        patch("executor.ray_pool.LOOK_SECONDS", 0.01),
        pytest.raises(PoolError, match="a lost worker could not be replaced in 0 s: Ray has 2 CPUs on 1 node"),
    ):
        run_checked(ray_pool, spinning_block(100, contracts=1))
    renew(ray_pool)


def renew(pool: RayPool) -> None:
    """Put good workers in the places of all, and use them."""
    for worker in range(pool.workers):
        pool._start_again(worker, shares=False)
    run_checked(pool, spinning_block(20, contracts=10))
