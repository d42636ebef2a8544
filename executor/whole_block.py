"""A whole recorded block in one message: the bytes of its capsule go to a worker, a small row comes back.

Blocks recorded with their own pre-state are independent of each other, so a range of them runs side by side. The file
travels as it lies on disk: workers of a cluster do not share the driver's.
"""

from __future__ import annotations

import gc
import pickle
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from time import perf_counter
from traceback import extract_tb

from executor.capsule import Capsule, capsule_of
from executor.collector import collector_paused
from executor.errors import ExecutionFailed, ParallelEvmError, PoolError
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import BlockResult
from executor.validation import check_header, describe_failure
from executor.wire import PROTOCOL, WHOLE


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a file has no result: the class of the error, its message, and the exit code that it stands for."""

    name: str
    message: str
    exit_code: int

    @classmethod
    def of(cls, error: Exception) -> RowError:
        """Return what is kept of an error; of one that is a fault of ours, the place too."""
        line = " ".join(str(error).split())
        if isinstance(error, ParallelEvmError):
            return cls(type(error).__name__, line, error.exit_code)
        place = extract_tb(error.__traceback__)[-1]
        return cls(type(error).__name__, f"{line} ({Path(place.filename).name}:{place.lineno})", 1)


@dataclass(frozen=True, slots=True)
class Spans:
    """Seconds on the worker: from bytes to a checked capsule, to the receipts root, to header and digest compared."""

    decode: float = 0.0
    execute: float = 0.0
    verify: float = 0.0

    @property
    def total(self) -> float:
        """All three."""
        return self.decode + self.execute + self.verify


@dataclass(frozen=True, slots=True)
class BlockRow:
    """What one file came to; all but `seconds` depends on its content alone.

    `content` is the digest of the file's bytes, `digest` that of `executor.serialise.result_bytes` (BLAKE2b, 32 bytes
    each). Fields are None where an `error` kept them from being known; `problems` says what the header contradicts.
    """

    file: str
    content: str | None = None
    number: int | None = None
    fork: str | None = None
    transactions: int | None = None
    gas_used: int | None = None
    receipts_root: str | None = None
    state_root: str | None = None
    digest: str | None = None
    checks: dict[str, bool | None] = field(default_factory=dict)
    problems: tuple[str, ...] = ()
    error: RowError | None = None
    seconds: Spans = field(default_factory=Spans)

    @property
    def ok(self) -> bool:
        """Whether the block was executed and nothing in its header differs."""
        return self.error is None and not any(check is False for check in self.checks.values())


@cache
def engine_version() -> str:
    """Return what a result depends on beside the file: this package and the one whose opcodes it runs."""
    return ", ".join(f"{name} {version(name)}" for name in ("parallel-evm", "py-evm"))


def digest(data: bytes) -> str:
    """Return BLAKE2b of 32 bytes, in hex."""
    return blake2b(data, digest_size=32).hexdigest()


def pack_whole(ticket: int, file: str, data: bytes) -> bytes:
    """Return the message for a capsule file of this name and content."""
    return pickle.dumps((WHOLE, ticket, file, data, engine_version()), PROTOCOL)


def answer_whole(message: tuple[object, ...]) -> bytes:
    """Return the packed row of an unpacked message."""
    _, _, file, data, engine = message
    assert isinstance(file, str)  # noqa: S101 - `pack_whole` made it
    assert isinstance(data, bytes)  # noqa: S101
    if engine != engine_version():
        mismatch = PoolError(f"the worker runs {engine_version()}, the driver {engine}; install the same on both")
        return pickle.dumps(BlockRow(file, digest(data), error=RowError.of(mismatch)), PROTOCOL)
    return pickle.dumps(run_whole(file, data), PROTOCOL)


def unpack_row(blob: bytes) -> BlockRow:
    """Return the row of an answer."""
    row = pickle.loads(blob)  # noqa: S301 - from our own worker
    assert isinstance(row, BlockRow)  # noqa: S101 - as `answer_whole` made it
    return row


def run_whole(file: str, data: bytes) -> BlockRow:
    """Execute the capsule in `data` sequentially on its own pre-state and compare it with its header.

    Errors become a row: one file must not stop a range. Only MemoryError leaves, as another worker may have more.
    """
    with _cycles_freed_after(), collector_paused():
        return _run(BlockRow(file, digest(data)), data)


def _run(row: BlockRow, data: bytes) -> BlockRow:
    started = perf_counter()
    spans = Spans()
    try:
        capsule = capsule_of(data)
        decoded = perf_counter()
        spans = Spans(decoded - started)
        block = capsule.block
        row = replace(
            row, number=block.header.number, fork=block.fork, transactions=len(block.transactions), seconds=spans
        )
        result = execute_sequential(block, capsule.pre_state)
        executed = perf_counter()
        row = _verified(row, capsule, result)
    except ExecutionFailed as error:
        if error.reason.startswith(MemoryError.__name__):
            raise MemoryError from None
        return replace(row, error=RowError.of(error), seconds=spans)
    except MemoryError:
        raise
    except Exception as error:  # noqa: BLE001 - a fault of ours that some block brings to light
        return replace(row, error=RowError.of(error), seconds=spans)
    return replace(row, seconds=Spans(spans.decode, executed - decoded, perf_counter() - executed))


def _verified(row: BlockRow, capsule: Capsule, result: BlockResult) -> BlockRow:
    check = check_header(capsule.block, result, capsule.pre_state, capsule.witness)
    failure = describe_failure(check)
    return replace(
        row,
        gas_used=result.gas_used,
        receipts_root=f"0x{result.receipts_root.hex()}",
        state_root=None if check.state_root is None else f"0x{check.state_root.hex()}",
        digest=digest(result_bytes(result)),
        checks=check.checks,
        problems=() if failure is None else (failure,),
    )


@contextmanager
def _cycles_freed_after() -> Iterator[None]:
    """Where the collector is off for good, as in workers, free what the block left in cycles."""
    yield
    if not gc.isenabled():
        gc.collect(0)
