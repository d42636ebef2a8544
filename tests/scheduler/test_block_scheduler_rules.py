"""The rules of the block scheduler, one by one, driven by hand."""

from __future__ import annotations

import pytest

from scheduler.access import BALANCE, EXISTENCE, NONCE, STORAGE, AccessSet
from scheduler.block_scheduler import BlockScheduler
from scheduler.execution import Execution, Observation, SchedulerFault
from scheduler.graph import DependencyGraph, build
from scheduler.multi_version import MultiVersionState
from tests.scheduler.helpers import observe
from tests.scheduler.toy import ADDRESSES, PlainState

A, B, _, _ = ADDRESSES
X, Y, Z = (A, STORAGE, 0), (A, STORAGE, 1), (A, STORAGE, 2)
MONEY, ALIVE = (A, BALANCE, 0), (A, EXISTENCE, 0)
QUIET = observe()


def scheduler_of(
    count: int,
    graph: DependencyGraph | None = None,
    waves: list[int] | None = None,
    *,
    barrier: bool = False,
    trusting: bool = False,
    base: PlainState | None = None,
) -> BlockScheduler:
    state = MultiVersionState(base or PlainState(), derived_existence=True)
    return BlockScheduler(count, state, graph, waves, barrier=barrier, trusting=trusting)


def started(count: int, *, barrier: bool = False, base: PlainState | None = None) -> BlockScheduler:
    """Return a scheduler with every first execution running."""
    scheduler = scheduler_of(count, barrier=barrier, base=base)
    for index in range(count):
        scheduler.start(index)
    return scheduler


def behind_a_busy_head(count: int, *, barrier: bool = False, base: PlainState | None = None) -> BlockScheduler:
    """Return a scheduler with every first execution running but the head's, which runs again already."""
    scheduler = started(count, barrier=barrier, base=base)
    scheduler.finish(0, observe({(B, STORAGE, 1): 1}))
    scheduler.start(0)
    scheduler.conflicts = 0
    return scheduler


def ready(scheduler: BlockScheduler) -> list[Execution]:
    """Return what is ready; compares equal to (index, incarnation, at_head) tuples."""
    return [scheduler.execution(index) for index in scheduler.ready_indices]


def test_an_empty_block_is_done() -> None:
    assert scheduler_of(0).done
    assert scheduler_of(0).ready_indices == []


def test_results_settle_in_block_order() -> None:
    scheduler = started(3)
    assert scheduler.finish(2, QUIET) == []
    assert scheduler.finish(0, QUIET) == [0]
    assert scheduler.finish(1, QUIET) == [1, 2]
    assert scheduler.done


def test_ready_stays_until_started() -> None:
    scheduler = scheduler_of(2)
    assert ready(scheduler) == ready(scheduler) == [(0, 0, False), (1, 0, False)]
    assert scheduler.start(0) == Execution(0, 0, at_head=False)
    assert ready(scheduler) == [(1, 0, False)]


def test_nothing_starts_twice() -> None:
    with pytest.raises(ValueError, match="transaction 0 cannot start now"):
        started(1).start(0)


def test_a_stale_head_runs_again_at_once_on_settled_state() -> None:
    scheduler = started(1)
    assert scheduler.finish(0, observe({X: 5})) == []
    assert ready(scheduler) == [(0, 1, True)]
    scheduler.start(0)
    assert scheduler.finish(0, observe({X: 0})) == [0]
    assert (scheduler.executions, scheduler.conflicts) == ([2], 1)


def test_a_wrong_result_on_settled_state_is_a_fault() -> None:
    scheduler = started(1)
    scheduler.finish(0, observe({X: 5}))
    scheduler.start(0)
    with pytest.raises(SchedulerFault, match="transaction 0 ran on settled state") as caught:
        scheduler.finish(0, observe({X: 5}))
    assert (caught.value.index, caught.value.location) == (0, X)


def test_an_assumed_value_is_checked_at_the_head_only() -> None:
    scheduler, nonce = started(2), (A, NONCE, 0)
    scheduler.finish(1, observe({nonce: 7}, assumed=[nonce]))
    assert (ready(scheduler), scheduler.conflicts) == ([], 0)
    assert scheduler.finish(0, QUIET) == [0]
    assert (ready(scheduler), scheduler.conflicts) == ([(1, 1, True)], 1)


