"""Batches: filled to a target, chains fused, the head alone in front."""

from __future__ import annotations

import pytest

from scheduler.access import STORAGE, AccessSet, Location
from scheduler.batching import fill_batch, is_wide, target
from scheduler.block_scheduler import BlockScheduler
from scheduler.graph import build
from scheduler.multi_version import MultiVersionState
from tests.scheduler.helpers import observe
from tests.scheduler.toy import ADDRESSES, PlainState


def slot(number: int) -> Location:
    return ADDRESSES[0], STORAGE, number


def chained(*chains: int) -> BlockScheduler:
    """Return a scheduler in which transaction i belongs to the chain numbered chains[i]."""
    sets = [AccessSet(frozenset({slot(chain)}), frozenset({slot(chain)})) for chain in chains]
    return BlockScheduler(len(sets), MultiVersionState(PlainState(), derived_existence=True), build(sets))


def batch(
    scheduler: BlockScheduler, seconds: float = 100.0, limit: int = 100, priorities: list[float] | None = None
) -> list[int]:
    costs = [1.0] * len(scheduler.executions)
    scheduler.prioritise(priorities)
    return [execution.index for execution in fill_batch(scheduler, costs, seconds, limit=limit)]


def test_a_chain_stays_whole() -> None:
    scheduler = chained(0, 1, 0, 1, 0)
    assert batch(scheduler, seconds=3.0) == [0, 2, 4]
    assert batch(scheduler, seconds=3.0) == [1, 3]
    assert batch(scheduler) == []


def test_a_batch_ends_at_its_target_or_limit() -> None:
    assert batch(chained(0, 1, 2, 3), seconds=2.0) == [0, 1]
    assert batch(chained(0, 1, 2, 3), limit=3) == [0, 1, 2]


@pytest.mark.parametrize(("chains", "taken"), [((0,) * 8, [0, 1, 2, 3, 4]), ((0, 0, 0, 0, 1), [0, 1])])
def test_a_chain_goes_on_where_nothing_else_could(chains: tuple[int, ...], taken: list[int]) -> None:
    """Cut up, it would wait for its own messages, and nobody else would be any better for it."""
    scheduler = chained(*chains)
    executions = fill_batch(scheduler, [1.0] * len(chains), 2.0, limit=100, chain_seconds=5.0)
    assert [execution.index for execution in executions] == taken


@pytest.mark.parametrize("seconds", [0.0, -1.0])
def test_no_target_is_too_small_for_one(seconds: float) -> None:
    assert batch(chained(0, 1), seconds=seconds) == [0]


def test_the_heaviest_goes_first() -> None:
    scheduler = chained(0, 1, 2, 1)
    assert batch(scheduler, seconds=2.0, priorities=[1.0, 9.0, 2.0, 8.0]) == [1, 3]
    assert batch(scheduler, seconds=2.0, priorities=[1.0, 9.0, 2.0, 8.0]) == [2, 0]


def test_what_waits_for_others_is_not_fused() -> None:
    both = AccessSet(reads=frozenset({slot(0), slot(1)}))
    sets = [AccessSet(writes=frozenset({slot(0)})), AccessSet(writes=frozenset({slot(1)})), both]
    scheduler = BlockScheduler(3, MultiVersionState(PlainState(), derived_existence=True), build(sets))
    assert batch(scheduler, limit=1) == [0]
    assert batch(scheduler) == [1]
    scheduler.finish(1, observe(writes={slot(1): 1}))
    assert batch(scheduler) == []
    scheduler.finish(0, observe(writes={slot(0): 1}))
    assert batch(scheduler) == [2]


def test_what_waits_for_members_of_the_batch_is_fused() -> None:
    both = AccessSet(reads=frozenset({slot(0), slot(1)}))
    sets = [AccessSet(writes=frozenset({slot(0)})), AccessSet(writes=frozenset({slot(1)})), both]
    scheduler = BlockScheduler(3, MultiVersionState(PlainState(), derived_existence=True), build(sets))
    assert batch(scheduler) == [0, 1, 2]


def test_a_rerun_of_the_head_goes_first_and_without_strangers() -> None:
    scheduler = BlockScheduler(3, MultiVersionState(PlainState(), derived_existence=True))
    assert batch(scheduler, limit=2) == [0, 1]
    scheduler.finish(0, observe(reads={slot(0): 7}))
    assert [scheduler.execution(index).at_head for index in scheduler.ready_indices] == [True, False]
    assert batch(scheduler, priorities=[0.0, 0.0, 1.0]) == [0]
    assert batch(scheduler) == [2]


def test_stale_results_follow_each_other_in_a_batch() -> None:
    """No graph knows of them: each was seen to read what the one before it wrote."""
    scheduler = BlockScheduler(5, MultiVersionState(PlainState(), derived_existence=True))
    assert batch(scheduler) == [0, 1, 2, 3, 4]
    scheduler.finish(0, observe(reads={slot(1): 7}))
    assert batch(scheduler) == [0]
    for index in (2, 3, 4):
        scheduler.finish(index, observe({slot(0): 0}, {slot(0): index}))
    scheduler.finish(1, observe(writes={slot(0): 1}))
    assert batch(scheduler) == [2, 3, 4]


def test_the_target_tapers_off() -> None:
    assert target(1.0, workers=2, goal=0.015) == 0.015
    assert target(0.02, workers=2, goal=0.015) == 0.005


def test_a_wide_block_goes_out_in_large_messages_while_much_is_left() -> None:
    assert target(10.0, workers=2, goal=0.015, wide=True) == 0.032
    assert target(0.8, workers=2, goal=0.015, wide=True) == 0.8 / 32
    assert target(10.0, workers=2, goal=0.05, wide=True) == 0.05, "the goal is more already"
    for left in (0.4, 0.1, 0.02, 0.0):
        assert target(left, workers=2, goal=0.015, wide=True) == target(left, workers=2, goal=0.015)
    assert target(float("inf"), workers=2, goal=0.015) == 0.015


def test_long_paths_make_a_block_narrow() -> None:
    levels = build([AccessSet()] * 8).bottom_levels([1.0] * 8)
    assert is_wide(levels, work=8.0, workers=2)
    assert not is_wide(levels, work=8.0, workers=8), "each is all that a worker does"
    assert not is_wide([2.0, 1.0, *levels[2:]], work=8.0, workers=2)
