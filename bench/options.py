"""The options that commands share, and the executor that they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from bench.schedules import recorder_to, scripted_pool
from executor.block_executor import BlockExecutor
from executor.pool import PATIENCE

Strategy = StrEnum("Strategy", ["sequential", "graph", "optimistic", "waves"])
AccessLists = StrEnum("AccessLists", ["declared", "observed", "exact", "none"])
Backend = StrEnum("Backend", ["inline", "process", "ray"])

StrategyOption = Annotated[Strategy, typer.Option(help="What decides when a transaction runs.")]
ListsOption = Annotated[AccessLists, typer.Option(help="Where expected access sets come from.")]
BackendOption = Annotated[Backend, typer.Option(help="Where workers live.")]
WorkersOption = Annotated[int | None, typer.Option(min=1, help="Workers; the number of cores by default.")]
SequentialOption = Annotated[bool, typer.Option("--no-sequential", help="Do not run sequentially for comparison.")]
RepeatOption = Annotated[int, typer.Option(min=1, help="Runs per block; times are medians.")]
ShuffleOption = Annotated[int | None, typer.Option(help="Seed of the completion order (inline only).")]
AddressOption = Annotated[str | None, typer.Option(help="Ray cluster to join; a local one by default.")]
NoGateOption = Annotated[bool, typer.Option("--no-gate", help="Send every block to the workers, also where they lose.")]
PatienceOption = Annotated[
    float, typer.Option(min=0.001, help="Seconds without a reply after which a worker is taken to hang.")
]
ProfileOption = Annotated[
    bool, typer.Option("--profile", help="Show where the processors' time went, microseconds per transaction.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")]


@dataclass(frozen=True, slots=True)
class Options:
    """What `replay` and `run` share."""

    strategy: str
    access_lists: str
    backend: str
    workers: int | None
    no_sequential: bool
    repeat: int
    shuffle: int | None
    address: str | None
    json: bool
    record: Path | None = None
    follow: Path | None = None
    gate: bool = True
    patience: float = PATIENCE
    profile: bool = False

    @contextmanager
    def executor(self) -> Iterator[BlockExecutor]:
        """Yield an executor with its workers up; its schedule is recorded or follows a recording if asked for."""
        with (
            scripted_pool(self.follow, self.workers, self.shuffle, self.address) as pool,
            recorder_to(self.record) as recorder,
            BlockExecutor(
                strategy=self.strategy,
                access_lists=self.access_lists,
                backend=self.backend,
                workers=self.workers,
                seed=self.shuffle,
                address=self.address,
                pool=pool,
                recorder=recorder,
                gate=self.gate,
                patience=self.patience,
            ) as executor,
        ):
            yield executor
