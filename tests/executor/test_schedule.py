"""A recorded run can be run again: the same dispatches, replies, reads and writes, results and faults."""

from __future__ import annotations

import os
import signal
from dataclasses import replace
from pathlib import Path

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import InvalidInput, InvalidTransaction, PoolError, UsageError
from executor.parallel import BlockRun
from executor.pool import Event, InlinePool
from executor.ray_pool import RayPool
from executor.replay_pool import ReplayPool
from executor.schedule import Replied, Schedule, ScheduleRecorder, Sent, WorkerLost
from executor.schedule_file import load_schedule
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import BlockResult
from executor.worker import Worker
from scheduler.execution import Execution
from scheduler.settled_values import SettledValues
from tests.blocks import Builder, user
from tests.conftest import recorded
from tests.data import needs_data
from tests.executor.ray_runs import spinning_block
from tests.oracle import assert_same, damaged, recorded_sets
from tests.schedules import LossyPool, Recording, Setting, assert_replays, busy_block, record, replay, work

SETTINGS = [
    Setting("graph", "observed"),
    Setting("graph", "exact"),
    Setting("graph", "none"),
    Setting("optimistic", "none"),
    Setting("waves", "exact"),
]
OPTIMISTIC = Setting()


@pytest.mark.parametrize("setting", SETTINGS, ids=str)
@pytest.mark.parametrize(("seed", "workers", "limit"), [(None, 1, 8), (1, 2, 3), (2, 4, 1), (3, 8, 2)])
def test_a_run_is_run_again(tmp_path: Path, setting: Setting, seed: int | None, workers: int, limit: int) -> None:
    builder = busy_block()
    block, state = builder.block(), builder.state
    recording = record(block, state, InlinePool(workers, seed, limit), tmp_path, setting)
    assert_same(recording.result, execute_sequential(block, state), state)
    assert_replays(block, state, recording, setting)


def test_schedules_differ_and_each_is_met(tmp_path: Path) -> None:
    """What is replayed is what was recorded, not one order for all."""
    builder = busy_block()
    block, state = builder.block(), builder.state
    recordings = [record(block, state, InlinePool(4, seed, 2), tmp_path, OPTIMISTIC) for seed in range(8)]
    assert len({recording.schedule[0].events for recording in recordings}) == 8
    assert len({work(recording.result) for recording in recordings}) > 1
    for recording in recordings:
        assert_replays(block, state, recording, OPTIMISTIC)


def test_damaged_access_sets_are_met_with_the_same_sets(tmp_path: Path) -> None:
    builder = busy_block()
    block, state = builder.block(), builder.state
    setting = Setting("graph", "exact", damaged(recorded_sets(block, state), seed=1))
    recording = record(block, state, InlinePool(3, 5, 2), tmp_path, setting)
    assert recording.result.stats.conflicts > 0
    assert_replays(block, state, recording, setting)


@needs_data
@pytest.mark.parametrize("number", [2179522, 22615247])
def test_recorded_blocks_are_run_again(tmp_path: Path, number: int) -> None:
    capsule = recorded(number).capsule
    recording = record(capsule.block, capsule.pre_state, InlinePool(4, 9, 2), tmp_path, OPTIMISTIC)
    assert_replays(capsule.block, capsule.pre_state, recording, OPTIMISTIC)


@pytest.mark.slow
@pytest.mark.parametrize("setting", [Setting("graph", "observed"), OPTIMISTIC], ids=str)
def test_what_ray_did_is_run_again_inline(ray_pool: RayPool, tmp_path: Path, setting: Setting) -> None:
    builder = spinning_block(60, contracts=6)
    block, state = builder.block(), builder.state
    recording = record(block, state, ray_pool, tmp_path, setting)
    assert recording.schedule[0].backend == "ray"
    assert recording.result.stats.batches > 2
    assert_replays(block, state, recording, setting)


@pytest.mark.parametrize("seed", range(6))
def test_lost_workers_are_lost_again(tmp_path: Path, seed: int) -> None:
    builder = busy_block(20)
    block, state = builder.block(), builder.state
    pool = LossyPool(3, seed, deaths=(3, 6))
    recording = record(block, state, pool, tmp_path, OPTIMISTIC)
    assert [event.tickets for event in losses(recording.schedule)] == [lost.tickets for lost in pool.losses]
    assert any(lost.tickets for lost in pool.losses)
    assert recording.result.stats.lost_workers == 2
    assert_same(recording.result, execute_sequential(block, state), state)
    assert_replays(block, state, recording, OPTIMISTIC)


