"""What a block would take on the workers, from what its transactions and the messages between are expected to take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from executor.access_lists import observed_sets
from executor.state import PreState
from executor.types import TransactionResult
from scheduler.access import TxIndex
from scheduler.batching import MessageCost, target
from scheduler.graph import DependencyGraph, build

_HOP = 3.0
"""What each further message of a chain takes, in messages: there, back, and the driver's turn before the next one."""
_LATE_END = 1 / 3
"""Part of a worker's share by which the last one ends late: times differ from what was expected of them, and running
side by side slows all (measured on 50 mainnet blocks; DESIGN.md)."""
_LATEST_END = 0.05
"""Seconds that this comes to at most: what a rare heavy transaction takes that begins as one of the last."""


class Chain(NamedTuple):
    """Transactions of which each waits for the one before it: their seconds in all, and how many they are."""

    seconds: float
    transactions: int


NO_CHAIN = Chain(0.0, 0)
"""Where nothing waits for anything: the best that a block can hope for."""


def heaviest_chain(graph: DependencyGraph, levels: Sequence[float]) -> Chain:
    """Return the heaviest path of a graph, by the seconds of the heaviest path that starts with each transaction."""
    ahead: Sequence[int] = range(len(levels))
    transactions, seconds = 0, max(levels, default=0.0)
    while ahead:
        ahead = graph.successors[max(ahead, key=levels.__getitem__)]
        transactions += 1
    return Chain(seconds, transactions)


def late_end(share: float) -> float:
    """Return the seconds by which the last worker ends late where each has `share` seconds to do."""
    return min(_LATE_END * share, _LATEST_END)


def shared_seconds(work: float, transactions: int, messages: float, message: MessageCost, workers: int) -> float:
    """Return how long the workers take for so much work if nothing waits for anything."""
    share = work / workers
    return share + late_end(share) + (transactions * message.per_transaction + messages * message.seconds) / workers


def chain_seconds(chain: Chain, work: float, message: MessageCost, workers: int) -> float:
    """Return how long a chain takes as one part of so much work: its transactions, its messages, and the waiting.

    Where a worker has two messages at a time, a chain that comes back finds another one before it at whatever worker
    it goes to. So it gets on at half the speed of a worker as long as there is other work, which the rest of them do.
    """
    if chain.transactions <= 1:
        return chain.seconds
    other = max(0.0, work - chain.seconds)
    waiting = min(chain.seconds, other / (2 * workers - 1))
    hops = chain_messages(chain, work, message.goal, workers) - 1
    return chain.seconds + waiting + chain.transactions * message.per_transaction + hops * _HOP * message.seconds


def chain_messages(chain: Chain, work: float, goal: float, workers: int) -> int:
    """Return in how many messages a chain goes to the workers; they become smaller towards the end of the work."""
    if not chain.seconds:
        return 0
    each, left, messages = chain.seconds / chain.transactions, chain.seconds, 0
    while left > 0 and messages < chain.transactions:
        left -= max(each, target(work * left / chain.seconds, workers, goal))
        messages += 1
    return messages


def chain_of_stale(
    stale: Iterable[TxIndex], results: Mapping[TxIndex, TransactionResult], pre_state: PreState
) -> tuple[float, float, int]:
    """Return the seconds of all stale results, those of their longest chain as observed, and its length.

    `results` are those of all transactions of the block.
    """
    again = [0.0] * len(results)
    for index in stale:
        again[index] = results[index].seconds
    graph = build(observed_sets([results[index] for index in range(len(again))], pre_state))
    span, path = graph.critical_path(again)
    return sum(again), span, sum(again[index] > 0 for index in path)
