"""Results come in by batches: what settles, and what a batch says that proves the graph wrong."""

from __future__ import annotations

import pytest

from scheduler.access import AccessSet
from scheduler.graph import build
from tests.scheduler.helpers import observe
from tests.scheduler.test_block_scheduler_rules import QUIET, X, Y, Z, ready, scheduler_of


@pytest.mark.parametrize("trusting", [True, False])
def test_a_batch_settles_at_once_as_far_as_it_goes(trusting: bool) -> None:
    sets = [AccessSet(writes=frozenset({X})), AccessSet(frozenset({X})), AccessSet(), AccessSet()]
    scheduler = scheduler_of(4, build(sets), trusting=trusting)
    for index in (0, 1, 3):
        scheduler.start(index)
    assert scheduler.finish_all([(0, observe(writes={X: 1})), (1, observe({X: 1})), (3, QUIET)]) == [0, 1]
    scheduler.start(2)
    assert scheduler.finish_all([(2, QUIET)]) == [2, 3]
    assert scheduler.executions == [1] * 4


def test_a_batch_that_proves_the_graph_wrong_is_looked_through_again() -> None:
    """What ran on what the head changed is stale, and runs again at once; what has nothing to do with it is not."""
    scheduler = scheduler_of(4, build([AccessSet()] * 4), trusting=True)
    for index in range(4):
        scheduler.start(index)
    batch = [(1, observe({X: 0}, {Y: 1})), (2, observe({Z: 0})), (3, observe({X: 0}))]
    assert scheduler.finish_all(batch) == []
    assert scheduler.conflicts == 0, "nobody has looked yet"
    assert scheduler.finish_all([(0, observe(writes={X: 5}))]) == [0]
    assert scheduler.conflicts == 2
    assert ready(scheduler) == [(1, 1, True), (3, 1, False)]
    for index in (1, 3):
        scheduler.start(index)
    assert scheduler.finish_all([(1, observe({X: 5}, {Y: 1})), (3, observe({X: 5}))]) == [1, 2, 3]
    assert scheduler.executions == [1, 2, 1, 2]
