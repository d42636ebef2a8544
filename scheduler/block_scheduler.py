"""What may run now, what is settled, what must run again: a state machine without I/O.

An *execution* is dispatched with `start` and comes back with `finish`; `incarnation` counts those of one
transaction, from 0. Its *observation* is what it read and wrote. A result *stands* while every value it has
read is current, is *stale* once one is not, and is *settled* when all before it are settled and it has been
validated there: that is final. The *head* is the lowest transaction not settled.

Edges decide when a transaction runs; validation at the head decides whether its result counts. A stale result
runs again once, when all before it have run and those it was seen to depend on stand; after that only at the
head, on settled state and with nothing assumed, where its result is exact. So no transaction runs more than
three times, and the head always moves.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from heapq import heappop, heappush

from scheduler.access import Bounds, Location, ReadSet, TxIndex, WriteSet
from scheduler.execution import Execution, Observation, SchedulerFault, execution_of
from scheduler.graph import DependencyGraph
from scheduler.multi_version import MultiVersionState
from scheduler.observed import sources
from scheduler.queues import Frontier, ReadyList
from scheduler.readers import ReaderIndex
from scheduler.settled_values import SettledValues
from scheduler.start_order import StartOrder

WAITING, RUNNING, STALE, STANDING, SETTLED = range(5)
_STARTABLE = (WAITING, STALE)
_WITH_RESULT = (STALE, STANDING)
"""Of a transaction that is not settled: it has run, and does not run now."""
_SPECULATIVE_RUNS = 2
"""Executions of one transaction before the head reaches it."""


class BlockScheduler:
    """Schedules one block of `count` transactions; `state` is its multi-version state.

    `graph` says when first executions may start (None: all at once); where it covers only the first transactions the
    others wait for `extend`. `waves` puts a barrier between levels,
    `barrier` lets every transaction run once before any runs again (but at the head).
    `trusting` takes it that the graph is complete until a result at the head proves it wrong; until then nobody keeps
    account of who has read what.
    `executions` counts per transaction, `conflicts` stale results, `third_executions` what its name says.
    `follow` finds somebody only where `leads` is true of a transaction, or `watchers` has those who wait to run again.
    """

    def __init__(
        self,
        count: int,
        state: MultiVersionState,
        graph: DependencyGraph | None = None,
        waves: Sequence[int] | None = None,
        *,
        barrier: bool = False,
        trusting: bool = False,
    ) -> None:
        self._order = StartOrder(count, graph, waves)
        self.leads = self._order.leads
        self.watchers: dict[TxIndex, list[TxIndex]] = {}
        self.executions = [0] * count
        self.conflicts = 0
        self.third_executions = 0
        self._state = state
        self._settled_values = SettledValues(state.base, derived_existence=state.derived_existence)
        self._readers = ReaderIndex(state)
        self._watching = not (trusting and graph is not None)
        self._status = [WAITING] * count
        self._results: list[Observation | None] = [None] * count
        self._counted_stale = [0] * count
        self._ready = ReadyList(self._order.startable())
        self._relying: dict[TxIndex, list[TxIndex]] = {}
        self._agenda: list[TxIndex] = []
        self._frontier = Frontier(count, barrier=barrier)
        self._head = 0
        self._exact: TxIndex = -1
        self._wake_head()

    # -- asking

    @property
    def done(self) -> bool:
        """Whether every transaction is settled."""
        return self._head == len(self._status)

    @property
    def head(self) -> TxIndex:
        """The lowest transaction that is not settled."""
        return self._head

    @property
    def ready_indices(self) -> Sequence[TxIndex]:
        """The transactions that could start now, in block order; do not keep or change it."""
        return self._ready.indices

    def execution(self, index: TxIndex) -> Execution:
        """Return the next execution of `index`."""
        runs = self.executions[index]
        return Execution(index, runs, at_head=index == self._head and runs > 0)

    def best_ready(self) -> TxIndex | None:
        """Return which of the transactions that could start now goes first, None if none could."""
        return self._ready.best()

    @property
    def stale(self) -> list[TxIndex]:
        """The transactions whose results are in doubt, in block order."""
        return [index for index, status in enumerate(self._status) if status == STALE]

    @property
    def in_doubt(self) -> int:
        """How many results are in doubt."""
        return self._status.count(STALE)

    def rerun_of_head(self) -> TxIndex | None:
        """Return the head if it is to run again now."""
        again = self._head in self._ready and self.executions[self._head] > 0
        return self._head if again else None

    def follow(
        self, index: TxIndex, taken: Collection[TxIndex], awaited: dict[TxIndex, int] | None = None
    ) -> list[TxIndex]:
        """Return who becomes ready once all of `taken`, with `index` its newest member, finish in order.

        `awaited` is kept from call to call of one batch: on how many transactions outside of it each still waits.
        Without it `index` must be the only one that they wait for.
        """
        order, found = self._order, []
        awaited = {} if awaited is None else awaited
        for after in order.successors[index]:
            left = awaited[after] = awaited.get(after, order.waiting_for[after]) - 1
            startable = not left and self._status[after] == WAITING and order.in_open_wave(after)
            if startable and after not in self._ready:
                found.append(after)
        if index in self.watchers:
            found += self._watching_followers(index, taken)
            found.sort()
        return found

    def _watching_followers(self, index: TxIndex, taken: Collection[TxIndex]) -> list[TxIndex]:
        unfinished = self._unfinished(taken)
        return [
            after
            for after in dict.fromkeys(self.watchers[index])
            if self._status[after] == STALE
            and self.executions[after] < _SPECULATIVE_RUNS
            and not self._frontier.holds(after)
            and after not in taken
            and after not in self._ready
            and not self._sources(after, unfinished)
        ]

    # -- telling

    def begin(self, prologue: WriteSet) -> None:
        """Take in what the block changes before its first transaction."""
        self._state.record(-1, prologue)
        self._settled_values.settle(prologue)

    def extend(self, graph: DependencyGraph | None, waves: Sequence[int] | None = None) -> None:
        """Take in the graph of the whole block, before any execution has finished; then set priorities."""
        assert self._head == 0 and not any(self._results), "too late: who waits for whom is being counted"  # noqa: S101, PT018
        self._order = StartOrder(len(self._status), graph, waves)
        self.leads = self._order.leads
        self._ready = ReadyList([index for index in self._order.startable() if self._status[index] == WAITING])
        self._wake_head()

    def prioritise(self, priorities: Sequence[float] | None) -> None:
        """Let ready transactions of higher priority go first; None: in block order."""
        self._ready.prioritise(priorities)

    def start(self, index: TxIndex) -> Execution:
        """Mark `index` as running; it must be ready, or follow others started in the same batch."""
        if self._status[index] not in _STARTABLE:
            msg = f"transaction {index} cannot start now"
            raise ValueError(msg)
        runs = self.executions[index]
        self._ready.discard(index)
        self._status[index] = RUNNING
        self.executions[index] = runs + 1
        if not runs:
            return execution_of((index, 0, False))
        execution = Execution(index, runs, at_head=index == self._head)
        self.third_executions += runs >= _SPECULATIVE_RUNS
        if execution.at_head:
            self._exact = index
        return execution

    def recall(self) -> None:
        """Take back every running execution: its result will not come. The head can start then."""
        for index, status in enumerate(self._status):
            if status == RUNNING:
                self._status[index] = WAITING if self._results[index] is None else STALE
        if not self.done and self._status[self._head] in (WAITING, STALE):
            self._ready.add(self._head)

    def finish(self, index: TxIndex, observation: Observation) -> list[TxIndex]:
        """Take in the result of a running execution; return what is settled by it, in block order."""
        return self.finish_all([(index, observation)])

    def finish_all(self, results: Iterable[tuple[TxIndex, Observation]]) -> list[TxIndex]:
        """Take in the results of a batch, in the order in which they ran; return what is settled by them."""
        settled: list[TxIndex] = []
        if self._watching:
            for index, observation in results:
                self._results[index] = observation
                settled += self._finish_watching(index, observation)
                self._go_on()
            return settled
        kept, status, leads = self._results, self._status, self.leads
        for index, observation in results:  # neither asked whether it is current, nor noted: the head will ask
            kept[index] = observation
            status[index] = STANDING
            if leads[index]:  # none is stale, so none watches
                self._release(index)
        settled = self._settle()
        self._go_on()
        return settled

    def _go_on(self) -> None:
        while self._agenda:
            self._reconsider(heappop(self._agenda))

    def _finish_watching(self, index: TxIndex, observation: Observation) -> list[TxIndex]:
        reads, bounds = observation.checked()
        disturbed = index != self._head and self._state.disturbed(reads, bounds, index)
        self._status[index] = STALE
        self._spread(index, observation.writes)
        settled: list[TxIndex] = []
        if index == self._head:
            settled = self._settle()
        elif disturbed:
            self._make_stale(index)
        elif self.conflicts and self._sources(index, self._unfinished()):
            self._doubt(index)
        else:
            self._make_standing(index, reads, bounds)
        for released in self._frontier.passed(index):
            heappush(self._agenda, released)
        return settled

    def _start_watching(self) -> None:
        """Keep account of versions and readers from now on, as the graph was wrong; find all that is stale already."""
        self._watching = True
        known = [index for index, status in enumerate(self._status) if status in (STANDING, SETTLED)]
        for index in known:
            self._state.record(index, self._result(index).writes)
            self._frontier.passed(index)
        stale = []
        for index in known[self._head :]:
            reads, bounds = self._result(index).checked()
            if index != self._head and self._state.disturbed(reads, bounds, index):
                stale.append(index)
            else:
                self._readers.add(index, reads, bounds)
        for index in stale:
            self._make_stale(index)

    def _spread(self, index: TxIndex, writes: WriteSet) -> None:
        """Let others see what `index` wrote; those who have seen something else are stale."""
        old = self._state.writes(index)
        self._state.record(index, writes)
        for reader in self._readers.disturbed_by(index, old, writes):
            self._make_stale(reader)

    # -- settling

    def _settle(self) -> list[TxIndex]:
        """Settle as far as results reach and hold; the first that does not runs again at once."""
        index = first = self._head
        status, results, values = self._status, self._results, self._settled_values
        while index < len(status) and status[index] in _WITH_RESULT:
            reads, bounds, writes, _ = results[index]  # type: ignore[misc] # both states have one
            broken = values.broken(reads, bounds)
            if broken is not None:
                if not self._watching:
                    self._start_watching()
                self._reject_head(broken)
                break
            values.settle(writes)
            stood, status[index] = status[index] == STANDING, SETTLED
            self._head = index + 1
            if self._watching:
                self._ready.discard(index)
                self._readers.discard(index)
                self._relying.pop(index, None)
            if not stood:
                self._release(index)
            index += 1
        self._wake_head()
        return list(range(first, index))

    def _reject_head(self, broken: Location) -> None:
        index = self._head
        if self._exact == index:
            raise SchedulerFault(index, broken)
        self._make_stale(index)
        self._ready.add(index)

    def _wake_head(self) -> None:
        """Let the head start, whatever graph and waves say: nothing can change what it sees."""
        if self._head < len(self._status) and self._status[self._head] == WAITING:
            self._ready.add(self._head)

    # -- standing and stale

    def _result(self, index: TxIndex) -> Observation:
        result = self._results[index]
        assert result is not None  # noqa: S101 - asked of those only that have one
        return result

    def _make_standing(self, index: TxIndex, reads: ReadSet, bounds: Bounds) -> None:
        self._status[index] = STANDING
        self._readers.add(index, reads, bounds)
        self._release(index)

    def _release(self, index: TxIndex) -> None:
        """Let those start who waited for `index`."""
        for after in self._order.done(index):
            if self._status[after] == WAITING:
                self._ready.add(after)
        if self.watchers:
            for after in self.watchers.pop(index, ()):
                heappush(self._agenda, after)

    def _make_stale(self, index: TxIndex) -> None:
        """Count a conflict, and run `index` again as soon as that makes sense."""
        self._count_conflict(index)
        self._doubt(index)

    def _count_conflict(self, index: TxIndex) -> None:
        if self._counted_stale[index] < self.executions[index]:
            self._counted_stale[index] = self.executions[index]
            self.conflicts += 1

    def _doubt(self, index: TxIndex) -> None:
        """Let nobody build on a result that will probably change, nor on any that rests on it.

        Their values are still current, so most of them need not run again; but whoever ran on them now would
        waste its one speculative run.
        """
        doubtful = {index}
        while doubtful:
            current = doubtful.pop()
            if self._status[current] == STANDING:
                self._hold_back(current)
            doubtful |= self._readers.resting_on(current, self._state.writes(current))
            self._status[current] = STALE
            heappush(self._agenda, current)

    def _hold_back(self, index: TxIndex) -> None:
        """Let those wait again who were ready because of `index`."""
        self._readers.discard(index)
        for after in self._order.undone(index):
            if self._status[after] == WAITING and after != self._head:
                self._ready.discard(after)
        for after in self._relying.pop(index, ()):
            heappush(self._agenda, after)

    def _reconsider(self, index: TxIndex) -> None:
        """Run a result in doubt again once all it depends on stand, unless its values are current by then."""
        if self._status[index] != STALE or index == self._head:
            return
        self._ready.discard(index)
        if self._counted_stale[index] == self.executions[index] and self._frontier.holds(index):
            self._frontier.hold(index)
            return
        unfinished = self._sources(index, self._unfinished())
        if unfinished:
            self.watchers.setdefault(max(unfinished), []).append(index)
            return
        reads, bounds = self._result(index).checked()
        if not self._state.disturbed(reads, bounds, index):
            self._make_standing(index, reads, bounds)
            return
        self._count_conflict(index)
        if self._frontier.holds(index):
            self._frontier.hold(index)
        elif self.executions[index] < _SPECULATIVE_RUNS:
            for before in self._sources(index, _anybody):
                self._relying.setdefault(before, []).append(index)
            self._ready.add(index)

    def _unfinished(self, taken: Collection[TxIndex] = ()) -> Callable[[TxIndex], bool]:
        """Return the test for those whose results do not stand; `taken` count as if they did."""
        status = self._status
        return lambda index: status[index] < STANDING and index not in taken

    def _sources(self, index: TxIndex, counts: Callable[[TxIndex], bool]) -> set[TxIndex]:
        """Return on whom a result depends, as observed and by the graph, of those that `counts` names."""
        reads, bounds = self._result(index).checked()
        found = sources(self._state, reads, bounds, index, self._head, counts)
        found.update(before for before in self._order.predecessors(index) if before >= self._head and counts(before))
        return found


def _anybody(_index: TxIndex) -> bool:
    return True
