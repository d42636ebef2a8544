"""What every experiment is given: the recorded blocks, each executed once, and how much to do."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from time import perf_counter

from bench.explain.causes import Causes, causes
from bench.explain.metrics import conflict_metrics
from bench.explain.model import ConflictMetrics
from executor.capsule import Capsule, load_capsule
from executor.errors import InputOutputError
from executor.key_sets import key_sets
from executor.sequential import execute_sequential
from executor.types import BlockResult, TransactionResult
from scheduler.access import AccessSet

DATA_VARIABLE = "PARALLEL_EVM_DATA"
DATA_DEFAULT = Path("..") / "shared" / "data"
QUICK_BLOCKS = 4
"""How many of the smallest capsule files `quick` takes, beside those without transactions to speak of."""
QUICK_SMALLEST = 20_000
"""Bytes: smaller capsules hold a block of one transaction or none."""


@dataclass(frozen=True)
class Executed:
    """A recorded block with its sequential result; seconds are processor time of one execution, gas as used."""

    number: int
    capsule: Capsule
    result: BlockResult

    @property
    def transactions(self) -> tuple[TransactionResult, ...]:
        """What each transaction did, in block order."""
        return self.result.transactions

    @cached_property
    def key_sets(self) -> dict[str, tuple[AccessSet, ...]]:
        """What each transaction touched, by the name of the key set."""
        header = self.capsule.block.header
        return key_sets(self.result.transactions, header.coinbase, self.capsule.pre_state)

    @cached_property
    def ties(self) -> dict[str, Causes]:
        """Who waits for whom through what, by the name of the key set."""
        return {name: causes(sets) for name, sets in self.key_sets.items()}

    @cached_property
    def metrics(self) -> dict[str, ConflictMetrics]:
        """Conflict metrics by the name of the key set, without makespans."""
        return {
            name: conflict_metrics(name, tied, self.gas, self.seconds, workers=()) for name, tied in self.ties.items()
        }

    @property
    def gas(self) -> list[int]:
        """Gas used per transaction."""
        return [transaction.gas_used for transaction in self.result.transactions]

    @property
    def seconds(self) -> list[float]:
        """Measured seconds per transaction."""
        return [transaction.seconds for transaction in self.result.transactions]

    @property
    def year(self) -> int:
        """The year of the block, UTC."""
        return datetime.fromtimestamp(self.capsule.block.header.timestamp, UTC).year


def executed(capsule: Capsule) -> Executed:
    """Return a block, executed sequentially."""
    return Executed(capsule.block.header.number, capsule, execute_sequential(capsule.block, capsule.pre_state))


def data_folder(given: Path | None) -> Path:
    """Return the folder with `blocks/`: as given, else PARALLEL_EVM_DATA, else ../shared/data.

    InputOutputError in one line where it holds none.
    """
    folder = given or Path(os.environ.get(DATA_VARIABLE) or DATA_DEFAULT)
    if not any(folder.joinpath("blocks").glob("*.json.gz")):
        raise InputOutputError(
            f"no recorded blocks in {folder / 'blocks'}: name a folder that holds blocks/<number>.json.gz with --data"
            f" or {DATA_VARIABLE}"
        )
    return folder


@dataclass
class Settings:
    """What to measure on and how much of it; keeps executed blocks, so it lives as long as a run of experiments.

    `data` is None where no experiment needs it; `given` blocks stand in for those of a folder. `shared_seconds` of the
    clock went into executing blocks so far.
    """

    data: Path | None = None
    quick: bool = False
    given: tuple[Executed, ...] = ()
    shared_seconds: float = 0.0
    _executed: dict[Path, Executed] = field(default_factory=dict)

    def paths(self) -> list[Path]:
        """Return the capsules to measure on, by rising number; InputOutputError without the folder."""
        folder = data_folder(self.data)
        paths = sorted(folder.joinpath("blocks").glob("*.json.gz"), key=_number)
        if not self.quick:
            return paths
        by_size = sorted((path.stat().st_size, path) for path in paths)
        small = [path for size, path in by_size if size >= QUICK_SMALLEST] or [path for _, path in by_size]
        return sorted(small[:QUICK_BLOCKS], key=_number)

    def blocks(self) -> Iterator[Executed]:
        """Yield the recorded blocks, each executed when it is first asked for."""
        if self.given:
            yield from self.given
            return
        for path in self.paths():
            if path not in self._executed:
                begin = perf_counter()
                self._executed[path] = executed(load_capsule(path))
                self.shared_seconds += perf_counter() - begin
            yield self._executed[path]

    def large_blocks(self, least: int = 50) -> list[Executed]:
        """Return the blocks with at least so many transactions; all with two or more where `quick`."""
        least = 2 if self.quick else least
        return [block for block in self.blocks() if len(block.transactions) >= least]


def _number(path: Path) -> int:
    digits = path.name.partition(".")[0]
    return int(digits) if digits.isdecimal() else 0
