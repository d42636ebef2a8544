"""The shortest schedule of a few transactions, by branch and bound: what list scheduling is measured against."""

from __future__ import annotations

from collections.abc import Sequence

from bench.explain.metrics import list_schedule, lower_bound
from scheduler.graph import DependencyGraph

MOST_STEPS = 50_000
"""Partial schedules looked at before the search gives up."""
_ROUNDING = 1 + 1e-9


class _GaveUp(Exception):  # noqa: N818 - no error: the search was cut short
    """More partial schedules than the limit."""


def shortest_makespan(
    graph: DependencyGraph, weights: Sequence[float], workers: int, most_steps: int = MOST_STEPS
) -> float | None:
    """Return the least time in which `workers` can finish, None where the search was cut short.

    Transactions are placed in the order in which they start, each as early as it can after those placed before it, on
    the worker that has been idle the shortest while of those free by then. Some optimal schedule has this form, also
    one in which a worker waits on purpose for an urgent transaction: sort it by start, and placing in that order never
    starts anything later. So all orders are searched, and an order is left as soon as its bound (the heaviest path
    behind what is placed; the work left over all workers) is not below the best time known.
    """
    best = list_schedule(graph, weights, workers)
    if best <= lower_bound(graph, weights, workers) * _ROUNDING:
        return best
    search = _Search(graph, weights, best, most_steps)
    try:
        search.extend([0.0] * workers, {}, 0.0, sum(weights))
    except _GaveUp:
        return None
    return search.best


def _earlier_twins(graph: DependencyGraph, weights: Sequence[float]) -> list[frozenset[int]]:
    """Return for each transaction the earlier ones with the same weight and edges: it may as well start after them."""
    kinds = list(zip(weights, graph.predecessors, graph.successors, strict=True))
    return [frozenset(one for one in range(index) if kinds[one] == kinds[index]) for index in range(len(kinds))]


class _Search:
    """Depth-first search over the orders of starts; `best` is the least makespan found so far."""

    def __init__(self, graph: DependencyGraph, weights: Sequence[float], best: float, most_steps: int) -> None:
        self.best = best
        self._graph = graph
        self._weights = weights
        self._levels = graph.bottom_levels(weights)
        self._twins = _earlier_twins(graph, weights)
        self._steps = most_steps
        self._seen: set[tuple[frozenset[int], tuple[float, ...], tuple[float, ...]]] = set()

    def extend(self, free: list[float], ends: dict[int, float], started: float, left: float) -> None:
        """Place the next transaction in every way; `free` is when each worker is, `ends` of what is placed."""
        if len(ends) == len(self._weights):
            self.best = min(self.best, max(free))
            return
        self._steps -= 1
        if self._steps < 0:
            raise _GaveUp
        usable = sum(max(one, started) for one in free)
        if (usable + left) / len(free) * _ROUNDING >= self.best or self._is_known(free, ends):
            return
        for start, index in self._choices(free, ends, started):
            if (start + self._levels[index]) * _ROUNDING >= self.best:
                continue
            placed = sorted(free)
            worker = max(one for one, at in enumerate(placed) if at <= start)
            placed[worker] = start + self._weights[index]
            self.extend(placed, ends | {index: placed[worker]}, start, left - self._weights[index])

    def _choices(self, free: list[float], ends: dict[int, float], started: float) -> list[tuple[float, int]]:
        """Return (start, transaction) of all that may come next, the most urgent first."""
        earliest = max(min(free), started)
        choices = [
            (max([earliest, *(ends[one] for one in before)]), index)
            for index, before in enumerate(self._graph.predecessors)
            if index not in ends and all(one in ends for one in before) and self._twins[index] <= ends.keys()
        ]
        return sorted(choices, key=lambda choice: (-self._levels[choice[1]], choice))

    def _is_known(self, free: list[float], ends: dict[int, float]) -> bool:
        """Return whether the same has been placed with the same workers free and the same ends that still matter."""
        pending = tuple(end for index, end in sorted(ends.items()) if not self._is_past(index, ends))
        state = (frozenset(ends), tuple(sorted(free)), pending)
        if state in self._seen:
            return True
        self._seen.add(state)
        return False

    def _is_past(self, index: int, ends: dict[int, float]) -> bool:
        return all(after in ends for after in self._graph.successors[index])
