"""The block scheduler on the toy machine: always the sequential result, with few executions."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scheduler.block_scheduler import BlockScheduler
from scheduler.graph import DependencyGraph, build
from scheduler.multi_version import MultiVersionState
from tests.scheduler.pool import Simulation, final_state
from tests.scheduler.strategies import base_states, graphs, programs, tame_operations
from tests.scheduler.toy import ADDRESSES, PlainState, Program, exact_access, run_in_order

A, B, _, _ = ADDRESSES
randoms = st.builds(random.Random, st.integers(0, 2**32))
EXAMPLES = 300


def simulate(
    block: Sequence[Program],
    base: PlainState,
    chance: random.Random,
    graph: DependencyGraph | None = None,
    waves: Sequence[int] | None = None,
    *,
    barrier: bool = False,
) -> Simulation:
    """Run a block on the fake pool and check everything that holds for every block."""
    state = MultiVersionState(base, derived_existence=base.derived_existence)
    trusting = chance.random() < 1 / 2
    scheduler = BlockScheduler(len(block), state, graph, waves, barrier=barrier, trusting=trusting)
    simulation = Simulation(block, base, scheduler, chance)
    simulation.run()
    assert simulation.settled == list(range(len(block)))
    assert final_state(base, simulation).visible() == run_in_order(block, base)[0].visible()
    assert max(scheduler.executions, default=0) <= 3
    assert all(execution.at_head for execution in simulation.executed if execution.incarnation == 2)
    assert scheduler.third_executions == scheduler.executions.count(3)
    assert sum(scheduler.executions) == len(simulation.executed)
    return simulation


@settings(max_examples=EXAMPLES, deadline=None)
@given(programs(), base_states(), randoms, st.booleans())
def test_without_lists(block: list[Program], base: PlainState, chance: random.Random, barrier: bool) -> None:
    simulate(block, base, chance, barrier=barrier)


@settings(max_examples=EXAMPLES, deadline=None)
@given(st.data(), programs(), base_states(), randoms, st.booleans(), st.booleans())
def test_wrong_lists(
    data: st.DataObject,
    block: list[Program],
    base: PlainState,
    chance: random.Random,
    barrier: bool,
    waves: bool,
) -> None:
    graph = data.draw(graphs(len(block)))
    wrong = data.draw(st.lists(st.integers(0, 3), min_size=len(block), max_size=len(block))) if waves else None
    simulate(block, base, chance, graph, wrong, barrier=barrier)


@settings(max_examples=EXAMPLES, deadline=None)
@given(programs(tame_operations), base_states(), randoms, st.booleans())
def test_exact_lists_execute_once(block: list[Program], base: PlainState, chance: random.Random, waves: bool) -> None:
    graph = build(exact_access(block, run_in_order(block, base)[1]))
    simulation = simulate(block, base, chance, graph, graph.levels() if waves else None)
    assert simulation.scheduler.executions == [1] * len(block)
    assert simulation.scheduler.conflicts == 0


def chain(length: int) -> list[Program]:
    """Return programs that each read and change the same slot."""
    return [Program(B, (("load", A, 0), ("store", A, 0, 1))) for _ in range(length)]


@pytest.mark.parametrize("barrier", [True, False])
@given(chance=randoms)
@settings(max_examples=30, deadline=None)
def test_a_chain_without_lists_runs_at_most_twice(chance: random.Random, *, barrier: bool) -> None:
    simulation = simulate(chain(40), PlainState(), chance, barrier=barrier)
    assert simulation.scheduler.third_executions == 0


@given(randoms)
@settings(max_examples=30, deadline=None)
def test_independent_programs_run_once(chance: random.Random) -> None:
    block = [Program(A, (("store", address, slot, 1),)) for address in ADDRESSES for slot in (0, 1)]
    assert simulate(block, PlainState(), chance).scheduler.executions == [1] * 8


@given(programs(), base_states(), st.integers(0, 2**32))
@settings(max_examples=50, deadline=None)
def test_the_same_calls_give_the_same_instructions(block: list[Program], base: PlainState, seed: int) -> None:
    first, second = (simulate(block, base, random.Random(seed)) for _ in range(2))
    assert first.executed == second.executed
