"""The gate: blocks go where they are faster, the reason is in the result, and the result is the same anywhere."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from executor.access_lists import exact_sets
from executor.block_executor import BlockExecutor
from executor.costs import BlockCosts, Forecast
from executor.dispatch import Experience
from executor.gate import DRIVER, REST, WORKERS, Gate
from executor.merge import BlockMerger
from executor.pool import InlinePool
from executor.pricing import Chain
from executor.schedule import ScheduleRecorder
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block, BlockResult, GateDecision, TransactionResult
from executor.versions import VersionedState
from executor.wire import Task, pack_batch
from scheduler.access import AccessSet, TxIndex
from scheduler.batching import MessageCost
from scheduler.cost import CostModel
from scheduler.graph import DependencyGraph, build
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.oracle import assert_same

SLOW_MACHINE, FAST_MACHINE = 1e-3, 1e-15
"""Seconds per gas on which any of these blocks is worth a look, or none is."""


class PricedPool(InlinePool):
    """An inline pool whose messages are said to cost something, so that the gate is asked."""

    goal_seconds = 0.004  # type: ignore[assignment]


def counting(transactions: int, counters: int) -> tuple[Block, MemoryState]:
    """Return a block of calls to so many counters in turn: so many chains."""
    builder = Builder(gas_limit=10**9)
    targets = [builder.contract(number, COUNTER) for number in range(counters)]
    for number in range(transactions):
        builder.fund(user(number))
        builder.send(user(number), targets[number % counters])
    return builder.block(), builder.state


def learned(model: CostModel, block: Block, state: MemoryState, seconds: float) -> None:
    """Let a model have seen every transaction of a block take so long."""
    costs = BlockCosts(block, model, state)
    for index in range(len(costs)):
        costs.learn(index, seconds)


def executor_on(
    pool: PricedPool, speed: float, *, strategy: str = "graph", lists: str = "exact", gate: bool = True
) -> BlockExecutor:
    """Return an executor that takes the machine to be so fast, transactions and gas alike."""
    executor = BlockExecutor(strategy=strategy, access_lists=lists, pool=pool, gate=gate)
    executor.experience = Experience()
    executor.experience.gate.seconds_per_gas = speed
    executor.experience.costs._seconds_per_gas = speed
    return executor


def run(
    executor: BlockExecutor, block: Block, state: MemoryState, monkeypatch: pytest.MonkeyPatch
) -> tuple[BlockResult, str]:
    """Execute a block, hold it against sequential execution, and demand one settle per transaction, in order."""
    settled: list[TransactionResult] = []
    add = BlockMerger.add

    def spy(merger: BlockMerger, result: TransactionResult) -> None:
        settled.append(result)
        add(merger, result)

    with monkeypatch.context() as watched, executor:
        watched.setattr(BlockMerger, "add", spy)
        result = executor.execute(block, state)
    assert settled[-len(block.transactions) :] == list(result.transactions)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.gate is not None
    return result, result.stats.gate.where


def test_a_parallel_block_goes_to_the_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(40, counters=20)
    result, where = run(executor_on(PricedPool(2), SLOW_MACHINE), block, state, monkeypatch)
    assert where == WORKERS
    assert result.stats.batches > 1
    assert result.stats.gate is not None
    assert result.stats.gate.parallel_seconds < result.stats.gate.sequential_seconds


@pytest.mark.parametrize(("decided", "where", "fades"), [(WORKERS, WORKERS, 0), (DRIVER, REST, 1)])
def test_workers_begin_before_everything_is_weighed(
    decided: str, where: str, fades: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large block without a long chain begins at once; the close look may still take the rest of it back."""
    block, state = counting(40, counters=20)
    pool, close = PricedPool(2), Gate.close
    sent: list[int] = []
    faded: list[Gate] = []

    def late(gate: Gate, *of: Any) -> GateDecision:
        sent.append(sum(map(len, pool._waiting)))
        return replace(close(gate, *of), where=decided)

    def fade(gate: Gate) -> None:
        faded.append(gate)

    monkeypatch.setattr(Gate, "close", late)
    monkeypatch.setattr(Gate, "fade", fade)
    _, found = run(executor_on(pool, SLOW_MACHINE), block, state, monkeypatch)
    assert found == where
    assert sent[0] > 1
    assert len(faded) == fades, "a block that is taken back tells nothing of the workers either"


