"""The measured experiments: what they compute is right, a wrong parallel result is never a figure, quick runs work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.experiments.contention import Point, _gains, _heavier
from bench.experiments.engine_table import cut_to_touched
from bench.experiments.honesty import _trip
from bench.experiments.lending import busiest
from bench.experiments.list_damage import damaged, edges_apart
from bench.experiments.measured import Input, in_turn, input_of, workload_input
from bench.experiments.registry import experiment
from bench.experiments.run import run_one
from bench.experiments.settings import Settings
from executor.block_executor import BlockExecutor
from executor.errors import ParallelEvmError
from executor.sequential import execute_sequential
from scheduler.access import STORAGE, AccessSet, Location
from tests.blocks import Builder, user
from tests.data import capsule_path, data_dir, needs_data
from tests.executor.test_settling import NEW

MEASURED = ("list-damage", "contention", "lending", "engine-table", "honesty")


def at(number: int) -> Location:
    return (b"\x01" * 20, STORAGE, number)


def changing(*numbers: int) -> AccessSet:
    both = frozenset(map(at, numbers))
    return AccessSet(both, both)


CHAIN = tuple(changing(place, 9) for place in range(8))
"""Eight transactions with a slot of their own each, and one that all change."""


def small_input() -> Input:
    """Return three transfers, one of them between two of the others' senders."""
    builder = Builder(fork="Shanghai")
    builder.fund(*(user(n) for n in range(3)))
    builder.send(user(0), NEW, value=5)
    builder.send(user(1), user(0).address, value=5)
    builder.send(user(2), NEW, value=5)
    return input_of("small", builder.block(), builder.state)


def test_a_state_is_cut_to_what_the_block_touched_and_gives_the_same() -> None:
    given = workload_input("amm", 12, pairs=12, users=12)
    cut = cut_to_touched(given)
    whole, kept = (sum(len(one.storage) for one in state.accounts.values())
                   for state in (given.pre_state, cut.pre_state))  # fmt: skip
    assert kept < 0.6 * whole
    assert cut.sequential.receipts == given.sequential.receipts
    assert cut.sequential.state_diff == given.sequential.state_diff
    assert cut.sets == given.sets


def test_no_damage_is_none() -> None:
    for way in ("drop", "add", "drop and add"):
        assert damaged(CHAIN, 0.0, way) == CHAIN


def test_everything_dropped_is_nothing_expected() -> None:
    assert set(damaged(CHAIN, 1.0, "drop")) == {AccessSet()}
    assert edges_apart(CHAIN, damaged(CHAIN, 1.0, "drop")) == (7, 0)


def test_added_entries_are_those_of_others_and_hide_nothing() -> None:
    more = damaged(CHAIN, 1.0, "add")
    everywhere = {location for one in CHAIN for location in one.reads}
    for one, before in zip(more, CHAIN, strict=True):
        assert before.reads < one.reads == one.writes <= everywhere
    assert edges_apart(CHAIN, more) == (0, 0)  # a chain orders all of them already
    free = tuple(changing(place) for place in range(8))
    missed, added = edges_apart(free, damaged(free, 1.0, "add"))
    assert missed == 0
    assert added > 0


def test_damage_is_the_same_each_time_and_about_as_much_as_asked() -> None:
    many = tuple(changing(*range(place, place + 50)) for place in range(40))
    half = damaged(many, 0.5, "drop")
    assert half == damaged(many, 0.5, "drop") != damaged(many, 0.5, "drop", seed=2)
    kept = sum(len(one.reads) for one in half) / sum(len(one.reads) for one in many)
    assert 0.45 < kept < 0.55


def test_the_busiest_slot_is_the_one_whose_chain_costs_most() -> None:
    sets = [changing(1), changing(1), changing(2), AccessSet(reads=frozenset({at(1)})), changing(2, 3)]
    assert busiest(sets, [10, 10, 1, 100, 30]) == (at(2), 2, 31)
    assert busiest(sets, [10, 10, 1, 100, 1]) == (at(1), 2, 20)
    assert busiest([AccessSet(reads=frozenset({at(1)}))], [5]) == (None, 0, 0.0)


def point(sweep: str, value: int, cap: float, speedup: float, seconds: float) -> Point:
    return Point(sweep, "accounts", value, cap, cap, speedup, seconds, 0)


def test_sweeps_are_read_from_fewest_to_most_and_flat_ones_left_out() -> None:
    points = [
        point("light", 2, 1.0, 0.5, 0.001),
        point("light", 9, 2.0, 1.0, 0.001),
        point("heavy", 2, 1.0, 1.0, 0.005),
        point("heavy", 9, 2.0, 1.8, 0.005),
        point("flat", 2, 2.0, 1.6, 0.002),
        point("flat", 9, 2.0, 1.5, 0.002),
    ]
    assert _gains(points) == {"light": 2.0, "heavy": 1.8}
    assert _heavier(points) == pytest.approx(0.9 / 0.5)


@pytest.mark.parametrize("lists", ["exact", "observed"])
def test_runs_in_turn_are_counted_and_compared(lists: str) -> None:
    given = small_input()
    with BlockExecutor(backend="inline", access_lists=lists, workers=2, gate=False) as executor:
        run = in_turn(given, executor, rounds=2)
    assert (run.ran_on, run.conflicts) == ("workers", 0)
    assert run.executions >= len(given.block.transactions) == 3
    assert run.speedup > 0
    assert run.result.receipts == given.sequential.receipts


def test_another_result_is_an_error_and_no_figure() -> None:
    given, other = small_input(), Builder(fork="Shanghai")
    other.fund(user(0))
    wrong = Input("wrong", given.block, given.pre_state, execute_sequential(other.block(), other.state), given.sets)
    with (
        BlockExecutor(backend="inline", access_lists="exact", workers=2, gate=False) as executor,
        pytest.raises(ParallelEvmError, match="wrong: the parallel result is not the sequential one"),
    ):
        in_turn(wrong, executor, rounds=1)


@needs_data
def test_the_way_from_file_to_header_ends_where_the_header_differs() -> None:
    path = capsule_path(46147)
    trip = _trip(path, None, lambda capsule: execute_sequential(capsule.block, capsule.pre_state))
    assert min(trip.reading, trip.execution, trip.checking) > 0
    assert trip.whole == trip.reading + trip.execution + trip.checking

    with pytest.raises(ParallelEvmError, match=r"46147\.json\.gz: gas_used"):
        _trip(
            path, None, lambda capsule: execute_sequential(replace(capsule.block, transactions=()), capsule.pre_state)
        )


@pytest.mark.slow
@pytest.mark.parametrize("name", MEASURED)
def test_every_measured_experiment_runs_quickly(name: str) -> None:
    found = experiment(name)
    if found.needs_data and not data_dir().joinpath("blocks").is_dir():
        pytest.skip("no recorded blocks")
    outcome = run_one(found, Settings(data_dir(), quick=True))
    assert outcome.error is None
    assert all(one.measured is not None for one in outcome.comparisons)
    assert all(table.rows for table in outcome.tables)
    if name == "list-damage":
        same = next(one for one in outcome.comparisons if "root" in one.what)
        assert same.difference == "exact"