STALE_MAKERS = {
    "slot": (observe({X: 0}), observe(writes={X: 1})),
    "nonce": (observe({(A, NONCE, 0): 0}), observe(writes={(A, NONCE, 0): 1})),
    "balance": (observe({MONEY: 5}), observe(deltas={A: 1})),
    "bound": (observe(bounds={A: 5}), observe(deltas={A: -1})),
    "clear": (observe({(B, STORAGE, 0): 3}), observe(clears=[B])),
    "existence by money": (observe({(B, EXISTENCE, 0): 0}), observe(deltas={B: 1})),
    "existence by nonce": (observe({(B, EXISTENCE, 0): 0}), observe(writes={(B, NONCE, 0): 1})),
    "existence lost": (observe({ALIVE: 1}), observe(deltas={A: -5})),
}


@pytest.mark.parametrize(("reader", "writer"), STALE_MAKERS.values(), ids=STALE_MAKERS)
@pytest.mark.parametrize("reader_first", [True, False])
def test_a_stale_result_is_found_before_the_head_reaches_it(
    reader: Observation, writer: Observation, *, reader_first: bool
) -> None:
    scheduler = behind_a_busy_head(3, base=PlainState({MONEY: 5, (B, STORAGE, 0): 3}))
    for index, seen in [(2, reader), (1, writer)] if reader_first else [(1, writer), (2, reader)]:
        scheduler.finish(index, seen)
    assert (ready(scheduler), scheduler.conflicts) == ([(2, 1, False)], 1)


def test_what_a_later_writer_hides_disturbs_nobody() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(2, observe(writes={X: 1}))
    scheduler.finish(3, observe({X: 1}))
    scheduler.finish(1, observe(writes={X: 2}))
    assert scheduler.conflicts == 0


def test_enough_money_left_breaks_no_bound() -> None:
    scheduler = behind_a_busy_head(4, base=PlainState({MONEY: 9}))
    scheduler.finish(3, observe(bounds={A: 5}))
    scheduler.finish(1, observe(deltas={A: -3}))
    assert scheduler.conflicts == 0
    scheduler.finish(2, observe(deltas={A: -3}))
    assert scheduler.conflicts == 1


def test_a_stale_result_waits_for_whom_it_read() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(1, observe(writes={Y: 1}))
    scheduler.finish(2, observe({Y: 0}, {X: 2}))
    scheduler.finish(3, observe({X: 0}))
    assert ready(scheduler) == [(2, 1, False)]
    scheduler.start(2)
    scheduler.finish(2, observe({Y: 1}, {X: 3}))
    assert ready(scheduler) == [(3, 1, False)]


def test_a_rerun_is_called_back_when_its_source_turns_stale() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(1, QUIET)
    scheduler.finish(2, observe({Y: 0}, {X: 2}))
    scheduler.finish(3, observe({X: 0}))
    assert ready(scheduler) == [(3, 1, False)]
    scheduler.finish(0, observe(writes={Y: 1}))
    assert ready(scheduler) == [(2, 1, True)]


def test_the_third_execution_waits_for_the_head() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(1, observe(writes={X: 1}))
    scheduler.finish(3, observe({X: 0}))
    scheduler.start(3)
    scheduler.finish(3, observe({X: 1}))
    scheduler.finish(2, observe(writes={X: 2}))
    assert ready(scheduler) == []
    assert scheduler.finish(0, QUIET) == [0, 1, 2]
    assert ready(scheduler) == [(3, 2, True)]
    scheduler.start(3)
    assert (scheduler.executions[3], scheduler.third_executions, scheduler.conflicts) == (3, 1, 2)


def test_a_result_whose_values_come_back_is_not_run_again() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(2, observe({Y: 0}, {X: 1}))
    scheduler.finish(3, observe({X: 1}))
    scheduler.finish(1, observe(writes={Y: 1}))
    scheduler.start(2)
    scheduler.finish(2, observe({Y: 1}, {X: 1}))
    assert ready(scheduler) == []
    assert scheduler.finish(0, QUIET) == [0, 1, 2, 3]
    assert scheduler.executions == [2, 1, 2, 1]


