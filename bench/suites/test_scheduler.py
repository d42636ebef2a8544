"""The scheduler alone on synthetic access sets: the graph, and everything from first start to last settling."""

from __future__ import annotations

import pytest

from bench.scheduler_cost import Row, schedule, synthetic_load
from bench.suites.conftest import Timed
from scheduler.graph import build

TRANSACTIONS, HOT_SLOTS, WORKERS = 1_000, 64, 8
pytestmark = pytest.mark.benchmark(group="scheduler")


@pytest.mark.parametrize("hot_share", [0.0, 0.5])
def test_graph(timed: Timed, hot_share: float) -> None:
    """Build the dependency graph of 1 000 access sets."""
    sets = synthetic_load(TRANSACTIONS, hot_share, HOT_SLOTS).sets
    graph = timed(lambda: build(sets), turns=5)
    assert (graph.edge_count() > 0) == (hot_share > 0)


@pytest.mark.parametrize("trusting", [True, False], ids=["trusting", "watching"])
@pytest.mark.parametrize("hot_share", [0.0, 0.5])
def test_schedule(timed: Timed, hot_share: float, trusting: bool) -> None:  # noqa: FBT001 - from parametrize
    """Order, start, settle and learn 1 000 transactions, with a pool that takes no time but that of a pickle."""
    load = synthetic_load(TRANSACTIONS, hot_share, HOT_SLOTS)
    row: Row = timed(lambda: schedule(load, hot_share, WORKERS, trusting=trusting))
    assert row.ok
