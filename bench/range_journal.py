"""A journal of a range: one JSON line per finished block, on disk before the next is asked for.

A line holds a row, what ran it, and the digest of the file it came from. So a later run may take a row over where
both are still the same, however the earlier one ended: a last line without its end is what a crash left, and is cut
off.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import cache
from hashlib import blake2b
from pathlib import Path
from threading import current_thread, main_thread
from types import FrameType
from typing import Any, TypeAlias

import executor
import scheduler
from executor.errors import InputOutputError, InvalidInput, PoolError, UsageError
from executor.files import printable
from executor.json_fields import is_nested_deeper
from executor.whole_block import BlockRow, RowError, Spans, engine_version

Fields: TypeAlias = dict[str, Any]
FIRST = b'{"engine": "'
"""How every line begins: what is cut off must be ours."""
NESTED = 3
NOT_KEPT = (PoolError.__name__, InputOutputError.__name__)
"""Errors of a machine, not of a file: a later run tries again."""


@cache
def engine_stamp() -> str:
    """Return the versions of what runs blocks, with a digest of our own sources: they change between releases."""
    sources = blake2b(digest_size=8)
    for package in (executor, scheduler):
        folder = Path(str(package.__file__)).parent
        for path in sorted(folder.rglob("*.py")):
            sources.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes())
    return f"{engine_version()}, sources {sources.hexdigest()}"


def row_fields(row: BlockRow) -> Fields:
    """Return a row as JSON has it."""
    return asdict(row) | {"problems": list(row.problems)}


def row_of(fields: Fields) -> BlockRow:
    """Return what `row_fields` took; TypeError or KeyError where it is something else."""
    error = fields["error"]
    return BlockRow(
        **fields
        | {
            "problems": tuple(fields["problems"]),
            "error": None if error is None else RowError(**error),
            "seconds": Spans(**fields["seconds"]),
        }
    )


class Journal:
    """A file of rows, open for this process alone; `kept` counts those that a later run may take over.

    What is held in memory is a digest and a place per line. InputOutputError where the disk refuses a line: the file
    then ends with the one before.
    """

    def __init__(self, path: Path, descriptor: int) -> None:
        self.path = path
        self.kept = 0
        self._lines = 0
        self._descriptor = descriptor
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0

    def read(self) -> None:
        """Find the rows that still hold; InvalidInput where a line is no row."""
        tail = b""
        with os.fdopen(os.dup(self._descriptor), "rb") as file:
            for line in file:
                if not line.endswith(b"\n"):
                    tail = line
                    break
                self._index(line)
        if not (tail.startswith(FIRST) or FIRST.startswith(tail)):
            raise self._foreign()
        os.ftruncate(self._descriptor, self._end)

    def _index(self, line: bytes) -> None:
        if not line.startswith(FIRST) or is_nested_deeper(line, NESTED):
            raise self._foreign()
        try:
            fields = json.loads(line)
            engine = fields.pop("engine")
            row = row_of(fields)
        except (ValueError, TypeError, KeyError, AttributeError):
            raise self._foreign() from None
        if engine == engine_stamp() and _lasts(row) and row.content is not None:
            self._places[row.content] = (self._end, len(line))
            self.kept = len(self._places)
        self._end += len(line)
        self._lines += 1

    def _foreign(self) -> InvalidInput:
        where = f"{printable(self.path)}: line {self._lines + 1}"
        return InvalidInput(f"{where} is no row of a range; name a file that --out has written, or a new one")

    def recall(self, content: str) -> BlockRow | None:
        """Return the row of a file with this digest that the same engine ran."""
        place = self._places.get(content)
        if place is None:
            return None
        fields = json.loads(os.pread(self._descriptor, place[1], place[0]))
        del fields["engine"]
        return row_of(fields)

    def note(self, row: BlockRow) -> None:
        """Add a row; when this returns it is on disk."""
        line = json.dumps({"engine": engine_stamp(), **row_fields(row)}).encode() + b"\n"
        with _uninterrupted():
            try:
                self._write(line)
            except OSError as error:
                msg = f"{printable(self.path)}: cannot be written after {self.kept} blocks ({error.strerror})"
                raise InputOutputError(f"{msg}; make room and go on with --resume") from None
            self._end += len(line)
            self.kept += _lasts(row)

    def _write(self, line: bytes) -> None:
        try:
            left = memoryview(line)
            while left:
                left = left[os.write(self._descriptor, left) :]
            os.fsync(self._descriptor)
        except BaseException:  # half a line is none
            os.ftruncate(self._descriptor, self._end)
            raise


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait: a row is kept and counted, or neither.

    A signal mask would not do: where there are other threads, as with Ray, one of them takes the signal.
    """
    handler = signal.getsignal(signal.SIGINT)
    if not callable(handler) or current_thread() is not main_thread():
        yield
        return
    waiting: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda *signalled: waiting.append(signalled))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
    if waiting:
        handler(*waiting[0])


def _lasts(row: BlockRow) -> bool:
    """Return whether a row depends on its file alone."""
    return row.error is None or row.error.name not in NOT_KEPT


@contextmanager
def open_journal(path: Path | None, *, resume: bool) -> Iterator[Journal | None]:
    """Yield the journal in `path`, None without one.

    A file that is there is refused (UsageError) unless it is to be resumed, one that cannot be had is an
    InputOutputError, one that holds something else an InvalidInput.
    """
    if path is None:
        yield None
        return
    descriptor = _open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | (0 if resume else os.O_EXCL))
    try:
        _claim(path, descriptor)
        journal = Journal(path, descriptor)
        journal.read()
        yield journal
    finally:
        os.close(descriptor)


def _open(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags, 0o666)
    except FileExistsError:
        msg = f"{printable(path)} exists; go on with it by --resume, or name another file"
        raise UsageError(msg) from None
    except (OSError, ValueError) as error:  # a ValueError: a name that no file can have
        reason = error.strerror if isinstance(error, OSError) else error
        msg = f"{printable(path)}: cannot be written ({reason}); check the path and its rights"
        raise InputOutputError(msg) from None


def _claim(path: Path, descriptor: int) -> None:
    """Refuse what is no plain file, and one that another run writes to."""
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        raise InputOutputError(f"{printable(path)}: is no plain file; name one")
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        msg = f"{printable(path)}: another run writes to it; wait for its end or name another file"
        raise InputOutputError(msg) from None
    except OSError:  # a file system without locks
        return
