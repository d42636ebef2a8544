"""Runs a recorded schedule again, in this process: the same batches to the same workers, replies in the same order.

A worker executes a batch only when a reply to it is due: what a lost worker never answered is never run, and its
successor begins with nothing. Whatever the run does otherwise than the recorded one is an InvalidInput that names
the event; so a divergence is seen again, or the place is named from which on the code does something else.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

from executor.errors import InvalidInput, PoolError
from executor.pool import Event, Lost, Opening, Pool, Reply
from executor.schedule import (
    BlockIdentity,
    Replied,
    Schedule,
    ScheduledRun,
    ScheduleEvent,
    Sent,
    WorkerLost,
    digest,
    identify,
)
from executor.state import PreState
from executor.types import Block
from executor.wire import batch_tasks, pack_stale, unpack, unpack_reply
from executor.worker import Worker
from scheduler.access import TxIndex
from scheduler.block_scheduler import BlockScheduler
from scheduler.execution import Execution


class Replica:
    """A worker that executes when it is asked for a reply."""

    def __init__(self, messages: Sequence[bytes]) -> None:
        self._worker: Worker | None = None
        self._messages = messages
        self._waiting: deque[tuple[int, bytes]] = deque()
        self._finished: dict[int, bytes] = {}

    def submit(self, ticket: int, blob: bytes) -> None:
        """Queue a batch."""
        self._waiting.append((ticket, blob))

    def answer(self, ticket: int) -> bytes:
        """Return the reply to a batch; those queued before it run first, as they did."""
        while ticket not in self._finished:
            self._execute()
        return self._finished.pop(ticket)

    def finish(self) -> None:
        """Execute all that waits."""
        while self._waiting:
            self._execute()

    def _execute(self) -> None:
        if self._worker is None:  # many replicas of a small block never do anything
            self._worker = Worker()
            for message in self._messages:
                self._worker.handle(message)
        ticket, blob = self._waiting.popleft()
        answer = self._worker.handle(blob)
        assert answer is not None  # noqa: S101 - batches are answered
        self._finished[ticket] = answer


class ReplayPool(Pool):
    """Inline workers that follow a schedule, which says also what is sent (`batches`).

    Runs are found by their block, those of one block in the order recorded; others may be left over. `departure`
    is the first error about a run that did not fit.
    """

    name = "inline"
    goal_seconds = None
    batch_limit = 1

    def __init__(self, schedule: Schedule) -> None:
        self.workers = schedule[0].workers
        self.departure: InvalidInput | None = None
        self._left = list(schedule)
        self._run: ScheduledRun | None = None
        self._position = 0
        self._replicas: list[Replica] = []
        self._messages: tuple[bytes, ...] = ()
        self._in_flight: dict[int, tuple[Sent, bytes]] = {}

    def expect(self, strategy: str, access_lists: str) -> None:
        """Keep the runs recorded with this strategy and these access lists; InvalidInput where there is none."""
        asked = (strategy, access_lists, self.workers)
        fitting = [run for run in self._left if (run.strategy, run.access_lists, run.workers) == asked]
        if self._left and not fitting:
            other = self._left[0]
            msg = (
                f"the schedule of block {other.block.number} was recorded with --strategy {other.strategy}"
                f" --access-lists {other.access_lists}, not {strategy} and {access_lists}; ask for the same"
            )
            raise InvalidInput(msg)
        self._left = fitting

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Find the block's next run and give every worker the block."""
        self._run = self._next_run(identify(block))
        self._position = 0
        self._in_flight.clear()
        opening = self._opening = Opening(block, pre_state)
        self._messages = (opening.whole, opening.block)
        self._replicas = [Replica(self._messages) for _ in range(self.workers)]

    def tell(self, worker: int, blob: bytes) -> None:
        """Refuse: replicas are told everything when they are made."""
        raise NotImplementedError

    def _next_run(self, block: BlockIdentity) -> ScheduledRun:
        for place, run in enumerate(self._left):
            if run.block == block:
                return self._left.pop(place)
        held = ", ".join(sorted({f"{run.block.number} ({run.block.transactions} txs)" for run in self._left}))
        msg = (
            f"the schedule has no run left of block {block.number} ({block.transactions} txs, {block.hash[:10]},"
            f" content {block.content}); left are {held or 'none'}; record this block"
        )
        raise self._departed(msg)

    # -- dispatch

    def batches(
        self, scheduler: BlockScheduler, orphans: list[list[Execution]]
    ) -> Iterator[tuple[int, list[Execution]]]:
        """Start and yield what was sent at this point of the recording, as (worker, executions)."""
        while isinstance(event := self._event, Sent) and self._refused(event) is None:
            executions = self._resent(event, orphans) if orphans else self._started(event, scheduler)
            yield event.worker, executions

    def _refused(self, event: Sent) -> int | None:
        """Return the batch that is sent again because the worker held another state, None for all other batches."""
        for ticket, (sent, _) in self._in_flight.items():
            if (sent.worker, sent.executions) == (event.worker, event.executions):
                return ticket
        return None

    def _resent(self, event: Sent, orphans: list[list[Execution]]) -> list[Execution]:
        """Return the lost worker's next batch, which the driver sends before all others.

        Recordings of an earlier version have it in pieces of one execution each.
        """
        batch, size = orphans[0], len(event.executions)
        if event.executions != tuple(batch[:size]):
            raise self._misfit(f"a lost worker's {_named(batch[0])} is to be sent again")
        if size == len(batch):
            return orphans.pop(0)
        orphans[0] = batch[size:]
        return batch[:size]

    def _started(self, event: Sent, scheduler: BlockScheduler) -> list[Execution]:
        startable = set(scheduler.ready_indices)
        taken: set[TxIndex] = set()
        awaited: dict[TxIndex, int] = {}
        for execution in event.executions:
            index = execution.index
            if index not in startable:
                raise self._misfit(f"transaction {index} may not start now")
            if scheduler.execution(index) != execution:
                raise self._misfit(f"the next is {_named(scheduler.execution(index))}, not {_named(execution)}")
            scheduler.start(index)
            startable.remove(index)
            taken.add(index)
            startable.update(scheduler.follow(index, taken, awaited))
        return list(event.executions)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Queue a batch at a worker."""
        event = self._event
        assert isinstance(event, Sent), event  # noqa: S101 - the driver sends what `batches` yields
        self._in_flight[ticket] = event, blob
        self._position += 1
        self._replicas[worker].submit(ticket, blob)

    def reopen(self, worker: int) -> None:
        """Put a worker in the place of one, that knows the block and nothing else."""
        self._replicas[worker] = Replica(self._messages)

    # -- replies

    def next_event(self) -> Event:
        """Return the reply or the loss that was next."""
        event = self._event
        if isinstance(event, Replied):
            blob = self._replicas[event.worker].answer(event.ticket)
            self._check(event, blob)
            self._position += 1
            del self._in_flight[event.ticket]
            return Reply(event.worker, event.ticket, blob)
        if isinstance(event, WorkerLost):
            for ticket in event.tickets:
                self._in_flight.pop(ticket, None)
            self.reopen(event.worker)
            self._position += 1
            return Lost(event.worker, event.tickets, event.reason)
        if isinstance(event, Sent) and (refused := self._refused(event)) is not None:
            _, blob = self._in_flight.pop(refused)
            return Reply(event.worker, refused, pack_stale(batch_tasks(unpack(blob))[0], None))
        raise self._early_end()

    def _check(self, event: Replied, blob: bytes) -> None:
        """Hold every result against the recorded one, before anything is built on it."""
        results = unpack_reply(blob).results
        for (index, result), recorded in zip(results, event.digests, strict=True):
            found = digest(result)
            if found != recorded:
                raise self._misfit(f"transaction {index}: another result than recorded ({found}, not {recorded})")

    def _early_end(self) -> InvalidInput | PoolError:
        """Return the error for a recording that ends while the block is not done."""
        if self._run is None or self._run.error is None:
            return self._misfit("the recorded run was done, here transactions are still to be settled")
        for replica in self._replicas:  # what ended the run may have been in one of them
            replica.finish()
        return PoolError(f"the recorded run ended after event {self._position} with {self._run.error}")

    def end(self) -> None:
        """Take in that the block is done; InvalidInput where the recorded run was not."""
        if self._event is not None:
            raise self._misfit("the recorded run went on, here all transactions are settled")
        self._run = None

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed."""
        self._run = None
        self._replicas = []

    def close(self) -> None:
        """There is nothing to give back."""
        self.abandon()

    @property
    def _event(self) -> ScheduleEvent | None:
        """What happened next in the recorded run; None at its end, and where nothing runs."""
        events = () if self._run is None else self._run.events
        return events[self._position] if self._position < len(events) else None

    def _misfit(self, reason: str) -> InvalidInput:
        number = "?" if self._run is None else self._run.block.number
        event = self._event
        place = "the end" if event is None else f"event {self._position} ({_described(event)})"
        return self._departed(
            f"block {number} departs from its schedule at {place}: {reason}; replay it with the code, pre-state and"
            " access sets that it was recorded with"
        )

    def _departed(self, message: str) -> InvalidInput:
        """Return the error for a run that does not fit, and keep the first."""
        error = InvalidInput(message)
        self.departure = self.departure or error
        return error


def _named(execution: Execution) -> str:
    return f"transaction {execution.index}, run {execution.incarnation}{' at the head' if execution.at_head else ''}"


def _described(event: ScheduleEvent) -> str:
    match event:
        case Sent(worker, ticket, _):
            return f"ticket {ticket} to worker {worker}"
        case Replied(worker, ticket, _):
            return f"reply to ticket {ticket} by worker {worker}"
        case WorkerLost(worker, _, _):
            return f"loss of worker {worker}"
