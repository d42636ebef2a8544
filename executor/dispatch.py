"""Where a block runs: on the workers, or on the driver where the gate finds that the workers would lose."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field, replace
from functools import partial
from time import perf_counter

from executor.collector import collector_paused
from executor.costs import BlockCosts
from executor.gate import UNDIVIDED, WORKERS, Gate
from executor.outlook import Outlook, look_ahead
from executor.parallel import BlockRun
from executor.pipeline import Preparation
from executor.pool import Pool
from executor.pricing import NO_CHAIN
from executor.replay_pool import ReplayPool
from executor.schedule import ScheduleRecorder
from executor.sequential import execute_in_order
from executor.state import PreState
from executor.state_trie import StateTrie
from executor.strategies import Planner
from executor.timeline import Timeline
from executor.traffic import TrafficCount
from executor.types import Block, BlockResult, GateDecision
from scheduler.access import AccessSet, Address
from scheduler.cost import CostModel
from scheduler.graph import DependencyGraph

_LEARNED_FROM = 64
"""Transactions of a block run on the driver whose times are learned, at most: enough to know, too few to notice."""
_SECONDS_PER_LESSON = 2e-3
"""Seconds of a block for each of them: one takes 10 us in the middle of other things, a transfer 300."""
_PLANNED_FIRST = 128
"""Transactions per worker whose graph is made before the first batches leave; that of the others, while they run."""


@dataclass(slots=True)
class Experience:
    """What an executor has learned from the blocks before: costs of transactions, and what the gate needs."""

    costs: CostModel = field(default_factory=CostModel)
    gate: Gate = field(default_factory=Gate)

    def copy(self) -> Experience:
        """Return an independent copy, so that a measurement can start twice from the same knowledge."""
        return Experience(self.costs.copy(), copy(self.gate))


def execute_parallel(
    block: Block,
    pre_state: PreState,
    pool: Pool,
    strategy: str,
    source: str,
    sets: tuple[AccessSet, ...] | None,
    experience: Experience,
    *,
    gate: bool = True,
    prepared: Preparation | None = None,
    upcoming: Preparation | None = None,
    recorder: ScheduleRecorder | None = None,
    pre_trie: StateTrie | None = None,
    timeline: Timeline | None = None,
) -> BlockResult:
    """Execute a block with these expected access sets; the result is that of sequential execution.

    `prepared` is what was found out of this block before it began, `upcoming` the one that workers may prepare while
    it runs. The gate is not asked on pools whose messages cost nothing, nor where a schedule is recorded or replayed.

    Raises InvalidBlock where the block breaks a rule, ExecutionFailed where the engine fails on settled state,
    PoolError where workers are lost for good.
    """
    asked = gate and pool.goal_seconds is not None and recorder is None and not isinstance(pool, ReplayPool)
    with collector_paused():
        started = perf_counter()
        senders = {} if prepared is None else prepared.senders
        driver = DriverRun(block, pre_state, pre_trie, pool, experience, started, senders, upcoming)
        if asked and len(block.transactions) < len(UNDIVIDED):
            return driver.just_run(UNDIVIDED[len(block.transactions)])
        rough = experience.gate.rough(block, pre_state, pool) if asked else None
        if rough is not None:
            return driver.run(rough)
        traffic = TrafficCount(pool)
        gatekeeper = experience.gate if asked else None
        priced = pool.goal_seconds is not None
        early = priced and recorder is None and (not asked or experience.gate.surely(block, pool))
        if early:
            clock = perf_counter()
            traffic.begin(block, pre_state, senders, gatekeeper)  # workers unpack while the driver plans
            if timeline is not None:
                timeline.opened(clock)
        costs = BlockCosts(block, experience.costs, pre_state)
        forecast = costs.forecast() if priced and not early else None
        if gatekeeper is not None and forecast is not None:
            at_best = gatekeeper.close(block, forecast, NO_CHAIN, pre_state, pool)
            if at_best.where != WORKERS:  # before there is a graph, which takes as long to make as all that is asked
                return driver.run(at_best, costs)
        planner = Planner(strategy, source, sets)
        plan = planner.first(_PLANNED_FIRST * pool.workers) if early else planner.whole
        early = early and (not asked or _broad(plan.graph, pool.workers))
        ahead = partial(look_ahead, block, pre_state, pool, planner, costs, gatekeeper, forecast)
        outlook = ahead() if priced and not early else Outlook(plan)
        if outlook.decision is not None and outlook.decision.where != WORKERS:
            return driver.run(outlook.decision, costs)
        run = BlockRun(
            block,
            pre_state,
            pool,
            costs,
            started,
            traffic,
            outlook=outlook,
            ahead=ahead if early else None,
            gate=gatekeeper,
            senders=senders,
            upcoming=upcoming,
            recorder=recorder,
            pre_trie=pre_trie,
            timeline=timeline,
        )
        if recorder is None:
            result = run.run()
        else:
            with recorder.recording(block, strategy, source, pool.name, pool.workers):
                result = run.run()
        experience.gate.learn(result)
        experience.gate.learn_parallel(result, pool, run.plan.graph)
        if run.taken_back:
            experience.gate.fade()
        return _decided(result, run.decision)


def _broad(graph: DependencyGraph | None, workers: int) -> bool:
    """Return whether there is work for all workers by the number of transactions alone, which is known at once."""
    return graph is not None and workers * graph.longest_chain() < len(graph.predecessors)


@dataclass(slots=True)
class DriverRun:
    """A block for the driver: one transaction after another, while the workers prepare the next block."""

    block: Block
    pre_state: PreState
    pre_trie: StateTrie | None
    pool: Pool
    experience: Experience
    started: float
    senders: Mapping[bytes, Address]
    upcoming: Preparation | None

    def run(self, decision: GateDecision, costs: BlockCosts | None = None) -> BlockResult:
        """Execute the block and learn from a sample of it; `costs` know its transactions if they were looked at."""
        result = self._execute()
        if costs is None:
            costs = BlockCosts(self.block, self.experience.costs, self.pre_state)
        lessons = min(_LEARNED_FROM, 1 + int(result.stats.seconds / _SECONDS_PER_LESSON))
        for index in range(0, len(costs), -(-len(costs) // lessons)):
            costs.teach(index, result.transactions[index].seconds)
        self.experience.gate.learn(result)
        self.experience.gate.fade()
        return _decided(_until_now(result, self.started), decision)

    def just_run(self, decision: GateDecision) -> BlockResult:
        """Execute the block and learn nothing: even that would be felt where there is nothing to execute."""
        result = self._execute()
        return _decided(result if self.upcoming is None else _until_now(result, self.started), decision)

    def _execute(self) -> BlockResult:
        if self.upcoming is not None:
            self.upcoming.begin(self.pool)
        result = execute_in_order(self.block, self.pre_state, self.pre_trie, self.started, self.senders)
        if self.upcoming is not None:
            self.upcoming.finish(self.pool)
        return result


def _until_now(result: BlockResult, started: float) -> BlockResult:
    return replace(result, stats=replace(result.stats, seconds=perf_counter() - started))


def _decided(result: BlockResult, decision: GateDecision | None) -> BlockResult:
    return replace(result, stats=replace(result.stats, gate=decision))
