"""Messages on a pipe: eight bytes of length, then the message; what arrives in pieces is put together again."""

from __future__ import annotations

import os
from struct import Struct

from executor.errors import PoolError

HEADER = Struct("!Q")
FAULT = 1 << 63
"""Set in the length of a message that is no answer, but one line about why the worker gives up."""
_FIRST_READ = 124 * 1024
"""Bytes asked for where a message begins: most come whole, and from 128 KiB on malloc fetches pages each time."""
_MOST_AT_ONCE = 256 * 1024


class Frames:
    """Takes messages from a descriptor, blocking or not.

    `ended` says that the other side is gone, `arrived` that the last read brought something.
    """

    def __init__(self, descriptor: int) -> None:
        self.ended = self.arrived = False
        self._descriptor = descriptor
        self._head = b""
        self._parts: list[bytes] = []
        self._missing = self._flags = 0

    @property
    def cut_short(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._head or self._missing)

    def read(self) -> list[bytes]:
        """Return the messages that one read completes; none where nothing has come or the other side is gone.

        Raises PoolError with the worker's line where the message is a fault.
        """
        self.arrived = False
        try:
            data = os.read(self._descriptor, min(self._missing, _MOST_AT_ONCE) or _FIRST_READ)
        except BlockingIOError:
            return []
        except OSError:  # reset by the other side's death
            data = b""
        if not data:
            self.ended = True
            return []
        self.arrived = True
        if not self._missing:
            return self._split(self._head + data)
        self._parts.append(data)  # never more than is missing, so that nothing need be cut
        self._missing -= len(data)
        return [] if self._missing else [self._checked(b"".join(self._parts))]

    def _split(self, data: bytes) -> list[bytes]:
        """Return the messages in what was read where one begins, and keep the rest."""
        messages = []
        start = 0
        while len(data) - start >= HEADER.size:
            (length,) = HEADER.unpack_from(data, start)
            self._flags, length = length & FAULT, length & ~FAULT
            start += HEADER.size
            body = data[start : start + length]
            start += length
            if start > len(data):
                self._parts, self._missing = [body], start - len(data)
                break
            messages.append(self._checked(body))
        self._head = data[start:]
        return messages

    def _checked(self, message: bytes) -> bytes:
        self._parts = []
        if self._flags:
            raise PoolError(message.decode(errors="replace"))
        return message


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
