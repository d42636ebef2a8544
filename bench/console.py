"""Where output goes: results to the real stdout, everything else to stderr, errors as one line."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ERRORS = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def results_stream() -> Iterator[TextIO]:
    """Yield the real stdout while file descriptor 1 points to stderr.

    Ray's processes write news of dead workers to descriptor 1 whatever the log level; a JSON document must
    not be broken by it.
    """
    sys.stdout.flush()
    saved = os.dup(1)
    os.dup2(2, 1)
    stream = os.fdopen(os.dup(saved), "w", encoding="utf-8")
    try:
        yield stream
        stream.flush()
    finally:
        stream.close()
        sys.stdout.flush()
        os.dup2(saved, 1)
        os.close(saved)


def print_json(stream: TextIO, document: dict[str, Any] | list[Any]) -> None:
    """Write one JSON document and nothing else."""
    json.dump(document, stream, indent=2)
    stream.write("\n")


def progress() -> Progress:
    """Return a progress bar on stderr, silent where stderr is no terminal."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=ERRORS, transient=True, disable=not ERRORS.is_terminal)


def one_line(error: BaseException) -> str:
    """Return an error's message on a single line."""
    return " ".join(str(error).split())
