"""Simulated dispatch: cases whose answer is known, and a generated block."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import pytest

from bench.simulate import Known, Load, MessageCosts, Simulated, simulate, simulate_load
from bench.virtual_clock import VirtualClock
from executor.access_lists import observed_sets
from executor.sequential import execute_sequential
from scheduler.access import STORAGE, AccessSet, Location, Value, WriteSet
from scheduler.execution import Observation
from scheduler.graph import build
from scheduler.multi_version import MultiVersionState
from tests.scheduler.toy import PlainState
from workloads.registry import generate

ONE_EACH = MessageCosts(batch_limit=1)
"""Messages that cost nothing and hold one execution."""


def slot(number: int) -> Location:
    return b"\x01" * 20, STORAGE, number


def state() -> MultiVersionState:
    return MultiVersionState(PlainState(), derived_existence=True)


def load_of(seconds: Sequence[float], slots: Sequence[int]) -> Load:
    """Return transactions that each read and write one slot: those of one slot are a chain."""
    values: dict[int, Value] = {}
    observations = []
    for index, number in enumerate(slots):
        reads = {slot(number): values.get(number, 0)}
        observations.append(Observation(reads, {}, WriteSet({slot(number): index + 1}, {})))
        values[number] = index + 1
    sets = [AccessSet(frozenset({slot(number)}), frozenset({slot(number)})) for number in slots]
    return Load(seconds, sets, build(sets), observations, state, lambda: Known(seconds))


def independent(count: int, seconds: float = 0.001) -> Load:
    return load_of([seconds] * count, range(count))


def chain(count: int, seconds: float = 0.001) -> Load:
    return load_of([seconds] * count, [0] * count)


def ran_once(result: Simulated, count: int) -> bool:
    return result.executions == count and result.sound


@pytest.mark.parametrize("workers", [1, 2, 4, 8, 64])
def test_independent_transactions_take_a_worker_each(workers: int) -> None:
    result = simulate_load(independent(128), workers, ONE_EACH)
    assert result.speedup == pytest.approx(workers) == result.bound
    assert result.workers_busy == pytest.approx(1.0)
    assert result.driver_busy == 0.0
    assert ran_once(result, 128)
    assert result.messages == 128
    # Told of all that was taken in from others when its last message was sent, which is two before the end.
    assert result.updates <= 128 * (workers - 1)
    assert (result.updates == 0) == (workers in {1, 64})


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_a_chain_gains_nothing(workers: int) -> None:
    result = simulate_load(chain(50), workers, MessageCosts())
    assert result.speedup == pytest.approx(1.0) == result.bound
    assert result.workers_busy == pytest.approx(1 / workers)
    assert ran_once(result, 50)


def test_two_chains_of_unlike_length_end_with_the_longer() -> None:
    load = load_of([0.001] * 40, [0, 1, 0, 0] * 10)
    result = simulate_load(load, 4, ONE_EACH)
    assert result.seconds == pytest.approx(0.030)
    assert result.bound == pytest.approx(40 / 30)


def test_the_driver_caps_throughput() -> None:
    costs = replace(ONE_EACH, driver_transaction=0.0005)
    result = simulate_load(independent(200), 64, costs)
    # The first results come after one execution; from then on the driver is never idle.
    assert result.seconds == pytest.approx(0.001 + 200 * 0.0005)
    assert result.driver_busy == pytest.approx(0.1 / 0.101)


def test_messages_cost_the_driver_less_in_batches() -> None:
    costs = MessageCosts(driver_message=0.001, batch_limit=1)
    single = simulate_load(independent(100), 4, costs)
    assert single.seconds == pytest.approx(100 * 0.001 + 0.001)
    batched = simulate_load(independent(100), 4, replace(costs, batch_limit=10, goal_seconds=1.0))
    assert batched.messages < single.messages
    assert batched.seconds < single.seconds


def test_what_a_worker_does_beside_the_execution_slows_it() -> None:
    costs = replace(ONE_EACH, worker_message=0.0002, worker_transaction=0.0003, execution=1.5)
    assert simulate_load(independent(10), 1, costs).seconds == pytest.approx(10 * 0.002)


def test_updates_are_paid_by_those_who_send_and_receive_them() -> None:
    load = load_of([0.001, 0.0005, 0.001], [0, 1, 0])
    free = simulate_load(load, 2, ONE_EACH)
    assert (free.messages, free.updates) == (3, 1)
    told = simulate_load(load, 2, replace(ONE_EACH, worker_update=0.0004, driver_update=0.0001))
    assert told.seconds == pytest.approx(free.seconds + 0.0005)


def test_a_block_begins_and_ends_on_the_driver() -> None:
    costs = MessageCosts(driver_plan=0.004, driver_worker=0.001, driver_prepare=0.002, driver_end=0.005)
    assert simulate_load(chain(1), 3, costs).seconds == pytest.approx(0.004 + 3 * 0.001 + 0.002 + 0.001 + 0.005)
    unpacking = replace(costs, worker_start=0.010)  # overlaps with the preparation
    assert simulate_load(chain(1), 1, unpacking).seconds == pytest.approx(0.004 + 0.001 + 0.010 + 0.001 + 0.005)


def test_latency_is_hidden_while_a_worker_holds_two_messages() -> None:
    costs = replace(ONE_EACH, latency=0.0004)
    assert simulate_load(independent(50), 1, costs).seconds == pytest.approx(50 * 0.001 + 2 * 0.0004)
    assert simulate_load(chain(50), 1, costs).seconds == pytest.approx(50 * (0.001 + 2 * 0.0004))


@pytest.mark.parametrize("workers", [1, 2, 8])
def test_on_one_processor_nothing_is_gained(workers: int) -> None:
    costs = replace(ONE_EACH, driver_transaction=0.0001, worker_transaction=0.0002)
    result = simulate_load(independent(64), workers, costs, cores=1)
    assert result.seconds == pytest.approx(64 * (0.001 + 0.0001 + 0.0002))
    assert result.driver_seconds == pytest.approx(64 * 0.0001)
    assert result.worker_seconds == pytest.approx(64 * 0.0012)


def test_background_work_takes_processors() -> None:
    costs = replace(ONE_EACH, background=0.0005)
    assert simulate_load(independent(64), 1, costs).seconds == pytest.approx(0.064)
    assert simulate_load(independent(64), 1, costs, cores=1).seconds == pytest.approx(64 * 0.0015, rel=0.02)


def test_missing_edges_show_as_early_executions() -> None:
    blind = replace(chain(8), sets=[AccessSet()] * 8)
    alone, together = simulate_load(blind, 1, ONE_EACH), simulate_load(blind, 4, ONE_EACH)
    assert alone.sound
    assert (together.sound, together.bound) == (False, 1.0)
    assert together.early > 0


def test_more_parties_than_processors_share_them() -> None:
    clock = VirtualClock(cores=2)
    ends: list[float] = []

    def life(seconds: float) -> Iterator[float]:
        yield seconds
        ends.append(clock.now)

    parties = [clock.spawn(life(seconds)) for seconds in (1.0, 2.0, 3.0)]
    clock.run_until(parties[2])
    # All three at 2/3 until 1.5, then each on its own.
    assert ends == pytest.approx([1.5, 2.5, 3.5])
    assert [party.occupied for party in parties] == pytest.approx(ends)
    assert [party.worked for party in parties] == [1.0, 2.0, 3.0]


def test_a_clock_on_which_nothing_can_happen_says_so() -> None:
    clock = VirtualClock()
    party = clock.spawn(iter((None,)))
    with pytest.raises(RuntimeError, match="nobody works"):
        clock.run_until(party)


@pytest.fixture(scope="module")
def generated() -> Callable[..., Simulated]:
    """A small generated block as something to simulate."""
    workload = generate("lending", 60, 1, {"shards": "4"})
    block, pre_state = workload.blocks[0], workload.pre_state
    sequential = execute_sequential(block, pre_state)
    sets = observed_sets(sequential.transactions, pre_state)

    def on(workers: int, costs: MessageCosts, cores: float | None = None) -> Simulated:
        return simulate(block, pre_state, sequential, sets, workers, costs, cores)

    return on


def test_a_generated_block_runs_once_and_within_its_bound(generated: Callable[..., Simulated]) -> None:
    results = [generated(workers, ONE_EACH) for workers in (1, 2, 4, 64)]
    count = results[0].executions
    assert count > 0
    assert all(ran_once(result, count) for result in results)
    seconds = [result.seconds for result in results]
    assert seconds == sorted(seconds, reverse=True)
    work = seconds[0]
    assert all(work / result.seconds <= result.bound * (1 + 1e-9) for result in results)
    assert work / seconds[-1] == pytest.approx(results[-1].bound)
    assert generated(4, ONE_EACH) == results[2]
