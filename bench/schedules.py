"""The options `--record-schedule` and `--replay-schedule`: a recorder that ends in a file, a pool that follows one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from bench.console import ERRORS
from executor.errors import InvalidInput, UsageError
from executor.files import check_writable
from executor.replay_pool import ReplayPool
from executor.schedule import ScheduleRecorder
from executor.schedule_file import dump_schedule, load_schedule

RecordOption = Annotated[
    Path | None,
    typer.Option("--record-schedule", help="Write every dispatch and reply to a file (JSON lines; .gz packs it)."),
]
FollowOption = Annotated[
    Path | None,
    typer.Option(
        "--replay-schedule", help="Run exactly what such a file says, on inline workers; other options alike."
    ),
]


@contextmanager
def recorder_to(path: Path | None) -> Iterator[ScheduleRecorder | None]:
    """Yield a recorder whose runs go to `path` at the end, however it ends; None without a path."""
    if path is None:
        yield None
        return
    check_writable(path)
    recorder = ScheduleRecorder()
    try:
        yield recorder
    finally:
        if recorder.schedule:  # none where the first run did not begin: the error says why
            dump_schedule(recorder.schedule, path)
            ERRORS.print(f"schedule of {len(recorder.schedule)} runs written to {path}", markup=False)


@contextmanager
def scripted_pool(
    path: Path | None, workers: int | None, shuffle: int | None, address: str | None
) -> Iterator[ReplayPool | None]:
    """Yield the pool that follows the schedule in `path`, None without one; options that contradict it are refused.

    A departure is raised here again where a conformance run has taken it for the verdict on one test.
    """
    if path is None:
        yield None
        return
    if shuffle is not None or address is not None:
        raise UsageError("--replay-schedule runs inline, in the recorded order; drop --shuffle and --address")
    pool = ReplayPool(load_schedule(path))
    if workers not in {None, pool.workers}:
        raise InvalidInput(f"{path} was recorded with --workers {pool.workers}, not {workers}; ask for the same")
    yield pool
    if pool.departure is not None:
        raise pool.departure
