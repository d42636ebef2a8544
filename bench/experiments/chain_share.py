"""The longest chain's share of a block, and how many blocks are mostly independent (Anjana, Ravi, Herlihy 2025).

A transaction is independent if it has no edge (`isolated share`). The source counts conflicts on accounts and storage,
which lies nearest to key set B (balances read-modify-write, but for fees); all five are shown.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Executed, Settings
from bench.explain.model import KEY_SETS

SOURCE = "Anjana, Ravi, Herlihy 2025, arXiv 2505.05358"
CHAIN = "longest chain / n, mean, key set {}"
INDEPENDENT = "blocks with > 50 % independent, key set {}"
PUBLISHED_CHAIN = 18.0
COMPARED = ("B", "S")
LEAST = 10
"""In smaller blocks one pair of transactions is already a long chain."""


def measure(settings: Settings) -> Findings:
    """Compute both for every key set over blocks with at least ten transactions."""
    blocks = settings.large_blocks(LEAST)
    measured: dict[str, float | None] = {}
    for name in COMPARED:
        measured[CHAIN.format(name)] = 100 * mean(_chains(blocks, name)) if blocks else None
        measured[INDEPENDENT.format(name)] = 100 * mostly_independent(_isolated(blocks, name)) if blocks else None
    return Findings(
        measured,
        (_by_key_set(blocks), _all_blocks(blocks)),
        _sentence(measured, len(blocks)),
        inputs=f"{len(blocks)} recorded blocks with at least {LEAST} transactions",
    )


def mostly_independent(shares: Sequence[float]) -> float:
    """Return the share of blocks of whose transactions more than half are independent.

    >>> mostly_independent([0.5, 0.6, 0.9, 0.1])
    0.5
    """
    return sum(share > 0.5 for share in shares) / len(shares)


def _chains(blocks: Sequence[Executed], name: str) -> list[float]:
    return [block.metrics[name].longest_chain_share for block in blocks]


def _isolated(blocks: Sequence[Executed], name: str) -> list[float]:
    return [block.metrics[name].isolated_share for block in blocks]


def _by_key_set(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for name in KEY_SETS if blocks else ():
        chains, isolated = _chains(blocks, name), _isolated(blocks, name)
        shares = (mean(chains), median(chains), median(isolated), mostly_independent(isolated))
        rows.append((name, *(100 * share for share in shares)))
    headings = ("key set", "chain, mean %", "chain, median %", "isolated, median %", "blocks > 50 % isolated, %")
    return Table("by key set", headings, tuple(rows), digits=1)


def _all_blocks(blocks: Sequence[Executed]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (
            str(block.number),
            str(block.year),
            len(block.transactions),
            *(100 * block.metrics[name].longest_chain_share for name in KEY_SETS),
            *(100 * block.metrics[name].isolated_share for name in COMPARED),
        )
        for block in blocks
    ]
    headings = (
        "block",
        "year",
        "txs",
        *(f"chain {name} %" for name in KEY_SETS),
        *(f"isolated {name} %" for name in COMPARED),
    )
    return Table("every block", headings, tuple(rows), digits=1)


def _sentence(measured: dict[str, float | None], count: int) -> str:
    chain, independent = measured[CHAIN.format("B")], measured[INDEPENDENT.format("B")]
    storage, apart = measured[CHAIN.format("S")], measured[INDEPENDENT.format("S")]
    if chain is None or independent is None or storage is None or apart is None:
        return "No block has enough transactions."
    between = "lies between them" if storage <= PUBLISHED_CHAIN <= chain else "does not lie between them"
    return (
        f"Over {count} blocks the longest chain is {chain:.0f} % of a block by key set B and {storage:.0f} % by storage"
        f" alone, and {independent:.0f} % of them are mostly independent by B, {apart:.0f} % by storage; the published"
        f" chain of {PUBLISHED_CHAIN:.0f} % {between}, and says not exactly what it counts as a conflict."
    )


EXPERIMENT = Experiment(
    name="chain-share",
    title="Longest chain and independent transactions",
    question="How long is the longest chain of a block, and are most transactions independent?",
    published=tuple(
        one
        for name in COMPARED
        for one in (
            Published(CHAIN.format(name), "about 18 %", SOURCE, PUBLISHED_CHAIN, PUBLISHED_CHAIN, "%"),
            Published(INDEPENDENT.format(name), "> 50 %", SOURCE, 50.0, None, "%"),
        )
    ),
    measure=measure,
)
