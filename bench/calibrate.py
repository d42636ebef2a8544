"""What messages cost on this machine, and how far a simulation with these costs is from real runs.

The real driver executes the block with real workers in this thread (`InlinePool`), in messages of one execution and of
several, with more workers and with fewer; what is neither an execution nor the other side is solved for. All of it is
processor time. What carries messages is not there then: that comes from `TRANSPORTS`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import median
from time import thread_time
from typing import TypeAlias

from bench.simulate import MessageCosts, simulate
from executor.block_executor import BlockExecutor
from executor.pool import Event, InlinePool
from executor.schedule import Results, ScheduleRecorder
from executor.sequential import execute_sequential
from executor.state import MemoryState, PreState
from executor.state_trie import StateTrie
from executor.types import Block, BlockResult, BlockStats
from scheduler.access import AccessSet
from scheduler.batching import MESSAGE_SHARE, MessageCost
from scheduler.execution import Execution

Sets: TypeAlias = tuple[AccessSet, ...]

TRANSPORTS = {
    "process": MessageCosts(latency=0.00001, goal_seconds=0.004, batch_limit=200),
    "ray": MessageCosts(latency=0.00025, background=0.0005, goal_seconds=0.015, batch_limit=200),
}
"""Latency each way is half of a measured call: 0.02 ms by pipe, 0.5 ms by Ray, which works 0.5 ms for it elsewhere."""
SECONDS_PER_BYTE = 4e-10
"""To copy a byte into a pipe or a store, or out of it."""
_SETTINGS = ((2, 3), (4, 3), (2, 12), (4, 24))
"""Workers and most executions in a message of the runs that costs are solved from."""
_LESSONS = 100
"""Pairs of messages after which a pool has learned what they cost."""
_SOLVABLE = 1e-9
"""What is left of a column that the others explain, as a share of it, below which it tells nothing of its own."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A block with its sequential result (medians of seconds), exact sets, and its costs on a backend."""

    label: str
    block: Block
    pre_state: MemoryState
    sequential: BlockResult
    sets: Sets
    costs: MessageCosts


@dataclass(frozen=True, slots=True)
class Validation:
    """Measured and simulated speed-up and seconds of one block.

    The measured speed-up is the median over rounds of a sequential run and a parallel one, so that a change of the
    machine's speed since the costs were measured is in both; seconds are the fastest run's, as other load only ever
    slows, and processor time the median of the driver's and of all workers' together. `load` is the machine's (of the
    last minute) before the runs.
    """

    label: str
    workers: int
    measured_seconds: float
    simulated_seconds: float
    measured_driver_seconds: float
    simulated_driver_seconds: float
    measured_worker_seconds: float
    simulated_worker_seconds: float
    measured_messages: int
    simulated_messages: int
    load: float
    measured_speedup: float
    simulated_speedup: float

    @property
    def speedup_error_percent(self) -> float:
        """By how much the simulated speed-up is above the measured one; negative where it is below."""
        return (self.simulated_speedup / self.measured_speedup - 1) * 100

    @property
    def error_percent(self) -> float:
        """By how much the simulation is slower than what was measured; negative where it is faster."""
        return (self.simulated_seconds / self.measured_seconds - 1) * 100

    @property
    def work_error_percent(self) -> float:
        """The same of the processor time of driver and workers together."""
        measured = self.measured_driver_seconds + self.measured_worker_seconds
        return ((self.simulated_driver_seconds + self.simulated_worker_seconds) / measured - 1) * 100


def sequential_medians(block: Block, pre_state: PreState, trie: StateTrie | None, repeat: int) -> BlockResult:
    """Return the sequential result, with medians over so many runs as seconds of the block and each transaction.

    Seconds are of processor time, as all that is simulated: other load on the machine is none of it.
    """
    runs, seconds = [], []
    for _ in range(repeat):
        started = thread_time()
        runs.append(execute_sequential(block, pre_state, trie))
        seconds.append(thread_time() - started)
    transactions = tuple(
        results[0]._replace(seconds=median(result.seconds for result in results))
        for results in zip(*(run.transactions for run in runs), strict=True)
    )
    stats = replace(runs[0].stats, seconds=median(seconds))
    return replace(runs[0], transactions=transactions, stats=stats)


# -- calibration


class _Traffic(ScheduleRecorder):
    """Counts what is sent: messages, executions of the last one, and transactions that a worker is told of."""

    def __init__(self) -> None:
        super().__init__()
        self.messages = self.updates = self.last = 0
        self.ended = 0.0

    @contextmanager
    def recording(self, block: Block, strategy: str, access_lists: str, backend: str, workers: int) -> Iterator[None]:  # noqa: ARG002
        self.messages = self.updates = self.last = self._received = 0
        self._own, self._told = [0] * workers, [0] * workers
        yield
        self.ended = thread_time()  # before all that the run held is freed

    def sent(self, worker: int, ticket: int, executions: Sequence[Execution]) -> None:  # noqa: ARG002
        self.messages += 1
        news = self._received - self._own[worker] - self._told[worker]
        self._told[worker] += news
        self.updates += news

    def replied(self, worker: int, ticket: int, results: Results) -> None:  # noqa: ARG002
        self._received += len(results)
        self._own[worker] += len(results)
        self.last = len(results)


