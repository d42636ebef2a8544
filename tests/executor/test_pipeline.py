"""Consecutive blocks: each on the state the one before left, the next one's senders recovered meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from executor import transactions
from executor.block_executor import BlockExecutor
from executor.errors import InvalidTransaction
from executor.evm import validity
from executor.gate import DRIVER, Gate
from executor.pipeline import CHUNK, Preparation
from executor.pool import Event, InlinePool, Lost, Pool
from executor.process_pool import ProcessPool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState
from executor.types import Block, BlockResult, GateDecision, RawTransaction
from executor.versions import VersionedState
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.oracle import assert_same


def chain(blocks: int = 4, transactions: int = 10) -> tuple[list[Block], MemoryState]:
    """Return blocks that count on the same contracts, one after another, and the state before the first."""
    builder = Builder()
    targets = [builder.contract(number, COUNTER) for number in range(3)]
    made = []
    for number in range(blocks):
        first = number * transactions
        for place in range(transactions):
            builder.fund(user(first + place))
            builder.send(user(first + place), targets[place % 3], price=10 + place)  # so that senders differ
        block = builder.block()
        made.append(replace(block, transactions=block.transactions[first:]))
    return made, builder.state


def sequential_chain(blocks: list[Block], state: MemoryState) -> list[BlockResult]:
    """Return the results one after another, on untagged states."""
    results = []
    state = state.copy()
    for block in blocks:
        results.append(execute_sequential(block, state))
        state.apply(results[-1].state_diff)
    return results


def run(pool: Pool, blocks: list[Block], state: MemoryState, *, gate: bool = False) -> list[BlockResult]:
    with BlockExecutor(strategy="optimistic", access_lists="none", pool=pool, gate=gate) as executor:
        return list(executor.execute_chain(blocks, state))


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_a_chain_is_the_sequential_chain(seed: int | None) -> None:
    blocks, state = chain()
    expected = sequential_chain(blocks, state)
    pool = InlinePool(3, seed, 2)
    for block, result in zip(expected, run(pool, blocks, state), strict=True):
        assert_same(result, block, state)
    assert [result.stats.traffic.state_bytes for result in expected] == [0] * 4


def recoveries(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Count recoveries of senders in this process, and by whom they were asked for."""
    calls: list[object] = []

    def counted(*arguments: object) -> object:
        calls.append(arguments)
        return transactions.recover_address(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(validity, "recover_address", counted)
    return calls


def test_senders_of_the_next_block_are_recovered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, state = chain()
    expected = sequential_chain(blocks, state)
    calls = recoveries(monkeypatch)
    results = run(InlinePool(2, None, 2), blocks, state)
    assert [result_bytes(result) for result in results] == [result_bytes(result) for result in expected]
    executions = sum(result.stats.executions for result in results)
    assert len(calls) < executions  # later runs of the later blocks know the sender
    assert len(calls) == results[0].stats.executions + sum(len(block.transactions) for block in blocks[1:])


def test_a_block_on_the_driver_leaves_the_workers_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    blocks, state = chain(2)
    pool = ProcessPool(2)
    calls = recoveries(monkeypatch)
    monkeypatch.setattr(Gate, "rough", lambda *_: GateDecision(DRIVER, "as the test wants"))
    try:
        results = run(pool, blocks, state, gate=True)
    finally:
        pool.close()
    assert [result.stats.gate.where for result in results if result.stats.gate] == [DRIVER, DRIVER]
    assert len(calls) == len(blocks[0].transactions)  # those of the second block were recovered by the workers


def test_only_changes_travel_after_the_first_block() -> None:
    blocks, state = chain(3)
    for number in range(500):
        state.put(user(1000 + number).address, balance=1)
    results = run(InlinePool(2, None, 2), blocks, state)
    whole, *later = [result.stats.traffic.state_bytes for result in results]
    assert all(steps < whole / 4 for steps in later)


def test_an_unknown_or_wrong_signature_is_refused_as_ever() -> None:
    blocks, state = chain(2)
    broken = bytearray(blocks[1].transactions[3].raw)
    broken[-1] ^= 1
    transactions_ = list(blocks[1].transactions)
    transactions_[3] = RawTransaction(bytes(broken))
    wrong = [blocks[0], replace(blocks[1], transactions=tuple(transactions_))]
    first = execute_sequential(wrong[0], state)
    after = VersionedState.of(state.copy()).after(first.state_diff)
    with pytest.raises(InvalidTransaction) as expected:
        execute_sequential(wrong[1], after)
    with pytest.raises(InvalidTransaction) as caught:
        run(InlinePool(2, None, 2), wrong, state)
    assert (type(caught.value), caught.value.index) == (type(expected.value), expected.value.index)


class DyingPool(InlinePool):
    """An inline pool that loses a worker at the first reply to a preparation."""

    lost = 0

    def next_event(self) -> Event:
        event = super().next_event()
        if not isinstance(event, Lost) and event.ticket < 0 and not self.lost:
            self.lost += 1
            self.replace(event.worker)
            return Lost(event.worker, (event.ticket,), "killed by the test")
        return event


def test_a_worker_lost_with_a_preparation_is_only_slower() -> None:
    blocks, state = chain()
    expected = sequential_chain(blocks, state)
    pool = DyingPool(1, None, 2)
    results = run(pool, blocks, state)
    assert pool.lost == 1
    assert [result_bytes(result) for result in results] == [result_bytes(result) for result in expected]
    assert sum(result.stats.lost_workers for result in results) == 1
    assert all(result.stats.max_executions <= 3 for result in results)


def test_a_preparation_asks_every_transaction_once() -> None:
    blocks, _ = chain(1, transactions=CHUNK + 5)
    pool = InlinePool(1)
    preparation = Preparation(blocks[0])
    preparation.begin(pool)
    preparation.finish(pool)
    assert preparation.senders == {
        transaction.raw: user(number).address for number, transaction in enumerate(blocks[0].transactions)
    }
    assert not preparation.ask(pool, 0)


def refuse(state: VersionedState) -> list[Callable[[], object]]:
    address = next(iter(state.accounts))
    return [lambda: state.put(address, balance=1), lambda: state.apply(execute_sequential(*_one()).state_diff)]


def _one() -> tuple[Block, MemoryState]:
    blocks, state = chain(1)
    return blocks[0], state


def test_a_tagged_state_cannot_be_changed() -> None:
    _, state = _one()
    for change in refuse(VersionedState.of(state)):
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
