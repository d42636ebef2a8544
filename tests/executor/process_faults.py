"""Workers with a fault planted in them, for the process pool; they live in children, so they are found by import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from executor import process_child
from executor.process_child import ProcessWorker
from executor.process_frames import HEADER, write_whole
from executor.state import PreState
from executor.versions import StateTag
from executor.wire import BATCH, unpack
from executor.worker import Worker


def kill() -> NoReturn:
    """Die as if shot, at once."""
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def leave() -> NoReturn:
    """End without a word."""
    os._exit(3)


def hang() -> NoReturn:
    """Do nothing for ever."""
    while True:
        time.sleep(3600)


def starve() -> NoReturn:
    """Run out of memory."""
    raise MemoryError


def blunder() -> NoReturn:
    """Fail as code with a fault in it fails."""
    msg = "planted"
    raise ValueError(msg)


class Faulty(ProcessWorker):
    """Does something to itself at a batch, before it executes or after, at most `times` among all who share `folder`.

    `cut` sends the first half of the answer before that.
    """

    def __init__(
        self,
        folder: Path,
        fault: Callable[[], NoReturn],
        moment: str,
        times: int = 1,
        tag: StateTag | None = None,
        pre_state: PreState | None = None,
    ) -> None:
        super().__init__(tag, pre_state)
        self._folder, self._fault, self._moment, self._times = folder, fault, moment, times
        if moment == "cut":
            process_child.send_answer = self._cut

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message."""
        if self._moment == "before" and is_batch(blob) and self._due():
            self._fault()
        answer = super().handle(blob)
        if self._moment == "after" and answer is not None and self._due():
            self._fault()
        return answer

    def _cut(self, outgoing: int, answer: bytes) -> None:
        if self._due():
            os.write(outgoing, HEADER.pack(len(answer)) + answer[: len(answer) // 2])
            self._fault()
        write_whole(outgoing, answer)

    def _due(self) -> bool:
        for turn in range(self._times):
            try:
                os.close(os.open(self._folder / str(turn), os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                continue
            return True
        return False


def is_batch(blob: bytes) -> bool:
    """Return whether a message is a batch."""
    return bool(unpack(blob)[0] == BATCH)


class Echo(Worker):
    """Answers what begins with `?` by as many bytes as it says, and runs no block; `!` ends it."""

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message."""
        if blob.startswith(b"!"):
            kill()
        if blob.startswith(b"~"):
            hang()
        if not blob.startswith(b"?"):
            return None
        size = int(blob[1:11])
        return blob[1:11].ljust(size, blob[11:12] or b".")


class Talker(ProcessWorker):
    """Writes to standard output, as a library might."""

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message."""
        print("noise", flush=True)  # noqa: T201
        os.write(1, b"noise\n")
        return super().handle(blob)