class _TimedPool(InlinePool):
    """An inline pool that notes when it is called and for how long: the rest of the time is the driver's."""

    goal_seconds = 1.0  # type: ignore[assignment] # as pools have whose messages cost something

    def __init__(self, workers: int, batch_limit: int) -> None:
        super().__init__(workers, batch_limit=batch_limit)
        self.reset()

    def reset(self) -> None:
        """Forget the last run."""
        self.opened = self.begun = self.first = self.last = 0.0
        self.telling = self.submitting = self.working = 0.0
        self.told_bytes = self.sent_bytes = 0

    def begin(self, block: Block, pre_state: PreState) -> None:
        self.opened = thread_time()
        super().begin(block, pre_state)
        self.begun = thread_time()

    def tell(self, worker: int, blob: bytes) -> None:
        clock = thread_time()
        super().tell(worker, blob)
        self.telling += thread_time() - clock
        self.told_bytes += len(blob)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        clock = thread_time()
        self.first = self.first or clock
        super().submit(worker, ticket, blob)
        self.submitting += thread_time() - clock
        self.sent_bytes += len(blob)

    def next_event(self) -> Event:
        clock = thread_time()
        event = super().next_event()
        self.last = thread_time()
        self.working += self.last - clock
        return event


@dataclass(frozen=True, slots=True)
class _Timed:
    """One run: counts, and seconds of the driver (before, between, behind) and of all workers beside executions."""

    messages: int
    updates: int
    last: int
    plan: float
    prepare: float
    between: float
    end: float
    opening: float
    beside: float
    executing: float
    told_bytes: int
    sent_bytes: int

    @property
    def seconds(self) -> float:
        """All of it."""
        return self.plan + self.prepare + self.between + self.end + self.opening + self.beside + self.executing


def calibrate(block: Block, pre_state: PreState, sets: Sets, backend: str = "process", repeat: int = 3) -> MessageCosts:
    """Return the costs of this block's messages on this machine; those of its beginning and end are its own.

    Sequential runs stand between the others, so that a change of the machine's speed meets both.
    """
    count, transport = len(block.transactions), TRANSPORTS[backend]
    if not count:
        return transport
    runs, factors = [], []
    for workers, limit in _SETTINGS:
        runs.append(_timed(block, pre_state, sets, workers, limit, repeat))
        alone = sum(result.seconds for result in execute_sequential(block, pre_state).transactions)
        factors.append(runs[-1].executing / alone if alone else 1.0)
    driver = _fitted([((count - run.last, run.messages, run.updates), run.between) for run in runs])
    worker = _fitted([((count, run.messages, run.updates), run.beside) for run in runs])
    first = runs[0]
    copying = first.sent_bytes / max(1, first.updates + count) * SECONDS_PER_BYTE
    return replace(
        transport,
        driver_plan=first.plan,
        driver_worker=first.told_bytes * SECONDS_PER_BYTE,
        driver_prepare=first.prepare,
        driver_end=max(0.0, first.end - first.last * driver[0]),
        goal_seconds=_learned_goal(transport.goal_seconds, driver[1] + worker[1], driver[0] + worker[0]),
        driver_transaction=driver[0],
        driver_message=driver[1],
        driver_update=driver[2] + copying,
        worker_start=first.opening + first.told_bytes * SECONDS_PER_BYTE,
        worker_transaction=worker[0],
        worker_message=worker[1],
        worker_update=worker[2] + copying,
        execution=median(factors),
    )


