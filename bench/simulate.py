"""Our dispatch beyond this machine: the real scheduler under a virtual clock, with measured seconds and costs.

Graph, block scheduler, batches, priorities and predictions are the driver's own; only executions, messages and the
driver's work are seconds that pass on the clock. What transactions read and wrote is what they did in a sequential
run, so a run is sound only where everybody started after those whose writes he read: strategy graph, exact sets.
Executions that did not are counted as `early`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from bench.virtual_clock import Life, VirtualClock
from executor.access_lists import observed_sets
from executor.context import block_context
from executor.costs import BlockCosts
from executor.evm import Engine, run_prologue
from executor.pool import IN_FLIGHT
from executor.settled import SettledState
from executor.state import PreState, sweepable_accounts
from executor.types import Block, BlockResult
from scheduler.access import NONCE, AccessSet, TxIndex
from scheduler.batching import critical, fill_batch, is_wide, target
from scheduler.block_scheduler import BlockScheduler
from scheduler.cost import CostModel
from scheduler.execution import Execution, Observation
from scheduler.graph import DependencyGraph, build
from scheduler.multi_version import MultiVersionState


@dataclass(frozen=True, slots=True)
class MessageCosts:
    """What everything but the executions costs, in processor seconds unless it says otherwise.

    The driver: `driver_plan` before the state is shipped (graph, packing), `driver_worker` to ship it to each worker,
    `driver_prepare` while workers unpack, `driver_end` after the last result; `driver_message` to fill and send a
    batch, `driver_update` for each transaction whose writes it forwards, `driver_transaction` to take in, settle and
    merge. A worker: `worker_start` to unpack the block, `worker_message`, `worker_update` for each transaction of
    others, `worker_transaction` beside an execution, which takes `execution` times its sequential seconds. `latency`
    is the time a message takes either way, `background` what others spend on a batch (Ray's own processes).
    `goal_seconds` and `batch_limit` are the pool's.
    """

    driver_plan: float = 0.0
    driver_worker: float = 0.0
    driver_prepare: float = 0.0
    driver_end: float = 0.0
    driver_message: float = 0.0
    driver_update: float = 0.0
    driver_transaction: float = 0.0
    worker_start: float = 0.0
    worker_message: float = 0.0
    worker_update: float = 0.0
    worker_transaction: float = 0.0
    execution: float = 1.0
    latency: float = 0.0
    background: float = 0.0
    goal_seconds: float = 0.004
    batch_limit: int = 200


@dataclass(frozen=True, slots=True)
class Simulated:
    """One simulated run; shares are of virtual time in which a party had work, `workers_busy` the mean over workers.

    `driver_seconds` and `worker_seconds` are processor time, the latter of all workers from their first batch on.
    `bound` is what the block's own longest chain allows at this number of workers. `stale` and `executions` are the
    scheduler's counts, `early` counts executions on workers that could not have known what they read.
    """

    workers: int
    cores: float | None
    seconds: float
    sequential_seconds: float
    speedup: float
    bound: float
    driver_busy: float
    workers_busy: float
    driver_seconds: float
    worker_seconds: float
    messages: int
    updates: int
    executions: int
    stale: int
    early: int

    @property
    def sound(self) -> bool:
        """Whether the access sets kept everybody in order, so that the sequential observations could be used."""
        return not self.stale and not self.early


class Known(Sequence[float]):
    """Predictions that are right, for loads without a block to predict from."""

    def __init__(self, seconds: Sequence[float]) -> None:
        self._seconds = seconds

    def __len__(self) -> int:
        """Return the number of transactions."""
        return len(self._seconds)

    def __getitem__(self, index: TxIndex) -> float:  # type: ignore[override] # no slices
        """Return the seconds of one execution."""
        return self._seconds[index]

    def learn(self, index: TxIndex, seconds: float) -> None:
        """Take in nothing: all is known."""

    def seconds_left(self, transactions: int) -> float:
        """Return the work in so many transactions that are still to run, by the mean of all."""
        return transactions * sum(self._seconds) / len(self._seconds)


@dataclass(frozen=True, slots=True)
class Load:
    """What is simulated: seconds, expected sets and observations by transaction; state and predictions made anew.

    `truth` is the graph of what transactions really read and wrote.
    """

    seconds: Sequence[float]
    sets: Sequence[AccessSet]
    truth: DependencyGraph
    observations: Sequence[Observation]
    state: Callable[[], MultiVersionState]
    predictions: Callable[[], BlockCosts | Known]


def _predictions(block: Block, model: CostModel, pre_state: PreState) -> BlockCosts:
    costs = BlockCosts(block, model, pre_state)
    costs.forecast()  # as the driver does before it waits for the first reply
    return costs


def load_of(block: Block, pre_state: PreState, sequential: BlockResult, sets: Sequence[AccessSet]) -> Load:
    """Return a block with its sequential result as a load; predictions are those of a second run."""
    model = CostModel()
    transactions = sequential.transactions
    warm = BlockCosts(block, model, pre_state)
    for index, result in enumerate(transactions):
        warm.learn(index, result.seconds)
    return Load(
        seconds=[result.seconds for result in transactions],
        sets=sets,
        truth=build(observed_sets(transactions, pre_state)),
        observations=[
            Observation(result.reads, result.bounds, result.writes, frozenset({(result.sender, NONCE, 0)}))
            for result in transactions
        ],
        state=partial(_state_after_prologue, block, pre_state),
        predictions=partial(_predictions, block, model, pre_state),
    )


def _state_after_prologue(block: Block, pre_state: PreState) -> MultiVersionState:
    context = block_context(block)
    empty_removed = context.rules.empty_accounts_removed
    settled = SettledState(pre_state, empty_removed=empty_removed)
    engine = Engine(context, settled, sweepable_accounts(pre_state, context.rules))
    state = MultiVersionState(pre_state, derived_existence=empty_removed)
    state.record(-1, run_prologue(engine, block, settled).writes)
    return state


def simulate(
    block: Block,
    pre_state: PreState,
    sequential: BlockResult,
    sets: Sequence[AccessSet],
    workers: int,
    costs: MessageCosts,
    cores: float | None = None,
) -> Simulated:
    """Simulate a block with these access sets, one per transaction, on so many workers.

    `sequential` is the result of `execute_sequential`, whose measured seconds are what executions take. `cores`
    processors are shared by the driver and all workers; None: everybody has one of their own.
    """
    return simulate_load(load_of(block, pre_state, sequential, sets), workers, costs, cores, sequential.stats.seconds)


def simulate_load(
    load: Load, workers: int, costs: MessageCosts, cores: float | None = None, sequential_seconds: float | None = None
) -> Simulated:
    """Simulate a load; its sequential seconds are the sum of its executions' unless given."""
    reference = sum(load.seconds) if sequential_seconds is None else sequential_seconds
    return _Run(load, workers, costs, cores).result(reference)


class _Run:
    """The driver's loop of `executor.parallel` over virtual workers."""

    def __init__(self, load: Load, workers: int, costs: MessageCosts, cores: float | None) -> None:
        self._load, self._workers, self._costs, self._cores = load, workers, costs, cores
        self._clock = VirtualClock(cores)
        self._graph = build(load.sets)
        self._scheduler = BlockScheduler(len(load.seconds), load.state(), graph=self._graph)
        self._predicted = load.predictions()
        expected = list(self._predicted)
        levels, work = self._graph.bottom_levels(expected), sum(expected)
        self._scheduler.prioritise(critical(levels, work, workers))
        self._wide = is_wide(levels, work, workers)
        self._inbox: deque[tuple[int, list[Execution]]] = deque()
        self._queues: list[deque[tuple[float, list[Execution]]]] = [deque() for _ in range(workers)]
        self._held = [0] * workers
        self._received = 0
        self._taken = [0] * workers
        self._told = [0] * workers
        self._ran_on: dict[TxIndex, int] = {}
        self._finished: set[TxIndex] = set()
        self._messages = self._updates = self._early = 0

    def result(self, sequential_seconds: float) -> Simulated:
        """Let the clock run and say what came of it."""
        self._parties = [self._clock.spawn(self._work(worker)) for worker in range(self._workers)]
        self._driver = self._clock.spawn(self._drive())
        self._clock.run_until(self._driver)
        seconds = self._clock.now
        work, span = sum(self._load.seconds), self._load.truth.critical_path(self._load.seconds)[0]
        return Simulated(
            workers=self._workers,
            cores=self._cores,
            seconds=seconds,
            sequential_seconds=sequential_seconds,
            speedup=sequential_seconds / seconds if seconds else 1.0,
            bound=min(float(self._workers), work / span if span else 1.0),
            driver_busy=self._driver.occupied / seconds if seconds else 0.0,
            workers_busy=sum(party.occupied for party in self._parties) / (self._workers * seconds) if seconds else 0.0,
            driver_seconds=self._driver.worked,
            worker_seconds=sum(party.worked - self._costs.worker_start for party in self._parties),
            messages=self._messages,
            updates=self._updates,
            executions=sum(self._scheduler.executions),
            stale=self._scheduler.conflicts,
            early=self._early,
        )

    # -- the driver

    def _drive(self) -> Life:
        costs = self._costs
        yield costs.driver_plan
        for worker in range(self._workers):
            yield costs.driver_worker
            self._post(worker, costs.worker_start, [])
        yield costs.driver_prepare
        while not self._scheduler.done:
            while True:
                worker = min(range(self._workers), key=self._held.__getitem__)
                executions = self._next_batch() if self._held[worker] < IN_FLIGHT else []
                if not executions:
                    break
                updates = self._received - self._taken[worker] - self._told[worker]
                self._told[worker] += updates
                self._updates += updates
                self._messages += 1
                self._held[worker] += 1
                yield costs.driver_message + updates * costs.driver_update
                self._send(worker, executions, updates)
            while not self._inbox:
                yield None
            worker, executions = self._inbox.popleft()
            yield len(executions) * costs.driver_transaction
            self._take(worker, executions)
        yield costs.driver_end

    def _next_batch(self) -> list[Execution]:
        left = self._predicted.seconds_left(len(self._load.seconds) - len(self._finished))
        wide = self._wide and not self._scheduler.conflicts
        seconds = target(left, self._workers, self._costs.goal_seconds, wide=wide)
        limit, goal = self._costs.batch_limit, self._costs.goal_seconds
        return fill_batch(self._scheduler, self._predicted, seconds, limit=limit, chain_seconds=goal)

    def _take(self, worker: int, executions: list[Execution]) -> None:
        self._held[worker] -= 1
        self._received += len(executions)
        self._taken[worker] += len(executions)
        for execution in executions:
            index = execution.index
            self._finished.add(index)
            self._predicted.learn(index, self._load.seconds[index] * self._costs.execution)
            seen = self._load.observations[index]
            self._scheduler.finish(index, seen._replace(assumed=()) if execution.at_head else seen)

    # -- messages and workers

    def _send(self, worker: int, executions: list[Execution], updates: int) -> None:
        costs = self._costs
        for index, _, _ in executions:
            self._ran_on[index] = worker
            self._early += any(
                before not in self._finished and self._ran_on.get(before) != worker
                for before in self._load.truth.predecessors[index]
            )
        seconds = sum(self._load.seconds[execution.index] for execution in executions) * costs.execution
        seconds += costs.worker_message + updates * costs.worker_update + len(executions) * costs.worker_transaction
        if costs.background:
            self._clock.spawn(iter((costs.background,)))
        self._post(worker, seconds, executions)

    def _post(self, worker: int, seconds: float, executions: list[Execution]) -> None:
        self._clock.after(self._costs.latency, partial(self._deliver, worker, seconds, executions))

    def _deliver(self, worker: int, seconds: float, executions: list[Execution]) -> None:
        self._queues[worker].append((seconds, executions))
        self._clock.wake(self._parties[worker])

    def _work(self, worker: int) -> Life:
        queue = self._queues[worker]
        while True:
            while not queue:
                yield None
            seconds, executions = queue.popleft()
            yield seconds
            if executions:
                self._clock.after(self._costs.latency, partial(self._reply, worker, executions))

    def _reply(self, worker: int, executions: list[Execution]) -> None:
        self._inbox.append((worker, executions))
        self._clock.wake(self._driver)
