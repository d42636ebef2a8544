"""Workers behind one protocol, and the deterministic pool that runs them in this process."""

from __future__ import annotations

import random
from collections import deque
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from executor.state import PreState
from executor.types import Block
from executor.wire import pack_block
from executor.worker import Worker

IN_FLIGHT = 2
"""Messages a worker holds at a time: one that it executes and one that waits, so that it never idles."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the batch of `ticket`."""

    worker: int
    ticket: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker died with these batches; a fresh one, which knows the block and nothing else, took its place."""

    worker: int
    tickets: tuple[int, ...]
    reason: str


Event: TypeAlias = Reply | Lost


class Pool(Protocol):
    """Workers that execute batches. Replies come in any order, keyed by ticket.

    `goal_seconds` is the predicted work worth one message, None where messages cost nothing; `batch_limit` the
    most executions in one.
    """

    @property
    def name(self) -> str:
        """What users call the backend."""
        ...

    @property
    def workers(self) -> int:
        """How many there are."""
        ...

    @property
    def goal_seconds(self) -> float | None:
        """Work worth one message."""
        ...

    @property
    def batch_limit(self) -> int:
        """Most executions in one message."""
        ...

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block."""
        ...

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Hand a batch to a worker; at most IN_FLIGHT at a time."""
        ...

    def next_event(self) -> Event:
        """Wait for a reply, or for the news that a worker is lost."""
        ...

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed."""
        ...

    def close(self) -> None:
        """Give the workers back."""
        ...


class InlinePool:
    """Workers without processes: each has its own replica and queue, only the clock is shared.

    With a seed, which worker moves next and which reply arrives first is drawn from it; the same seed gives
    the same schedule. Without one, workers take turns.
    """

    name = "inline"
    goal_seconds = None

    def __init__(self, workers: int = 1, seed: int | None = None, batch_limit: int = 8) -> None:
        self.workers = workers
        self.batch_limit = batch_limit
        self._random = None if seed is None else random.Random(seed)
        self._replicas = [Worker() for _ in range(workers)]
        self._waiting: list[deque[tuple[int, bytes]]] = [deque() for _ in range(workers)]
        self._finished: list[Reply] = []
        self._turn = 0

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block."""
        blob = pack_block(block, pre_state)
        for replica in self._replicas:
            replica.begin(blob)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Queue a batch at a worker."""
        self._waiting[worker].append((ticket, blob))

    def next_event(self) -> Event:
        """Let workers move until a reply arrives, and return it."""
        while True:
            movers = [worker for worker, queue in enumerate(self._waiting) if queue]
            choice = self._choose(len(movers) + len(self._finished), movers)
            if choice >= len(movers):
                return self._finished.pop(choice - len(movers))
            self._execute(movers[choice])

    def _choose(self, options: int, movers: list[int]) -> int:
        if self._random is not None:
            return self._random.randrange(options)
        if self._finished:
            return len(movers)
        self._turn += 1
        return self._turn % options

    def _execute(self, worker: int) -> None:
        ticket, blob = self._waiting[worker].popleft()
        self._finished.append(Reply(worker, ticket, self._replicas[worker].run(blob)))

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed."""
        self._finished.clear()
        for queue in self._waiting:
            queue.clear()

    def close(self) -> None:
        """There is nothing to give back."""
        self.abandon()
