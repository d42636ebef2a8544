"""A pool that outlives its workers' losses: when one pool gives up, the next takes its place.

Pools take it that something else is wrong when many workers are lost in one block. A range holds any number of blocks,
some of which may be poison; here it is wrong only when a pool gives up without a single answer.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from executor.errors import PoolError
from executor.pool import Event, Lost, Pool, Reply


class LastingPool(Pool):
    """Pools that `make` gives, one after another; what one had in flight when it gave up is reported as lost.

    Only for messages that need no block: a new pool is not told of any. PoolError where a pool gives up before it
    has answered anything, or none can be had.
    """

    def __init__(self, make: Callable[[], Pool]) -> None:
        self._make = make
        self._pool = make()
        self._useful = False
        self._sent: dict[int, int] = {}
        self._lost: deque[Lost] = deque()
        self.name, self.workers = self._pool.name, self._pool.workers
        self.goal_seconds, self.batch_limit = self._pool.goal_seconds, self._pool.batch_limit

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message that is not answered."""
        self._pool.tell(worker, blob)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Hand a message to a worker."""
        self._sent[ticket] = worker
        try:
            self._pool.submit(worker, ticket, blob)
        except PoolError as error:
            self._replace(error)

    def next_event(self) -> Event:
        """Wait for a reply, or for the news that messages are lost."""
        while not self._lost:
            try:
                event = self._pool.next_event()
            except PoolError as error:
                self._replace(error)
                continue
            if isinstance(event, Reply):
                self._useful = True
                self._sent.pop(event.ticket, None)
            else:
                for ticket in event.tickets:
                    self._sent.pop(ticket, None)
            return event
        return self._lost.popleft()

    def _replace(self, error: PoolError) -> None:
        if not self._useful:
            raise error
        self._useful = False
        self._pool.close()
        self._pool = self._make()
        for worker in sorted(set(self._sent.values())):
            tickets = tuple(ticket for ticket, owner in self._sent.items() if owner == worker)
            self._lost.append(Lost(worker, tickets, str(error)))
        self._sent.clear()

    def abandon(self) -> None:
        """Forget what is in flight."""
        self._sent.clear()
        self._lost.clear()
        self._pool.abandon()

    def close(self) -> None:
        """Give the workers back."""
        self._pool.close()
