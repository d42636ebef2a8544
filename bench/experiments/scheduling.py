"""Makespans without a graph: what experiments need beside the list scheduling of bench.explain."""

from __future__ import annotations

from collections.abc import Iterable
from heapq import heapify, heapreplace


def makespan_in_order(weights: Iterable[float], threads: int) -> float:
    """Return when the last of independent transactions ends, each on the first free thread in the order given.

    >>> makespan_in_order([3, 1, 1, 3], 2)
    5.0
    """
    free = [0.0] * threads
    heapify(free)
    for weight in weights:
        heapreplace(free, free[0] + weight)
    return max(free)
