"""The flat engine against py-evm as shipped: both sequential, both with coincurve, in turn on the same block.

What is timed differs in our disfavour: the flat engine's span holds decoding and the receipts root, py-evm's
only `apply_all_transactions`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from statistics import geometric_mean, median
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import machine
from bench.pyevm_baseline import run_as_shipped
from executor.capsule import Capsule
from executor.forks import FORKS, fork_rules
from executor.sequential import execute_sequential

COUNTED_FROM = "Byzantium"
COUNTED_TRANSACTIONS = 50


@dataclass(frozen=True, slots=True)
class EngineRow:
    """One block on both engines: medians in seconds; `counted` rows enter the geometric mean."""

    number: int
    fork: str
    transactions: int
    gas_used: int
    same_gas: bool
    shipped_seconds: float
    flat_seconds: float
    ratio: float
    counted: bool


def compare_engines(capsules: Sequence[Capsule], repeat: int) -> Iterator[EngineRow]:
    """Yield a row per capsule, each engine run `repeat` times in turn."""
    for capsule in capsules:
        yield _compare(capsule, repeat)


def _compare(capsule: Capsule, repeat: int) -> EngineRow:
    block, pre_state = capsule.block, capsule.pre_state
    shipped, flat = [], []
    for _ in range(repeat):
        shipped.append(run_as_shipped(block, pre_state))
        flat.append(execute_sequential(block, pre_state))
    shipped_seconds = median(one.seconds for one in shipped)
    flat_seconds = median(one.stats.seconds for one in flat)
    return EngineRow(
        number=block.header.number,
        fork=block.fork,
        transactions=len(block.transactions),
        gas_used=flat[0].gas_used,
        same_gas=shipped[0].gas_used == flat[0].gas_used,
        shipped_seconds=shipped_seconds,
        flat_seconds=flat_seconds,
        ratio=shipped_seconds / flat_seconds if flat_seconds else 1.0,
        counted=_counted(block.fork, len(block.transactions)),
    )


def _counted(fork: str, transactions: int) -> bool:
    order = [rules.name for rules in FORKS]
    late_enough = order.index(fork_rules(fork).name) >= order.index(COUNTED_FROM)
    return late_enough and transactions >= COUNTED_TRANSACTIONS


def summary(rows: Sequence[EngineRow]) -> dict[str, float | int | None]:
    """Return the geometric mean and the extremes of the counted rows."""
    ratios = [row.ratio for row in rows if row.counted]
    return {
        "counted": len(ratios),
        "geometric_mean": geometric_mean(ratios) if ratios else None,
        "least": min(ratios, default=None),
        "most": max(ratios, default=None),
    }


def engine_document(rows: Sequence[EngineRow]) -> dict[str, Any]:
    """Return what `--json` prints."""
    return {"rows": [asdict(row) for row in rows], "summary": summary(rows), "machine": machine()}


def show_engines(console: Console, rows: Sequence[EngineRow]) -> None:
    """Print every row, slow ones too, and the geometric mean."""
    table = Table(title="flat engine against py-evm as shipped, sequential, one core", title_justify="left")
    for heading in ("block", "fork", "txs", "Mgas", "py-evm ms", "flat ms", "ratio", "same gas"):
        table.add_column(heading, justify="left" if heading in {"block", "fork"} else "right")
    for row in rows:
        cells = (str(row.number), row.fork, str(row.transactions), f"{row.gas_used / 1e6:.2f}",
                 f"{row.shipped_seconds * 1e3:.0f}", f"{row.flat_seconds * 1e3:.0f}",
                 f"{row.ratio:.2f}x", "yes" if row.same_gas else "NO")  # fmt: skip
        table.add_row(*cells, style=None if row.counted else "dim")
    console.print(table)
    means = summary(rows)
    if means["counted"]:
        console.print(
            f"geometric mean {means['geometric_mean']:.2f}x, least {means['least']:.2f}x, most"
            f" {means['most']:.2f}x over {means['counted']} blocks from {COUNTED_FROM} on with at least"
            f" {COUNTED_TRANSACTIONS} transactions"
        )
