"""Comparisons made by hand."""

from __future__ import annotations

from typing import Any

from bench.compare.model import Chain, Combination, Comparison, Row

SHORT_CHAIN = Chain(transactions=3, share=0.1, longest_transaction_share=0.05, levels=3, through="pool.total[USDC]")
LONG_CHAIN = Chain(transactions=40, share=0.8, longest_transaction_share=0.05, levels=40, through="pool.total[USDC]")
ONE_CHAIN = Chain(transactions=96, share=0.96, longest_transaction_share=0.05, levels=96, through="pool.total[USDC]")


def row(strategy: str, lists: str = "", backend: str = "process", ms: float = 100.0, **fields: Any) -> Row:
    """Return a row of 100 transactions whose sequential time is 100 ms, on two workers, each executed once."""
    bound = None if backend == "inline" else fields.pop("bound", 2.0)
    seconds = ms / 1e3
    made: dict[str, Any] = {"executions": 100, "conflicts": 0, "equal": True, "times": (seconds,)} | fields
    return Row(Combination(strategy, lists, backend), 2, seconds=seconds, speedup=100 / ms, bound=bound, **made)


def block(*rows: Row, chain: Chain = SHORT_CHAIN, **fields: Any) -> Comparison:
    """Return a block of 100 transactions with these rows under the sequential one."""
    sequential = row("sequential", backend="", ms=100.0, bound=1.0, times=fields.pop("times", (0.1,)))
    made: dict[str, Any] = {
        "number": 7,
        "label": "block 7",
        "fork": "Cancun",
        "transactions": 100,
        "gas_used": 2_000_000,
    } | fields
    return Comparison(chain=chain, rows=(sequential, *rows), **made)