def test_a_stale_result_counts_once() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(3, observe({X: 0, Y: 0}))
    scheduler.finish(1, observe(writes={X: 1}))
    scheduler.finish(2, observe(writes={Y: 1}))
    assert scheduler.conflicts == 1


def test_the_old_writes_of_a_result_vanish_with_it() -> None:
    scheduler = started(2)
    scheduler.finish(0, observe({Y: 1}, {X: 1}))
    scheduler.finish(1, observe({X: 1}))
    scheduler.start(0)
    assert scheduler.finish(0, observe({Y: 0})) == [0]
    assert ready(scheduler) == [(1, 1, True)]


def test_a_rerun_waits_until_all_before_it_have_run() -> None:
    scheduler = behind_a_busy_head(4)
    scheduler.finish(1, observe(writes={X: 1}))
    scheduler.finish(3, observe({X: 0}))
    assert (ready(scheduler), scheduler.conflicts) == ([], 1)
    scheduler.finish(2, QUIET)
    assert ready(scheduler) == [(3, 1, False)]


def test_nobody_builds_on_what_rests_on_a_stale_result() -> None:
    scheduler = behind_a_busy_head(5)
    scheduler.finish(2, observe({X: 0}, {Y: 1}))
    scheduler.finish(3, observe({Y: 1}, {Z: 1}))
    scheduler.finish(4, observe({Z: 0}))
    scheduler.finish(1, observe(writes={X: 1}))
    assert ready(scheduler) == [(2, 1, False)]
    scheduler.start(2)
    scheduler.finish(2, observe({X: 1}, {Y: 1}))
    assert ready(scheduler) == [(4, 1, False)]
    assert scheduler.executions[3] == 1


def test_the_barrier_lets_everybody_run_once_first() -> None:
    scheduler = behind_a_busy_head(4, barrier=True)
    scheduler.finish(1, observe(writes={X: 1}))
    scheduler.finish(2, observe({X: 0}))
    assert ready(scheduler) == []
    scheduler.finish(3, QUIET)
    assert ready(scheduler) == [(2, 1, False)]


def test_an_unmet_bound_waits_for_the_changes_before_it() -> None:
    scheduler = behind_a_busy_head(4, base=PlainState({MONEY: 5}))
    scheduler.finish(1, observe(writes={Y: 1}))
    scheduler.finish(2, observe({Y: 0}, deltas={A: -3}))
    scheduler.finish(3, observe(bounds={A: 5}))
    assert ready(scheduler) == [(2, 1, False)]
    scheduler.start(2)
    scheduler.finish(2, observe({Y: 1}))
    assert scheduler.finish(0, QUIET) == [0, 1, 2, 3]


def test_the_graph_decides_who_starts() -> None:
    access = AccessSet(frozenset({X}), frozenset({X}))
    scheduler = scheduler_of(3, build([access, AccessSet(), access]))
    assert ready(scheduler) == [(0, 0, False), (1, 0, False)]
    scheduler.start(0)
    scheduler.finish(0, QUIET)
    assert ready(scheduler) == [(1, 0, False), (2, 0, False)]


def test_a_predecessor_that_turns_stale_holds_its_successors_again() -> None:
    accesses = [AccessSet(), AccessSet(), AccessSet(writes=frozenset({X})), AccessSet(frozenset({X}))]
    scheduler = scheduler_of(4, build(accesses))
    for index in (0, 1, 2):
        scheduler.start(index)
    scheduler.finish(2, observe({Y: 0}, {X: 1}))
    assert ready(scheduler) == [(3, 0, False)]
    scheduler.finish(1, observe(writes={Y: 1}))
    assert ready(scheduler) == []
    scheduler.finish(0, QUIET)
    assert ready(scheduler) == [(2, 1, True)]


def test_waves_are_barriers() -> None:
    scheduler = scheduler_of(3, waves=[0, 4, 0])
    assert ready(scheduler) == [(0, 0, False), (2, 0, False)]
    scheduler.start(2)
    scheduler.finish(2, QUIET)
    scheduler.start(0)
    assert scheduler.follow(0, {0}) == []
    scheduler.finish(0, QUIET)
    assert ready(scheduler) == [(1, 0, False)]


