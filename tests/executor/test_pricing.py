"""What a block would take on the workers: chains, their messages and their waiting."""

from __future__ import annotations

import pytest

from executor.pricing import Chain, chain_messages, chain_seconds, heaviest_chain, late_end, shared_seconds
from scheduler.batching import MessageCost
from scheduler.graph import DependencyGraph

FREE = MessageCost(first=1e-9, per_transaction=0.0)
DEAR = MessageCost(first=0.001, per_transaction=0.0)


def test_the_heaviest_chain_is_not_the_longest() -> None:
    graph = DependencyGraph(predecessors=((), (0,), (1,), (), (3,)), successors=((1,), (2,), (), (4,), ()))
    assert heaviest_chain(graph, graph.bottom_levels([1.0, 1.0, 1.0, 3.0, 2.0])) == Chain(5.0, 2)
    assert heaviest_chain(graph, graph.bottom_levels([1.0, 1.0, 4.0, 3.0, 2.0])) == Chain(6.0, 3)
    assert heaviest_chain(DependencyGraph(), []) == Chain(0.0, 0)


def test_one_transaction_takes_what_it_takes() -> None:
    assert chain_seconds(Chain(0.3, 1), 1.0, DEAR, 2) == 0.3
    assert chain_seconds(Chain(0.0, 0), 0.0, DEAR, 2) == 0.0


@pytest.mark.parametrize(("workers", "waiting"), [(2, 0.6 / 3), (4, 0.6 / 7)])
def test_a_chain_waits_while_there_is_other_work(workers: int, waiting: float) -> None:
    assert chain_seconds(Chain(0.4, 40), 1.0, FREE, workers) == pytest.approx(0.4 + waiting, rel=1e-3)


def test_a_chain_waits_no_longer_than_it_runs() -> None:
    assert chain_seconds(Chain(0.01, 40), 1.0, FREE, 2) == pytest.approx(0.02, rel=1e-2)


def test_messages_of_a_chain_cost_time_one_after_another() -> None:
    chain = Chain(0.4, 10)
    alone = chain_seconds(chain, 0.4, FREE, 2)
    assert alone == pytest.approx(0.4, rel=1e-3)
    assert chain_seconds(chain, 0.4, DEAR, 2) > alone + 9 * DEAR.seconds
    assert chain_messages(Chain(0.1, 5), 0.1, 0.01, 2) == 5, "none is cut in two"
    assert chain_messages(Chain(0.1, 50), 0.1, 0.01, 2) == 16
    assert chain_messages(Chain(0.4, 1000), 0.4, 0.4, 2) < chain_messages(Chain(0.4, 1000), 0.4, 0.01, 2) < 1000


def test_the_end_is_late_by_a_part_of_a_share_and_never_by_much() -> None:
    assert late_end(0.03) == pytest.approx(0.01)
    assert late_end(100.0) < 0.1
    assert shared_seconds(1.0, 10, 5.0, DEAR, 4) == pytest.approx(0.25 + late_end(0.25) + 0.005 / 4)
