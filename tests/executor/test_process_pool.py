"""Workers in processes: the sequential result, whichever of them dies, when and how often."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NoReturn

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import PoolError
from executor.pool import MOST_LOSSES, Event, Lost, Reply
from executor.process_pool import ProcessPool
from tests.asm import asm
from tests.blocks import Builder, user
from tests.executor import process_faults as faults
from tests.executor.process_faults import Echo, Faulty
from tests.executor.process_runs import METHODS, assert_runs, await_end, counting, exists, started_by, watched

DEATHS = [
    (faults.kill, "before", "killed by SIGKILL"),
    (faults.kill, "after", "killed by SIGKILL"),
    (faults.leave, "after", "exited with code 3"),
    (faults.kill, "cut", "killed by SIGKILL in the middle of an answer"),
    (faults.starve, "before", "out of memory"),
    (faults.hang, "after", "no answer for 0.5 s"),
]


@pytest.fixture
def forked() -> Iterator[None]:
    """Workers are forked."""
    with started_by("fork"):
        yield


@pytest.mark.parametrize(("strategy", "lists"), [("graph", "exact"), ("graph", "observed"), ("optimistic", "none")])
@pytest.mark.parametrize("method", METHODS)
def test_processes_give_the_sequential_result(method: str, strategy: str, lists: str) -> None:
    builder = counting()
    with started_by(method):
        pool = ProcessPool(2)
        for _ in range(2):
            result, _ = assert_runs(pool, builder.block(), builder.state, lost=0, strategy=strategy, lists=lists)
            assert result.stats.executions <= (16 if lists == "exact" else 48)
        pids = pool.pids()
        pool.close()
    assert len(set(pids)) == 2
    assert not any(exists(pid) for pid in pids)


@pytest.mark.usefixtures("forked")
@pytest.mark.parametrize(("fault", "moment", "reason"), DEATHS)
def test_a_worker_that_dies_in_a_batch_changes_nothing(
    fault: Callable[[], NoReturn], moment: str, reason: str, tmp_path: Path
) -> None:
    builder = counting()
    pool = ProcessPool(2, patience=0.5, make_worker=partial(Faulty, tmp_path, fault, moment))
    pids = pool.pids()
    _, log = assert_runs(pool, builder.block(), builder.state, lost=1)
    (loss,) = log.losses
    assert loss.reason == reason
    assert 1 <= len(loss.tickets) <= 2
    assert [pid for worker, pid in enumerate(pool.pids()) if pid != pids[worker]] == [pool.pids()[loss.worker]]
    assert_runs(pool, builder.block(), builder.state, lost=0)  # the successor is a worker like any other
    pool.close()
    assert not any(exists(pid) for pid in pids)


@pytest.mark.parametrize("deaths", [2, 3])
@pytest.mark.usefixtures("forked")
def test_several_deaths_in_one_block(deaths: int, tmp_path: Path) -> None:
    builder = counting(24, 8)
    pool = ProcessPool(3, make_worker=partial(Faulty, tmp_path, faults.kill, "cut", deaths))
    try:
        assert_runs(pool, builder.block(), builder.state, lost=deaths, strategy="optimistic", lists="none")
    finally:
        pool.close()


def test_a_spawned_worker_that_dies_is_replaced(tmp_path: Path) -> None:
    builder = counting()
    with started_by("forkserver"):
        pool = ProcessPool(2, make_worker=partial(Faulty, tmp_path, faults.kill, "after"))
        _, log = assert_runs(pool, builder.block(), builder.state, lost=1)
        pool.close()
    assert log.losses[0].reason == "killed by SIGKILL"


@pytest.mark.usefixtures("forked")
def test_a_worker_killed_between_blocks_is_replaced_without_a_word() -> None:
    builder = counting()
    pool = ProcessPool(2)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    victim = pool.pids()[1]
    os.kill(victim, signal.SIGKILL)
    await_end(victim)
    shipped = pool.shipped
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert pool.pids()[1] != victim
    assert pool.shipped > shipped
    assert not exists(victim)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_worker_killed_once_it_knows_the_block_is_replaced_without_a_word(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = counting()
    pool = ProcessPool(2)
    begin, victims = pool.begin, pool.pids()

    def begin_and_kill(*arguments: object) -> None:
        begin(*arguments)  # type: ignore[arg-type]
        for victim in victims:
            os.kill(victim, signal.SIGKILL)
        await_end(*victims)

    monkeypatch.setattr(pool, "begin", begin_and_kill)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert not set(pool.pids()) & set(victims)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_worker_that_dies_idle_in_a_block_is_reported_with_no_batches() -> None:
    """Its successor lacks what the driver has told it since the block began, so the driver must know."""
    builder = counting(2, 1)
    pool = ProcessPool(2, patience=10, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    pool.submit(0, 1, b"?         9")
    assert pool.next_event() == Reply(0, 1, b"         9")
    os.kill(pool.pids()[0], signal.SIGKILL)
    await_end(pool.pids()[0])
    pool.submit(1, 2, b"~")
    assert pool.next_event() == Lost(0, (), "killed by SIGKILL")
    pool.submit(0, 3, b"?         9")
    assert pool.next_event() == Reply(0, 3, b"         9")
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_batch_for_a_worker_that_is_gone_is_lost_with_it() -> None:
    builder = counting(2, 1)
    pool = ProcessPool(1, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    pool.submit(0, 1, b"?         9")
    assert pool.next_event() == Reply(0, 1, b"         9")
    os.kill(pool.pids()[0], signal.SIGKILL)
    await_end(pool.pids()[0])
    pool.submit(0, 2, b"?         9")
    pool.submit(0, 3, b"?         9")
    assert pool.next_event() == Lost(0, (2, 3), "killed by SIGKILL")
    pool.close()


@pytest.mark.usefixtures("forked")
def test_what_a_worker_answered_before_it_died_counts() -> None:
    builder = counting(2, 1)
    pool = ProcessPool(1, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    (pid,) = pool.pids()
    pool.submit(0, 1, b"?    300000")
    pool.submit(0, 2, b"!")
    await_end(pid)
    assert pool.next_event() == Reply(0, 1, b"    300000".ljust(300_000, b"."))
    pool.submit(0, 3, b"?         9")
    assert pool.next_event() == Lost(0, (2, 3), "killed by SIGKILL")
    pool.close()


@pytest.mark.usefixtures("forked")
def test_what_is_in_flight_when_a_block_begins_is_answered_or_lost() -> None:
    builder = counting(2, 1)
    pool = ProcessPool(2, patience=10, make_worker=Echo)
    pool.submit(0, -1, b"?         9")
    pool.submit(1, -2, b"?         9")
    first = pool.next_event()
    assert isinstance(first, Reply)
    other = 1 - first.worker
    pool.submit(first.worker, -3, b"!")
    await_end(pool.pids()[first.worker])
    pool.begin(builder.block(), builder.state)
    events = [pool.next_event(), pool.next_event()]
    assert Lost(first.worker, (-3,), "killed by SIGKILL") in events
    assert Reply(other, -1 - other, b"         9") in events
    pool.submit(first.worker, 1, b"?         9")
    assert pool.next_event() == Reply(first.worker, 1, b"         9")
    pool.close()


@pytest.mark.usefixtures("forked")
def test_too_many_losses_end_the_block_and_a_new_one_counts_anew() -> None:
    builder = counting(2, 1)
    pool = ProcessPool(1, make_worker=Echo)
    for _ in range(2):
        pool.begin(builder.block(), builder.state)
        for ticket in range(MOST_LOSSES):
            pool.submit(0, ticket, b"!")
            assert pool.next_event() == Lost(0, (ticket,), "killed by SIGKILL")
        pool.submit(0, MOST_LOSSES, b"!")
        with pytest.raises(PoolError, match=f"{MOST_LOSSES + 1} workers were lost in one block, the last: killed by"):
            pool.next_event()
        pool.abandon()
    assert_echoes(pool)
    pool.close()


def assert_echoes(pool: ProcessPool) -> None:
    """Demand that a pool of echoes works."""
    builder = counting(1, 1)
    pool.begin(builder.block(), builder.state)
    for worker in range(pool.workers):
        pool.submit(worker, worker, b"?         9")
    events: list[Event] = [pool.next_event() for _ in range(pool.workers)]
    assert {(event.worker, event.ticket) for event in events if isinstance(event, Reply)} == {
        (worker, worker) for worker in range(pool.workers)
    }


@pytest.mark.usefixtures("forked")
def test_a_transaction_that_kills_every_worker_is_named(tmp_path: Path) -> None:
    builder = counting(1, 1)
    pool = ProcessPool(2, make_worker=partial(Faulty, tmp_path, faults.kill, "before", 100))
    with (
        BlockExecutor(pool=pool, gate=False) as executor,
        pytest.raises(PoolError, match=r"transaction 0 .*3 workers.* killed by SIGKILL"),
    ):
        executor.execute(builder.block(), builder.state)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_fault_of_ours_is_one_line_and_the_pool_goes_on(tmp_path: Path) -> None:
    builder = counting()
    pool = ProcessPool(2, make_worker=partial(Faulty, tmp_path, faults.blunder, "before"))
    with (
        BlockExecutor(pool=pool, gate=False) as executor,
        pytest.raises(PoolError, match="failed: ValueError: planted") as caught,
    ):
        executor.execute(builder.block(), builder.state)
    assert "\n" not in str(caught.value)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_worker_that_hangs_in_an_abandoned_batch_does_not_hold_up_the_next_block() -> None:
    builder = counting(2, 1)
    pool = ProcessPool(2, patience=0.3, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    pool.submit(0, 1, b"~")
    pool.submit(1, 2, b"?         9")
    pool.abandon()
    pool.begin(builder.block(), builder.state)
    pool.submit(0, 3, b"?         9")
    pool.submit(1, 4, b"?         9")
    assert pool.next_event() == Reply(1, 4, b"         9")
    assert pool.next_event() == Lost(0, (3,), "no answer for 0.3 s")
    pool.close()


def eater(megabytes: int) -> Builder:
    """Return a block whose only transaction makes its memory that large."""
    builder = Builder(gas_limit=10**13)
    builder.fund(user(0))
    code = asm(f"1 {megabytes << 20} MSTORE 1 0 SSTORE STOP")
    builder.send(user(0), builder.contract(1, code), gas=10**12)
    return builder


@pytest.mark.usefixtures("forked")
def test_a_transaction_that_eats_memory_ends_its_worker_and_no_block_is_declared_wrong() -> None:
    big, small, plain = eater(128), eater(16), counting()
    pool = ProcessPool(2, memory_limit=64 << 20)
    assert_runs(pool, small.block(), small.state, lost=0)
    with (
        watched(pool) as log,
        BlockExecutor(pool=pool, gate=False) as executor,
        pytest.raises(PoolError, match="out of memory"),
    ):
        executor.execute(big.block(), big.state)
    assert [loss.reason for loss in log.losses] == ["out of memory"] * 3
    assert_runs(pool, plain.block(), plain.state, lost=0)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_without_a_limit_the_same_transaction_runs() -> None:
    builder = eater(128)
    pool = ProcessPool(1)
    result, _ = assert_runs(pool, builder.block(), builder.state, lost=0)
    assert result.transactions[0].success
    pool.close()


@pytest.mark.usefixtures("forked")
def test_waiting_for_nothing_is_refused() -> None:
    builder = counting(1, 1)
    pool = ProcessPool(1)
    pool.begin(builder.block(), builder.state)
    with pytest.raises(PoolError, match="nothing is in flight"):
        pool.next_event()
    pool.close()


def test_what_counts_as_too_many_losses_is_more_than_one_transaction_may_cause() -> None:
    assert MOST_LOSSES > 3
