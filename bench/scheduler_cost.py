"""What the scheduler alone costs per transaction: synthetic access sets, a pool that only hands back observations.

Everything that `scheduler/` does for a block is done, and nothing else: the graph, the order of starts, batches,
settling, learning costs. Executions take no time; their observations were made before the clock starts, from a
sequential model, so exact sets leave nothing stale. They arrive as from the wire, as fresh objects and from a worker
drawn by lot; what they cost is known from earlier blocks. Microseconds are processor time of this thread, with the
collector paused as the driver pauses it.
"""

from __future__ import annotations

import gc
import pickle
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from statistics import median
from time import thread_time
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.console import ERRORS, print_json, progress, results_stream
from bench.measure import machine
from executor.collector import collector_paused
from executor.pool import IN_FLIGHT
from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    NONCE,
    STORAGE,
    AccessSet,
    Location,
    TxIndex,
    Value,
    WriteSet,
)
from scheduler.batching import fill_batch, is_wide, target
from scheduler.block_scheduler import BlockScheduler
from scheduler.cost import CostModel, Features
from scheduler.execution import Execution, Observation
from scheduler.graph import build
from scheduler.multi_version import MultiVersionState

SIZES = (1_000, 10_000, 100_000)
SHARES = (0.0, 0.1, 0.5)
PARTS = ("graph", "order", "start", "finish", "learn")
"""`build`; critical paths and the scheduler's set-up; `fill_batch`; `finish` with settling; the cost model."""

_SEED = 1
_RICH = 10**18
_FEE_RECIPIENT = b"\xfe" * 20
_HOT, _COMMON = b"\x10" * 20, b"\x20" * 20
_CONTRACTS = 100
_SECONDS, _GOAL, _LIMIT = 0.0005, 0.008, 200
"""Of one execution, of one message (what pipes come to), and the most executions in one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One size at one share of hot transactions: microseconds per transaction by part and in all, medians of the runs.

    `growth` is `microseconds` over that of the smallest size at the same share: 1 is linear. `stale` and
    `executions` are the scheduler's counts, `early` counts executions that began before those they read from were
    known; anything but 0, `transactions` and 0 is a fault.
    """

    transactions: int
    hot_share: float
    edges: int
    longest_chain: int
    batches: int
    executions: int
    stale: int
    early: int
    parts: dict[str, float]
    microseconds: float
    growth: float = 1.0

    @property
    def ok(self) -> bool:
        """Whether every transaction ran exactly once, after those it reads from."""
        return not self.stale and not self.early and self.executions == self.transactions


@dataclass(frozen=True, slots=True)
class Load:
    """Expected sets, what each transaction sees and does in sequential execution, and what is known before it.

    `writers` says after whom each must run, None where nobody of the block wrote what it reads.
    """

    sets: list[AccessSet]
    observations: list[Observation]
    features: list[Features]
    writers: list[TxIndex | None]


class _Genesis:
    """Everybody is rich, everything else is zero."""

    def read(self, location: Location) -> Value:
        kind = location[1]
        return _RICH if kind == BALANCE else EMPTY_CODE_HASH if kind == CODE else 0


def synthetic_load(count: int, hot_share: float, hot_slots: int, seed: int = _SEED) -> Load:
    """Return `count` transactions of ten locations each; the same numbers give the same load.

    Read are the sender's nonce (assumed, as workers assume it), a slot that all read and nobody writes, and four
    slots of their own; written the nonce and two slots; changed the balances of sender and fee recipient. A share of
    `hot_share` reads and writes one of `hot_slots` slots instead of two cold ones, after whoever did so before.
    """
    random, values = Random(seed), dict[Location, int]()
    contracts = [random.randbytes(20) for _ in range(_CONTRACTS)]
    load = Load([], [], [], [])
    for index in range(count):
        read = [(random.choice(contracts), STORAGE, random.getrandbits(256)) for _ in range(4)]
        written = [(random.choice(contracts), STORAGE, random.getrandbits(256)) for _ in range(2)]
        if random.random() < hot_share:
            read[0] = written[0] = (_HOT, STORAGE, random.randrange(hot_slots))
        read.append((_COMMON, STORAGE, 0))
        sender = random.randbytes(20)
        nonce, deltas = (sender, NONCE, 0), {sender: -21_000, _FEE_RECIPIENT: 21_000}
        reads: dict[Location, Value] = {nonce: 0, **{location: values.get(location, 0) for location in read}}
        writes: dict[Location, Value] = {nonce: 1, **dict.fromkeys(written, index + 1)}
        load.writers.append(values[read[0]] - 1 if read[0] in values else None)
        values.update(dict.fromkeys(written, index + 1))
        load.sets.append(AccessSet(frozenset(read), frozenset(writes), frozenset(deltas)))
        load.observations.append(Observation(reads, {sender: 42_000}, WriteSet(writes, deltas), frozenset({nonce})))
        load.features.append(Features(random.choice(contracts), random.randbytes(1), 100_000, 68))
    return load


