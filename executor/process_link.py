"""The driver's side of one worker: its process, its pipes, and what it owes."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Callable
from time import monotonic

from executor.process_child import OUT_OF_MEMORY
from executor.process_frames import Frames, write_some
from executor.process_start import close, start, wait_for_exit
from executor.worker import Worker

_GRACE = 1.0


class Link:
    """A running worker. Nothing here ever waits for it, but for its end.

    `in_flight` are the tickets it owes, in order; `dropped` counts answers it owes that nobody wants; `used` says
    that it was told more than the opening of the block; `since` when it last showed life, or was given work.
    """

    def __init__(self, number: int, make: Callable[[], Worker], memory_limit: int | None) -> None:
        self.number = number
        self.in_flight: deque[int] = deque()
        self.dropped = 0
        self.used = self.ended = self.deaf = False
        self.since = 0.0
        self.child, self.incoming, self.outgoing = start(make, memory_limit)
        self._frames = Frames(self.incoming)
        self._left: deque[memoryview] = deque()
        self._verdict: str | None = None
        self._open = True

    @property
    def owes(self) -> bool:
        """Whether an answer is due."""
        return bool(self.in_flight or self.dropped)

    @property
    def gone(self) -> bool:
        """Whether the worker is known to be gone, or is found to be."""
        return self.ended or self.deaf or self.child.exit_code() is not None

    @property
    def unsent(self) -> bool:
        """Whether something waits for room in the pipe."""
        return bool(self._left)

    def expect(self, ticket: int) -> None:
        """Note that a batch is about to be sent."""
        if not self.owes:
            self.since = monotonic()
        self.in_flight.append(ticket)

    def send(self, blob: bytes) -> None:
        """Write a message as far as the pipe has room; to a worker that is gone, nothing."""
        if self.deaf:
            return
        if self._left:
            self._left.extend((memoryview(len(blob).to_bytes(8, "big")), memoryview(blob)))
            self.flush()
            return
        try:
            rest = write_some(self.outgoing, blob)
        except OSError:
            self.deaf = True
            return
        if rest is not None:
            self._left.append(rest)

    def flush(self) -> None:
        """Write more of what waits, as far as there is room."""
        try:
            while self._left:
                written = os.write(self.outgoing, self._left[0])
                self.since = monotonic()
                self._left[0] = self._left[0][written:]
                if not self._left[0]:
                    self._left.popleft()
        except BlockingIOError:
            return
        except OSError:
            self.deaf = True
            self._left.clear()

    def receive(self) -> list[bytes]:
        """Return answers that are wanted and have come, as a read gives them; at the end `ended` is set."""
        messages = self._frames.read()
        self.ended = self._frames.ended
        if self._frames.arrived:
            self.since = monotonic()
        if self.dropped and messages:
            unwanted = min(self.dropped, len(messages))
            self.dropped -= unwanted
            del messages[:unwanted]
        return messages

    def abandon(self) -> None:
        """Take it that nobody wants what is in flight."""
        self.dropped += len(self.in_flight)
        self.in_flight.clear()

    def condemn(self, verdict: str) -> None:
        """End the process, for this reason."""
        self._verdict = verdict
        self.ended = self.deaf = True
        self.child.kill()

    def reason(self) -> str:
        """Return why the worker is gone; one that closed its pipe and lives is ended."""
        if self._verdict is not None:
            return self._verdict
        code = wait_for_exit(self.child, _GRACE)
        cut = " in the middle of an answer" if self._frames.cut_short else ""
        if code is None:
            self.child.kill()
            return f"closed its pipe{cut}"
        return f"{describe_exit(code)}{cut}"

    def hang_up(self) -> None:
        """Close the pipes: the worker ends when it next looks."""
        if self._open:
            self._open = False
            self.ended = self.deaf = True
            self._left.clear()
            close(self.incoming, self.outgoing)


def describe_exit(code: int) -> str:
    """Return an exit code, or minus a signal, in words."""
    if code == OUT_OF_MEMORY:
        return "out of memory"
    if code >= 0:
        return f"exited with code {code}"
    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
