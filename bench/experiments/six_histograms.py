"""Six histograms of dependency graphs by storage alone (Wahrstatter 2025), of blocks from Paris on.

There, an edge goes from every transaction that writes a slot to every later one that reads or writes it. A store reads
its slot, so reads cover both, and `edges, all pairs` counts the same edges; key set S. The degree is 2 x edges / n;
given for both counts of edges, as the source does not say whether implied edges are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.experiments.histogram import histogram
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Executed, Settings
from bench.explain.model import ConflictMetrics

PARIS = 15_537_394
SOURCE = "Wahrstatter 2025, ethresear.ch 22150"
ISOLATED, CHAIN, CAP, DEGREE = (
    "isolated share, median",
    "longest chain, median",
    "work / span by gas, median",
    "average degree, median",
)


def measure(settings: Settings) -> Findings:
    """Take the metrics of key set S and draw them."""
    blocks = [block for block in settings.large_blocks(2) if settings.quick or block.number >= PARIS]
    storage = [block.metrics["S"] for block in blocks]
    measured = {
        ISOLATED: _median([100 * one.isolated_share for one in storage]),
        CHAIN: _median([one.span.transactions for one in storage]),
        CAP: _median([one.cap.gas for one in storage]),
        DEGREE: _median([one.average_degree for one in storage]),
    }
    return Findings(
        measured,
        (_table(blocks),),
        _sentence(storage),
        inputs=f"{len(blocks)} recorded blocks {'(quick)' if settings.quick else 'from Paris on'}, key set S",
        drawings=tuple(_drawings(storage)),
    )


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _drawings(storage: Sequence[ConflictMetrics]) -> list[str]:
    return [
        histogram("isolated share, %", [100 * one.isolated_share for one in storage], range(20, 100, 20)),
        histogram("longest chain, transactions", [one.span.transactions for one in storage], (5, 10, 20, 40, 80)),
        histogram("work / span by gas", [one.cap.gas for one in storage], (2, 5, 10, 20, 40)),
        histogram("average degree", [one.average_degree for one in storage], (0.1, 0.3, 0.6, 1.2, 2.4), 1),
        histogram("largest component, % of n", [100 * one.giant_component_ratio for one in storage], range(10, 60, 10)),
        histogram("edges per transaction, all pairs", [_edges(one) for one in storage], (0.3, 1, 3, 10, 30), 1),
    ]


def _edges(one: ConflictMetrics) -> float:
    """Return edges of all pairs per transaction: the degree says how many transactions there are."""
    count = 2 * one.edges_last_writer / one.average_degree if one.average_degree else 0.0
    return one.edges_all_pairs / count if count else 0.0


def _table(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for block in blocks:
        one, count = block.metrics["S"], len(block.transactions)
        rows.append((
            str(block.number), count, 100 * one.isolated_share, int(one.span.transactions), one.cap.gas,
            one.average_degree, 2 * one.edges_all_pairs / count, 100 * one.giant_component_ratio,
        ))  # fmt: skip
    headings = ("block", "txs", "isolated %", "chain", "work / span", "degree", "degree, all pairs", "largest comp. %")
    return Table("every block, by storage alone", headings, tuple(rows))


def _sentence(storage: Sequence[ConflictMetrics]) -> str:
    if not storage:
        return "No block to measure."
    short = sum(one.span.transactions < 10 for one in storage)
    above = sum(one.cap.gas > 10 for one in storage)
    inside = sum(0.6 <= one.isolated_share <= 0.8 for one in storage)
    return (
        f"Of {len(storage)} blocks {inside} have 60-80 % isolated transactions, {short} chains below 10 and {above}"
        " work / span above 10; the source averages 40 843 consecutive blocks of spring 2025, ours were"
        " chosen one by one."
    )


EXPERIMENT = Experiment(
    name="six-histograms",
    title="Six histograms of dependencies by storage alone",
    question="How entangled are blocks since Paris, if only storage slots count?",
    published=(
        Published(ISOLATED, "60-80 % (average)", SOURCE, 60.0, 80.0, "%"),
        Published(CHAIN, "< 10", SOURCE, None, 10.0),
        Published(CAP, "> 10", SOURCE, 10.0, None, "x"),
        Published(DEGREE, "0.3", SOURCE, 0.3, 0.3),
    ),
    measure=measure,
)
