"""The dependency graph against a naive quadratic model."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from scheduler.access import BALANCE, STORAGE, AccessSet
from scheduler.graph import DependencyGraph, build
from tests.scheduler.strategies import access_sets
from tests.scheduler.toy import ADDRESSES

A, B, _, _ = ADDRESSES
SLOT, OTHER = (A, STORAGE, 0), (A, STORAGE, 1)
blocks = st.lists(access_sets, max_size=12)


def read(*locations: tuple[bytes, int, int]) -> AccessSet:
    return AccessSet(reads=frozenset(locations))


def write(*locations: tuple[bytes, int, int]) -> AccessSet:
    return AccessSet(writes=frozenset(locations))


def change(address: bytes) -> AccessSet:
    return AccessSet(deltas=frozenset({address}))


def naive_predecessors(block: Sequence[AccessSet], index: int) -> set[int]:
    """Return whom `index` depends on: per location read the last writer, per balance all changers."""
    found: set[int] = set()
    for location in block[index].reads:
        address, kind, _ = location
        touching = [
            earlier
            for earlier in range(index)
            if location in block[earlier].writes
            or (kind == BALANCE and address in block[earlier].deltas)
            or (kind == STORAGE and address in block[earlier].clears)
        ]
        found |= set(touching if kind == BALANCE else touching[-1:])
    return found


def closure(predecessors: Sequence[Sequence[int] | set[int]]) -> list[set[int]]:
    """Return everything that must come before each transaction."""
    before: list[set[int]] = []
    for direct in predecessors:
        before.append(set(direct).union(*(before[index] for index in direct)))
    return before


def paths(graph: DependencyGraph, start: int) -> list[list[int]]:
    """Return all paths that start at a transaction."""
    behind = [path for after in graph.successors[start] for path in paths(graph, after)]
    return [[start, *path] for path in behind] or [[start]]


@given(blocks)
def test_order_is_that_of_the_naive_model(block: list[AccessSet]) -> None:
    naive = [naive_predecessors(block, index) for index in range(len(block))]
    graph = build(block)
    assert closure(graph.predecessors) == closure(naive)
    assert all(set(direct) <= true for direct, true in zip(graph.predecessors, naive, strict=True))


@given(blocks)
def test_successors_are_predecessors_turned_round(block: list[AccessSet]) -> None:
    graph = build(block)
    edges = {(before, after) for after, direct in enumerate(graph.predecessors) for before in direct}
    assert edges == {(before, after) for before, behind in enumerate(graph.successors) for after in behind}
    assert graph.edge_count() == len(edges)


@given(blocks.filter(len), st.data())
def test_critical_path_is_the_heaviest(block: list[AccessSet], data: st.DataObject) -> None:
    graph = build(block)
    weights = data.draw(st.lists(st.integers(1, 9), min_size=len(block), max_size=len(block)))
    bottom = graph.bottom_levels(weights)
    for start in range(len(block)):
        assert bottom[start] == max(sum(weights[index] for index in path) for path in paths(graph, start))
    length, path = graph.critical_path(weights)
    assert length == max(bottom) == sum(weights[index] for index in path)
    assert all(before in graph.predecessors[after] for before, after in pairwise(path))


@given(blocks)
def test_levels_and_components(block: list[AccessSet]) -> None:
    graph = build(block)
    levels = graph.levels()
    for index, direct in enumerate(graph.predecessors):
        assert levels[index] == max((levels[before] + 1 for before in direct), default=0)
    group = {index: number for number, members in enumerate(graph.components()) for index in members}
    assert sorted(group) == list(range(len(block)))
    assert all(group[before] == group[i] for i, direct in enumerate(graph.predecessors) for before in direct)


@given(blocks)
def test_components_are_no_larger_than_needed(block: list[AccessSet]) -> None:
    graph = build(block)
    for members in graph.components():
        reached, frontier = set(), [members[0]]
        while frontier:
            index = frontier.pop()
            if index not in reached:
                reached.add(index)
                frontier += graph.predecessors[index] + graph.successors[index]
        assert reached == set(members)


def test_nothing_to_order() -> None:
    graph = build([])
    assert (graph.critical_path([]), graph.levels(), graph.components()) == ((0.0, ()), [], [])
    assert (graph.bottom_levels([]), graph.longest_chain(), graph.edge_count()) == ([], 0, 0)


def test_only_reading_what_was_written_makes_an_edge() -> None:
    assert build([read(SLOT), write(SLOT), write(SLOT), read(SLOT), read(SLOT)]).predecessors == (
        (), (), (), (2,), (2,),
    )  # fmt: skip


def test_a_clear_writes_every_slot() -> None:
    clear = AccessSet(clears=frozenset({A}))
    assert build([write(SLOT), clear, read(SLOT, OTHER), write(SLOT), read(SLOT)]).predecessors == (
        (), (), (1,), (), (3,),
    )  # fmt: skip


def test_changes_of_a_balance_only_tie_those_who_read_it() -> None:
    balance = (A, BALANCE, 0)
    graph = build([change(A), change(A), change(B), read(balance), change(A), read(balance)])
    assert graph.predecessors == ((), (), (), (0, 1), (), (0, 1, 4))


def test_edges_stay_few_where_everybody_reads_and_changes_a_balance() -> None:
    both = AccessSet(reads=frozenset({(A, BALANCE, 0)}), deltas=frozenset({A}))
    graph = build([both] * 100)
    assert graph.edge_count() == 99
    assert graph.longest_chain() == 100
