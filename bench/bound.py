"""What a block itself allows: the longest chain of real dependencies, and the speed-up it caps."""

from __future__ import annotations

from dataclasses import dataclass

from executor.access_lists import observed_sets
from executor.state import PreState
from executor.types import BlockResult
from scheduler.graph import build


@dataclass(frozen=True, slots=True)
class Bound:
    """Critical path in transactions, gas and measured seconds, and the cap of the speed-up that follows.

    `speedup_unlimited` is work / span in seconds; `longest_transaction_share` the longest transaction's part
    of all seconds, which no schedule can split. `dependent_transactions` read what an earlier one wrote.
    """

    critical_path_transactions: int
    critical_path_gas: int
    critical_path_seconds: float
    speedup_at_workers: float
    speedup_unlimited: float
    longest_transaction_share: float
    dependent_transactions: int


def block_bound(result: BlockResult, pre_state: PreState, workers: int) -> Bound:
    """Return the bound of an executed block for a number of workers, by what its transactions touched.

    Edges are of key set D: fees, blind credits, bounds that every order satisfies and the sender's nonce make
    none (semantics.md, Key sets).
    """
    transactions = result.transactions
    graph = build(observed_sets(transactions, pre_state))
    gas = [transaction.gas_used for transaction in transactions]
    seconds = [transaction.seconds for transaction in transactions]
    work, span = sum(seconds), graph.critical_path(seconds)[0]
    unlimited = work / span if span else 1.0
    return Bound(
        critical_path_transactions=graph.longest_chain(),
        critical_path_gas=int(graph.critical_path(gas)[0]),
        critical_path_seconds=span,
        speedup_at_workers=min(float(workers), unlimited),
        speedup_unlimited=unlimited,
        longest_transaction_share=max(seconds, default=0.0) / work if work else 0.0,
        dependent_transactions=sum(map(bool, graph.predecessors)),
    )