@pytest.mark.slow
def test_a_death_under_ray_is_run_again_inline(
    ray_pool: RayPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder = spinning_block(200, contracts=10)
    block, state = builder.block(), builder.state
    victims, wait = ray_pool.pids()[:1], ray_pool.next_event

    def kill_then_wait() -> Event:
        if victims:
            os.kill(victims.pop(), signal.SIGKILL)
        return wait()

    monkeypatch.setattr(ray_pool, "next_event", kill_then_wait)
    recording = record(block, state, ray_pool, tmp_path, Setting("graph", "exact"))
    assert len(losses(recording.schedule)) == 1
    assert_replays(block, state, recording, Setting("graph", "exact"))


def losses(schedule: Schedule) -> list[WorkerLost]:
    return [event for event in schedule[0].events if isinstance(event, WorkerLost)]


def test_one_file_holds_many_runs() -> None:
    builders = [busy_block(6), busy_block(9), busy_block(6)]
    recorder = ScheduleRecorder()
    with BlockExecutor(strategy="optimistic", pool=InlinePool(2, 3, 1), recorder=recorder) as executor:
        results = [executor.execute(builder.block(), builder.state) for builder in builders]
    pool = ReplayPool(recorder.schedule)
    with BlockExecutor(strategy="optimistic", pool=pool, gate=False) as executor:
        for place in (1, 0, 2):  # found by block; both runs of the block of six in the order recorded
            again = executor.execute(builders[place].block(), builders[place].state)
            assert work(again) == work(results[place])
        with pytest.raises(InvalidInput, match="no run left of block 1000"):
            executor.execute(builders[0].block(), builders[0].state)


# -- runs that end badly


def test_an_invalid_block_is_invalid_again(tmp_path: Path) -> None:
    builder = busy_block()
    builder.send(user(2), user(1).address, nonce=7)
    block, state = builder.block(), builder.state
    with pytest.raises(InvalidTransaction) as first:
        record(block, state, InlinePool(3, 1, 2), tmp_path, OPTIMISTIC)
    schedule = load_schedule(tmp_path / "schedule.jsonl.gz")
    assert schedule[0].error is not None
    assert "transaction 14" in schedule[0].error
    with pytest.raises(InvalidTransaction) as second:
        replay(block, state, schedule, OPTIMISTIC)
    assert str(second.value) == str(first.value)


def test_an_interrupted_run_is_kept_as_far_as_it_came(tmp_path: Path) -> None:
    class Interrupted(InlinePool):
        left = 3

        def next_event(self) -> Event:
            self.left -= 1
            if self.left < 0:
                raise KeyboardInterrupt
            return super().next_event()

    builder = busy_block()
    with pytest.raises(KeyboardInterrupt):
        record(builder.block(), builder.state, Interrupted(2, 1, 2), tmp_path, OPTIMISTIC)
    schedule = load_schedule(tmp_path / "schedule.jsonl.gz")
    assert sum(isinstance(event, Replied) for event in schedule[0].events) == 3
    with pytest.raises(PoolError, match=rf"ended after event {len(schedule[0].events)} with KeyboardInterrupt"):
        replay(builder.block(), builder.state, schedule, OPTIMISTIC)


def test_a_fault_in_a_worker_is_met_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def handle(worker: Worker, blob: bytes) -> bytes | None:
        reply = execute(worker, blob)
        if reply is not None and worker._open is not None and worker._open.state.writes(4).values:
            raise RuntimeError("transaction 4 breaks its worker")
        return reply

    execute = Worker.handle
    builder = busy_block()
    with monkeypatch.context() as planted:
        planted.setattr(Worker, "handle", handle)
        with pytest.raises(RuntimeError, match="breaks its worker"):
            record(builder.block(), builder.state, InlinePool(2, 1, 2), tmp_path, OPTIMISTIC)
        schedule = load_schedule(tmp_path / "schedule.jsonl.gz")
        with pytest.raises(RuntimeError, match="breaks its worker"):
            replay(builder.block(), builder.state, schedule, OPTIMISTIC)
    with pytest.raises(PoolError, match="with RuntimeError: transaction 4 breaks"):
        replay(builder.block(), builder.state, schedule, OPTIMISTIC)


# -- faults of the driver


def first_divergence(builder: Builder, folder: Path) -> Recording:
    """Return the first of some seeded runs whose result is not the sequential one."""
    block, state = builder.block(), builder.state
    expected = result_bytes(execute_sequential(block, state))
    for seed in range(50):
        recording = record(block, state, InlinePool(4, seed, 2), folder, OPTIMISTIC)
        if result_bytes(recording.result) != expected:
            return recording
    raise AssertionError("the planted fault shows in no schedule")


def without_validation(_values: SettledValues, *_: object) -> None:
    """Every result holds."""


def test_a_divergence_without_validation_is_seen_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = busy_block()
    with monkeypatch.context() as planted:
        planted.setattr(SettledValues, "broken", without_validation)
        recording = first_divergence(builder, tmp_path)
        for _ in range(2):
            assert_replays(builder.block(), builder.state, recording, OPTIMISTIC)
    with pytest.raises(InvalidInput, match=r"block 1000 departs from its schedule at (event \d+|the end)"):
        replay(builder.block(), builder.state, recording.schedule, OPTIMISTIC)


def merged_backwards(run: BlockRun, settled: list[int]) -> None:
    for index in reversed(settled):
        run._merger.add(run._results[index])


def test_a_divergence_in_the_merge_is_gone_without_the_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    builder = busy_block()
    block, state = builder.block(), builder.state
    with monkeypatch.context() as planted:
        planted.setattr(BlockRun, "_merge_settled", merged_backwards)
        recording = first_divergence(builder, tmp_path)
        assert_replays(block, state, recording, OPTIMISTIC)
    result, _ = replay(block, state, recording.schedule, OPTIMISTIC)
    assert_same(result, execute_sequential(block, state), state)
    assert work(result) == work(recording.result)


# -- schedules that do not fit


@pytest.fixture
def recording(tmp_path: Path) -> Recording:
    builder = busy_block()
    return record(builder.block(), builder.state, InlinePool(3, 2, 2), tmp_path, OPTIMISTIC)


def refused(schedule: Schedule, builder: Builder | None = None) -> str:
    """Return the one line with which a schedule is refused."""
    builder = builder or busy_block()
    with pytest.raises(InvalidInput) as caught:
        replay(builder.block(), builder.state, schedule, OPTIMISTIC)
    assert caught.value.exit_code == 10
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_another_block_is_refused(recording: Recording) -> None:
    assert "left are 1000 (14 txs)" in refused(recording.schedule, busy_block(13))


def test_another_pre_state_is_found_at_the_first_read(recording: Recording) -> None:
    other = busy_block()
    other.contract(0, bytes.fromhex("00"))
    message = refused(recording.schedule, other)
    assert "reply to ticket" in message
    assert "another result than recorded" in message


@pytest.mark.parametrize("setting", [Setting("graph", "none"), Setting("optimistic", "exact")], ids=str)
def test_another_strategy_or_source_is_refused(recording: Recording, setting: Setting) -> None:
    builder = busy_block()
    with pytest.raises(InvalidInput, match="--strategy optimistic --access-lists none"):
        replay(builder.block(), builder.state, recording.schedule, setting)


def test_sequential_execution_has_no_schedule() -> None:
    with pytest.raises(UsageError, match="no schedule"):
        BlockExecutor(strategy="sequential", recorder=ScheduleRecorder())


def changed(recording: Recording, place: int, *events: Sent | Replied) -> Schedule:
    """Return the schedule with other events instead of one."""
    run = recording.schedule[0]
    return (replace(run, events=(*run.events[:place], *events, *run.events[place + 1 :])),)


def test_a_wrong_digest_names_the_transaction(recording: Recording) -> None:
    place, reply = next((n, e) for n, e in enumerate(recording.schedule[0].events) if isinstance(e, Replied))
    lie = replace(reply, digests=("00" * 8, *reply.digests[1:]))
    sent = next(e for e in recording.schedule[0].events if isinstance(e, Sent) and e.ticket == reply.ticket)
    message = refused(changed(recording, place, lie))
    assert f"event {place} (reply to ticket {reply.ticket} by worker {reply.worker})" in message
    assert f"transaction {sent.executions[0].index}: another result" in message


@pytest.mark.parametrize(
    ("execution", "words"),
    [
        (Execution(99, 0, at_head=False), "transaction 99 may not start now"),
        (Execution(1, 0, at_head=False), "transaction 1 may not start now"),
        (Execution(2, 1, at_head=False), "the next is transaction 2, run 0, not transaction 2, run 1"),
        (Execution(2, 0, at_head=True), "run 0 at the head"),
    ],
    ids=["no such", "running", "incarnation", "at head"],
)
def test_an_execution_that_may_not_start_is_refused(recording: Recording, execution: Execution, words: str) -> None:
    sent = recording.schedule[0].events[1]
    assert isinstance(sent, Sent)
    assert sent.executions[0].index == 2
    message = refused(changed(recording, 1, replace(sent, executions=(execution, *sent.executions[1:]))))
    assert "event 1 (ticket 2 to worker 1)" in message
    assert words in message


def test_a_schedule_that_stops_short_is_refused(recording: Recording) -> None:
    run = recording.schedule[0]
    assert "at the end: the recorded run was done" in refused((replace(run, events=run.events[:-1]),))


def test_a_schedule_that_goes_on_is_refused(recording: Recording) -> None:
    last = recording.schedule[0].events[-1]
    assert isinstance(last, Replied)
    more = replace(last, ticket=last.ticket + 1)
    assert "the recorded run went on" in refused(changed(recording, len(recording.schedule[0].events) - 1, last, more))


def test_a_lost_execution_must_be_sent_again(tmp_path: Path) -> None:
    builder = busy_block(20)
    lossy = record(builder.block(), builder.state, LossyPool(3, 1, deaths=(3,)), tmp_path, OPTIMISTIC)
    events = lossy.schedule[0].events
    place = next(n for n, event in enumerate(events) if isinstance(event, WorkerLost)) + 1
    resent = events[place]
    assert isinstance(resent, Sent)
    other = replace(resent, executions=(Execution(19, 0, at_head=False),))
    assert f"transaction {resent.executions[0].index}, run 0 is to be sent again" in refused(
        changed(lossy, place, other), builder
    )


def test_an_empty_block_needs_no_run(recording: Recording) -> None:
    empty = Builder()
    result, again = replay(empty.block(), empty.state, recording.schedule, OPTIMISTIC)
    expected: BlockResult = execute_sequential(empty.block(), empty.state)
    assert_same(result, expected, empty.state)
    assert again[0].events == ()
