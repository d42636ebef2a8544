"""The one loop that joins scheduler and pool: dispatch, receive, settle in block order, merge.

Edges decide when, validation decides whether. A result enters the merger only after the scheduler has compared
every value it read with the settled state at its place in the block.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from time import perf_counter
from types import MappingProxyType

from executor.context import block_context
from executor.costs import BlockCosts
from executor.errors import PoolError
from executor.evm import Engine, run_prologue
from executor.gate import REST, WORKERS, Gate
from executor.losses import Losses
from executor.merge import BlockMerger
from executor.outlook import Outlook
from executor.pipeline import Preparation
from executor.pool import IN_FLIGHT, Lost, Pool, Reply
from executor.pricing import chain_of_stale
from executor.replay_pool import ReplayPool
from executor.schedule import ScheduleRecorder
from executor.settled import SettledState
from executor.state import PreState, sweepable_accounts
from executor.state_trie import StateTrie
from executor.timeline import DISPATCH, EXECUTE, MERGE, PLAN, SETTLE, Timeline
from executor.traffic import TrafficCount
from executor.types import Block, BlockResult, BlockStats, GateDecision, TransactionResult
from executor.updates import Updates
from executor.wire import BatchReply, pack_batch, pack_updates, unpack_reply
from scheduler.access import NONCE, Address, TxIndex
from scheduler.batching import fill_batch, target
from scheduler.block_scheduler import BlockScheduler
from scheduler.execution import Execution, Observation, observation_of
from scheduler.multi_version import MultiVersionState

_WORTH_CLEARING = 256
"""Transactions from which on workers are told that a block is over; of fewer, all goes when the next one comes."""
MOST_STALE_STATES = 3
"""Times a worker is given the state anew in one block, before something else is wrong."""


class BlockRun:
    """One block on a pool; with a `gate` the rest of it may end up on the driver.

    `outlook` may know the first transactions alone: `ahead` finds that of all while the workers already have something
    to do.
    """

    def __init__(
        self,
        block: Block,
        pre_state: PreState,
        pool: Pool,
        costs: BlockCosts,
        started: float,
        traffic: TrafficCount,
        *,
        outlook: Outlook,
        ahead: Callable[[], Outlook] | None = None,
        gate: Gate | None = None,
        senders: Mapping[bytes, Address] = MappingProxyType({}),
        upcoming: Preparation | None = None,
        recorder: ScheduleRecorder | None = None,
        pre_trie: StateTrie | None = None,
        timeline: Timeline | None = None,
    ) -> None:
        context = block_context(block)
        empty_removed = context.rules.empty_accounts_removed
        settled = SettledState(pre_state, empty_removed=empty_removed)
        self._block, self._pre_state, self._pool, self.plan = block, pre_state, pool, outlook.plan
        self._recorder, self._script = recorder, pool if isinstance(pool, ReplayPool) else None
        self._timeline = timeline
        self._state = MultiVersionState(pre_state, derived_existence=empty_removed)
        self._engine = Engine(context, settled, sweepable_accounts(pre_state, context.rules))
        self._settled, self._started = settled, started
        self._planned = perf_counter() - started
        self._costs, self._gate = costs, gate
        self._free = [0.0] * len(block.transactions)
        self._merger = BlockMerger(block, self._engine, settled, pre_state, pre_trie)
        self._scheduler = BlockScheduler(
            len(block.transactions),
            self._state,
            graph=self.plan.graph,
            waves=self.plan.waves,
            barrier=self.plan.barrier,
            trusting=self.plan.trusting,
        )
        self._scheduler.prioritise(outlook.priorities)
        self._ahead, self._expected, self._wide = ahead, outlook.decision, outlook.wide
        self._results: dict[TxIndex, TransactionResult] = {}
        self._updates = Updates(pool.workers)
        self._load = [0] * pool.workers
        self._batches: dict[int, tuple[int, list[Execution]]] = {}
        self._losses = Losses(block.transactions)
        self._orphans = self._losses.orphans
        self._stale_states: Counter[int] = Counter()
        self._overtaken: set[int] = set()
        self._tickets = self._lost_workers = 0
        self._dispatch = self._settle = self._merge = self._wait = 0.0
        self._traffic = traffic
        self._senders, self._upcoming = senders, upcoming
        self._decision: GateDecision | None = None
        self._all_executed = False

    @property
    def decision(self) -> GateDecision | None:
        """Where the block ran, None where nobody asked the gate."""
        return self._decision or self._expected

    @property
    def taken_back(self) -> bool:
        """Whether the workers had begun when the gate found that they would lose."""
        return self._expected is not None and self._expected.where != WORKERS

    def run(self) -> BlockResult:
        """Execute the block."""
        try:
            self._begin()
            if self._ahead is not None:
                self._look_ahead(self._ahead)
            while not (self._scheduler.done or self._decision):
                self._send_batches()
                self._receive()
            if self._decision is not None:
                self._run_rest_here()
            if self._script is not None:
                self._script.end()
        except BaseException:
            self._pool.abandon()
            raise
        result = self._finish()
        stats = self._stats(perf_counter() - self._started)
        if self._timeline is not None:
            self._timeline.end(stats.seconds)
        if stats.transactions >= _WORTH_CLEARING:
            self._pool.block_over()
        return replace(result, stats=stats)

    def _begin(self) -> None:
        clock = perf_counter()
        if self._timeline is not None:
            alone = self._pool.goal_seconds is None
            self._timeline.begin(self._pool.workers, self._started, self._planned, one_thread=alone)
        self._traffic.begin(self._block, self._pre_state, self._senders, self._gate)
        prologue = run_prologue(self._engine, self._block, self._settled)
        self._scheduler.begin(prologue.writes)
        self._updates.add(pack_updates([(-1, prologue.writes, prologue.codes)]))
        self._merger.start(prologue)
        self._dispatch += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(DISPATCH, clock)

    def _look_ahead(self, ahead: Callable[[], Outlook]) -> None:
        """Give the workers something to do, and meanwhile find out who goes first and whether they should go on."""
        self._send_batches()
        clock = perf_counter()
        outlook = ahead()
        if outlook.plan is not self.plan:
            self._scheduler.extend(outlook.plan.graph, outlook.plan.waves)
        self.plan = outlook.plan
        self._scheduler.prioritise(outlook.priorities)
        self._expected, self._wide = outlook.decision, outlook.wide
        if outlook.decision is not None and self.taken_back:
            self._decision = replace(outlook.decision, where=REST)
        self._planned += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(PLAN, clock)

    # -- dispatch -----------------------------------------------------------------------------------------

    def _send_batches(self) -> None:
        """Send all that may be sent now, or what the schedule to be replayed says."""
        clock = perf_counter()
        script = self._script
        batches = self._fill() if script is None else script.batches(self._scheduler, self._orphans)
        for worker, executions in batches:
            self._send(worker, executions)
        self._dispatch += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(DISPATCH, clock)

    def _fill(self) -> Iterator[tuple[int, list[Execution]]]:
        """Yield what to send where: every worker's places are filled, the emptiest worker first."""
        workers = range(self._pool.workers)
        while True:
            worker = min(workers, key=self._load.__getitem__)
            if self._load[worker] >= IN_FLIGHT:
                return
            executions = self._next_batch()
            if executions:
                yield worker, executions
            elif self._upcoming is not None and self._upcoming.ask(self._pool, worker):
                self._load[worker] += 1
            else:
                return

    def _next_batch(self) -> list[Execution]:
        if self._orphans:  # to a worker that has nothing else: see executor.losses
            return [] if min(self._load) else self._orphans.pop(0)
        goal, limit = self._pool.goal_seconds, self._pool.batch_limit
        if goal is None:
            return fill_batch(self._scheduler, self._free, 1.0, limit=limit)
        goal = self._pool.message_cost.goal
        left = self._costs.seconds_left(len(self._scheduler.executions) - len(self._results))
        wide = self._wide and not self._scheduler.conflicts
        seconds = target(left, self._pool.workers, goal, wide=wide)
        return fill_batch(self._scheduler, self._costs.predictions, seconds, limit=limit, chain_seconds=goal)

    def _send(self, worker: int, executions: list[Execution]) -> None:
        self._load[worker] += 1
        self._tickets += 1
        self._batches[self._tickets] = (worker, executions)
        if self._recorder is not None:
            self._recorder.sent(worker, self._tickets, executions)
        if self._timeline is not None:
            self._timeline.sent(self._tickets)
        tasks = [(execution.index, not execution.at_head) for execution in executions]
        blob = pack_batch(self._pool.first_ticket + self._tickets, self._updates.lacking(worker), tasks)
        self._traffic.sent(blob)
        self._pool.submit(worker, self._tickets, blob)

    # -- receive and settle -------------------------------------------------------------------------------

    def _receive(self) -> None:
        clock = perf_counter()
        event = self._pool.next_event()
        self._wait += perf_counter() - clock
        if isinstance(event, Lost):
            self._recover(event)
        elif event.ticket < 0:
            self._take_senders(event)
        else:
            self._take(event)

    def _take_senders(self, reply: Reply) -> None:
        """Take in who signed what of the next block; what an earlier block asked for is too late."""
        if self._upcoming is not None and self._upcoming.take(reply):
            self._load[reply.worker] -= 1

    def _take(self, reply: Reply) -> None:
        clock = perf_counter()
        answer = unpack_reply(reply.blob)
        answer = answer._replace(ticket=answer.ticket - self._pool.first_ticket)
        batch = self._batches.pop(answer.ticket, None)
        if batch is None:  # late or double: the batch was given up and sent again, is done, or was an earlier block's
            return
        worker, executions = batch
        self._load[worker] -= 1
        self._traffic.received(worker, reply.blob, answer)
        if answer.stale:
            self._bring_up(worker, executions, answer)
            return
        results = answer.results
        if self._recorder is not None:
            self._recorder.replied(worker, answer.ticket, results)
        if self._timeline is not None:
            self._timeline.replied(worker, answer.ticket, executions, results, answer.clock)
        self._updates.add(answer.updates, worker)
        self._results.update(results)
        self._costs.learn_all(results)
        settled = self._scheduler.finish_all(_observed(executions, results))
        self._settle += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(SETTLE, clock)
            self._timeline.settled(len(settled))
        self._traffic.learn(len(results), answer.overhead)
        self._merge_settled(settled)
        self._traffic.mark()
        self._reconsider()

    def _merge_settled(self, settled: list[TxIndex]) -> None:
        clock = perf_counter()
        for index in settled:
            self._merger.add(self._results[index])
        self._merge += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(MERGE, clock)

    def _bring_up(self, worker: int, executions: list[Execution], answer: BatchReply) -> None:
        """Give a worker that holds another state the whole one, and then its batch again.

        What was sent to it before that is only sent again: told twice, it would forget what it ran in between.
        """
        if answer.ticket not in self._overtaken:
            self._stale_states[worker] += 1
            if self._stale_states[worker] > MOST_STALE_STATES:
                msg = f"worker {worker} still holds {answer.held} after it was sent the state {MOST_STALE_STATES} times"
                raise PoolError(msg)
            self._overtaken.update(self._in_flight(worker))
            self._pool.reopen(worker)
            self._updates.start_anew(worker)
        self._send(worker, executions)

    def _recover(self, lost: Lost) -> None:
        """Give a lost worker's executions to others; its successor knows nothing yet.

        All that was sent to it is given up, whatever the pool names: what the successor got by mistake lacks updates.
        """
        if self._upcoming is not None:
            self._upcoming.lost(lost.worker)
        batches = [ticket for ticket in lost.tickets if ticket > 0]  # the others were of a preparation
        if batches == [*lost.tickets] != [] and self._batches.keys().isdisjoint(batches):  # told twice
            return
        tickets = self._in_flight(lost.worker)
        if self._recorder is not None:
            self._recorder.lost(lost.worker, tuple(tickets), lost.reason)
        self._lost_workers += 1
        self._load[lost.worker] = 0
        self._updates.start_anew(lost.worker)
        self._losses.lose([self._batches.pop(ticket)[1] for ticket in tickets], lost.reason)

    def _in_flight(self, worker: int) -> list[int]:
        """Return the tickets a worker has not answered, in the order in which it got them."""
        return [ticket for ticket, (owner, _) in self._batches.items() if owner == worker]

    # -- the gate, once more -------------------------------------------------------------------------------

    def _reconsider(self) -> None:
        """Ask where conflicts came as a surprise whether the workers still gain anything."""
        scheduler, executed = self._scheduler, len(self._results)
        if self._gate is None or not scheduler.conflicts or scheduler.done or self.plan.trusting:
            return
        if executed < len(self._block.transactions):
            wasted = max(scheduler.conflicts, scheduler.in_doubt)
            self._decision = self._gate.hopeless(executed, wasted, self._pool.workers)
        elif not self._all_executed:
            self._all_executed = True
            chain = chain_of_stale(scheduler.stale, self._results, self._pre_state)
            self._decision = self._gate.rest(*chain, self._pool)

    def _run_rest_here(self) -> None:
        """Settle one transaction after another: by the result that a worker gave, or by executing it here."""
        self._pool.abandon()
        self._batches.clear()
        self._scheduler.recall()
        while not self._scheduler.done:
            index, clock = self._scheduler.head, perf_counter()
            incarnation = self._scheduler.start(index).incarnation
            raw = self._block.transactions[index].raw
            self._results[index] = result = self._engine.execute(raw, self._settled, index, assume_nonce=False)
            self._costs.learn(index, result.seconds)
            if self._timeline is not None:
                self._timeline.spent(EXECUTE, clock, index, incarnation)
            observation = Observation(result.reads, result.bounds, result.writes)
            settled = self._scheduler.finish(index, observation)
            if self._timeline is not None:
                self._timeline.settled(len(settled))
            self._merge_settled(settled)

    # -- the end ------------------------------------------------------------------------------------------

    def _finish(self) -> BlockResult:
        clock = perf_counter()
        result = self._merger.finish()
        self._merge += perf_counter() - clock
        if self._timeline is not None:
            self._timeline.spent(MERGE, clock)
        transactions = tuple(self._results[index] for index in range(len(self._block.transactions)))
        return replace(result, transactions=transactions)

    def _stats(self, seconds: float) -> BlockStats:
        executions = tuple(self._scheduler.executions)
        return BlockStats(
            transactions=len(executions),
            executions=sum(executions),
            conflicts=self._scheduler.conflicts,
            max_executions=max(executions, default=0),
            batches=self._tickets,
            lost_workers=self._lost_workers,
            seconds=seconds,
            plan_seconds=self._planned,
            dispatch_seconds=self._dispatch,
            settle_seconds=self._settle,
            merge_seconds=self._merge,
            wait_seconds=self._wait,
            executions_by_tx=executions,
            gate=self._decision,
            traffic=self._traffic.total(),
        )


def _observed(
    executions: list[Execution], results: list[tuple[TxIndex, TransactionResult]]
) -> list[tuple[TxIndex, Observation]]:
    """Return what each execution of a batch saw and did; at the head it assumed nothing."""
    observed = []
    for execution, (index, result) in zip(executions, results, strict=True):
        assumed = () if execution.at_head else ((result.sender, NONCE, 0),)
        observed.append((index, observation_of((result.reads, result.bounds, result.writes, assumed))))
    return observed
