"""A transaction that ends every worker that executes it is named; nobody else is, whatever else goes wrong."""

from __future__ import annotations

import re
from collections import Counter
from itertools import chain, product
from math import ceil, floor, log2

import pytest

from executor.errors import PoolError
from executor.hashing import keccak256
from executor.losses import MOST_LOSSES_OF_ONE, Losses
from executor.types import RawTransaction
from scheduler.execution import Execution
from tests.executor.test_faults import asked, small_block
from tests.faulty import IDLE, Faults, FaultyPool
from tests.oracle import SCHEDULES, Schedule, assert_same

RAWS = [RawTransaction(bytes([index])) for index in range(200)]


def executions(*indices: int) -> list[Execution]:
    return [Execution(index, 0, at_head=False) for index in indices]


def deaths_until_found(poison: int, size: int) -> tuple[int, str]:
    """Send a batch, then what is to be sent again, each to a worker of its own; return the deaths and the verdict."""
    losses, deaths = Losses(RAWS), 0
    losses.orphans.append(executions(*range(size)))
    done: list[Execution] = []
    while losses.orphans:
        batch = losses.orphans.pop(0)
        if poison not in [execution.index for execution in batch]:
            done += batch
            continue
        deaths += 1
        assert deaths < 100
        try:
            losses.lose([batch], "out\nof memory")
        except PoolError as error:
            assert sorted([*done, *batch, *chain.from_iterable(losses.orphans)]) == executions(*range(size))
            return deaths, str(error)
    raise AssertionError("nobody was blamed")


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7, 8, 64, 200])
def test_who_is_to_blame_is_found_in_logarithmic_time(size: int) -> None:
    for poison in {0, 1, size // 2, size - 1} & set(range(size)):
        deaths, verdict = deaths_until_found(poison, size)
        assert floor(log2(size)) + 3 <= deaths <= ceil(log2(size)) + 3  # once whole, log2 times cut, twice alone
        own_hash = keccak256(RAWS[poison].raw).hex()
        assert verdict == (
            f"transaction {poison} (0x{own_hash}) ended {deaths} workers that executed it, the last: out of memory"
        )


def test_a_batch_lost_once_is_sent_again_whole_and_then_in_halves() -> None:
    losses, batch = Losses(RAWS), executions(3, 4, 5)
    losses.lose([batch], "first")
    assert losses.orphans == [batch]
    losses.lose([losses.orphans.pop()], "second")
    assert losses.orphans == [executions(3), executions(4, 5)]
    losses.lose([losses.orphans.pop()], "third")
    assert losses.orphans == [executions(3), executions(4), executions(5)]


def test_what_waited_behind_the_suspect_is_no_suspect() -> None:
    losses, waiting = Losses(RAWS), executions(1, 2)
    for suspect in range(3, 23):
        losses.lose([executions(suspect), waiting], "gone")
        assert losses.orphans == [executions(suspect), waiting]
        losses.orphans.clear()


def test_another_run_of_a_transaction_is_judged_anew() -> None:
    """One that came back has shown that it can: what made its worker die twice was something else."""
    losses = Losses(RAWS)
    for incarnation, _ in product(range(3), range(2)):
        losses.lose([[Execution(5, incarnation, at_head=incarnation == 2)]], "gone")
    with pytest.raises(PoolError, match=r"transaction 5 .* ended 3 workers"):
        losses.lose([[Execution(5, 0, at_head=False)]], "gone")


# -- on a pool


@pytest.mark.parametrize("schedule", SCHEDULES, ids=str)
def test_the_poison_is_named_and_nobody_else(schedule: Schedule) -> None:
    strategy, lists, _, workers, limit = schedule
    found: Counter[int] = Counter()
    for seed, poison in product(range(3), (0, 5, 9)):
        block, state, expected = small_block(10)
        setting, pool = asked(strategy, lists, 10), FaultyPool(workers, seed, limit, Faults(), poison=[poison])
        with pytest.raises(PoolError) as caught:
            setting.execute(block, state, pool, None)
        told = re.fullmatch(
            r"transaction (\d+) \(0x([0-9a-f]{64})\) ended (\d+) workers that executed it, the last: (.*)",
            str(caught.value),
        )
        assert told is not None
        assert int(told[1]) == poison, seed
        assert told[2] == keccak256(block.transactions[poison].raw).hex()
        assert MOST_LOSSES_OF_ONE <= int(told[3]) <= len(pool.losses) <= 2 * (ceil(log2(limit)) + 3)
        assert told[4] == "killed by a transaction"
        found[poison] += 1
        assert_same(setting.execute(block, state, pool.cured(), None), expected, state, "the next block")
    assert found == {0: 3, 5: 3, 9: 3}


def test_dying_machines_do_not_hide_the_poison() -> None:
    idle = 0
    for seed in range(30):
        block, state, _ = small_block(10)
        pool = FaultyPool(3, seed, 3, Faults(death=0.2, deaths=4, late=0.5, twice=0.2), poison=[6])
        with pytest.raises(PoolError, match="transaction 6 "):
            asked("optimistic", "none", 10).execute(block, state, pool, None)
        idle += pool.happened[IDLE]
    assert idle > 0


def test_of_two_poisons_one_is_named() -> None:
    block, state, _ = small_block(10)
    named: Counter[str] = Counter()
    for seed in range(20):
        pool = FaultyPool(2, seed, 8, Faults(), poison=[3, 4])
        with pytest.raises(PoolError, match=r"^transaction [34] ") as caught:
            asked("optimistic", "none", 10).execute(block, state, pool, None)
        named[str(caught.value)[:13]] += 1
    assert named.keys() == {"transaction 3", "transaction 4"}
