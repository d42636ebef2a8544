"""A range of recorded blocks side by side on the workers of a pool: whole blocks, handed back in order.

Blocks with their own pre-state are independent, so nothing is scheduled and nothing can go stale. What is held is
bounded whatever the number of files: messages in flight, and rows that wait for an earlier block.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import Protocol

from executor.capsule import WHAT
from executor.errors import InputOutputError, ParallelEvmError, PoolError
from executor.files import printable, read_packed
from executor.pool import IN_FLIGHT, Event, Lost, Pool, Reply
from executor.whole_block import BlockRow, RowError, digest, pack_whole, unpack_row

SENT_AGAIN = 3
"""How often a block is sent again after its worker was lost; then it is taken for the cause."""
AHEAD = 32
"""Blocks per worker, from the earliest whose row is not handed out, among which the largest file goes first.

Recorded mainnet blocks differ a hundredfold: begun last, a long one would keep one worker busy and all others idle.
"""
SHORT = 32 * 1024
"""Bytes of a file whose block takes milliseconds: behind it another message may wait."""
DOCUMENTS = (".json", ".json.gz")


class Memory(Protocol):
    """Rows of earlier runs, and of this one."""

    def recall(self, content: str) -> BlockRow | None:
        """Return the row of a file with this digest, None where there is none that still holds."""

    def note(self, row: BlockRow) -> None:
        """Keep the row of a file that was run."""


class Forgetful:
    """Remembers nothing."""

    def recall(self, content: str) -> BlockRow | None:  # noqa: ARG002 - nothing is remembered
        """Return None."""
        return None

    def note(self, row: BlockRow) -> None:
        """Forget it."""


@dataclass(frozen=True, slots=True)
class Sending:
    """A message in flight: which file, where, what was in it, and what share of the IN_FLIGHT places it takes."""

    index: int
    worker: int
    content: str
    places: int


class BlockRange:
    """Runs files on a pool; `memory` is asked first and keeps what is run.

    A block whose worker is lost is sent again, now alone, so that it is not blamed for what runs beside it. `resumed`
    counts remembered rows, `ran` the others, with `ran_gas` and `busy_seconds` of workers in all, `transactions` those
    of both; `lost_workers` counts replacements, `sent_again` the blocks they had, `most_in_flight` messages at one
    time. All may be read from another thread while the range runs.
    """

    def __init__(
        self,
        files: Sequence[Path],
        pool: Pool,
        memory: Memory | None = None,
    ) -> None:
        self.resumed = self.ran = self.ran_gas = self.lost_workers = self.most_in_flight = 0
        self.transactions = self.sent_again = 0
        self.busy_seconds = 0.0
        self._files, self._pool = files, pool
        self._memory = memory or Forgetful()
        self._tickets = count()
        self._seen = self._handed = 0
        self._unsent: dict[int, int] = {}
        self._sent: dict[int, Sending] = {}
        self._taken = [0] * pool.workers
        self._suspects: deque[int] = deque()
        self._losses: dict[int, int] = {}
        self._finished: dict[int, BlockRow] = {}

    @property
    def busy_workers(self) -> int:
        """Workers that have something to run."""
        return sum(taken > 0 for taken in self._taken)

    def rows(self) -> Generator[BlockRow]:
        """Yield the row of every file in the order given, each as soon as all before it are there.

        PoolError where workers cannot be had any more; what `memory` and `told` raise leaves as it is. The pool is free
        again however this ends.
        """
        try:
            while self._handed < len(self._files):
                self._fill()
                row = self._finished.pop(self._handed, None)
                if row is None:
                    self._take(self._pool.next_event())
                else:
                    self._handed += 1
                    yield row
        finally:
            self._pool.abandon()

    # -- sending

    def _fill(self) -> None:
        while self._suspects and 0 in self._taken:
            self._send(self._suspects.popleft(), self._taken.index(0))
        while min(self._taken) < IN_FLIGHT and not self._suspects:
            index = self._next()
            if index is None:
                return
            self._send(index, self._taken.index(min(self._taken)))

    def _next(self) -> int | None:
        """Return the largest file within reach, None where all are sent."""
        reach = min(len(self._files), self._handed + AHEAD * self._pool.workers)
        for index in range(self._seen, reach):
            self._unsent[index] = _size(self._files[index])
        self._seen = max(self._seen, reach)
        if not self._unsent:
            return None
        largest = max(self._unsent, key=self._unsent.__getitem__)
        del self._unsent[largest]
        return largest

    def _send(self, index: int, worker: int) -> None:
        """Send a file, unless it cannot be read or its row is known."""
        path = self._files[index]
        name = printable(path)
        try:
            data = read_packed(path, WHAT)
        except ParallelEvmError as error:
            self._finish(index, BlockRow(name, error=RowError.of(error)))
            return
        content = digest(data)
        known = self._memory.recall(content)
        if known is not None:
            self.resumed += 1
            self._hold(index, replace(known, file=name))
            return
        ticket = next(self._tickets)
        # Nothing waits behind a long block, where another worker might run it, nor behind a suspect: it may be lost.
        places = 1 if len(data) <= SHORT and index not in self._losses else IN_FLIGHT
        self._sent[ticket] = Sending(index, worker, content, places)
        self._taken[worker] += places
        self.most_in_flight = max(self.most_in_flight, len(self._sent))
        self._pool.submit(worker, ticket, pack_whole(ticket, name, data))

    # -- receiving

    def _take(self, event: Event) -> None:
        if isinstance(event, Reply):
            sending = self._sent.pop(event.ticket, None)
            if sending is not None:  # else it was given up
                self._taken[sending.worker] -= sending.places
                self._finish(sending.index, unpack_row(event.blob))
        else:
            self._recover(event)

    def _recover(self, lost: Lost) -> None:
        self.lost_workers += 1
        for ticket in lost.tickets:
            sending = self._sent.pop(ticket, None)
            if sending is None:
                continue
            self._taken[sending.worker] -= sending.places
            losses = self._losses[sending.index] = self._losses.get(sending.index, 0) + 1
            if losses <= SENT_AGAIN:
                self.sent_again += 1
                self._suspects.append(sending.index)
            else:
                poison = PoolError(f"{losses} workers were lost while they ran it, the last: {lost.reason}")
                name = printable(self._files[sending.index])
                self._finish(sending.index, BlockRow(name, sending.content, error=RowError.of(poison)))

    def _finish(self, index: int, row: BlockRow) -> None:
        self._memory.note(row)
        self.ran += 1
        self.ran_gas += row.gas_used or 0
        self.busy_seconds += row.seconds.total
        self._hold(index, row)

    def _hold(self, index: int, row: BlockRow) -> None:
        self._finished[index] = row
        self.transactions += row.transactions or 0


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except (OSError, ValueError):  # reading it will say why
        return 0


def files_of(paths: Sequence[Path]) -> list[Path]:
    """Return the files named, and for a folder the capsules in it (`*.json`, `*.json.gz`) by block number.

    InputOutputError where a folder cannot be read or holds none.
    """
    return [file for path in paths for file in (_capsules_in(path) if path.is_dir() else [path])]


def _capsules_in(folder: Path) -> list[Path]:
    try:
        found = [path for path in folder.iterdir() if path.name.endswith(DOCUMENTS) and not path.name.startswith(".")]
    except OSError as error:
        msg = f"{printable(folder)}: cannot be read ({error.strerror}); check its rights"
        raise InputOutputError(msg) from None
    if not found:
        raise InputOutputError(f"{printable(folder)}: holds no capsules (*.json, *.json.gz); name another folder")
    return sorted(found, key=_place)


def _place(path: Path) -> tuple[bool, int, str]:
    """Return the sorting key of a name: by the number that it begins with, names without one last."""
    stem = path.name.partition(".")[0]
    numbered = stem.isascii() and stem.isdigit()
    return not numbered, int(stem) if numbered else 0, path.name
