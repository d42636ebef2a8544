"""Running blocks on a process pool and noting what happened, for its tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic, sleep
from unittest import mock

from executor.block_executor import BlockExecutor
from executor.merge import BlockMerger
from executor.pool import Event, Lost
from executor.process_pool import ProcessPool
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block, BlockResult, TransactionResult
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.oracle import assert_same

METHODS = ("fork", "forkserver")


def counting(transactions: int = 16, contracts: int = 4) -> Builder:
    """Return a block of callers that count in `contracts` contracts: each after the one before it."""
    builder = Builder()
    targets = [builder.contract(number, COUNTER) for number in range(contracts)]
    for number in range(transactions):
        builder.fund(user(number))
        builder.send(user(number), targets[number % contracts])
    return builder


@contextmanager
def started_by(method: str) -> Iterator[None]:
    """Have workers started this way, however many threads the process of the tests has."""
    forks = method == "fork"
    with (
        mock.patch("executor.process_start.can_fork", return_value=forks),
        mock.patch("executor.process_pool.can_fork", return_value=forks),
    ):
        yield


@dataclass
class Log:
    """What a pool told its driver, and what the driver settled."""

    events: list[Event] = field(default_factory=list)
    settled: list[TransactionResult] = field(default_factory=list)

    @property
    def losses(self) -> list[Lost]:
        """The workers lost, in the order in which it was told."""
        return [event for event in self.events if isinstance(event, Lost)]


@contextmanager
def watched(pool: ProcessPool) -> Iterator[Log]:
    """Note what passes between pool, driver and merger."""
    log = Log()
    take, add = pool.next_event, BlockMerger.add

    def noted() -> Event:
        log.events.append(take())
        return log.events[-1]

    def settled(merger: BlockMerger, result: TransactionResult) -> None:
        if not merger._receipts:  # the last to start is the parallel run: exact lists come from a sequential one
            log.settled.clear()
        log.settled.append(result)
        add(merger, result)

    with mock.patch.object(pool, "next_event", noted), mock.patch.object(BlockMerger, "add", settled):
        yield log


def assert_runs(
    pool: ProcessPool, block: Block, state: MemoryState, *, lost: int, strategy: str = "graph", lists: str = "exact"
) -> tuple[BlockResult, Log]:
    """Run a block and demand the sequential result, each transaction settled once and in order, `lost` workers."""
    expected = execute_sequential(block, state)
    with watched(pool) as log, BlockExecutor(strategy=strategy, access_lists=lists, pool=pool, gate=False) as executor:
        result = executor.execute(block, state)
    assert_same(result, expected, state)
    assert len(log.settled) == len(block.transactions)
    assert all(one is other for one, other in zip(log.settled, result.transactions, strict=True))
    assert result.stats.lost_workers == len(log.losses) == lost, log.losses
    lost_tickets = [ticket for loss in log.losses for ticket in loss.tickets]
    assert len(set(lost_tickets)) == len(lost_tickets)
    return result, log


def await_end(*pids: int, seconds: float = 30.0) -> None:
    """Wait until processes have ended; a zombie has. Fails where they do not."""
    deadline = monotonic() + seconds
    while any(alive(pid) for pid in pids):
        assert monotonic() < deadline, [pid for pid in pids if alive(pid)]
        sleep(0.002)


def alive(pid: int) -> bool:
    """Return whether a process runs."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def exists(pid: int) -> bool:
    """Return whether a process is there, if only as a zombie."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
