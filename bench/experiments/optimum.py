"""The shortest schedule of a few transactions, by branch and bound: what list scheduling is measured against."""

from __future__ import annotations

from collections.abc import Sequence

from bench.explain.metrics import list_schedule, lower_bound
from scheduler.graph import DependencyGraph

MOST_STEPS = 60_000
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
    search = _Search(graph, weights, best, max(lower_bound(graph, weights, workers), crowding(weights, workers)))
    search.steps = most_steps
    try:
        search.extend([0.0] * workers, {}, 0.0, sum(weights))
    except _GaveUp:
        return None
    return search.best


def crowding(weights: Sequence[float], workers: int) -> float:
    """Return what some worker must take at least: of the k p + 1 largest transactions it gets k + 1, for every k.

    >>> crowding([5, 5, 4, 3], 2), crowding([5, 5, 4, 3], 4)
    (9, 5)
    """
    largest = sorted(weights, reverse=True)
    fulls = range((len(largest) - 1) // workers + 1 if largest else 0)
    return max((sum(largest[full * (workers - 1) : full * workers + 1]) for full in fulls), default=0)


def _earlier_twins(graph: DependencyGraph, weights: Sequence[float]) -> list[frozenset[int]]:
    """Return for each transaction the earlier ones with the same weight and edges: it may as well start after them."""
    kinds = list(zip(weights, graph.predecessors, graph.successors, strict=True))
    return [frozenset(one for one in range(index) if kinds[one] == kinds[index]) for index in range(len(kinds))]


class _Search:
    """Depth-first search over the orders of starts; `best` is the least makespan so far, none is below `bound`."""

    def __init__(self, graph: DependencyGraph, weights: Sequence[float], best: float, bound: float) -> None:
        self.best = best
        self.steps = MOST_STEPS
        self._enough = bound * _ROUNDING
        self._graph = graph
        self._weights = weights
        self._levels = graph.bottom_levels(weights)
        self._twins = _earlier_twins(graph, weights)
        self._seen: set[tuple[frozenset[int], tuple[float, ...], tuple[float, ...]]] = set()

    def extend(self, free: list[float], ends: dict[int, float], started: float, left: float) -> None:
        """Place the next transaction in every way; `free` is when each worker is, `ends` of what is placed."""
        if len(ends) == len(self._weights):
            self.best = min(self.best, max(free))
            return
        if self.best <= self._enough:
            return
        self.steps -= 1
        if self.steps < 0:
            raise _GaveUp
        usable = sum(max(one, started) for one in free)
        if (usable + left) / len(free) * _ROUNDING >= self.best or self._is_known(free, ends, started):
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

    def _is_known(self, free: list[float], ends: dict[int, float], started: float) -> bool:
        """Return whether the same has been placed before, with the same workers free and the same ends that matter."""
        pending = tuple(end for index, end in sorted(ends.items()) if not self._is_past(index, ends))
        state = (frozenset(ends), (started, *sorted(max(one, started) for one in free)), pending)
        if state in self._seen:
            return True
        self._seen.add(state)
        return False

    def _is_past(self, index: int, ends: dict[int, float]) -> bool:
        return all(after in ends for after in self._graph.successors[index])
