"""What travels between driver and workers, as one blob of bytes each way.

Plain tuples under pickle: naturally nested Python objects cost Ray milliseconds, one `bytes` does not. A
batch is a pure function of (block, updates so far, executions), so it can be sent again after a loss.
"""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

from executor.state import PreState
from executor.types import Block, TransactionResult
from scheduler.access import TxIndex, WriteSet

PROTOCOL = 5
Codes: TypeAlias = Mapping[bytes, bytes]
Update: TypeAlias = tuple[TxIndex, WriteSet, Codes]
"""What the transaction at an index wrote, in its latest execution."""

_WRITES_AT = TransactionResult._fields.index("writes")


@dataclass(frozen=True, slots=True)
class Task:
    """One execution asked of a worker; `assume_nonce` is false at the head of the block."""

    index: TxIndex
    assume_nonce: bool


def pack_block(block: Block, pre_state: PreState) -> bytes:
    """Return what a worker needs before its first batch: the block without hints, and its pre-state."""
    raws = [transaction.raw for transaction in block.transactions]
    bare = replace(block, transactions=(), access_sets=None, withdrawals=None, uncles=(), uncle_hashes=())
    return pickle.dumps((bare, raws, pre_state), PROTOCOL)


def unpack_block(blob: bytes) -> tuple[Block, list[bytes], PreState]:
    """Return (block without transactions, raw transactions, pre-state)."""
    return pickle.loads(blob)  # type: ignore[no-any-return] # noqa: S301 - from our own driver


def pack_batch(ticket: int, updates: Sequence[Update], tasks: Sequence[Task]) -> bytes:
    """Return a batch: updates the worker lacks, then executions in the order they are to run."""
    rows = [(index, _pack_writes(writes), codes) for index, writes, codes in updates]
    return pickle.dumps((ticket, rows, [(task.index, task.assume_nonce) for task in tasks]), PROTOCOL)


def unpack_batch(blob: bytes) -> tuple[int, list[Update], list[Task]]:
    """Return what `pack_batch` took."""
    ticket, rows, tasks = pickle.loads(blob)  # noqa: S301 - from our own driver
    updates = [(index, WriteSet(*writes), codes) for index, writes, codes in rows]
    return ticket, updates, [Task(*task) for task in tasks]


def pack_reply(ticket: int, results: Sequence[tuple[TxIndex, TransactionResult]]) -> bytes:
    """Return the results of a batch, keyed by its ticket: replies may arrive out of order."""
    rows = [
        (index, *result[:_WRITES_AT], _pack_writes(result.writes), *result[_WRITES_AT + 1 :])
        for index, result in results
    ]
    return pickle.dumps((ticket, rows), PROTOCOL)


def unpack_reply(blob: bytes) -> tuple[int, list[tuple[TxIndex, TransactionResult]]]:
    """Return what `pack_reply` took."""
    ticket, rows = pickle.loads(blob)  # noqa: S301 - from our own worker
    return ticket, [(index, _result(row)) for index, *row in rows]


def _pack_writes(writes: WriteSet) -> tuple[object, ...]:
    return writes.values, writes.deltas, writes.clears


def _result(row: list[Any]) -> TransactionResult:
    row[_WRITES_AT] = WriteSet(*row[_WRITES_AT])
    return TransactionResult._make(row)
