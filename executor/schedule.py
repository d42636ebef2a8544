"""What a parallel run did and in which order: dispatches, replies, losses of workers; recorded as they happen.

Which executions go into a batch depends on measured times, and the pool alone decides in which order replies
arrive. What a worker computes is a pure function of the messages it was sent. So these events are all that is
needed to run the same interleaving again (`executor.replay_pool`); `executor.schedule_file` has their format.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from typing import TypeAlias

from executor.header import header_hash
from executor.types import Block, TransactionResult
from scheduler.access import TxIndex, WriteSet
from scheduler.execution import Execution

DIGEST_BYTES = 8
Results: TypeAlias = Sequence[tuple[TxIndex, TransactionResult]]


@dataclass(frozen=True, slots=True)
class Sent:
    """A batch went to a worker; tickets count up from 1."""

    worker: int
    ticket: int
    executions: tuple[Execution, ...]


@dataclass(frozen=True, slots=True)
class Replied:
    """The results of a batch arrived; a digest per execution, in the order of the batch."""

    worker: int
    ticket: int
    digests: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkerLost:
    """A worker died with these batches; a fresh one took its place."""

    worker: int
    tickets: tuple[int, ...]
    reason: str


ScheduleEvent: TypeAlias = Sent | Replied | WorkerLost


@dataclass(frozen=True, slots=True)
class BlockIdentity:
    """Which block it was: `content` is a digest of fork, header and signed transactions."""

    number: int
    hash: str
    transactions: int
    content: str


@dataclass(frozen=True, slots=True)
class ScheduledRun:
    """One run of one block; `error` says why it ended early, None where it did not."""

    block: BlockIdentity
    strategy: str
    access_lists: str
    backend: str
    workers: int
    events: tuple[ScheduleEvent, ...]
    error: str | None = None


Schedule: TypeAlias = tuple[ScheduledRun, ...]
"""Runs in the order in which they were recorded."""


def identify(block: Block) -> BlockIdentity:
    """Return what tells `block` from others; the pre-state is left out: the digests of what was read tell that."""
    own_hash = header_hash(block.header)
    content = blake2b(block.fork.encode() + own_hash, digest_size=DIGEST_BYTES)
    for transaction in block.transactions:
        content.update(len(transaction.raw).to_bytes(8, "big") + transaction.raw)
    return BlockIdentity(block.header.number, f"0x{own_hash.hex()}", len(block.transactions), content.hexdigest())


def digest(result: TransactionResult) -> str:
    """Return a short digest of all that an execution saw and did; its seconds are left out.

    A fault of the engine counts as one, whatever its text says: that may name places in memory.
    """
    facts = (
        sorted(result.reads.items()), sorted(result.bounds.items()), _writes(result.writes), sorted(result.codes),
        result.sender, result.tx_type, result.gas_limit, result.gas_used, result.blob_gas, result.success,
        result.logs_rlp, result.bloom, sorted(result.sweeps), result.error, result.failure is None,
    )  # fmt: skip
    return blake2b(repr(facts).encode(), digest_size=DIGEST_BYTES).hexdigest()


def _writes(writes: WriteSet) -> tuple[object, ...]:
    return sorted(writes.values.items()), sorted(writes.deltas.items()), sorted(writes.clears)


class ScheduleRecorder:
    """Notes every run of the executors that were given it.

    During a block it only keeps references, so that the timing it is to record is hardly disturbed; digests are
    made when the block ends, well or badly.
    """

    def __init__(self) -> None:
        self._runs: list[ScheduledRun] = []
        self._events: list[Sent | WorkerLost | tuple[int, int, Results]] = []

    @property
    def schedule(self) -> Schedule:
        """The runs recorded so far."""
        return tuple(self._runs)

    @contextmanager
    def recording(self, block: Block, strategy: str, access_lists: str, backend: str, workers: int) -> Iterator[None]:
        """Record one run of `block`, also where it ends in an exception."""
        self._events = []
        error: str | None = None
        try:
            yield
        except BaseException as caught:
            error = " ".join(f"{type(caught).__name__}: {caught}".split()).removesuffix(":")
            raise
        finally:
            events = tuple(map(_finished, self._events))
            run = ScheduledRun(identify(block), strategy, access_lists, backend, workers, events, error)
            self._runs.append(run)
            self._events = []

    def sent(self, worker: int, ticket: int, executions: Sequence[Execution]) -> None:
        """Note that a batch goes to a worker."""
        self._events.append(Sent(worker, ticket, tuple(executions)))

    def replied(self, worker: int, ticket: int, results: Results) -> None:
        """Note that the results of a batch are taken in."""
        self._events.append((worker, ticket, results))

    def lost(self, worker: int, tickets: tuple[int, ...], reason: str) -> None:
        """Note that a worker is gone with these batches."""
        self._events.append(WorkerLost(worker, tickets, reason))


def _finished(event: Sent | WorkerLost | tuple[int, int, Results]) -> ScheduleEvent:
    if not isinstance(event, tuple):
        return event
    worker, ticket, results = event
    return Replied(worker, ticket, tuple(digest(result) for _, result in results))
