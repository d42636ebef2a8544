"""Messages on a pipe: eight bytes of length, then the message; what arrives in pieces is put together again."""

from __future__ import annotations

import os
from struct import Struct

from executor.errors import PoolError

HEADER = Struct("!Q")
FAULT = 1 << 63
"""Set in the length of a message that is no answer, but one line about why the worker gives up."""
_FIRST_READ = 64 * 1024
_MOST_AT_ONCE = 256 * 1024


class Frames:
    """Takes messages from a descriptor, blocking or not.

    `ended` says that the other side is gone, `arrived` that the last read brought something.
    """

    def __init__(self, descriptor: int) -> None:
        self.ended = self.arrived = False
        self._descriptor = descriptor
        self._parts: list[bytes] = []
        self._size = 0
        self._wanted = HEADER.size

    @property
    def cut_short(self) -> bool:
        """Whether a message has begun and is not complete."""
        return self._size > 0

    def read(self) -> list[bytes]:
        """Return the messages that one read completes; none where nothing has come or the other side is gone.

        Raises PoolError with the worker's line where the message is a fault.
        """
        missing = self._wanted - self._size
        self.arrived = False
        try:
            data = os.read(self._descriptor, _FIRST_READ if missing <= _FIRST_READ else min(missing, _MOST_AT_ONCE))
        except BlockingIOError:
            return []
        except OSError:  # reset by the other side's death
            data = b""
        if not data:
            self.ended = True
            return []
        self.arrived = True
        self._parts.append(data)
        self._size += len(data)
        return self._take() if self._size >= self._wanted else []

    def _take(self) -> list[bytes]:
        data = self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)
        messages = []
        start, end = 0, len(data)
        self._wanted = HEADER.size
        while end - start >= HEADER.size:
            (length,) = HEADER.unpack_from(data, start)
            stop = start + HEADER.size + (length & ~FAULT)
            if stop > end:
                self._wanted = stop - start
                break
            message = data[start + HEADER.size : stop]
            if length & FAULT:
                raise PoolError(message.decode(errors="replace"))
            messages.append(message)
            start = stop
        self._parts = [data[start:]] if start < end else []
        self._size = end - start
        return messages


def write_some(descriptor: int, blob: bytes, flags: int = 0) -> memoryview | None:
    """Begin to write a message and return what is left of it, None if nothing is."""
    header = HEADER.pack(len(blob) | flags)
    try:
        written = os.writev(descriptor, (header, blob))
    except BlockingIOError:
        written = 0
    if written == len(header) + len(blob):
        return None
    if written < len(header):
        return memoryview(header + blob)[written:]
    return memoryview(blob)[written - len(header) :]


def write_whole(descriptor: int, blob: bytes, flags: int = 0) -> None:
    """Write a message to a descriptor that blocks."""
    rest = write_some(descriptor, blob, flags)
    while rest:
        rest = rest[os.write(descriptor, rest) :]
