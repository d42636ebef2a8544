"""Two phases (Saraph, Herlihy 2019): all at once, then those that met a conflict again, one after another.

Phase one gives all n transactions of a block to p threads, each the first free one in block order. A transaction that
reads what an earlier one wrote has seen the wrong value: it is thrown away and runs in phase two, after phase one, one
at a time and in block order. Time is the makespan of phase one (wasted runs included) and the sum of phase two;
speed-up is work / time. Threads cost nothing, conflicts are found for free: a model, as in the paper.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.scheduling import makespan_in_order
from bench.experiments.settings import Executed, Settings
from scheduler.graph import DependencyGraph, build

THREADS = (16, 32, 64)
SOURCE = "Saraph, Herlihy 2019, arXiv 1901.01376"
IN_2016 = "median speed-up of 2016, 64 threads"
IN_2017 = "median speed-up of 2017, 64 threads"
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
    by_year: dict[int, list[tuple[Executed, DependencyGraph]]] = {}
    for block in settings.large_blocks(LEAST):
        by_year.setdefault(block.year, []).append((block, build(block.sets)))
    rows = [_year_row(year, by_year[year]) for year in sorted(by_year)]
    medians = {int(str(row[0])): row[-1] for row in rows}
    return Findings(
        {IN_2016: _number(medians.get(2016)), IN_2017: _number(medians.get(2017))},
        (
            Table(
                f"two-phase speed-up by gas, median over blocks with at least {LEAST} transactions",
                ("year", "blocks", "transactions", "conflicted", *(f"p = {threads}" for threads in THREADS)),
                tuple(rows),
            ),
        ),
        _sentence(rows),
        inputs=f"{sum(map(len, by_year.values()))} recorded blocks, key set D",
    )


def _year_row(year: int, blocks: Sequence[tuple[Executed, DependencyGraph]]) -> tuple[Cell, ...]:
    shares = [sum(map(bool, graph.predecessors)) / len(graph.predecessors) for _, graph in blocks]
    speedups = [median(two_phase_speedup(graph, block.gas, threads) for block, graph in blocks) for threads in THREADS]
    sizes = mean(len(block.transactions) for block, _ in blocks)
    return year, len(blocks), sizes, f"{100 * median(shares):.0f} %", *speedups


def _number(cell: Cell) -> float | None:
    return float(cell) if isinstance(cell, int | float) else None


def _sentence(rows: Sequence[tuple[Cell, ...]]) -> str:
    years = ", ".join(f"{row[0]} {row[-1]:.2f}x" for row in rows)
    return f"At 64 threads: {years}; a year is few blocks here, where the paper sampled the whole chain."


EXPERIMENT = Experiment(
    name="two-phase",
    title="Speculative execution in two phases, by year",
    question="How much does one speculative round bring, if all that conflict then run one after another?",
    published=(
        Published(IN_2016, "about 8x", SOURCE, 8.0, 8.0, "x"),
        Published(IN_2017, "about 2x (end of 2017)", SOURCE, 2.0, 2.0, "x"),
    ),
    measure=measure,
)