class _Pool:
    """Workers that hold messages and answer with what was made before.

    An execution is `early` if its worker could not have known what it reads: it was sent before the result of the one
    that wrote it had come back, and that one had not run on the same worker.
    """

    def __init__(self, workers: int, load: Load) -> None:
        self._load, self._random = load, Random(_SEED)
        self._held: list[deque[tuple[int, list[Execution]]]] = [deque() for _ in range(workers)]
        self._came: dict[TxIndex, tuple[int, int]] = {}
        self.messages = self.early = 0

    def has_room(self) -> bool:
        return min(map(len, self._held)) < IN_FLIGHT

    def send(self, executions: list[Execution]) -> None:
        self.messages += 1
        min(self._held, key=len).append((len(self._came), executions))

    def receive(self) -> list[tuple[int, Observation]]:
        worker = self._random.choice([worker for worker, held in enumerate(self._held) if held])
        known, executions = self._held[worker].popleft()
        for execution in executions:
            self.early += self._is_early(execution.index, worker, known)
            self._came[execution.index] = (len(self._came), worker)
        observations = [self._load.observations[execution.index] for execution in executions]
        fresh: list[Observation] = pickle.loads(pickle.dumps(observations))  # noqa: S301 - our own
        return [
            (execution.index, seen._replace(assumed=()) if execution.at_head else seen)
            for execution, seen in zip(executions, fresh, strict=True)
        ]

    def _is_early(self, index: TxIndex, worker: int, known: int) -> bool:
        writer = self._load.writers[index]
        if writer is None:
            return False
        place, ran_on = self._came.get(writer, (known, -1))
        return place >= known and ran_on != worker


def schedule(load: Load, hot_share: float, workers: int, *, trusting: bool = True) -> Row:
    """Schedule a load once, on so many workers, and say what it took."""
    count, model = len(load.sets), CostModel()
    for features in load.features:
        model.learn(features, _SECONDS)  # as earlier blocks have
    pool = _Pool(workers, load)
    seconds = dict.fromkeys(PARTS, 0.0)
    clock = thread_time()
    graph = build(load.sets)
    clock = _took(seconds, "graph", clock)
    costs = [model.predict(features) for features in load.features]
    priorities = graph.bottom_levels(costs)
    state = MultiVersionState(_Genesis(), derived_existence=True)
    scheduler = BlockScheduler(count, state, graph=graph, trusting=trusting)
    scheduler.prioritise(priorities)
    wide = trusting and is_wide(priorities, sum(costs), workers)
    _took(seconds, "order", clock)
    finished = 0
    while not scheduler.done:
        while pool.has_room():
            clock = thread_time()
            goal = target((count - finished) * _SECONDS, workers, _GOAL, wide=wide)
            batch = fill_batch(scheduler, costs, goal, limit=_LIMIT)
            _took(seconds, "start", clock)
            if not batch:
                break
            pool.send(batch)
        replies = pool.receive()
        clock = thread_time()
        scheduler.finish_all(replies)
        clock = _took(seconds, "finish", clock)
        for index, _ in replies:
            model.learn(load.features[index], _SECONDS)
        _took(seconds, "learn", clock)
        finished += len(replies)
    return Row(
        transactions=count,
        hot_share=hot_share,
        edges=graph.edge_count(),
        longest_chain=graph.longest_chain(),
        batches=pool.messages,
        executions=sum(scheduler.executions),
        stale=scheduler.conflicts,
        early=pool.early,
        parts={part: spent / count * 1e6 for part, spent in seconds.items()},
        microseconds=sum(seconds.values()) / count * 1e6,
    )


def _took(seconds: dict[str, float], part: str, since: float) -> float:
    """Add the time since `since` to a part and return the time now."""
    now = thread_time()
    seconds[part] += now - since
    return now