@pytest.mark.parametrize("gate", [True, False])
@pytest.mark.parametrize("strategy", ["graph", "waves"])
@pytest.mark.parametrize("lists", ["exact", "declared"])
def test_workers_begin_before_there_is_a_graph_of_all(
    strategy: str, lists: str, gate: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first batches are of the transactions whose graph is made first; exact lists still run nothing twice."""
    block, state = counting(60, counters=20)
    if lists == "declared":  # and wrong
        sets = enumerate(exact_sets(block, state))
        block = replace(block, access_sets=tuple(AccessSet() if index % 3 else access for index, access in sets))
    monkeypatch.setattr("executor.dispatch._PLANNED_FIRST", 12)
    planned: list[tuple[AccessSet, ...]] = []
    sent: list[TxIndex] = []
    make, pack = build, pack_batch

    def spy_build(sets: tuple[AccessSet, ...]) -> DependencyGraph:
        planned.append(sets)
        return make(sets)

    def spy_pack(ticket: int, updates: list[bytes], tasks: list[Task]) -> bytes:
        if len(planned) == 1:
            sent.extend(index for index, _ in tasks)
        return pack(ticket, updates, tasks)

    monkeypatch.setattr("executor.strategies.build", spy_build)
    monkeypatch.setattr("executor.parallel.pack_batch", spy_pack)
    executor = executor_on(PricedPool(2), SLOW_MACHINE, strategy=strategy, lists=lists, gate=gate)
    with executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    first, whole = planned
    assert (first, len(whole)) == (whole[:24], 60)
    assert set() < set(sent) < set(range(24))
    if lists == "exact":
        assert (result.stats.executions, result.stats.conflicts) == (60, 0)


def test_a_chain_stays_on_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(40, counters=1)
    result, where = run(executor_on(PricedPool(2), SLOW_MACHINE), block, state, monkeypatch)
    assert where == DRIVER
    assert result.stats.batches == 0
    assert result.stats.gate is not None
    assert "longest chain is 100% of the work" in result.stats.gate.reason


def test_a_small_block_stays_on_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(40, counters=20)
    result, where = run(executor_on(PricedPool(2), FAST_MACHINE), block, state, monkeypatch)
    assert (where, result.stats.batches) == (DRIVER, 0)
    assert result.stats.gate is not None
    assert "too small" in result.stats.gate.reason


def test_no_graph_is_made_of_a_block_that_loses_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(40, counters=20)
    executor = executor_on(PricedPool(2), SLOW_MACHINE)
    executor.experience.gate.seconds_per_gas = 0.024 / (40 * executor.experience.gate.gas_per_transaction)
    learned(executor.experience.costs, block, state, 1e-5)  # much faster than the gas made believe
    monkeypatch.setattr("executor.strategies.build", lambda *_: pytest.fail("nobody needs it"))
    result, where = run(executor, block, state, monkeypatch)
    assert where == DRIVER
    assert result.stats.gate is not None
    assert "too small" in result.stats.gate.reason


@pytest.mark.parametrize(("transactions", "workers", "reason"), [(1, 2, "1 transaction"), (9, 1, "one worker")])
def test_what_nobody_can_split_stays_on_the_driver(
    transactions: int, workers: int, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    block, state = counting(transactions, counters=9)
    result, where = run(executor_on(PricedPool(workers), SLOW_MACHINE), block, state, monkeypatch)
    assert where == DRIVER
    assert result.stats.gate is not None
    assert reason in result.stats.gate.reason


def test_an_empty_block_is_decided_too() -> None:
    block, state = Builder().block(), Builder().state
    with executor_on(PricedPool(2), SLOW_MACHINE) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.gate is not None
    assert result.stats.gate.reason == "no transactions to execute"


@pytest.mark.parametrize("seed", range(6))
def test_conflicts_without_lists_end_on_the_driver(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(64, counters=1)
    pool = PricedPool(3, seed, 4)
    executor = executor_on(pool, SLOW_MACHINE, strategy="optimistic", lists="none")
    result, where = run(executor, block, state, monkeypatch)
    assert where == REST
    assert result.stats.gate is not None
    assert "stale" in result.stats.gate.reason
    assert result.stats.conflicts > 0
    assert result.stats.executions < 1.7 * 64
    assert result.stats.max_executions <= 3


def test_a_chain_found_in_the_end_runs_on_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    """One chain among transactions that touch nothing in common: too few conflicts to stop earlier."""
    builder = Builder(gas_limit=10**9)
    counter = builder.contract(0, COUNTER)
    for number in range(64):
        builder.fund(user(number))
        builder.send(user(number), counter if number % 8 == 0 else user(1000 + number).address, value=number % 8)
    block, state = builder.block(), builder.state
    places = []
    for seed in range(10):  # in some, the head has run the stale ones again by the time everything has run once
        executor = executor_on(PricedPool(4, seed, 2), SLOW_MACHINE, strategy="graph", lists="observed")
        result, where = run(executor, block, state, monkeypatch)
        places.append(where)
        assert 0 < result.stats.conflicts < 16
        assert result.stats.gate is not None
        assert where == WORKERS or "a chain: 100%" in result.stats.gate.reason
    assert places.count(REST) >= 5


def test_the_pool_can_be_used_after_the_driver_took_over(monkeypatch: pytest.MonkeyPatch) -> None:
    block, state = counting(64, counters=1)
    again, state_again = counting(40, counters=20)
    pool = PricedPool(3, 1, 4)
    for made, pre_state, expected in ((block, state, REST), (again, state_again, WORKERS), (block, state, REST)):
        strategy = "optimistic" if expected == REST else "graph"
        lists = "none" if expected == REST else "exact"
        executor = executor_on(pool, SLOW_MACHINE, strategy=strategy, lists=lists)
        assert run(executor, made, pre_state, monkeypatch)[1] == expected


def test_nobody_is_asked_without_the_gate_nor_where_a_schedule_counts() -> None:
    block, state = counting(10, counters=1)
    with executor_on(PricedPool(2), SLOW_MACHINE, gate=False) as executor:
        assert executor.execute(block, state).stats.gate is None
    with BlockExecutor(pool=PricedPool(2), recorder=ScheduleRecorder()) as executor:
        assert executor.execute(block, state).stats.gate is None
    with BlockExecutor(pool=InlinePool(2)) as executor:
        assert executor.execute(block, state).stats.gate is None


def test_a_state_that_the_workers_hold_costs_nothing() -> None:
    block, state = counting(10, counters=10)
    for number in range(3000):
        state.put(user(5000 + number).address, balance=1)
    tagged = VersionedState.of(state)
    gate, pool = Gate(), PricedPool(2)
    gate.seconds_per_gas = 0.016 / (10 * gate.gas_per_transaction)
    assert gate.rough(block, tagged, pool) is not None
    pool.begin(block, tagged)
    assert gate.rough(block, tagged, pool) is None
    assert gate.rough(block, state, pool) is not None


def test_conflicts_teach_that_lists_were_missed() -> None:
    block, state = counting(64, counters=64)
    pool, costs = PricedPool(3), CostModel()
    learned(costs, block, state, 0.1)
    gate, known = Gate(), BlockCosts(block, costs, state).forecast()
    assert gate.close(block, known, None, state, pool).where == WORKERS
    result = execute_sequential(block, state)
    stale = replace(result, stats=replace(result.stats, conflicts=60))
    for _ in range(6):
        gate.learn_parallel(stale, pool, None)
    decision = gate.close(block, known, None, state, pool)
    assert decision.where == DRIVER
    assert "would run again" in decision.reason
    assert gate.close(block, known, Chain(0.1, 1), state, pool).where == WORKERS


def test_a_few_transactions_nobody_knows_are_no_parallel_work() -> None:
    block, state = counting(12, counters=12)
    gate, pool, chain = Gate(), PricedPool(2), Chain(1.0, 1)
    guesses = Forecast([1.0] * 12, 12.0, guessed=1.0)
    decision = gate.close(block, guesses, chain, state, pool)
    assert decision.where == DRIVER
    assert "most like none measured" in decision.reason
    assert gate.close(block, guesses._replace(guessed=0.0), chain, state, pool).where == WORKERS


def test_a_chain_pays_for_its_messages() -> None:
    """Less than half of the work lies in the chain, but it goes to and fro, and each time it waits its turn."""
    block, state = counting(100, counters=100)
    gate, pool, known = Gate(), PricedPool(2), Forecast([0.001] * 100, 0.1, guessed=0.0)
    chain, single = Chain(0.049, 30), Chain(0.001, 1)
    pool._message_cost = MessageCost(first=0.0009)
    dear = gate.close(block, known, chain, state, pool)
    assert (dear.where, gate.close(block, known, single, state, pool).where) == (DRIVER, WORKERS)
    assert dear.reason == "its longest chain is 49% of the work, in 6 messages in turn"
    pool._message_cost = MessageCost(first=0.00001)
    assert gate.close(block, known, chain, state, pool).where == WORKERS


def test_what_is_guessed_must_promise_more() -> None:
    block, state = counting(100, counters=100)
    gate, pool, known = Gate(), PricedPool(2), Forecast([0.001] * 100, 0.1, guessed=0.0)
    gate.beyond = 0.01
    promised = gate.close(block, known, Chain(0.001, 1), state, pool).parallel_seconds
    gate.beyond += 0.93 * 0.1 - promised
    assert gate.close(block, known, Chain(0.001, 1), state, pool).where == WORKERS
    decision = gate.close(block, known._replace(guessed=0.9), Chain(0.001, 1), state, pool)
    assert decision.where == DRIVER
    assert "too little to gain" in decision.reason


def test_what_a_chain_took_is_no_cost_of_the_workers() -> None:
    block, state = counting(40, counters=1)
    result, pool = execute_sequential(block, state), PricedPool(2)
    each = tuple(transaction._replace(seconds=0.001) for transaction in result.transactions)
    seen = replace(result, transactions=each, stats=replace(result.stats, batches=4, seconds=0.045))
    for counters, beyond in ((1, False), (40, True)):
        gate = Gate()
        gate.learn_parallel(seen, pool, build(exact_sets(*counting(40, counters))))
        assert (gate.beyond > 0) == beyond


def test_a_block_made_to_be_slow_does_not_speak_for_the_next() -> None:
    block, state = counting(4, counters=4)
    result, gate = execute_sequential(block, state), Gate()
    usual = gate.seconds_per_gas
    for surprise in (1000.0, 0.001):
        gate.seconds_per_gas, seconds = usual, surprise * usual * result.gas_used / 4
        gate.learn(replace(result, transactions=tuple(each._replace(seconds=seconds) for each in result.transactions)))
        assert 0.5 < gate.seconds_per_gas / usual < 2
        assert (gate.seconds_per_gas > usual) == (surprise > 1)


@pytest.mark.parametrize("transactions", [0, 1])
def test_blocks_with_nothing_to_divide_ask_and_teach_nothing(
    transactions: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    block, state = counting(transactions, counters=1)

    def asked(*_: object) -> None:
        pytest.fail("there is nothing to ask or to learn")

    for name in ("rough", "close", "learn", "learn_parallel", "fade"):
        monkeypatch.setattr(Gate, name, asked)
    with executor_on(PricedPool(2), SLOW_MACHINE) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert result.stats.gate is not None
    assert result.stats.gate.where == DRIVER


def test_what_speaks_against_the_workers_fades_while_the_driver_runs_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise one busy minute would keep all later blocks on the driver."""
    block, state = counting(64, counters=64)
    executor = executor_on(PricedPool(3), SLOW_MACHINE, strategy="optimistic", lists="none")
    learned(executor.experience.costs, block, state, 0.1)
    monkeypatch.setattr(Gate, "learn", lambda *_: None)  # what a block costs here must not decide
    monkeypatch.setattr(Gate, "learn_parallel", lambda *_: None)
    monkeypatch.setattr(type(executor.experience.costs), "learn", lambda *_: None)
    executor.experience.gate.reruns = 1.0
    places = []
    with executor:
        for _ in range(40):
            decision = executor.execute(block, state).stats.gate
            assert decision is not None
            places.append(decision.where)
            if decision.where == WORKERS:
                break
    assert places[:2] == [DRIVER, DRIVER]
    assert places[-1] == WORKERS


def test_fading_leaves_alone_what_speaks_for_the_workers() -> None:
    gate = Gate()
    gate.reruns, gate.shipping, gate.beyond = 0.01, 0.5, 0.0
    gate.fade()
    assert (gate.reruns, gate.shipping, gate.beyond) == (0.01, 0.5, 0.0)
    gate.reruns, gate.shipping, gate.beyond = 0.9, 4.0, 0.2
    for _ in range(14):
        gate.fade()
    assert 0.1 < gate.reruns < 0.6
    assert 1.0 < gate.shipping < 2.6
    assert 0.0 < gate.beyond < 0.11
