"""Execution only, and end to end: the same blocks with everything around the transactions counted in.

Erigon's parallel executor made the EVM 1.37x as fast and the whole node slower. Our execution alone is the span of
`speedup` everywhere else: decoding, signatures, transactions, receipts root. End to end begins with the bytes of a file
and ends with the header checked: reading, parsing and checking the capsule before, bloom and roots after; the
state root where it can be made, which is for blocks with a witness and for generated ones. All but the execution is
the same for both and on one core, so it pulls the ratio towards 1; no database is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.experiments.measured import ROUNDS, WORKERS, processes
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Settings, data_folder
from bench.export import Exporter
from executor.block_executor import BlockExecutor
from executor.capsule import Capsule, load_capsule
from executor.errors import ParallelEvmError
from executor.sequential import execute_sequential
from executor.state_trie import StateTrie
from executor.types import BlockResult
from executor.validation import check_header, describe_failure
from workloads.registry import generate

SOURCE = "Erigon 2026"
EVM, NODE = "execution only, median", "end to end, median"
"""Over all rows with at least LEAST transactions."""
LEAST = 50
GENERATED: tuple[tuple[str, int, dict[str, str]], ...] = (
    ("lending", 400, {"shards": "16"}),
    ("transfers", 1_000, {"kind": "erc20"}),
)


@dataclass(frozen=True, slots=True)
class Trip:
    """Seconds of one way from the bytes of a file to a checked header."""

    reading: float
    execution: float
    checking: float

    @property
    def whole(self) -> float:
        """All of it."""
        return self.reading + self.execution + self.checking


def measure(settings: Settings) -> Findings:
    """Send recorded blocks, those with witnesses, and generated blocks all the way, sequentially and in parallel."""
    with TemporaryDirectory() as folder, processes(access_lists="observed", gate=True) as executor:
        rows = [_row(path, executor) for path in (*_recorded(settings), *_generated(Path(folder), settings))]
    counted = [row for row in rows if int(row[1] or 0) >= (0 if settings.quick else LEAST)]
    execution = [float(row[5] or 0) for row in counted]
    whole = [float(row[6] or 0) for row in counted]
    return Findings(
        {EVM: median(execution) if counted else None, NODE: median(whole) if counted else None},
        (_table(rows),),
        _sentence(counted, execution, whole),
        inputs=f"{len(rows)} blocks, {WORKERS} processes, observed lists, gate as a user has it",
    )


def _recorded(settings: Settings) -> list[Path]:
    """Return the recorded blocks; with the witness, and so with a state root, where there is one of the same name."""
    witnesses = {path.name: path for path in data_folder(settings.data).joinpath("witness").glob("*.json.gz")}
    return [witnesses.get(path.name, path) for path in settings.paths()]


def _generated(folder: Path, settings: Settings) -> Iterator[Path]:
    """Yield capsules of generated blocks, whose states are whole; `folder` is theirs."""
    for name, transactions, parameters in GENERATED:
        workload = generate(name, 20 if settings.quick else transactions, 1, parameters)
        place = folder / name
        place.mkdir()
        Exporter(place, name, lambda _: None).write(workload.blocks[0], workload.pre_state)
        yield next(place.glob("*.json.gz"))


def _row(path: Path, executor: BlockExecutor) -> tuple[Cell, ...]:
    """Send a block both ways in turn; `known` experience and shipped states as at a block's first sight."""
    alone, parallel, known = [], [], executor.experience
    capsule = load_capsule(path)
    trie = StateTrie.of(capsule.pre_state) if capsule.pre_state.complete else None  # a node has it from before

    def on_workers(given: Capsule) -> BlockResult:
        return executor.execute(given.block, given.pre_state)

    for _ in range(ROUNDS):
        alone.append(_trip(path, trie, lambda given: execute_sequential(given.block, given.pre_state)))
        executor.experience = known.copy()
        parallel.append(_trip(path, trie, on_workers))
    pairs = list(zip(alone, parallel, strict=True))
    label = path.parent.name if trie is not None else path.name.partition(".")[0]
    return (
        f"{label} (witness)" if capsule.witness is not None else label,
        len(capsule.block.transactions),
        1e3 * median(one.reading for one in alone),
        1e3 * median(one.execution for one in alone),
        1e3 * median(one.checking for one in alone),
        median(one.execution / other.execution for one, other in pairs),
        median(one.whole / other.whole for one, other in pairs),
        "yes" if trie is not None or capsule.witness is not None else "no",
    )


def _trip(path: Path, trie: StateTrie | None, execute: Callable[[Capsule], BlockResult]) -> Trip:
    """Go all the way once; ParallelEvmError where the header says otherwise."""
    begin = perf_counter()
    capsule = load_capsule(path)
    read = perf_counter()
    result = execute(capsule)
    executed = perf_counter()
    failure = describe_failure(check_header(capsule.block, result, capsule.pre_state, capsule.witness, trie))
    checked = perf_counter()
    if failure is not None:
        raise ParallelEvmError(f"{path.name}: {failure}")
    return Trip(read - begin, executed - read, checked - executed)


def _table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    headings = ("block", "txs", "read ms", "execute ms", "check ms", "execution only", "end to end", "state root")
    title = f"{WORKERS} processes against sequential execution; ms are those of the sequential way"
    return Table(title, headings, tuple(rows))


def _sentence(rows: Sequence[tuple[Cell, ...]], execution: Sequence[float], whole: Sequence[float]) -> str:
    if not rows:
        return f"No block has {LEAST} transactions."
    share = median(float(row[3] or 0) / sum(float(row[place] or 0) for place in (2, 3, 4)) for row in rows)
    slower = sum(ratio < 1 for ratio in whole)
    return (
        f"Over {len(rows)} blocks with at least {LEAST} transactions the median is {median(execution):.2f}x for the"
        f" execution alone and {median(whole):.2f}x end to end, for the execution is {share:.0%} of the sequential way;"
        f" {slower} of them are slower end to end. Erigon's node keeps a database, which we do not have."
    )


EXPERIMENT = Experiment(
    name="honesty",
    title="Execution only and end to end",
    question="What is left of the speed-up when everything around the execution is counted?",
    published=(Published(EVM, "1.37x", SOURCE, 1.37, 1.37, "x"), Published(NODE, "0.93x", SOURCE, 0.93, 0.93, "x")),
    measure=measure,
)
