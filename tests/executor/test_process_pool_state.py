"""Large states: workers are born with them, and change their own copies alone."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from functools import partial
from itertools import pairwise
from pathlib import Path

import pytest

from executor.hashing import keccak256
from executor.pool import Reply
from executor.process_pool import LARGE_STATE, ProcessPool
from executor.sequential import execute_sequential
from executor.state import Account, MemoryState
from executor.types import Block
from executor.versions import VersionedState
from executor.wire import pack_batch, unpack_reply
from tests.blocks import Builder, user
from tests.executor import process_faults as faults
from tests.executor.process_faults import Faulty
from tests.executor.process_runs import METHODS, assert_runs, await_end, counting, started_by

HOLDER = b"\x77" * 20


@pytest.fixture
def forked() -> Iterator[None]:
    """Workers are forked."""
    with started_by("fork"):
        yield


def large(state: MemoryState) -> MemoryState:
    """Return a state with so many slots that workers are born with it; nobody is to ask for its root."""
    state.put(HOLDER, nonce=1, storage=dict.fromkeys(range(LARGE_STATE), 1))
    state.complete = False
    return state


def fingerprint(state: MemoryState) -> bytes:
    """Return a hash over all that a state holds."""
    rows = [(a, x.balance, x.nonce, x.code_hash, sorted(x.storage.items())) for a, x in sorted(state.accounts.items())]
    return keccak256(repr(rows).encode() + repr(sorted(state.codes)).encode())


def chain(builder: Builder, blocks: int) -> Iterator[tuple[Block, VersionedState]]:
    """Yield blocks of the same callers, each on the state that the one before it left."""
    state = VersionedState.of(builder.state)
    for _ in range(blocks):
        block = builder.block()
        yield block, state
        state = state.after(execute_sequential(block, state).state_diff)
        builder.raws = []
        for number in range(16):
            builder.send(user(number), b"\xcc" * 18 + (number % 4).to_bytes(2, "big"))


@pytest.mark.parametrize(("method", "least", "most"), [("fork", 0, 100_000), ("forkserver", 200_000, 10**7)])
def test_only_a_worker_that_cannot_inherit_a_large_state_is_sent_it(method: str, least: int, most: int) -> None:
    builder = counting()
    state = VersionedState.of(large(builder.state))
    with started_by(method):
        pool = ProcessPool(2)
        before = pool.pids()
        assert_runs(pool, builder.block(), state, lost=0)
        assert least <= pool.shipped <= most
        assert (pool.pids() == before) == (method == "forkserver")
        await_end(*(set(before) - set(pool.pids())), seconds=10)
        pool.close()


@pytest.mark.usefixtures("forked")
def test_a_small_state_is_sent() -> None:
    builder = counting()
    pool = ProcessPool(2)
    before = pool.pids()
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert pool.pids() == before
    pool.close()


@pytest.mark.parametrize("method", METHODS)
def test_along_a_chain_the_state_is_given_once_and_changed_in_the_workers_alone(method: str) -> None:
    builder = counting()
    large(builder.state)
    with started_by(method):
        pool = ProcessPool(2)
        pids, shipped, seen = [], [], []
        for block, state in chain(builder, 4):
            seen.append((state, fingerprint(state)))
            assert_runs(pool, block, state, lost=0)
            pids.append(pool.pids())
            shipped.append(pool.shipped)
        pool.close()
    assert pids == pids[:1] * 4
    assert max(after - before for before, after in pairwise(shipped)) < 50_000
    assert all(fingerprint(state) == before for state, before in seen)


@pytest.mark.usefixtures("forked")
def test_another_state_is_another_fork_and_a_state_without_a_tag_is_given_anew() -> None:
    builder = counting()
    state = large(builder.state)
    pool = ProcessPool(2)
    pids = [pool.pids()]
    for slot in range(2):
        state.accounts[HOLDER].storage[slot] = 5
        assert_runs(pool, builder.block(), state, lost=0)
        pids.append(pool.pids())
    assert not set(pids[0]) & set(pids[1])
    assert not set(pids[1]) & set(pids[2])
    pool.close()


@pytest.mark.usefixtures("forked")
def test_the_successor_of_a_lost_worker_is_born_with_the_state_and_the_other_stays(tmp_path: Path) -> None:
    builder = counting()
    state = VersionedState.of(large(builder.state))
    pool = ProcessPool(2, make_worker=partial(Faulty, tmp_path, faults.kill, "after"))
    pool.begin(builder.block(), state)
    pids = pool.pids()
    _, log = assert_runs(pool, builder.block(), state, lost=1)
    (loss,) = log.losses
    changed = [worker for worker in range(2) if pool.pids()[worker] != pids[worker]]
    assert changed == [loss.worker]
    assert pool.shipped < 100_000
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_worker_found_dead_between_blocks_gets_the_whole_state_the_other_what_changed() -> None:
    builder = counting()
    large(builder.state)
    pool = ProcessPool(2)
    for number, (block, state) in enumerate(chain(builder, 3)):
        if number == 2:
            (victim, other) = pool.pids()
            os.kill(victim, signal.SIGKILL)
            await_end(victim)
        assert_runs(pool, block, state, lost=0)
    assert pool.pids()[0] != victim
    assert pool.pids()[1] == other
    assert pool.sent_whole == 1
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_worker_with_batches_in_flight_is_sent_the_state_and_not_replaced() -> None:
    """As when it answered that it holds another state: what else it owes is still owed."""
    builder = counting(2, 2)
    state = VersionedState.of(large(builder.state))
    pool = ProcessPool(2, patience=10)
    pool.begin(builder.block(), state)
    pids = pool.pids()
    pool.submit(0, 1, pack_batch(pool.first_ticket + 1, [], [(0, False)]))
    pool.reopen(0)
    pool.submit(0, 2, pack_batch(pool.first_ticket + 2, [], [(1, False)]))
    replies = [pool.next_event(), pool.next_event()]
    assert pool.pids() == pids
    assert [event.ticket for event in replies if isinstance(event, Reply)] == [1, 2]
    answers = [unpack_reply(event.blob) for event in replies if isinstance(event, Reply)]
    expected = execute_sequential(builder.block(), state).transactions
    for answer, transaction in zip(answers, expected, strict=True):
        assert not answer.stale
        ((_, result),) = answer.results
        assert (result.success, result.gas_used, result.reads) == (True, transaction.gas_used, transaction.reads)
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_state_that_pickles_in_its_own_way_is_sent() -> None:
    builder = counting()
    plain = large(builder.state)
    state = Reduced(plain.accounts, plain.codes)
    pool = ProcessPool(2)
    assert_runs(pool, builder.block(), state, lost=0)
    assert pool.shipped > 200_000
    pool.close()


class Reduced(MemoryState):
    """A state that a worker must not have as it is here."""

    __slots__ = ()

    def __reduce__(self) -> tuple[object, ...]:
        return MemoryState, (self.accounts_plain(), self.codes)

    def accounts_plain(self) -> dict[bytes, Account]:
        """Return the accounts."""
        return self.accounts
