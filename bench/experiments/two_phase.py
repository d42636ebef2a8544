"""Two phases (Saraph, Herlihy 2019): all at once, then those that met a conflict again, one after another.

Phase one gives all n transactions of a block to p threads, each the first free one in block order. A transaction that
reads what an earlier one wrote has seen the wrong value: it is thrown away and runs in phase two, after phase one, one
at a time and in block order. Time is the makespan of phase one (wasted runs included) and the sum of phase two;
speed-up is work / time. Threads cost nothing, conflicts are found for free: a model, as in the paper. What conflicts
is a matter of the key set: S (storage) and B (balances too, but for fees) lie on either side of the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.scheduling import makespan_in_order
from bench.experiments.settings import Executed, Settings
from scheduler.graph import DependencyGraph

THREADS = (16, 32, 64)
COMPARED = ("B", "S")
SHOWN = ("B", "D", "S")
PUBLISHED = {2016: ("about 8x", 8.0), 2017: ("about 2x (end of year)", 2.0)}
SOURCE = "Saraph, Herlihy 2019, arXiv 1901.01376"
LEAST = 10
"""Blocks with fewer transactions say little about concurrency."""


def two_phase_time(graph: DependencyGraph, weights: Sequence[float], threads: int) -> float:
    """Return how long both phases take, in the unit of `weights`."""
    conflicted = sum(weight for weight, before in zip(weights, graph.predecessors, strict=True) if before)
    return makespan_in_order(weights, threads) + conflicted


def two_phase_speedup(graph: DependencyGraph, weights: Sequence[float], threads: int) -> float:
    """Return work / time; 1.0 for a block without work.

    Four equal transactions, the last of which reads what the first wrote, on four threads: one round and one more.

    >>> graph = DependencyGraph(predecessors=((), (), (), (0,)), successors=((3,), (), (), ()))
    >>> two_phase_speedup(graph, [1.0] * 4, 4)
    2.0
    """
    time = two_phase_time(graph, weights, threads)
    return sum(weights) / time if time else 1.0


def measure(settings: Settings) -> Findings:
    """Take the median over each year's blocks, by gas."""
    by_year: dict[int, list[Executed]] = {}
    for block in settings.large_blocks(LEAST):
        by_year.setdefault(block.year, []).append(block)
    speedups = {
        (year, name): [_median(blocks, name, threads) for threads in THREADS]
        for year, blocks in sorted(by_year.items())
        for name in SHOWN
    }
    measured = {
        _what(year, name): speedups[year, name][-1] if year in by_year else None
        for year in PUBLISHED
        for name in COMPARED
    }
    return Findings(
        measured,
        (_by_year(by_year, speedups), _all_blocks([block for blocks in by_year.values() for block in blocks])),
        _sentence(by_year, speedups),
        inputs=f"{sum(map(len, by_year.values()))} recorded blocks with at least {LEAST} transactions, by gas",
    )


def _what(year: int, name: str) -> str:
    return f"median of {year}, {THREADS[-1]} threads, key set {name}"


def _speedup(block: Executed, name: str, threads: int) -> float:
    return two_phase_speedup(block.ties[name].graph(), block.gas, threads)


def _median(blocks: Sequence[Executed], name: str, threads: int) -> float:
    return median(_speedup(block, name, threads) for block in blocks)


def _conflicted(block: Executed, name: str) -> float:
    predecessors = block.ties[name].graph().predecessors
    return 100 * sum(map(bool, predecessors)) / len(predecessors)


def _by_year(by_year: dict[int, list[Executed]], speedups: dict[tuple[int, str], list[float]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for (year, name), figures in speedups.items():
        blocks = by_year[year]
        size = mean(len(block.transactions) for block in blocks)
        conflicted = median(_conflicted(block, name) for block in blocks)
        rows.append((str(year), name, len(blocks), size, conflicted, *figures))
    headings = ("year", "key set", "blocks", "txs, mean", "conflicted %", *(f"p = {one}" for one in THREADS))
    return Table("two-phase speed-up by gas, medians", headings, tuple(rows))


def _all_blocks(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for block in blocks:
        figures = [_speedup(block, name, THREADS[-1]) for name in SHOWN]
        shares = [_conflicted(block, name) for name in SHOWN]
        rows.append((str(block.number), str(block.year), len(block.transactions), *shares, *figures))
    headings = ("block", "year", "txs", *(f"confl. {name} %" for name in SHOWN), *(f"{name}" for name in SHOWN))
    return Table(f"every block: conflicted transactions, and speed-up at p = {THREADS[-1]}", headings, tuple(rows))


def _sentence(by_year: dict[int, list[Executed]], speedups: dict[tuple[int, str], list[float]]) -> str:
    counts = ", ".join(f"{len(by_year.get(year, ()))} of {year}" for year in PUBLISHED)
    sizes = [mean(len(block.transactions) for block in by_year[year]) for year in PUBLISHED if year in by_year]
    large = f"and ours are large ({min(sizes):.0f} to {max(sizes):.0f} transactions on average)" if sizes else ""
    figures = [(name, [last[-1] for (_, one), last in speedups.items() if one == name]) for name in COMPARED]
    ranges = " and ".join(f"{min(years):.1f}x to {max(years):.1f}x by {name}" for name, years in figures if years)
    return (
        f"The paper sampled the whole chain, we have {counts} {large}; over all years the medians go from {ranges} at"
        f" p = {THREADS[-1]}."
    )


EXPERIMENT = Experiment(
    name="two-phase",
    title="Speculative execution in two phases, by year",
    question="How much does one speculative round bring, if all that conflict then run one after another?",
    published=tuple(
        Published(_what(year, name), text, SOURCE, figure, figure, "x")
        for year, (text, figure) in PUBLISHED.items()
        for name in COMPARED
    ),
    measure=measure,
)
