"""Where tests lie: JSON files, directories of them, and tar archives, one document at a time in memory."""

from __future__ import annotations

import lzma
import os
import tarfile
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from executor.errors import InputOutputError, InvalidInput, ParallelEvmError
from executor.files import MAX_BYTES, printable, read_whole

ARCHIVES = (".tar.xz", ".tar.gz", ".tgz", ".tar")
DOCUMENTS = (".json", ".json.gz")


@dataclass(frozen=True, slots=True)
class Source:
    """A document: its bytes, `label` to name it in messages, `place` its path below what the user named."""

    label: str
    place: PurePosixPath
    data: bytes


def read_sources(paths: Iterable[Path]) -> Iterator[Source]:
    """Yield every JSON document in these files, directories (recursively) and archives, in order of their names.

    Raises InputOutputError where something cannot be read, InvalidInput where an archive is damaged.
    """
    for path in paths:
        if path.is_dir():
            for found in _below(path):
                yield from _read(found, PurePosixPath(path.name, found.relative_to(path)))
        else:
            yield from _read(path, PurePosixPath(path.absolute().parent.name, path.name))


def _below(directory: Path) -> Iterator[Path]:
    """Yield documents and archives, but nothing hidden: suites keep their index in `.meta`."""

    def refuse(error: OSError) -> None:
        raise InputOutputError(f"{printable(error.filename)}: cannot be read ({error.strerror}); check its rights")

    for folder, folders, files in os.walk(directory, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(files):
            if name.endswith(ARCHIVES + DOCUMENTS) and not name.startswith("."):
                yield Path(folder, name)


def _read(path: Path, place: PurePosixPath) -> Iterator[Source]:
    if path.name.endswith(ARCHIVES):
        yield from _members(path)
        return
    try:
        yield Source(printable(path), place, read_whole(path, "a file of tests (JSON)"))
    except ParallelEvmError as error:
        error.args = (f"{printable(path)}: {error}",)
        raise


def _members(path: Path) -> Iterator[Source]:
    try:
        with tarfile.open(path, "r|*") as archive:
            for member in archive:
                if member.isfile() and member.name.endswith(".json"):
                    yield _member(path, archive, member)
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError) as error:
        raise InvalidInput(f"{printable(path)}: the archive is damaged ({error}); copy it again") from None
    except (OSError, ValueError) as error:  # a ValueError: a name that no file can have
        raise InputOutputError(f"{printable(path)}: cannot be read ({error}); check the path") from None


def _member(path: Path, archive: tarfile.TarFile, member: tarfile.TarInfo) -> Source:
    label = f"{printable(path)}:{printable(member.name)}"
    file = archive.extractfile(member)
    if file is None or member.size > MAX_BYTES:
        raise InvalidInput(f"{label}: holds more than {MAX_BYTES >> 20} MiB; unpack the archive")
    return Source(label, PurePosixPath(member.name), file.read())
