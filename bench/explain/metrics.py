"""Conflict and parallelism metrics under the field's names (experiments.md), from who is tied to whom."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from heapq import heapify, heappop, heappush

from bench.explain.causes import Causes
from bench.explain.model import CAP_WORKERS, ConflictMetrics, Makespan, Measure
from scheduler.access import Location, TxIndex
from scheduler.graph import DependencyGraph


def conflict_metrics(
    key_set: str,
    tied: Causes,
    gas: Sequence[int],
    seconds: Sequence[float],
    workers: Sequence[int] = CAP_WORKERS,
) -> ConflictMetrics:
    """Return a block's metrics by one key set; gas and seconds by transaction, all three of one length.

    Of a block without transactions every share and span is 0 and every cap 1.
    """
    graph, count = tied.graph(), len(gas)
    edges, longest = graph.edge_count(), graph.longest_chain()
    dependent = sum(map(_has_edge, graph.predecessors, graph.successors))
    span = Measure(longest, graph.critical_path(gas)[0], graph.critical_path(seconds)[0])
    return ConflictMetrics(
        key_set=key_set,
        isolated_share=_ratio(count - dependent, count),
        conflicted_share=_ratio(dependent, count),
        edges_all_pairs=tied.all_pairs,
        edges_last_writer=edges,
        average_degree=_ratio(2 * edges, count),
        giant_component_ratio=_ratio(max(map(len, graph.components()), default=0), count),
        hot_location_concentration=hot_location_concentration(tied),
        longest_chain_share=_ratio(longest, count),
        span=span,
        cap=Measure(_cap(count, span.transactions), _cap(sum(gas), span.gas), _cap(sum(seconds), span.seconds)),
        makespans=_makespans(graph, gas, seconds, span, workers),
    )


def hot_location_concentration(tied: Causes) -> float:
    """Return the share of (transaction, location) conflicts that the location with the most has; 0 without any.

    A transaction conflicts at a location if it is either end of an edge through it.
    """
    ends: set[tuple[TxIndex, Location]] = set()
    for index, ties in enumerate(tied.ties):
        for before, location in ties:
            ends.add((index, location))
            ends.add((before, location))
    counts = Counter(location for _, location in ends)
    return _ratio(max(counts.values(), default=0), len(ends))


def list_schedule(
    graph: DependencyGraph, weights: Sequence[float], workers: int, levels: Sequence[float] | None = None
) -> float:
    """Return when the last transaction ends if `workers` take, whenever one is free, the ready one with most behind it.

    A transaction is ready when all it waits for have ended; "most behind it" is the weight of the heaviest path that
    begins with it (the lower index first where two are alike): `levels`, where the caller has them. Nothing but the
    weights takes time.
    """
    urgent = graph.bottom_levels(weights) if levels is None else levels
    waiting = [len(before) for before in graph.predecessors]
    ready = [(-urgent[index], index) for index, count in enumerate(waiting) if not count]
    heapify(ready)
    running: list[tuple[float, TxIndex]] = []
    now = 0.0
    while ready or running:
        while ready and len(running) < workers:
            _, index = heappop(ready)
            heappush(running, (now + weights[index], index))
        now, index = heappop(running)
        for after in graph.successors[index]:
            waiting[after] -= 1
            if not waiting[after]:
                heappush(ready, (-urgent[after], after))
    return now


def _makespans(
    graph: DependencyGraph, gas: Sequence[int], seconds: Sequence[float], span: Measure, workers: Sequence[int]
) -> tuple[Makespan, ...]:
    work_gas, work_seconds = sum(gas), sum(seconds)
    gas_levels, second_levels = graph.bottom_levels(gas), graph.bottom_levels(seconds)
    found = []
    for one in workers:
        by_gas = list_schedule(graph, gas, one, gas_levels)
        by_seconds = list_schedule(graph, seconds, one, second_levels)
        found.append(
            Makespan(
                workers=one,
                seconds=by_seconds,
                gas=by_gas,
                to_bound_seconds=_cap(by_seconds, max(work_seconds / one, span.seconds)),
                to_bound_gas=_cap(by_gas, max(work_gas / one, span.gas)),
            )
        )
    return tuple(found)


def lower_bound(graph: DependencyGraph, weights: Sequence[float], workers: int) -> float:
    """Return max(work / workers, span), which no schedule can beat."""
    return max(sum(weights) / workers, graph.critical_path(weights)[0])


def _has_edge(predecessors: Sequence[TxIndex], successors: Sequence[TxIndex]) -> bool:
    return bool(predecessors or successors)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _cap(work: float, span: float) -> float:
    return work / span if span else 1.0
