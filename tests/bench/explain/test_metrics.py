"""Causes and metrics: graphs whose figures are known, and any block against a naive count."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bench.explain.causes import causes, graph_of
from bench.explain.metrics import conflict_metrics, hot_location_concentration, list_schedule, lower_bound
from scheduler.access import BALANCE, STORAGE, AccessSet, Location
from scheduler.graph import build
from tests.scheduler.strategies import access_sets
from tests.scheduler.test_graph import naive_predecessors

TOKEN, POOL = b"\x01" * 20, b"\x02" * 20
X, Y = (TOKEN, STORAGE, 1), (TOKEN, STORAGE, 2)
blocks = st.lists(access_sets, max_size=12)
weights = st.lists(st.integers(min_value=1, max_value=50), min_size=12, max_size=12)


def updates(*locations: Location) -> AccessSet:
    """Return a transaction that reads and writes these locations."""
    return AccessSet(frozenset(locations), frozenset(locations))


def all_pairs(block: Sequence[AccessSet]) -> int:
    """Count (writer, later reader) pairs one by one."""
    return sum(
        any(_writes(block[before], location) for location in block[after].reads)
        for after in range(len(block))
        for before in range(after)
    )


def _writes(access: AccessSet, location: Location) -> bool:
    address, kind, _ = location
    changes = kind == BALANCE and address in access.deltas
    return location in access.writes or changes or (kind == STORAGE and address in access.clears)


@settings(max_examples=40)
@given(blocks)
def test_causes_are_the_edges_of_the_graph_and_more_pairs(block: list[AccessSet]) -> None:
    found = causes(block)
    assert found.graph() == build(block)
    assert found.all_pairs == all_pairs(block)


@settings(max_examples=40)
@given(blocks)
def test_each_tie_is_a_location_that_one_writes_and_the_other_reads(block: list[AccessSet]) -> None:
    for after, ties in enumerate(causes(block).ties):
        for before, location in ties:
            assert before in naive_predecessors([*block[:after], AccessSet(frozenset({location}))], after)
            assert location in block[after].reads
            assert _writes(block[before], location)


@settings(max_examples=40)
@given(blocks, st.sets(st.integers(min_value=0, max_value=5)))
def test_without_a_location_its_edges_alone_are_gone(block: list[AccessSet], chosen: set[int]) -> None:
    locations = sorted({location for access in block for location in access.reads})
    gone = {location for place, location in enumerate(locations) if place in chosen}
    kept = [AccessSet(one.reads - gone, one.writes, one.deltas, one.clears) for one in block]
    assert causes(block).predecessors(gone) == list(build(kept).predecessors)


def test_locations_between_two_transactions_are_all_named() -> None:
    found = causes([updates(X, Y), updates(Y), updates(X, Y)])
    assert found.through(0, 2) == (X,)
    assert found.through(1, 2) == (Y,)
    assert found.through(0, 1) == (Y,)
    assert found.predecessors({Y}) == [(), (), (0,)]


def test_metrics_of_a_known_block() -> None:
    tied = causes([updates(X), updates(X), updates(X), updates(Y), AccessSet()])
    found = conflict_metrics("D", tied, [10, 20, 30, 60, 40], [1.0, 1.0, 1.0, 6.0, 1.0])
    assert found.isolated_share == pytest.approx(2 / 5)
    assert found.conflicted_share == pytest.approx(3 / 5)
    assert (found.edges_last_writer, found.edges_all_pairs) == (2, 3)
    assert found.average_degree == pytest.approx(4 / 5)
    assert found.giant_component_ratio == pytest.approx(3 / 5)
    assert found.longest_chain_share == pytest.approx(3 / 5)
    assert found.hot_location_concentration == 1.0
    assert (found.span.transactions, found.span.gas, found.span.seconds) == (3, 60, 6.0)
    assert found.cap.transactions == pytest.approx(5 / 3)
    assert found.cap.gas == pytest.approx(160 / 60)
    assert found.cap.seconds == pytest.approx(10 / 6)
    assert [one.workers for one in found.makespans] == [2, 4, 8, 16]
    assert all(one.seconds == 6.0 and one.to_bound_seconds == 1.0 for one in found.makespans)
    assert found.makespans[0].gas == pytest.approx(90)


def test_metrics_of_an_empty_block() -> None:
    found = conflict_metrics("D", causes([]), [], [])
    assert found.cap.gas == found.cap.seconds == found.cap.transactions == 1.0
    assert found.isolated_share == found.conflicted_share == found.giant_component_ratio == 0.0
    assert all(one.seconds == 0.0 and one.to_bound_seconds == 1.0 for one in found.makespans)


def test_concentration_counts_both_ends_of_an_edge() -> None:
    assert hot_location_concentration(causes([updates(X, Y), updates(X, Y), updates(X)])) == pytest.approx(3 / 5)
    assert hot_location_concentration(causes([updates(X), updates(Y)])) == 0.0


def test_list_schedule_takes_the_longest_path_first() -> None:
    graph = graph_of([(), (), (), (2,)])
    assert list_schedule(graph, [3, 3, 1, 5], 2) == 6  # in block order it would be 9
    assert list_schedule(graph, [3, 3, 1, 5], 1) == 12


@settings(max_examples=40)
@given(blocks, weights, st.integers(min_value=1, max_value=6))
def test_list_schedule_is_within_its_bounds(block: list[AccessSet], weight: list[int], workers: int) -> None:
    graph, mine = build(block), weight[: len(block)]
    found = list_schedule(graph, mine, workers)
    span = graph.critical_path(mine)[0]
    assert lower_bound(graph, mine, workers) <= found + 1e-9
    assert found <= sum(mine) / workers + span * (1 - 1 / workers) + 1e-9  # Graham 1969
    assert list_schedule(graph, mine, len(block) + 1) == span
