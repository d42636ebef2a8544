"""Files read with a bound, unpacked if they are gzipped, and written whole or not at all."""

from __future__ import annotations

import gzip
import io
import os
import zlib
from contextlib import suppress
from pathlib import Path
from typing import TypeAlias

from executor.errors import InputOutputError, InvalidInput

StrPath: TypeAlias = str | os.PathLike[str]
MAX_BYTES = 1 << 30
"""More than this is refused rather than unpacked into memory."""
_GZIP_MAGIC = b"\x1f\x8b"


def printable(path: StrPath) -> str:
    """Return `path` for a message of one line."""
    name = os.fspath(path)
    return name if name.isprintable() else ascii(name)


def read_whole(path: StrPath, what: str) -> bytes:
    """Return the content of a file, unpacked; `what` says in messages what should stand there.

    Raises InputOutputError where it cannot be read, InvalidInput where it is empty, damaged or too large.
    """
    return unpacked(read_packed(path, what), what)


def unpacked(data: bytes, what: str) -> bytes:
    """Return the content of a file with these bytes; InvalidInput where it is empty, damaged or too large."""
    if not data:
        raise InvalidInput("the file is empty; copy it or record it again")
    try:
        if data.startswith(_GZIP_MAGIC):
            with gzip.open(io.BytesIO(data)) as file:
                data = file.read(MAX_BYTES + 1)
    except EOFError:
        raise InvalidInput("the gzip data is truncated; copy the file again") from None
    except (OSError, zlib.error) as error:
        raise InvalidInput(f"the gzip data is damaged ({error}); copy the file again") from None
    if len(data) > MAX_BYTES:
        raise InvalidInput(f"holds more than {MAX_BYTES >> 20} MiB; name {what}")
    return data


def read_packed(path: StrPath, what: str) -> bytes:
    """Return a file's bytes as they lie on disk; InputOutputError where they cannot be read."""
    try:
        with Path(path).open("rb") as file:
            return file.read(MAX_BYTES + 1)  # bounded: the path may name a device
    except IsADirectoryError:
        raise InputOutputError(f"is a directory; name {what}") from None
    except FileNotFoundError:
        raise InputOutputError("no such file; check the path") from None
    except (OSError, ValueError) as error:  # a ValueError: a name that no file can have
        raise InputOutputError(f"cannot be read ({_reason(error)}); check the path and its rights") from None


def write_whole(path: StrPath, data: bytes) -> None:
    """Write `data` to `path` by way of a draft beside it; InputOutputError where that is not possible."""
    draft = _draft(path)
    try:
        draft.write_bytes(data)
        draft.replace(path)
    except (OSError, ValueError) as error:
        raise _not_writable(path, draft, error) from None


def check_writable(path: StrPath) -> None:
    """Raise now the InputOutputError that `write_whole` would raise after a long run."""
    draft = _draft(path)
    try:
        if Path(path).is_dir():
            raise IsADirectoryError(None, "is a directory")
        draft.touch()
        draft.unlink()
    except (OSError, ValueError) as error:
        raise _not_writable(path, draft, error) from None


def _draft(path: StrPath) -> Path:
    return Path(f"{os.fspath(path)}.{os.getpid()}.tmp")


def _not_writable(path: StrPath, draft: Path, error: OSError | ValueError) -> InputOutputError:
    with suppress(OSError, ValueError):
        draft.unlink(missing_ok=True)
    return InputOutputError(f"{printable(path)}: cannot be written ({_reason(error)}); check the path and its rights")


def _reason(error: OSError | ValueError) -> str:
    return error.strerror or str(error) if isinstance(error, OSError) else str(error)