def _timed(block: Block, pre_state: PreState, sets: Sets, workers: int, limit: int, repeat: int) -> _Timed:
    """Return the run of median length, after one that is not counted."""
    pool, traffic = _TimedPool(workers, limit), _Traffic()
    with BlockExecutor(strategy="graph", access_lists="exact", pool=pool, recorder=traffic) as executor:
        executor.execute_with(block, pre_state, sets)
        runs = sorted((_run(executor, pool, traffic, block, pre_state, sets) for _ in range(repeat)), key=_length)
    return runs[len(runs) // 2]


def _learned_goal(first: float, message: float, transaction: float) -> float:
    """Return the work worth one message that a pool comes to whose messages cost so much on both sides."""
    cost = MessageCost(first * MESSAGE_SHARE)
    for size in (1, 9) * _LESSONS:
        cost.learn(size, message + size * transaction)
    return cost.goal


def _length(run: _Timed) -> float:
    return run.seconds


def _run(
    executor: BlockExecutor, pool: _TimedPool, traffic: _Traffic, block: Block, pre_state: PreState, sets: Sets
) -> _Timed:
    pool.reset()
    started = thread_time()
    result = executor.execute_with(block, pre_state, sets)
    executing = sum(transaction.seconds for transaction in result.transactions)
    return _Timed(
        messages=traffic.messages,
        updates=traffic.updates,
        last=traffic.last,
        plan=pool.begun - started - pool.telling,
        prepare=pool.first - pool.begun,
        between=pool.last - pool.first - pool.working - pool.submitting,
        end=traffic.ended - pool.last,
        opening=pool.telling / pool.workers,
        beside=pool.working - executing,
        executing=executing,
        told_bytes=pool.told_bytes // pool.workers,
        sent_bytes=pool.sent_bytes,
    )


def _fitted(equations: Sequence[tuple[tuple[float, ...], float]]) -> list[float]:
    """Return what each kind of thing costs, none less than nothing, from (how many of each kind, seconds together).

    Least squares over every choice of kinds that cost something; the best whose costs are all positive.
    """
    kinds = len(equations[0][0])
    best, least = [0.0] * kinds, sum(seconds**2 for _, seconds in equations)
    for size in range(1, kinds + 1):
        for chosen in combinations(range(kinds), size):
            rows = [[counts[kind] for kind in chosen] for counts, _ in equations]
            costs = _least_squares(rows, [seconds for _, seconds in equations])
            if costs is None or min(costs) < 0:
                continue
            misses = (seconds - _product(row, costs) for row, (_, seconds) in zip(rows, equations, strict=True))
            error = sum(miss**2 for miss in misses)
            if error < least:
                best, least = [0.0] * kinds, error
                for kind, cost in zip(chosen, costs, strict=True):
                    best[kind] = cost
    return best


def _least_squares(rows: Sequence[Sequence[float]], seconds: Sequence[float]) -> list[float] | None:
    """Return the costs that miss `seconds` least, None where rows do not tell the kinds apart."""
    columns = list(zip(*rows, strict=True))
    matrix = [[_product(one, other) for other in columns] + [_product(one, seconds)] for one in columns]
    for place, row in enumerate(matrix):
        if row[place] <= _SOLVABLE * _product(columns[place], columns[place]):
            return None
        row[:] = [value / row[place] for value in row]
        for other in matrix:
            if other is not row:
                other[:] = [value - other[place] * top for value, top in zip(other, row, strict=True)]
    return [row[-1] for row in matrix]


def _product(one: Sequence[float], other: Sequence[float]) -> float:
    """Return the sum of products, which `math` has from Python 3.12 on."""
    return sum(a * b for a, b in zip(one, other, strict=True))


# -- validation


def validate(
    prepared: Sequence[Prepared],
    backend: str,
    workers: Sequence[int] = (1, 2),
    cores: float | None = None,
    repeat: int = 3,
) -> list[Validation]:
    """Return for each block and number of workers how far the simulation is from runs on a backend.

    The simulation has as many processors as this machine unless `cores` says otherwise. A run before the first is not
    counted.
    """
    found = []
    for count in workers:
        with BlockExecutor(
            strategy="graph", access_lists="exact", backend=backend, workers=count, gate=False
        ) as executor:
            found += [_validated(one, executor, cores or os.cpu_count(), repeat) for one in prepared]
    return found


def _validated(prepared: Prepared, executor: BlockExecutor, cores: float | None, repeat: int) -> Validation:
    block, pre_state, sets = prepared.block, prepared.pre_state, prepared.sets
    load = os.getloadavg()[0]
    executor.execute_with(block, pre_state, sets)
    measured, speedups = [], []
    for _ in range(repeat):
        alone = execute_sequential(block, pre_state).stats.seconds
        measured.append(executor.execute_with(block, pre_state, sets).stats)
        speedups.append(alone / measured[-1].seconds)
    simulated = simulate(block, pre_state, prepared.sequential, sets, executor.workers, prepared.costs, cores)
    fastest, traffics = min(measured, key=_seconds), [stats.traffic for stats in measured]
    return Validation(
        label=prepared.label,
        workers=executor.workers,
        measured_seconds=fastest.seconds,
        simulated_seconds=simulated.seconds,
        measured_driver_seconds=median(traffic.driver_seconds for traffic in traffics),
        simulated_driver_seconds=simulated.driver_seconds,
        measured_worker_seconds=median(traffic.worker_seconds for traffic in traffics),
        simulated_worker_seconds=simulated.worker_seconds,
        measured_messages=fastest.batches,
        simulated_messages=simulated.messages,
        load=load,
        measured_speedup=median(speedups),
        simulated_speedup=simulated.speedup,
    )


def _seconds(stats: BlockStats) -> float:
    return stats.seconds
