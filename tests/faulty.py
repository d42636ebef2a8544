"""A pool in this process that goes wrong in every way a pool may, as a seed says: what the driver sees of a bad day.

Workers take what they are told in order, as behind a pipe. They die idle, in the middle of a batch, or after it with
the reply on its way; replies come in any order, twice, after their batch was given up, or in the next block; workers
come to hold another state. What happened is counted by name, when the driver was shown it.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from executor.losses import LOSSES_ALONE
from executor.merge import BlockMerger
from executor.parallel import MOST_STALE_STATES
from executor.pool import Event, InlinePool, Lost, Reply
from executor.state import MemoryState, PreState
from executor.types import Block, BlockResult, TransactionResult
from executor.versions import StateTag, VersionedState
from executor.wire import BLOCK, batch_tasks, pack_state, unpack, unpack_reply
from executor.worker import Worker

IDLE, MIDDLE, AFTER, LATE, TWICE, STALE, EARLIER, DEAF = (
    "idle", "middle", "after", "late", "twice", "stale", "earlier", "deaf",
)  # fmt: skip
_TELL = 0
"""In place of a ticket, in the queue of a worker."""


@dataclass(frozen=True)
class Faults:
    """The chance of each fault: at every event, or for `deaf` at every state told; at most `deaths` a block."""

    death: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    damage: float = 0.0
    deaf: float = 0.0
    earlier: bool = False
    deaths: int = 6


ALL = Faults(death=0.15, late=0.3, twice=0.1, damage=0.1, deaf=0.1)


class FaultyPool(InlinePool):
    """Inline workers that go wrong; `poison` are transactions that end every worker which executes them.

    `happened` counts faults, `told` messages by kind, `submitted` and `returned` executions: those sent, and those
    that came back without a result, so that they have to be sent again. Nobody is lost so often that it is blamed.
    """

    def __init__(
        self, workers: int, seed: int | None, batch_limit: int, faults: Faults, poison: Iterable[int] = ()
    ) -> None:
        super().__init__(workers, seed, batch_limit)
        self.happened: Counter[str] = Counter()
        self.told: Counter[int] = Counter()
        self.losses: list[Lost] = []
        self.submitted = self.returned = 0
        self._faults = faults
        self._fate = random.Random(f"faults {seed}")  # the order of replies is that of InlinePool
        self._poison = frozenset(poison)
        self._sent: list[dict[int, bytes]] = [{} for _ in range(workers)]
        self._ghosts: list[tuple[str, Reply]] = []
        self._older: list[tuple[StateTag, MemoryState]] = []
        self._spoilt: Counter[int] = Counter()
        self._died_alone: set[int] = set()
        self._deaf_once: set[int] = set()
        self._deaths = 0

    # -- what workers are told

    def begin(self, block: Block, pre_state: PreState) -> None:
        self._ghosts = [(EARLIER, reply) for _, reply in self._ghosts] if self._faults.earlier else []
        self._spoilt.clear()
        self._died_alone.clear()
        self._deaths = 0
        super().begin(block, pre_state)
        if isinstance(pre_state, VersionedState):
            self._older.append((pre_state.tag, pre_state))

    def tell(self, worker: int, blob: bytes) -> None:
        kind = unpack(blob)[0]
        self.told[kind] += 1
        if kind != BLOCK and (worker in self._deaf_once or self._may_spoil(worker, self._faults.deaf)):
            self._deaf_once.discard(worker)
            self.happened[DEAF] += 1
            return
        self._waiting[worker].append((_TELL, blob))

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        super().submit(worker, ticket, blob)
        self._sent[worker][ticket] = blob
        self.submitted += len(_indices(blob))

    def _execute(self, worker: int) -> None:
        ticket, blob = self._waiting[worker][0]
        if ticket != _TELL:
            if self._poison.intersection(_indices(blob)):
                raise _WorkerDiedError(worker)
            super()._execute(worker)
            return
        self._waiting[worker].popleft()
        self._replicas[worker].handle(blob)

    # -- what the driver sees

    def next_event(self) -> Event:
        worker = self._fate.randrange(self.workers)
        if self._strikes(self._faults.death) and self._may_die(worker):
            return self._die(worker, "killed by the test")
        if self._may_spoil(worker, self._faults.damage):
            self.hold(worker, *self._fate.choice([(None, None), *self._older[:-1]]))
        if self._ghosts and self._strikes(0.3):
            name, reply = self._ghosts.pop(self._fate.randrange(len(self._ghosts)))
            self.happened[name] += 1
            return reply
        try:
            event = super().next_event()
        except _WorkerDiedError as death:
            return self._die(death.worker, "killed\nby a transaction")
        assert isinstance(event, Reply)
        return self._replied(event)

    def _replied(self, reply: Reply) -> Reply:
        blob = self._sent[reply.worker].pop(reply.ticket)
        if unpack_reply(reply.blob).stale:
            self.happened[STALE] += 1
            self.returned += len(_indices(blob))
        if self._strikes(self._faults.twice):
            self._ghosts.append((TWICE, reply))
        return reply

    def _die(self, worker: int, reason: str) -> Lost:
        tickets = tuple(self._sent[worker])
        self._haunt(worker)
        if tickets:
            suspects = _indices(self._sent[worker][tickets[0]])
            self._died_alone.update(suspects if len(suspects) == 1 else ())
        self.returned += sum(len(_indices(blob)) for blob in self._sent[worker].values())
        self._sent[worker].clear()
        self._deaths += 1
        self.replace(worker)
        self.losses.append(Lost(worker, tickets, reason))
        return self.losses[-1]

    def _haunt(self, worker: int) -> None:
        """Let a dying worker have executed some of what it was sent; replies that it made may arrive later."""
        if not self._sent[worker]:
            self.happened[IDLE] += 1
            return
        if not self._poison:
            for _ in range(self._fate.randrange(1 + len(self._waiting[worker]))):
                self._execute(worker)
        made = [reply for reply in self._finished if reply.worker == worker]
        self.happened[AFTER if made else MIDDLE] += 1
        self._ghosts += [(LATE, reply) for reply in made if self._strikes(self._faults.late)]

    def _may_die(self, worker: int) -> bool:
        """Return whether a death now could still be the machine's fault."""
        sent = self._sent[worker]
        suspects = _indices(next(iter(sent.values()))) if sent else []
        assert LOSSES_ALONE > 1
        spared = len(suspects) == 1 and suspects[0] in self._died_alone
        return self._deaths < self._faults.deaths and not spared

    def _may_spoil(self, worker: int, chance: float) -> bool:
        if self._spoilt[worker] == MOST_STALE_STATES or not self._strikes(chance):
            return False
        self._spoilt[worker] += 1
        return True

    def _strikes(self, chance: float) -> bool:
        return self._fate.random() < chance

    # -- between blocks, or whenever a test likes

    def hold(self, worker: int, tag: StateTag | None, state: MemoryState | None) -> None:
        """Put a worker that holds this state, or nothing, in the place of one; what waits for that waits for it."""
        self._replicas[worker] = Worker()
        if tag is not None and state is not None:
            self._replicas[worker].handle(pack_state(tag, state))

    def remember(self, *states: VersionedState) -> None:
        """Let workers come to hold these states."""
        self._older[:0] = [(state.tag, state) for state in states]

    def catch_up(self, worker: int) -> None:
        """Let a worker take in all that it was told and sent."""
        while self._waiting[worker]:
            self._execute(worker)

    @contextmanager
    def deaf(self, worker: int) -> Iterator[None]:
        """Let a worker miss the next state or step."""
        self._deaf_once.add(worker)
        yield
        assert worker not in self._deaf_once

    def cured(self) -> FaultyPool:
        """Return this pool, whose workers survive every transaction and every fault from now on."""
        self._faults, self._poison = Faults(), frozenset()
        return self

    def abandon(self) -> None:
        """Forget what is in flight, but nothing that workers were told."""
        self._finished.clear()
        self._ghosts.clear()
        for worker, queue in enumerate(self._waiting):
            tells = [entry for entry in queue if entry[0] == _TELL]
            queue.clear()
            queue.extend(tells)
            self._sent[worker].clear()


class _WorkerDiedError(Exception):
    def __init__(self, worker: int) -> None:
        super().__init__(worker)
        self.worker = worker


def _indices(blob: bytes) -> list[int]:
    """Return the transactions of a batch."""
    return [index for index, _ in batch_tasks(unpack(blob))[2]]


@contextmanager
def settling(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[TransactionResult]]:
    """Collect what is handed to the merger, in that order."""
    added: list[TransactionResult] = []
    add = BlockMerger.add

    def spy(merger: BlockMerger, result: TransactionResult) -> None:
        added.append(result)
        add(merger, result)

    with monkeypatch.context() as planted:
        planted.setattr(BlockMerger, "add", spy)
        yield added


def assert_settled_once(added: list[TransactionResult], result: BlockResult) -> None:
    """Demand that each transaction was settled once, in block order, with the result that is reported."""
    assert list(map(id, added)) == list(map(id, result.transactions))
