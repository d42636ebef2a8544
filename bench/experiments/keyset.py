"""The cap of the speed-up by key set: one table for all blocks, the medians beside the published ones."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Executed, Settings
from bench.explain.model import KEY_SETS

SECOND_TRIAL = "median cap by gas, key set D, second trial"
PUBLISHED = {"A": 1.00, "B": 3.46, "C": 6.27, "D": 8.22, "S": 11.3}
SOURCE = "project's trial, semantics.md (53 blocks)"
LEAST = 50


def measure(settings: Settings) -> Findings:
    """Compute work / span of every block by gas and seconds; medians over those with at least 50 transactions."""
    blocks = list(settings.blocks())
    counted = settings.large_blocks(LEAST)
    medians = _medians(counted)
    by_name = {_what(name): by_gas for name, by_gas, _ in medians}
    return Findings(
        by_name | {SECOND_TRIAL: by_name[_what("D")]},
        (_summary(counted, medians), _all_blocks(blocks)),
        _sentence(medians, len(counted)),
        inputs=f"{len(blocks)} recorded blocks, {len(counted)} of them counted, one sequential execution each",
    )


def _what(name: str) -> str:
    return f"median cap by gas, key set {name}"


def _medians(blocks: Sequence[Executed]) -> list[tuple[str, float | None, float | None]]:
    return [
        (
            name,
            median(block.metrics[name].cap.gas for block in blocks) if blocks else None,
            median(block.metrics[name].cap.seconds for block in blocks) if blocks else None,
        )
        for name in KEY_SETS
    ]


def _summary(blocks: Sequence[Executed], medians: Sequence[tuple[str, float | None, float | None]]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name, by_gas, by_seconds in medians:
        caps = sorted(block.metrics[name].cap.gas for block in blocks)
        quarter = len(caps) // 4
        ends = (caps[0], caps[quarter], caps[-1 - quarter], caps[-1]) if caps else (None,) * 4
        rows.append((name, f"{PUBLISHED[name]:.2f}", by_gas, by_seconds, *ends))
    return Table(
        f"speed-up cap (work / span), blocks with at least {LEAST} transactions",
        ("key set", "published", "median, gas", "median, s", "least, gas", "lower quarter", "upper quarter", "most"),
        tuple(rows),
    )


def _all_blocks(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for block in blocks:
        caps = [block.metrics[name].cap for name in KEY_SETS]
        count = len(block.transactions)
        rows.append((str(block.number), block.capsule.block.fork, count, *(cap.gas for cap in caps), caps[3].seconds))
    headings = ("block", "fork", "txs", *(f"{name}, gas" for name in KEY_SETS), "D, s")
    return Table("every block", headings, tuple(rows))


def _sentence(medians: Sequence[tuple[str, float | None, float | None]], count: int) -> str:
    apart = {name: by_gas / PUBLISHED[name] - 1 for name, by_gas, _ in medians if by_gas is not None}
    if not apart:
        return "No block has enough transactions."
    worst = max(apart, key=lambda name: abs(apart[name]))
    return (
        f"Over {count} blocks the order A < B < C < D < S {'holds' if _rising(medians) else 'does NOT hold'}; furthest"
        f" from the published median is {worst} ({100 * apart[worst]:+.1f} %). Those were taken over 53 blocks, not all"
        " of them among ours, with an earlier recorder."
    )


def _rising(medians: Sequence[tuple[str, float | None, float | None]]) -> bool:
    caps = [by_gas or 0.0 for _, by_gas, _ in medians]
    return all(lower < upper for lower, upper in pairwise(caps))


EXPERIMENT = Experiment(
    name="keyset",
    title="Speed-up caps by key set",
    question="How much does the cap depend on what is counted as a conflict?",
    published=(
        *(Published(_what(name), f"{cap:.2f}", SOURCE, cap, cap, "x") for name, cap in PUBLISHED.items()),
        Published(SECOND_TRIAL, "9.7", "project's second trial, semantics.md (50 blocks)", 9.7, 9.7, "x"),
    ),
    measure=measure,
)