def test_the_head_starts_whatever_waves_say() -> None:
    assert ready(scheduler_of(2, waves=[1, 0])) == [(0, 0, False), (1, 0, False)]


def test_a_wave_closes_again_when_a_member_turns_stale() -> None:
    scheduler = scheduler_of(4, waves=[0, 0, 0, 1])
    for index in (0, 1, 2):
        scheduler.start(index)
    scheduler.finish(2, observe({X: 0}))
    scheduler.finish(0, QUIET)
    scheduler.finish(1, observe(writes={X: 1}))
    assert ready(scheduler) == [(2, 1, True)]


def test_followers_of_a_stale_chain() -> None:
    scheduler = behind_a_busy_head(5)
    for index in (2, 3, 4):
        scheduler.finish(index, observe({X: 0}, {X: index}))
    scheduler.finish(1, observe(writes={X: 1}))
    assert ready(scheduler) == [(2, 1, False)]
    scheduler.start(2)
    assert scheduler.follow(2, {2}) == [3]
    scheduler.start(3)
    assert scheduler.follow(3, {2, 3}) == [4]
    assert scheduler.follow(3, {3}) == [4]


@pytest.mark.parametrize("trusting", [True, False])
def test_who_waits_may_start_long_before_the_head_is_done(trusting: bool) -> None:
    graph = DependencyGraph(((), (), (1,)), ((), (2,), ()))
    scheduler = scheduler_of(3, graph, trusting=trusting)
    for index in (0, 1):
        scheduler.start(index)
    scheduler.finish(1, QUIET)
    assert ready(scheduler) == [(2, 0, False)]


@pytest.mark.parametrize("trusting", [True, False])
def test_a_wave_opens_when_those_before_it_are_done_though_nobody_reads_from_them(trusting: bool) -> None:
    scheduler = scheduler_of(4, DependencyGraph(((),) * 4, ((),) * 4), [1, 0, 0, 1], trusting=trusting)
    for index in (0, 1, 2):
        scheduler.start(index)
    scheduler.finish(1, QUIET)
    assert ready(scheduler) == []
    scheduler.finish(2, QUIET)
    assert ready(scheduler) == [(3, 0, False)]


def test_first_transactions_begin_before_the_graph_of_all_is_there() -> None:
    reads = [X, X, Y, Y, X]
    sets = [AccessSet(frozenset({location}), frozenset({location})) for location in reads]
    scheduler = scheduler_of(5, build(sets[:3]))
    assert ready(scheduler) == [(0, 0, False), (2, 0, False)], "others are not known yet"
    scheduler.start(0)
    assert scheduler.follow(0, [0]) == [1]
    scheduler.extend(build([*sets[:4], AccessSet()]))
    assert ready(scheduler) == [(2, 0, False), (4, 0, False)], "0 runs, 1 waits for it, 3 for 2"
    scheduler.prioritise([0.0, 0.0, 0.0, 0.0, 1.0])
    assert scheduler.best_ready() == 4
    for index in (2, 4):
        scheduler.start(index)
    scheduler.finish(2, QUIET)
    assert ready(scheduler) == [(3, 0, False)]
    scheduler.start(3)
    scheduler.finish(0, QUIET)
    scheduler.start(1)
    for index in (4, 3, 1):
        scheduler.finish(index, QUIET)
    assert scheduler.done
    assert scheduler.executions == [1] * 5


def test_the_head_may_start_whatever_the_graph_of_all_says() -> None:
    scheduler = scheduler_of(3, build([AccessSet()]))
    scheduler.extend(build([AccessSet()] * 3), waves=[2, 0, 1])
    assert ready(scheduler) == [(0, 0, False), (1, 0, False)]


def test_all_may_start_where_no_graph_follows_that_of_the_first() -> None:
    scheduler = scheduler_of(3, build([AccessSet()]))
    assert ready(scheduler) == [(0, 0, False)]
    scheduler.extend(None)
    assert ready(scheduler) == [(0, 0, False), (1, 0, False), (2, 0, False)]


def test_the_graph_of_all_comes_before_any_result() -> None:
    scheduler = scheduler_of(2, build([AccessSet()]))
    scheduler.start(0)
    scheduler.finish(0, QUIET)
    with pytest.raises(AssertionError, match="too late"):
        scheduler.extend(build([AccessSet()] * 2))