def scheduler_costs(
    sizes: Sequence[int] = SIZES,
    shares: Sequence[float] = SHARES,
    *,
    workers: int = 8,
    hot_slots: int = 64,
    repeat: int = 3,
    trusting: bool = True,
    seed: int = _SEED,
) -> list[Row]:
    """Return a row per share and size, each size run `repeat` times; sizes count from the smallest on.

    `trusting` takes the graph to be right, as for exact sets; otherwise readers are kept account of, as for lists
    that may be wrong.
    """
    measured = each_cost(
        sizes, shares, workers=workers, hot_slots=hot_slots, repeat=repeat, trusting=trusting, seed=seed
    )
    return list(measured)


def each_cost(
    sizes: Sequence[int],
    shares: Sequence[float],
    *,
    workers: int,
    hot_slots: int,
    repeat: int,
    trusting: bool,
    seed: int = _SEED,
) -> Iterator[Row]:
    """Yield the rows of `scheduler_costs`, each as soon as it is measured."""
    for share in shares:
        smallest: float | None = None
        for count in sorted(sizes):
            load = synthetic_load(count, share, hot_slots, seed)
            gc.collect()  # of the load before: the collector stands still from here on
            with collector_paused():
                row = _median([schedule(load, share, workers, trusting=trusting) for _ in range(repeat)])
            smallest = smallest or row.microseconds
            yield replace(row, growth=row.microseconds / smallest)


def _median(rows: list[Row]) -> Row:
    parts = {part: median(row.parts[part] for row in rows) for part in PARTS}
    worst = max(rows, key=lambda row: (not row.ok, row.executions))
    return replace(worst, parts=parts, microseconds=median(row.microseconds for row in rows))


def cost_document(rows: list[Row], workers: int, hot_slots: int, *, trusting: bool) -> dict[str, Any]:
    """Return what `--json` prints."""
    settings = {"workers": workers, "hot_slots": hot_slots, "trusting": trusting}
    return {"ok": all(row.ok for row in rows), **settings, "rows": [asdict(row) for row in rows], "machine": machine()}


def show_costs(console: Console, rows: list[Row], workers: int) -> None:
    """Print a row per share and size: microseconds per transaction by part, in all, and how they grow."""
    title = f"scheduler: us per transaction, {workers} workers that take no time, one core"
    table = Table(title=title, title_justify="left")
    for heading in ("hot", "txs", "edges", "chain", "batches", *PARTS, "in all", "growth", "in order"):
        table.add_column(heading, justify="right")
    for row in rows:
        counts = (row.transactions, row.edges, row.longest_chain, row.batches)
        table.add_row(
            f"{row.hot_share:.0%}",
            *(f"{count:,}" for count in counts),
            *(f"{row.parts[part]:.1f}" for part in PARTS),
            f"{row.microseconds:.1f}",
            f"{row.growth:.2f}x",
            "yes" if row.ok else "[bold red]NO[/]",
        )
    console.print(table)


def bench_scheduler(
    sizes: Annotated[list[int] | None, typer.Option("--transactions", min=1, help="A size; repeatable.")] = None,
    hot: Annotated[
        list[float] | None, typer.Option(min=0, max=1, help="Share of hot transactions; repeatable.")
    ] = None,
    hot_slots: Annotated[int, typer.Option(min=1, help="Slots that hot transactions share.")] = 64,
    workers: Annotated[int, typer.Option(min=1, help="Workers that hand back results.")] = 8,
    repeat: Annotated[int, typer.Option(min=1, help="Runs per row; times are medians.")] = 3,
    watching: Annotated[bool, typer.Option("--watching", help="Do as for lists that may be wrong.")] = False,  # noqa: FBT002
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Time the scheduler alone, per transaction, on synthetic access sets; all must run once and in order."""
    sizes, hot = sizes or list(SIZES), hot or list(SHARES)
    with results_stream() as stream:
        with progress() as bar:
            measured = each_cost(sizes, hot, workers=workers, hot_slots=hot_slots, repeat=repeat, trusting=not watching)
            rows = list(bar.track(measured, total=len(sizes) * len(hot), description="rows"))
        if json:
            print_json(stream, cost_document(rows, workers, hot_slots, trusting=not watching))
        else:
            show_costs(Console(file=stream, width=None if stream.isatty() else 120), rows, workers)
    if not all(row.ok for row in rows):
        ERRORS.print("a check failed: transactions ran too early, or more than once")
        raise typer.Exit(1)
