"""The shortest schedule by branch and bound, against every order there is and cases known by hand."""

from __future__ import annotations

from itertools import permutations
from random import Random

import pytest

from bench.experiments.optimum import shortest_makespan
from bench.explain.causes import graph_of
from bench.explain.metrics import list_schedule, lower_bound


def by_every_order(predecessors: list[tuple[int, ...]], weights: list[float], workers: int) -> float:
    """Return the least makespan over all orders, each transaction on the worker that is free first."""
    best = float("inf")
    for order in permutations(range(len(weights))):
        free = [0.0] * workers
        ends: dict[int, float] = {}
        for index in order:
            if any(one not in ends for one in predecessors[index]):
                break
            free.sort()
            ends[index] = max([free[0], *(ends[one] for one in predecessors[index])]) + weights[index]
            free[0] = ends[index]
        else:
            best = min(best, max(free))
    return best


@pytest.mark.parametrize("seed", range(40))
def test_it_is_the_best_of_all_orders(seed: int) -> None:
    chance = Random(seed)
    count = chance.randint(2, 6)
    predecessors = [tuple(one for one in range(index) if chance.random() < 0.3) for index in range(count)]
    weights = [float(chance.randint(1, 12)) for _ in range(count)]
    for workers in (2, 3):
        found = shortest_makespan(graph_of(predecessors), weights, workers)
        assert found == pytest.approx(by_every_order(predecessors, weights, workers))


def test_list_scheduling_by_the_heaviest_path_is_not_always_the_best() -> None:
    """Longest first on two workers: 5 + 3 + 3 beside 4 + 3; best is 5 + 4 beside 3 + 3 + 3."""
    graph = graph_of([()] * 5)
    weights = [5.0, 4.0, 3.0, 3.0, 3.0]
    assert list_schedule(graph, weights, 2) == 10.0
    assert shortest_makespan(graph, weights, 2) == 9.0


def test_a_worker_may_wait_on_purpose() -> None:
    """Of three workers two take short work; better one of them waits for the second long transaction behind 0."""
    predecessors = [(), (0,), (0,), (), ()]
    weights = [1.0, 10.0, 10.0, 2.0, 2.0]
    assert shortest_makespan(graph_of(predecessors), weights, 3) == 11.0
    assert by_every_order(predecessors, weights, 3) == 11.0


def test_it_is_never_below_the_bound_nor_above_list_scheduling() -> None:
    chance = Random(6)
    for _ in range(8):
        predecessors = [tuple(one for one in range(index) if chance.random() < 0.2) for index in range(10)]
        weights = [float(chance.randint(1, 99)) for _ in range(10)]
        graph = graph_of(predecessors)
        found = shortest_makespan(graph, weights, 3)
        assert found is not None
        assert lower_bound(graph, weights, 3) <= found * (1 + 1e-9)
        assert found <= list_schedule(graph, weights, 3)


def test_a_search_that_takes_too_long_is_cut_short() -> None:
    graph = graph_of([()] * 5)
    assert shortest_makespan(graph, [5.0, 4.0, 3.0, 3.0, 3.0], 2, most_steps=1) is None
    assert shortest_makespan(graph, [1.0] * 4 + [2.0], 2, most_steps=0) == 3.0  # list scheduling meets the bound
