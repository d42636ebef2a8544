"""Workers behind one protocol, and the deterministic pool that runs them in this process."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import TypeAlias

from executor.state import PreState
from executor.types import Block
from executor.versions import StateTag, VersionedState, new_tag
from executor.wire import TICKET_BITS, pack_block, pack_state, pack_steps
from executor.worker import Worker
from scheduler.access import Address
from scheduler.batching import MESSAGE_SHARE, MessageCost

IN_FLIGHT = 2
"""Messages a worker holds at a time: one that it executes and one that waits, so that it never idles."""
MOST_LOSSES = 16
"""Workers lost in one block after which something else is wrong; to find a poison in a full batch takes eleven."""
PATIENCE = 120.0
"""Seconds without a reply after which a worker is taken to hang: the largest blocks take 50 in one transaction."""


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the batch of `ticket`."""

    worker: int
    ticket: int
    blob: bytes


@dataclass(frozen=True, slots=True)
class Lost:
    """A worker is gone with these batches; a fresh one, which knows the block and nothing else, took its place."""

    worker: int
    tickets: tuple[int, ...]
    reason: str


Event: TypeAlias = Reply | Lost


_RUNS = count(1)
_TOLD = None
"""In place of the ticket of a message that is not answered."""


class Opening:
    """What workers are told before the first batch of a block: the state, or what changed in it, and the block.

    Each message is packed once, however many workers it goes to.
    """

    def __init__(self, block: Block, pre_state: PreState, senders: Mapping[bytes, Address] | None = None) -> None:
        self.tag = pre_state.tag if isinstance(pre_state, VersionedState) else new_tag()
        self.pre_state = pre_state
        self.first_ticket = next(_RUNS) << TICKET_BITS
        self.block = pack_block(block, self.tag, self.first_ticket, senders)
        self._whole: bytes | None = None
        self._steps: dict[StateTag, bytes] = {}

    @property
    def whole(self) -> bytes:
        """The message that holds the whole state."""
        if self._whole is None:
            self._whole = pack_state(self.tag, self.pre_state)
        return self._whole

    def steps(self, held: StateTag | None) -> bytes | None:
        """Return the message that brings `held` up to this state: no bytes if it is the same, None if none does."""
        if held is None or not isinstance(self.pre_state, VersionedState):
            return None
        steps = self.pre_state.steps_since(held)
        if steps is None:
            return None
        if steps and held not in self._steps:
            self._steps[held] = pack_steps(held, self.tag, steps)
        return self._steps.get(held, b"")


class Pool(ABC):
    """Workers that execute batches. Replies come in any order, keyed by ticket.

    `goal_seconds` is the predicted work worth one message before any was measured, None where messages cost nothing;
    `batch_limit` the most executions in one. `shipped` counts the bytes of states and blocks sent, `sent_whole`
    the workers that were given the whole state of the present block.
    """

    name: str
    workers: int
    goal_seconds: float | None
    batch_limit: int
    shipped: int = 0
    sent_whole: int = 0
    _message_cost: MessageCost | None = None
    _senders: Mapping[bytes, Address] | None = None
    _opening: Opening | None = None
    _held: list[StateTag | None] | None = None

    # -- what every pool has

    @property
    def first_ticket(self) -> int:
        """The number that tickets on the wire count up from in the block begun last; no other block shares them."""
        return 0 if self._opening is None else self._opening.first_ticket

    def know_senders(self, senders: Mapping[bytes, Address]) -> None:
        """Take in who signed transactions of the block that begins next, as far as that was found out before."""
        self._senders = senders

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block, and its pre-state as far as the worker does not hold it."""
        self._opening = Opening(block, pre_state, self._senders)
        self._senders = None
        self.sent_whole = 0
        for worker in range(self.workers):
            self._open(worker)

    def reopen(self, worker: int) -> None:
        """Give a worker that holds nothing, or the wrong state, the current block and its whole pre-state."""
        if self._opening is not None:
            self.forget_state(worker)
            self._open(worker)

    @property
    def message_cost(self) -> MessageCost:
        """What messages cost, learned over all blocks of this pool."""
        if self._message_cost is None:
            self._message_cost = MessageCost((self.goal_seconds or 0.0) * MESSAGE_SHARE)
        return self._message_cost

    def holds_epoch(self, state: VersionedState) -> bool:
        """Return whether every worker needs only what changed to hold `state`."""
        return all(state.steps_since(tag) is not None for tag in self._tags())

    def forget_states(self) -> None:
        """Take it that no worker holds any state: the next block ships its pre-state whole."""
        self._held = None

    def forget_state(self, worker: int) -> None:
        """Take it that a worker holds no state."""
        self._tags()[worker] = None

    def _tags(self) -> list[StateTag | None]:
        """Return which state each worker holds."""
        if self._held is None:
            self._held = [None] * self.workers
        return self._held

    def _open(self, worker: int) -> None:
        opening = self._opening
        assert opening is not None  # noqa: S101 - set by the caller
        steps = opening.steps(self._tags()[worker])
        if steps is None:
            self.sent_whole += 1
            self.load(worker, opening)
        elif steps:
            self._tell(worker, steps)
        self._tags()[worker] = opening.tag
        self._tell(worker, opening.block)

    def block_over(self) -> None:  # noqa: B027 - where workers share the driver's process it changes nothing
        """Let workers free what they kept of the block while they have nothing to do; they owe nothing any more."""

    def load(self, worker: int, opening: Opening) -> None:
        """Give a worker the whole pre-state."""
        self._tell(worker, opening.whole)

    def _tell(self, worker: int, blob: bytes) -> None:
        self.shipped += len(blob)
        self.tell(worker, blob)

    # -- what a pool is

    @abstractmethod
    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message that is not answered; before all that is submitted later."""

    @abstractmethod
    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Hand a batch to a worker; at most IN_FLIGHT at a time."""

    @abstractmethod
    def next_event(self) -> Event:
        """Wait for a reply, or for the news that a worker is lost and replaced."""

    @abstractmethod
    def abandon(self) -> None:
        """Forget what is in flight: the block has failed. No reply to it is returned any more."""

    @abstractmethod
    def close(self) -> None:
        """Give the workers back."""


class InlinePool(Pool):
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
        self._waiting: list[deque[tuple[int | None, bytes]]] = [deque() for _ in range(workers)]
        self._finished: list[Reply] = []
        self._turn = 0

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message: behind what waits for it, as in a pipe, or at once where nothing does."""
        if self._waiting[worker]:
            self._waiting[worker].append((_TOLD, blob))
        else:
            self._replicas[worker].handle(blob)

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
        answer = self._replicas[worker].handle(blob)
        if ticket is not _TOLD:
            assert answer is not None  # noqa: S101 - batches are answered
            self._finished.append(Reply(worker, ticket, answer))

    def replace(self, worker: int) -> None:
        """Put a fresh worker in the place of one, with all that waits for it gone."""
        self._waiting[worker].clear()
        self._finished = [reply for reply in self._finished if reply.worker != worker]
        self._replicas[worker] = Worker()
        self.reopen(worker)

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed."""
        self._finished.clear()
        for queue in self._waiting:
            queue.clear()

    def close(self) -> None:
        """There is nothing to give back."""
        self.abandon()
