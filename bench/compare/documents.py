"""A comparison for programs: the JSON document and the CSV rows."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.compare.model import Comparison, Row
from bench.compare.summary import standings
from bench.compare.verdict import verdict
from bench.measure import machine

FORMAT = "parallel-evm-compare/1"


def comparison_document(blocks: Sequence[Comparison], repeat: int, *, gate: bool) -> dict[str, Any]:
    """Return what `--json` prints; seconds, and shares from 0 to 1."""
    return {
        "format": FORMAT,
        "ok": all(block.ok for block in blocks),
        "repeat": repeat,
        "gate": gate,
        "blocks": [_block(block) for block in blocks],
        "summary": [
            asdict(line) | {"combination": line.combination.name} for line in standings(blocks)
        ],
        "machine": machine(),
    }  # fmt: skip


def _block(block: Comparison) -> dict[str, Any]:
    winner = block.winner
    return {
        "number": block.number,
        "label": block.label,
        "fork": block.fork,
        "transactions": block.transactions,
        "gas_used": block.gas_used,
        "processor_share": block.processor_share,
        "header_ok": block.header_ok,
        "problems": list(block.problems),
        "chain": asdict(block.chain),
        "winner": None if winner is None else winner.combination.name,
        "verdict": verdict(block),
        "rows": [_row(row) for row in block.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    fields = asdict(row)
    del fields["combination"]
    return asdict(row.combination) | fields | {"share_of_bound": row.share_of_bound}


def comparison_csv(blocks: Sequence[Comparison]) -> str:
    """Return a line per block and combination under a line of names.

    `block_number`, `transaction_count`, `gas_used` and `total_latency` (here with its unit, microseconds) are named
    as reth-bench and cryo name them; nothing stands where a value does not exist.
    """
    lines = [_fields(block, row) for block in blocks for row in block.rows]
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(lines[0]) if lines else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue()


def _fields(block: Comparison, row: Row) -> dict[str, object]:
    one = row.combination
    return {
        "block_number": block.number,
        "block_label": block.label,
        "fork": block.fork,
        "transaction_count": block.transactions,
        "gas_used": block.gas_used,
        "strategy": one.strategy,
        "access_lists": one.access_lists,
        "backend": one.backend,
        "workers": row.workers,
        "repetitions": len(row.times),
        "total_latency_us": round(row.seconds * 1e6),
        "min_latency_us": round(min(row.times) * 1e6),
        "max_latency_us": round(max(row.times) * 1e6),
        "speedup": round(row.speedup, 4),
        "gas_per_second": round(block.gas_used / row.seconds),
        "transactions_per_second": round(block.transactions / row.seconds, 2),
        "executions": row.executions,
        "conflicts": row.conflicts,
        "bound": "" if row.bound is None else round(row.bound, 4),
        "share_of_bound": "" if row.share_of_bound is None else round(row.share_of_bound, 4),
        "gate": row.gate,
        "gate_reason": row.gate_reason,
        "equal_to_sequential": str(row.equal).lower(),
        "won": str(row is block.winner).lower(),
    }
