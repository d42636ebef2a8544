"""Hundreds of blocks on workers that die, stutter and forget: the sequential result, each transaction settled once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from functools import lru_cache

import pytest

from executor.losses import Losses
from executor.pool import Event, Lost
from executor.schedule import ScheduleRecorder, Sent, WorkerLost
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState, PreState
from executor.types import Block, BlockResult
from executor.wire import STATE
from scheduler.access import AccessSet
from scheduler.execution import Execution
from tests.faulty import (
    AFTER,
    ALL,
    DEAF,
    IDLE,
    LATE,
    MIDDLE,
    STALE,
    TWICE,
    Faults,
    FaultyPool,
    assert_settled_once,
    settling,
)
from tests.oracle import SCHEDULES, Schedule, assert_same, recorded_sets
from tests.schedules import Setting, busy_block, replay, work

SEEDS = 30
"""Blocks for each schedule of the oracle."""
OPTIMISTIC = Setting()


@lru_cache
def small_block(transactions: int) -> tuple[Block, MemoryState, BlockResult]:
    """Return a block with conflicts, its pre-state, and what sequential execution makes of it."""
    builder = busy_block(transactions)
    block = builder.block()
    return block, builder.state, execute_sequential(block, builder.state)


@lru_cache
def exact(transactions: int) -> tuple[AccessSet, ...]:
    block, state, _ = small_block(transactions)
    return recorded_sets(block, state)


def asked(strategy: str, lists: str, transactions: int) -> Setting:
    return Setting(strategy, lists, exact(transactions) if lists == "exact" else None)


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_whatever_goes_wrong_the_result_is_the_sequential_one(
    schedule: Schedule, monkeypatch: pytest.MonkeyPatch
) -> None:
    strategy, lists, _, workers, limit = schedule
    happened: Counter[str] = Counter()
    for seed in range(SEEDS):
        size = 6 + seed % 5 + limit  # enough for several batches
        block, state, expected = small_block(size)
        setting, pool = asked(strategy, lists, size), FaultyPool(workers, seed, limit, ALL)
        with settling(monkeypatch) as added:
            result = setting.execute(block, state, pool, None)
        assert_same(result, expected, state, (schedule, seed))
        assert_settled_once(added, result)
        assert result.stats.max_executions <= 3
        assert result.stats.lost_workers == len(pool.losses)
        assert pool.submitted == result.stats.executions + pool.returned  # each once, and again where it was lost
        happened += pool.happened
    assert all(happened[name] for name in (IDLE, MIDDLE, AFTER, LATE, TWICE, STALE, DEAF)), happened


BAD_DAYS = [
    pytest.param(Faults(death=0.15, late=0.3, twice=0.1), (IDLE, MIDDLE, AFTER, LATE, TWICE), id="deaths"),
    pytest.param(ALL, (IDLE, MIDDLE, AFTER, STALE), id="all"),
]


@pytest.mark.parametrize("setting", [OPTIMISTIC, Setting("graph", "none"), Setting("waves", "exact")], ids=str)
@pytest.mark.parametrize(("faults", "names"), BAD_DAYS)
def test_a_bad_day_is_run_again_from_its_schedule(setting: Setting, faults: Faults, names: tuple[str, ...]) -> None:
    block, state, expected = small_block(10)
    happened: Counter[str] = Counter()
    for seed in range(15):
        pool, recorder = FaultyPool(3, seed, 3, faults), ScheduleRecorder()
        result = setting.execute(block, state, pool, recorder)
        assert_same(result, expected, state, seed)
        again, schedule = replay(block, state, recorder.schedule, setting)
        assert result_bytes(again) == result_bytes(result)
        assert work(again) == work(result)
        assert schedule[0].events == recorder.schedule[0].events
        happened += pool.happened
    assert all(happened[name] for name in names), happened


def test_a_recording_of_a_version_that_sent_lost_executions_one_by_one_is_run_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def one_by_one(losses: Losses, batches: Sequence[list[Execution]], _reason: str) -> None:
        losses.orphans.extend([execution] for batch in batches for execution in batch)

    block, state, _ = small_block(12)
    singles = 0
    for seed in range(10):
        pool, recorder = FaultyPool(3, seed, 3, Faults(death=0.2)), ScheduleRecorder()
        with monkeypatch.context() as planted:
            planted.setattr(Losses, "lose", one_by_one)
            result = OPTIMISTIC.execute(block, state, pool, recorder)
        again, schedule = replay(block, state, recorder.schedule, OPTIMISTIC)
        assert work(again) == work(result)
        assert schedule[0].events == recorder.schedule[0].events
        singles += sum(len(lost.tickets) > 0 for lost in pool.losses)
    assert singles > 5


# -- one fault at a time


class Forgetful(FaultyPool):
    """Workers forget all that they were told of the block before they are sent the first batch."""

    def begin(self, block: Block, pre_state: PreState) -> None:
        super().begin(block, pre_state)
        for worker in range(self.workers):
            self._waiting[worker].clear()


@pytest.mark.parametrize("seed", [None, *range(20)])
def test_a_worker_that_answers_two_batches_as_stale_is_told_once(seed: int | None) -> None:
    """Told a second time it would drop what it ran in between, which the driver would not send it again."""
    block, state, expected = small_block(12)
    pool = Forgetful(2, seed, 2, Faults())
    result = OPTIMISTIC.execute(block, state, pool, None)
    assert_same(result, expected, state)
    assert pool.happened[STALE] == 4
    assert pool.told[STATE] == 4  # to each at the start, and once more


class TwiceLost(FaultyPool):
    """Every death is reported twice: at once, or some events later, when its successor is at work."""

    def __init__(self, seed: int, later: int) -> None:
        super().__init__(3, seed, 2, Faults(death=0.3))
        self._again: list[tuple[int, Lost]] = []
        self._count, self._later = 0, later
        self.doubles = 0

    def next_event(self) -> Event:
        self._count += 1
        if self._again and self._count >= self._again[0][0]:
            self.doubles += 1
            return self._again.pop(0)[1]
        event = super().next_event()
        if isinstance(event, Lost) and event.tickets:
            self._again.append((self._count + self._later, event))
        return event


@pytest.mark.parametrize("later", [1, 2, 4])
def test_a_death_that_is_reported_twice_counts_once(later: int) -> None:
    block, state, expected = small_block(12)
    doubles = 0
    for seed in range(20):
        pool = TwiceLost(seed, later)
        result = OPTIMISTIC.execute(block, state, pool, None)
        assert_same(result, expected, state, seed)
        assert result.stats.lost_workers == len(pool.losses)
        doubles += pool.doubles
    assert doubles > 10


class Taciturn(FaultyPool):
    """The report of a death names some of the batches only."""

    def __init__(self, seed: int, names: int) -> None:
        super().__init__(3, seed, 2, Faults(death=0.2, deaths=1))
        self._names, self.unnamed = names, 0

    def next_event(self) -> Event:
        event = super().next_event()
        if isinstance(event, Lost) and len(event.tickets) > self._names:
            self.unnamed += len(event.tickets) - self._names
            return Lost(event.worker, event.tickets[: self._names], event.reason)
        return event


@pytest.mark.parametrize("names", [0, 1])
def test_all_that_a_lost_worker_was_sent_is_sent_again_whatever_is_named(names: int) -> None:
    block, state, expected = small_block(12)
    unnamed = 0
    for seed in range(20):
        pool = Taciturn(seed, names)
        assert_same(OPTIMISTIC.execute(block, state, pool, None), expected, state, seed)
        unnamed += pool.unnamed
    assert unnamed > 5


def test_what_is_lost_is_sent_again_as_it_was_started() -> None:
    """Incarnation and place at the head belong to an execution, not to a batch."""
    block, state, _ = small_block(12)
    at_head = halved = 0
    for seed in range(30):
        pool, recorder = FaultyPool(4, seed, 3, ALL), ScheduleRecorder()
        result = OPTIMISTIC.execute(block, state, pool, recorder)
        sent: Counter[Execution] = Counter()
        batches: dict[int, Sent] = {}
        due: Counter[Execution] = Counter()
        for event in recorder.schedule[0].events:
            if isinstance(event, Sent):
                halved += any(
                    len(event.executions) < len(old.executions) and set(event.executions) < set(old.executions)
                    for old in batches.values()
                )
                batches[event.ticket] = event
                sent.update(event.executions)
            elif isinstance(event, WorkerLost):
                for ticket in event.tickets:
                    due.update(batches[ticket].executions)
        assert sum(sent.values()) == sum(result.stats.executions_by_tx) + pool.returned
        runs = Counter(execution.index for execution in sent)  # different ones
        assert tuple(runs[index] for index in range(12)) == result.stats.executions_by_tx
        assert all(sent[execution] >= 1 + times for execution, times in due.items())
        at_head += sum(execution.at_head for execution in due)
    assert at_head > 0
    assert halved > 0
