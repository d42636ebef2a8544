"""Workers in processes of their own on this machine, a pair of pipes each: Ray's protocol at a fraction of its cost.

The driver never waits for room in a pipe: what does not fit is kept and sent while it waits for replies, so that it
and a worker cannot wait for each other. A worker that dies is replaced; what its successor must know is told by
`Pool.reopen`, and where states are large and this process can fork, the successor is born with the state.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic

from executor.errors import PoolError
from executor.evm import warm_up
from executor.pool import MOST_LOSSES, PATIENCE, Event, Lost, Opening, Pool, Reply
from executor.process_child import ProcessWorker
from executor.process_link import Link
from executor.process_start import Child, can_fork, keep_from_children, let_go, wait_for_exit
from executor.state import MemoryState, PreState
from executor.types import Block
from executor.wire import pack_over
from executor.worker import Worker

LARGE_STATE = 200_000
"""Accounts and slots from which on a fork that shares the state is cheaper than to send it.

It takes as long from 20 000 on; but a fresh fork copies every page that it touches, its interpreter's too, so that a
block of 1 000 swaps on 53 000 slots took 5 % longer in all.
"""
CLOSING_SECONDS = 1.0
_PUSH_SECONDS = 0.005
"""How long a worker that reads may take to make room in its pipe."""


class ProcessPool(Pool):
    """`workers` child processes.

    A worker that owes an answer and gives none for `patience` seconds is ended; `memory_limit` is what a worker may
    take, in bytes, beyond what it has at its start. `make_worker` builds the worker, of nothing or of a state and its
    tag, inside the child; where that is not forked, it goes there by pickle.
    """

    name = "process"
    goal_seconds = 0.004
    batch_limit = 200

    def __init__(
        self,
        workers: int,
        *,
        patience: float = PATIENCE,
        memory_limit: int | None = None,
        make_worker: Callable[..., Worker] = ProcessWorker,
    ) -> None:
        if can_fork():  # once here, not in every worker, in the middle of the first block that needs it
            warm_up()
        self.workers = workers
        self._make_worker = make_worker
        self._owner = os.getpid()
        self._patience, self._memory_limit = patience, memory_limit
        self._selector = DefaultSelector()
        keep_from_children(self._selector)
        self._links: list[Link | None] = [None] * workers
        self._writing: set[Link] = set()
        self._news: deque[Event | Link] = deque()
        self._ending: list[Child] = []
        self._touched: Link | None = None
        self._losses = 0
        self._judge_at = 0.0
        self._shared: tuple[Opening, MemoryState | None] | None = None
        self._closed = False
        try:
            for worker in range(workers):
                self._start(worker, self._make_worker)
        except BaseException:
            self.close()
            raise

    def pids(self) -> list[int]:
        """Return the processes of the workers."""
        return [0 if link is None else link.child.pid for link in self._links]

    # -- what a pool is -----------------------------------------------------------------------------------

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block, and its pre-state as far as the worker does not hold it."""
        self._check_process()
        self._losses, self._judge_at = 0, 0.0
        for worker, link in enumerate(self._links):
            if link is not None and link.gone:
                if link.in_flight:  # not of a block, whose batches have been answered or abandoned
                    self._news.append(Lost(worker, tuple(link.in_flight), link.reason()))
                self._retire(link)
            if self._links[worker] is None:
                self.forget_state(worker)
        super().begin(block, pre_state)
        for link in self._links:
            if link is not None:
                link.used = False
        while self._writing and self._wait(_PUSH_SECONDS):
            pass  # before the driver turns to something else

    def reopen(self, worker: int) -> None:
        """Give a worker that holds nothing, or the wrong state, the current block and its whole pre-state."""
        super().reopen(worker)
        link = self._links[worker]
        if link is not None:
            link.used = False

    def load(self, worker: int, opening: Opening) -> None:
        """Give a worker the whole pre-state: a large one by putting a fork that shares it in the worker's place."""
        link, state = self._links[worker], self._shared_state(opening)
        if state is None or (link is not None and link.in_flight):
            super().load(worker, opening)
            return
        if link is not None:
            self._retire(link)
        self._start(worker, partial(self._make_worker, tag=opening.tag, pre_state=state))

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message that is not answered; nothing where it is gone: its successor will be told."""
        self._send(self._links[worker] or self._start(worker, self._make_worker), blob)

    def block_over(self) -> None:
        """Let workers free what they kept of the block while they have nothing to do; they owe nothing any more."""
        for link in self._links:
            if link is not None:
                self._send(link, pack_over())

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Hand a batch to a worker; where it is gone and was given nothing in this block yet, to its successor."""
        self._check_process()
        link = self._links[worker] or self._renew(worker)
        replaceable = not link.used and not link.in_flight
        self._hand(link, ticket, blob)
        if link.deaf and replaceable:
            link.in_flight.clear()
            self._hand(self._renew(worker), ticket, blob)

    def next_event(self) -> Event:
        """Wait for a reply, or for the news that a worker that was given something is gone."""
        self._check_process()
        while True:
            while self._news:
                news = self._news.popleft()
                if not isinstance(news, Link):
                    return news
                lost = self._bury(news)
                if lost is not None:
                    return lost
            moved = self._wait(self._judge_at - monotonic())
            if not (moved or self._news or any(link is not None and link.in_flight for link in self._links)):
                msg = "nothing is in flight: no answer will come"
                raise PoolError(msg)

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed. Late replies are dropped as they come."""
        if os.getpid() != self._owner:
            return
        if self._touched is not None:  # Ctrl-C in the middle of a message: nobody knows how much of it went
            self._touched.condemn("interrupted")
            self._touched = None
        self._news.clear()
        for link in self._links:
            if link is not None:
                link.abandon()

    def close(self) -> None:
        """Stop the workers: those that owe nothing by closing their pipes, all others at once."""
        if self._closed or os.getpid() != self._owner:
            return
        self._closed = True
        children = self._ending
        try:
            for link in self._links:
                if link is not None:
                    children.append(link.child)
                    self._disconnect(link)
                    if link.owes:
                        link.child.kill()
            deadline = monotonic() + CLOSING_SECONDS
            for child in children:
                wait_for_exit(child, deadline - monotonic())
        finally:
            for child in children:
                child.kill()
            for child in children:
                wait_for_exit(child, CLOSING_SECONDS)
            let_go(self._selector)

    # -- sending and receiving ----------------------------------------------------------------------------

    def _hand(self, link: Link, ticket: int, blob: bytes) -> None:
        self._touched = link
        link.expect(ticket)
        self._send(link, blob)

    def _send(self, link: Link, blob: bytes) -> None:
        self._touched = link
        link.used = True
        link.send(blob)
        self._touched = None
        if link.unsent and link not in self._writing:
            self._writing.add(link)
            self._selector.register(link.outgoing, EVENT_WRITE, link)

    def _wait(self, seconds: float) -> bool:
        """Read what comes and write what there is room for, once; return whether anything moved."""
        ready = self._selector.select(max(0.0, seconds))
        for key, events in ready:
            link = self._touched = key.data
            if self._links[link.number] is not link:  # from a start that Ctrl-C cut short
                self._disconnect(link)
            elif events & EVENT_WRITE:
                link.flush()
                if not link.unsent:
                    self._writing.discard(link)
                    self._selector.unregister(link.outgoing)
            else:
                self._receive(link)
            self._touched = None
        if monotonic() >= self._judge_at:
            self._judge()
        return bool(ready)

    def _receive(self, link: Link) -> None:
        try:
            messages = link.receive()
        except PoolError as error:
            link.condemn("failed")
            msg = f"a worker failed: {error}"
            raise PoolError(msg) from None
        for message in messages:
            self._news.append(Reply(link.number, link.in_flight.popleft(), message))
        if link.ended:
            self._selector.unregister(link.incoming)
            self._news.append(link)

    def _judge(self) -> None:
        """End workers that owe an answer for too long. What had come is read by now: only silence counts."""
        now = monotonic()
        self._judge_at = now + self._patience
        for link in self._links:
            if link is None or link.ended or not link.owes:
                continue
            due = link.since + self._patience
            if due > now:
                self._judge_at = min(self._judge_at, due)
                continue
            link.condemn(f"no answer for {self._patience:g} s")
            self._selector.unregister(link.incoming)
            self._news.append(link)

    # -- workers come and go ------------------------------------------------------------------------------

    def _start(self, worker: int, make: Callable[[], Worker]) -> Link:
        self._ending = [child for child in self._ending if child.exit_code() is None]
        link = Link(worker, make, self._memory_limit)
        self._selector.register(link.incoming, EVENT_READ, link)
        self._links[worker] = link  # at the end: Ctrl-C before it costs a process that never gets work, no more
        return link

    def _disconnect(self, link: Link) -> None:
        for descriptor in (link.incoming, link.outgoing):
            with suppress(KeyError):
                self._selector.unregister(descriptor)
        self._writing.discard(link)
        link.hang_up()

    def _retire(self, link: Link) -> None:
        """End a worker; its exit is awaited when there is nothing better to do."""
        self._disconnect(link)
        link.child.kill()
        self._ending.append(link.child)
        self._links[link.number] = None

    def _bury(self, link: Link) -> Lost | None:
        """Put a fresh worker in the place of a dead one; None where that is nobody's business but ours."""
        if self._links[link.number] is not link:
            return None
        silent, tickets = not link.used and not link.in_flight, tuple(link.in_flight)
        reason = link.reason()
        self._renew(link.number)
        return None if silent else Lost(link.number, tickets, reason)

    def _renew(self, worker: int) -> Link:
        """Replace a worker that is gone by one that knows the block and nothing else."""
        link, reason = self._links[worker], "gone"
        if link is not None:
            reason = link.reason()
            self._retire(link)
        self._losses += 1
        if self._losses > MOST_LOSSES:
            msg = f"{self._losses} workers were lost in one block, the last: {reason}"
            raise PoolError(msg)
        self.reopen(worker)
        return self._links[worker] or self._start(worker, self._make_worker)

    def _shared_state(self, opening: Opening) -> MemoryState | None:
        """Return the pre-state if workers are to be born with it."""
        if self._shared is None or self._shared[0] is not opening:
            self._shared = opening, _large(opening.pre_state)
        return self._shared[1] if can_fork() else None

    def _check_process(self) -> None:
        if os.getpid() != self._owner:
            msg = (
                "this pool belongs to the process that made it; its pipes are closed in a forked child, make one there"
            )
            raise PoolError(msg)
        if self._closed:
            msg = "this pool is closed; make a new one"
            raise PoolError(msg)


def _large(state: PreState) -> MemoryState | None:
    """Return a state that is worth a fork, and of a kind that a fork shares just as a pickle copies it."""
    if not isinstance(state, MemoryState) or type(state).__reduce__ is not MemoryState.__reduce__:
        return None
    size = 0
    for account in state.accounts.values():
        size += 1 + len(account.storage)
        if size >= LARGE_STATE:
            return state
    return None
