"""List scheduling that keeps the block's order, against the optimum (Karmegam, Kiffer, Fernandez Anta 2026).

Speed-up is work / makespan of our list schedule, ready transactions with most behind them first, over whole blocks.
The optimum is found on windows of ten consecutive transactions with the edges between them, for it takes
exponential time (`bench.experiments.optimum`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import mean, median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.optimum import shortest_makespan
from bench.experiments.settings import Executed, Settings
from bench.explain.metrics import list_schedule, lower_bound
from scheduler.access import AccessSet
from scheduler.graph import DependencyGraph, build

SOURCE = "Karmegam, Kiffer, Fernandez Anta 2026, arXiv 2602.03444"
WORKERS = (2, 4, 8)
FASTER = "speed-up at p = {}, median, key set B"
ABOVE = "above the optimum at p = {}, mean"
PUBLISHED = {2: ("up to 1.5x", 1.5), 8: ("up to 2.3x", 2.3)}
KEY_SETS = ("B", "D")
LEAST = 50
WINDOW = 10
WINDOWS = 4
"""Per block and key set, spread evenly over those that have an edge."""
QUICK_WINDOWS = 2


@dataclass(frozen=True, slots=True)
class Window:
    """Makespans of a window of a block by gas; `shortest` is None where the search was cut short."""

    block: int
    key_set: str
    workers: int
    listed: float
    shortest: float | None
    bound: float


def measure(settings: Settings) -> Findings:
    """Schedule whole blocks, and windows of them against the optimum, by gas."""
    blocks = settings.large_blocks(LEAST)
    count = QUICK_WINDOWS if settings.quick else WINDOWS
    windows = [one for block in blocks for name in KEY_SETS for one in measured_windows(block, name, count)]
    measured: dict[str, float | None] = {}
    for workers in PUBLISHED:
        measured[FASTER.format(workers)] = median(_speedup(one, "B", workers) for one in blocks) if blocks else None
        gaps = above_optimum(windows, workers)
        measured[ABOVE.format(workers)] = 100 * mean(gaps) if gaps else None
    return Findings(
        measured,
        (_speedups(blocks), _against_optimum(windows), _all_blocks(blocks, windows)),
        _sentence(blocks, windows),
        inputs=f"{len(blocks)} recorded blocks with at least {LEAST} transactions, {len(windows) // len(WORKERS)}"
        f" windows of {WINDOW} transactions with an edge",
    )


def above_optimum(windows: Sequence[Window], workers: int) -> list[float]:
    """Return how far each list schedule is above the shortest, as a share of it; without windows cut short."""
    return [one.listed / one.shortest - 1 for one in windows if one.workers == workers and one.shortest]


def measured_windows(block: Executed, name: str, count: int) -> Iterator[Window]:
    """Yield windows of a block with their makespans, `count` of them for each number of workers at most."""
    starts = [
        start
        for start in range(0, len(block.transactions), WINDOW)
        if build(_cut(block.key_sets[name], start)).edge_count()
    ]
    for start in starts[:: max(1, -(-len(starts) // count))]:
        graph, gas = build(_cut(block.key_sets[name], start)), block.gas[start : start + WINDOW]
        for workers in WORKERS:
            listed, shortest = list_schedule(graph, gas, workers), shortest_makespan(graph, gas, workers)
            yield Window(block.number, name, workers, listed, shortest, lower_bound(graph, gas, workers))


def _cut(sets: Sequence[AccessSet], start: int) -> Sequence[AccessSet]:
    return sets[start : start + WINDOW]


def _graph(block: Executed, name: str) -> DependencyGraph:
    return block.ties[name].graph()


def _speedup(block: Executed, name: str, workers: int) -> float:
    makespan = list_schedule(_graph(block, name), block.gas, workers)
    return sum(block.gas) / makespan if makespan else 1.0


def _speedups(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name in KEY_SETS if blocks else ():
        for workers in WORKERS:
            figures = [_speedup(block, name, workers) for block in blocks]
            over = [_above_bound(block, name, workers) for block in blocks]
            rows.append((name, workers, min(figures), median(figures), mean(figures), max(figures), 100 * mean(over)))
    headings = ("key set", "p", "least", "median", "mean", "most", "above max(work/p, span), mean %")
    return Table("speed-up of list scheduling over whole blocks, by gas", headings, tuple(rows))


def _above_bound(block: Executed, name: str, workers: int) -> float:
    graph = _graph(block, name)
    return list_schedule(graph, block.gas, workers) / lower_bound(graph, block.gas, workers) - 1


def _against_optimum(windows: Sequence[Window]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name in KEY_SETS:
        for workers in WORKERS:
            mine = [one for one in windows if (one.key_set, one.workers) == (name, workers)]
            gaps = above_optimum(mine, workers)
            optimal = sum(gap <= 1e-9 for gap in gaps)
            cut_short = len(mine) - len(gaps)
            ends = (100 * mean(gaps), 100 * max(gaps)) if gaps else (None, None)
            rows.append((name, workers, len(mine), optimal, cut_short, *ends))
    headings = ("key set", "p", "windows", "optimal", "cut short", "above, mean %", "above, most %")
    return Table(f"list scheduling against the optimum, windows of {WINDOW} transactions", headings, tuple(rows))


def _all_blocks(blocks: Sequence[Executed], windows: Sequence[Window]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for block in blocks:
        figures = [_speedup(block, name, workers) for name in KEY_SETS for workers in WORKERS]
        mine = [one for one in windows if one.block == block.number]
        gaps = [gap for workers in WORKERS for gap in above_optimum(mine, workers)]
        rows.append(
            (str(block.number), len(block.transactions), *figures, len(mine), 100 * max(gaps) if gaps else None)
        )
    speedups = tuple(f"{name}, p = {workers}" for name in KEY_SETS for workers in WORKERS)
    return Table("every block", ("block", "txs", *speedups, "schedules", "above, most %"), tuple(rows))


def _sentence(blocks: Sequence[Executed], windows: Sequence[Window]) -> str:
    gaps = [gap for workers in WORKERS for gap in above_optimum(windows, workers)]
    if not gaps:
        return "No window has an edge."
    optimal = sum(gap <= 1e-9 for gap in gaps)
    by_d = ", ".join(f"{median(_speedup(one, 'D', p) for one in blocks):.2f}x at p = {p}" for p in PUBLISHED)
    return (
        f"Of {len(gaps)} list schedules of windows {optimal} are optimal, the worst takes {100 * max(gaps):.1f} % more;"
        f" whole blocks reach {by_d} in the median by key set D. The published speed-ups are upper ends over the"
        " paper's traces, with its notion of conflict and its costs of a transaction."
    )


EXPERIMENT = Experiment(
    name="ordered-scheduling",
    title="List scheduling of an ordered block against the optimum",
    question="How fast can p workers be if the block's order must hold, and does list scheduling reach that?",
    published=tuple(
        one
        for workers, (text, figure) in PUBLISHED.items()
        for one in (
            Published(FASTER.format(workers), text, SOURCE, None, figure, "x"),
            Published(ABOVE.format(workers), "a few %", SOURCE, None, 5.0, "%"),
        )
    ),
    measure=measure,
)
