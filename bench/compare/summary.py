"""All blocks together: how fast each combination was, how often it won, how often it was slower than sequential."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean, median

from bench.compare.model import Combination, Comparison, Row


@dataclass(frozen=True, slots=True)
class Standing:
    """One combination over all blocks.

    `mean` and `median` are of its speed-ups, `total` is all sequential seconds over all of its own. `slower` counts
    blocks on which it was slower than sequential; `kept` those that the gate kept on the driver.
    """

    combination: Combination
    blocks: int
    mean: float
    median: float
    total: float
    won: int
    slower: int
    kept: int
    executions: int
    transactions: int


def standings(blocks: Sequence[Comparison]) -> tuple[Standing, ...]:
    """Return a line per combination, sequential first, in the order of the rows; none for no blocks."""
    if not blocks:
        return ()
    sequential = sum(block.sequential.seconds for block in blocks)
    lines = []
    for place, row in enumerate(blocks[0].rows):
        rows: list[Row] = [block.rows[place] for block in blocks]
        speedups = [one.speedup for one in rows]
        lines.append(
            Standing(
                combination=row.combination,
                blocks=len(rows),
                mean=fmean(speedups),
                median=median(speedups),
                total=sequential / sum(one.seconds for one in rows),
                won=sum(block.winner is one for block, one in zip(blocks, rows, strict=True)),
                slower=sum(speedup < 1 for speedup in speedups),
                kept=sum(one.kept for one in rows),
                executions=sum(one.executions for one in rows),
                transactions=sum(block.transactions for block in blocks),
            )
        )
    return tuple(lines)
