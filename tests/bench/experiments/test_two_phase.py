"""The two-phase model on graphs that a person can check."""

from __future__ import annotations

import pytest

from bench.experiments.scheduling import makespan_in_order
from bench.experiments.two_phase import two_phase_speedup, two_phase_time
from scheduler.graph import DependencyGraph


def graph(*predecessors: tuple[int, ...]) -> DependencyGraph:
    after = tuple(
        tuple(i for i, before in enumerate(predecessors) if index in before) for index in range(len(predecessors))
    )
    return DependencyGraph(predecessors, after)


def test_independent_transactions_take_rounds() -> None:
    assert two_phase_time(graph((), (), (), ()), [1.0] * 4, 2) == pytest.approx(2.0)
    assert two_phase_speedup(graph((), (), (), ()), [1.0] * 4, 4) == pytest.approx(4.0)


def test_a_chain_is_slower_than_one_after_another() -> None:
    """All run in vain at first, and all but the first again."""
    chain = graph((), (0,), (1,), (2,))
    assert two_phase_time(chain, [1.0] * 4, 2) == pytest.approx(2.0 + 3.0)
    assert two_phase_speedup(chain, [1.0] * 4, 2) < 1


def test_the_second_phase_has_only_those_that_read_what_others_wrote() -> None:
    assert two_phase_time(graph((), (), (0,)), [5.0, 1.0, 2.0], 3) == pytest.approx(5.0 + 2.0)


def test_no_work_is_no_speed_up() -> None:
    assert two_phase_speedup(graph(), [], 16) == 1.0


@pytest.mark.parametrize(("threads", "expected"), [(1, 8.0), (2, 5.0), (3, 4.0), (9, 3.0)])
def test_list_scheduling_keeps_the_order_given(threads: int, expected: float) -> None:
    assert makespan_in_order([3, 1, 1, 3], threads) == expected
