"""Runs that are recorded, written, read back and run again; a pool that loses workers at chosen events."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from executor.block_executor import BlockExecutor
from executor.pool import Event, InlinePool, Lost, Pool
from executor.replay_pool import ReplayPool
from executor.schedule import Schedule, ScheduleRecorder
from executor.schedule_file import dump_schedule, load_schedule
from executor.serialise import result_bytes
from executor.state import PreState
from executor.types import Block, BlockResult
from scheduler.access import AccessSet
from tests.blocks import COINBASE, Builder, user
from tests.executor.test_settling import COUNTER


def busy_block(transactions: int = 14, counters: int = 2) -> Builder:
    """Return a block with conflicts: few counters for many callers, and users who pay each other and the coinbase."""
    builder = Builder()
    builder.fund(*(user(number) for number in range(transactions)))
    targets = [builder.contract(number, COUNTER) for number in range(counters)]
    for number in range(transactions):
        if number % 3:
            builder.send(user(number), targets[number % counters])
        else:
            builder.send(user(number), user(number + 1).address if number % 2 else COINBASE, value=5)
    return builder


@dataclass(frozen=True)
class Recording:
    """A run with its schedule, after a trip through a file."""

    result: BlockResult
    schedule: Schedule
    path: Path


@dataclass(frozen=True)
class Setting:
    """How a run is asked for; `sets` replace those of `lists`."""

    strategy: str = "optimistic"
    lists: str = "none"
    sets: tuple[AccessSet, ...] | None = field(default=None, repr=False)

    def execute(self, block: Block, state: PreState, pool: Pool, recorder: ScheduleRecorder | None) -> BlockResult:
        """Execute on a pool."""
        executor = BlockExecutor(strategy=self.strategy, access_lists=self.lists, pool=pool, recorder=recorder)
        with executor:
            if self.sets is not None:
                return executor.execute_with(block, state, self.sets)
            return executor.execute(block, state)


def record(block: Block, state: PreState, pool: Pool, folder: Path, setting: Setting) -> Recording:
    """Run a block and write its schedule."""
    recorder = ScheduleRecorder()
    path = folder / "schedule.jsonl.gz"
    try:
        result = setting.execute(block, state, pool, recorder)
    finally:
        dump_schedule(recorder.schedule, path)
    return Recording(result, load_schedule(path), path)


def replay(block: Block, state: PreState, schedule: Schedule, setting: Setting) -> tuple[BlockResult, Schedule]:
    """Run a schedule again; return the result and the schedule of that."""
    recorder = ScheduleRecorder()
    result = setting.execute(block, state, ReplayPool(schedule), recorder)
    return result, recorder.schedule


def assert_replays(block: Block, state: PreState, recording: Recording, setting: Setting) -> None:
    """Run a recording again and demand the same result, the same work, and every event and digest."""
    result, schedule = replay(block, state, recording.schedule, setting)
    assert result_bytes(result) == result_bytes(recording.result)
    assert work(result) == work(recording.result)
    assert [run.events for run in schedule] == [run.events for run in recording.schedule]


def work(result: BlockResult) -> tuple[object, ...]:
    """Return what a run did: executions in all and by transaction, conflicts, batches, losses."""
    stats = result.stats
    return stats.executions, stats.executions_by_tx, stats.conflicts, stats.batches, stats.lost_workers


class LossyPool(InlinePool):
    """An inline pool in which the worker with most batches dies instead of the chosen events."""

    def __init__(self, workers: int, seed: int, deaths: tuple[int, ...], batch_limit: int = 2) -> None:
        super().__init__(workers, seed, batch_limit)
        self.losses: list[Lost] = []
        self._deaths = deaths
        self._events = 0
        self._sent_to: list[list[int]] = [[] for _ in range(workers)]

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        super().submit(worker, ticket, blob)
        self._sent_to[worker].append(ticket)

    def next_event(self) -> Event:
        self._events += 1
        if self._events in self._deaths:
            return self._die(max(range(self.workers), key=lambda worker: len(self._sent_to[worker])))
        event = super().next_event()
        assert not isinstance(event, Lost)
        self._sent_to[event.worker].remove(event.ticket)
        return event

    def _die(self, worker: int) -> Lost:
        lost = Lost(worker, tuple(self._sent_to[worker]), "killed by the test")
        self._sent_to[worker] = []
        self.replace(worker)
        self.losses.append(lost)
        return lost
