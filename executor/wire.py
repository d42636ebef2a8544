"""What travels between driver and workers: one blob of bytes per message, each way.

Plain tuples under pickle: naturally nested Python objects cost Ray milliseconds, one `bytes` does not. A message begins
with its kind. A worker holds a state under a tag and a block on it; a batch is a pure function of (block, updates
so far, executions), so it can be sent again after a loss. What transactions wrote is packed once, by the worker
that ran them, and forwarded to the others as it is.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, NamedTuple, TypeAlias

from executor.state import PreState
from executor.timeline import Clock
from executor.types import Block, StateDiff, TransactionResult
from executor.versions import StateTag
from scheduler.access import Address, TxIndex, WriteSet, write_set_of

PROTOCOL = 5
TICKET_BITS = 32
"""Tickets of one block; the bits above say which run of which block, so that none belongs to two."""
STATE, STEPS, BLOCK, BATCH, WHOLE, PREPARE, OVER = range(7)
"""Kinds of messages: a whole state; what blocks changed since; a block to execute; executions, which are answered; a
recorded block in a file of its own (`executor.whole_block`) and transactions of the next block, which are answered too;
that the block is over.
"""

Codes: TypeAlias = Mapping[bytes, bytes]
Update: TypeAlias = tuple[TxIndex, WriteSet, Codes]
"""What the transaction at an index wrote, in its latest execution."""

_WRITES = TransactionResult._fields.index("writes")
_REST = TransactionResult._fields.index("codes") + 1
assert _REST == _WRITES + 2  # noqa: S101 - rows are put together by place: these two go apart


Task: TypeAlias = tuple[TxIndex, bool]
"""One execution asked of a worker: its transaction, and whether the sender's nonce is assumed (not at the head)."""


class BatchReply(NamedTuple):
    """The answer to a batch: its results, or `held`, the state the worker has, where that is not the block's.

    `updates` is what the batch wrote, packed, for other workers; `executing` the processor seconds of the executions,
    `overhead` the worker's beside them; `memory` its resident bytes; `clock` is that of `executor.timeline`.
    """

    ticket: int
    results: list[tuple[TxIndex, TransactionResult]]
    updates: bytes
    executing: float = 0.0
    overhead: float = 0.0
    memory: int = 0
    clock: Clock = ()
    stale: bool = False
    held: StateTag | None = None


# -- states and blocks


def pack_state(tag: StateTag, state: PreState) -> bytes:
    """Return a whole state."""
    return pickle.dumps((STATE, tag, state), PROTOCOL)


def pack_steps(before: StateTag, after: StateTag, steps: Sequence[StateDiff]) -> bytes:
    """Return what leads from the state of one tag to that of another."""
    return pickle.dumps((STEPS, before, after, steps), PROTOCOL)


def pack_block(block: Block, tag: StateTag, first_ticket: int, senders: Mapping[bytes, Address] | None = None) -> bytes:
    """Return a block without hints, to be executed on the state of `tag`; `senders` are those recovered before.

    Its batches have tickets above `first_ticket`, a multiple of 1 << TICKET_BITS.
    """
    raws = [transaction.raw for transaction in block.transactions]
    bare = replace(block, transactions=(), access_sets=None, withdrawals=None, uncles=(), uncle_hashes=())
    known = None if not senders else [senders.get(raw) for raw in raws]
    return pickle.dumps((BLOCK, tag, first_ticket, bare, raws, known), PROTOCOL)


def pack_over() -> bytes:
    """Return the news that the block is over: what was kept of it can go."""
    return pickle.dumps((OVER,), PROTOCOL)


def unpack(blob: bytes) -> tuple[Any, ...]:
    """Return (kind, ...) of any message to a worker."""
    return pickle.loads(blob)  # type: ignore[no-any-return] # noqa: S301 - from our own driver


# -- the next block


def pack_prepare(ticket: int, raws: Sequence[bytes]) -> bytes:
    """Return signed transactions of a later block, whose senders are asked for; tickets of these are negative."""
    return pickle.dumps((PREPARE, ticket, raws), PROTOCOL)


def pack_senders(ticket: int, senders: Sequence[Address | None]) -> bytes:
    """Return who signed them, None where that cannot be said."""
    return pickle.dumps((ticket, senders), PROTOCOL)


def unpack_senders(blob: bytes) -> tuple[int, list[Address | None]]:
    """Return what `pack_senders` took."""
    return pickle.loads(blob)  # type: ignore[no-any-return] # noqa: S301 - from our own worker


# -- batches


def pack_updates(updates: Iterable[Update]) -> bytes:
    """Return what transactions wrote, in the order in which it is to be recorded."""
    return pickle.dumps([(index, writes[:], codes) for index, writes, codes in updates], PROTOCOL)


def unpack_updates(blob: bytes) -> list[Update]:
    """Return what `pack_updates` took."""
    rows = pickle.loads(blob)  # noqa: S301 - from our own worker
    return [(index, write_set_of(writes), codes) for index, writes, codes in rows]


def pack_batch(ticket: int, updates: Sequence[bytes], tasks: Sequence[Task]) -> bytes:
    """Return a batch: packed updates the worker lacks, then executions in the order they are to run."""
    return pickle.dumps((BATCH, ticket, updates, tasks), PROTOCOL)


def batch_tasks(message: tuple[Any, ...]) -> tuple[int, list[bytes], list[Task]]:
    """Return the (ticket, packed updates, executions) of an unpacked batch."""
    _, ticket, updates, tasks = message
    return ticket, updates, tasks


def pack_results(results: Sequence[tuple[TxIndex, TransactionResult]]) -> bytes:
    """Return the results of a batch; what they wrote apart, so that the driver forwards it without repacking.

    Locations that occur twice are packed twice, unless they are the same object: to look for equal ones would cost more
    time on both sides than the bytes do.
    """
    updates = pack_updates((index, result.writes, result.codes) for index, result in results)
    rows = [result[:_WRITES] + result[_REST:] for _, result in results]
    return pickle.dumps((updates, rows), PROTOCOL)


def pack_reply(ticket: int, results: bytes, executing: float, overhead: float, memory: int, clock: Clock) -> bytes:
    """Return packed results keyed by their ticket: replies may arrive out of order."""
    return pickle.dumps((ticket, False, results, executing, overhead, memory, clock), PROTOCOL)


def pack_stale(ticket: int, held: StateTag | None) -> bytes:
    """Return the answer to a batch of a block on a state that the worker does not hold."""
    return pickle.dumps((ticket, True, held), PROTOCOL)


def unpack_reply(blob: bytes) -> BatchReply:
    """Return what `pack_reply` or `pack_stale` took."""
    ticket, stale, *rest = pickle.loads(blob)  # noqa: S301 - from our own worker
    if stale:
        return BatchReply(ticket, [], b"", stale=True, held=rest[0])
    packed, *account = rest
    updates, rows = pickle.loads(packed)  # noqa: S301 - from our own worker
    make = TransactionResult._make
    results = [
        (index, make((*row[:_WRITES], writes, codes, *row[_WRITES:])))
        for (index, writes, codes), row in zip(unpack_updates(updates), rows, strict=True)
    ]
    return BatchReply(ticket, results, updates, *account)
