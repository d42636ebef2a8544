"""Workers that die while they run whole blocks: every block still has its row, and only poison is blamed."""

from __future__ import annotations

import os
import signal
from collections import deque
from collections.abc import Sequence
from pathlib import Path

import pytest

from bench.range_pool import LastingPool
from bench.ranges import BlockRange
from executor.errors import PoolError
from executor.pool import Event, InlinePool, Lost, Reply
from executor.process_child import ProcessWorker
from executor.process_pool import ProcessPool
from executor.whole_block import BlockRow, digest, pack_whole
from executor.wire import unpack
from tests.bench.test_ranges import expected, untimed, write_capsules
from tests.schedules import LossyPool


class PoisonedPool(InlinePool):
    """Loses the worker that begins a poisonous file, with all that waits there; messages run in order.

    After `most` losses it gives up.
    """

    def __init__(self, workers: int, poison: Sequence[Path], most: int = 100) -> None:
        super().__init__(workers)
        self.losses, self._most = 0, most
        self.runs: list[str] = []
        self._poison = {str(path) for path in poison}
        self._queues: list[deque[tuple[int, str]]] = [deque() for _ in range(workers)]

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        super().submit(worker, ticket, blob)
        self._queues[worker].append((ticket, unpack(blob)[2]))

    def next_event(self) -> Event:
        for worker, queue in enumerate(self._queues):
            if queue and queue[0][1] in self._poison:
                tickets = tuple(ticket for ticket, _ in queue)
                queue.clear()
                self.replace(worker)
                self.losses += 1
                if self.losses > self._most:
                    raise PoolError("too many")
                return Lost(worker, tickets, "killed by the test")
        event = super().next_event()
        assert isinstance(event, Reply)
        ticket, file = self._queues[event.worker].popleft()
        assert ticket == event.ticket
        self.runs.append(file)
        return event


class MortalWorker(ProcessWorker):
    """Dies of a file beside which stands `<file>.deadly`: of what is written there once, of `always` every time."""

    def handle(self, blob: bytes) -> bytes | None:
        mark = Path(f"{unpack(blob)[2]}.deadly")
        if mark.exists():
            if mark.read_text() != "always":
                mark.unlink()
            os.kill(os.getpid(), signal.SIGKILL)
        return super().handle(blob)


@pytest.mark.parametrize("deaths", [(1,), (2, 3), (3, 6, 9)])
def test_blocks_of_lost_workers_run_again(tmp_path: Path, deaths: tuple[int, ...]) -> None:
    files = write_capsules(tmp_path, 8)
    for seed in range(3):
        pool = LossyPool(2, seed, deaths)
        blocks = BlockRange(files, pool)
        assert untimed(list(blocks.rows())) == expected(files)
        assert blocks.lost_workers == len(pool.losses) == len(deaths)
        assert blocks.sent_again == sum(len(lost.tickets) for lost in pool.losses)
        assert any(lost.tickets for lost in pool.losses)


def test_a_poisonous_block_is_named_and_none_other_is_blamed(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 9)
    poison, good = [files[4], files[7]], [*files[:4], files[5], files[6], files[8]]
    pool = PoisonedPool(2, poison)
    blocks = BlockRange(files, pool)
    rows = list(blocks.rows())
    assert untimed([row for row in rows if row.ok]) == expected(good)
    assert [(row.file, row.content) for row in rows if not row.ok] == [
        (str(path), digest(path.read_bytes())) for path in poison
    ]
    for row in rows:
        if row.error is not None:
            assert row.error.name == "PoolError"
            assert row.error.message == "4 workers were lost while they ran it, the last: killed by the test"
    assert blocks.lost_workers == 8
    assert sorted(pool.runs) == sorted(map(str, good))


def run_mortal(files: Sequence[Path]) -> tuple[list[BlockRow], int]:
    """Return the rows of a range on two processes that die of marked files, and how many died."""
    pool = ProcessPool(2, make_worker=MortalWorker)
    try:
        blocks = BlockRange(files, pool)
        return list(blocks.rows()), blocks.lost_workers
    finally:
        pool.close()


def test_a_process_that_is_killed_is_replaced(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 6)
    Path(f"{files[2]}.deadly").write_text("once")
    Path(f"{files[5]}.deadly").write_text("once")
    rows, deaths = run_mortal(files)
    assert untimed(rows) == expected(files)
    assert deaths == 2


def test_a_block_that_kills_processes_is_named(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 6)
    Path(f"{files[2]}.deadly").write_text("always")
    rows, deaths = run_mortal(files)
    assert untimed([*rows[:2], *rows[3:]]) == expected([*files[:2], *files[3:]])
    error = rows[2].error
    assert error is not None
    assert error.message.startswith("4 workers were lost while they ran it, the last: ")
    assert deaths == 4


def test_a_range_survives_more_losses_than_a_pool(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 20)
    poison, good = files[1::4], [path for path in files if path not in files[1::4]]
    made: list[PoisonedPool] = []

    def make() -> PoisonedPool:
        made.append(PoisonedPool(2, poison, most=5))
        return made[-1]

    rows = list(BlockRange(files, LastingPool(make)).rows())
    assert untimed([row for row in rows if row.ok]) == expected(good)
    assert [(row.file, row.error.name) for row in rows if row.error] == [(str(path), "PoolError") for path in poison]
    assert len(made) > 2
    assert [pool.losses for pool in made[:-1]] == [6] * (len(made) - 1)
    assert sum(pool.losses for pool in made) == 4 * len(poison)
    assert sorted(file for pool in made for file in pool.runs) == sorted(map(str, good))


class ShortLived(InlinePool):
    """Gives up after a reply."""

    def __init__(self) -> None:
        super().__init__(2)
        self.replies = 0

    def next_event(self) -> Event:
        if self.replies:
            raise PoolError("worn out")
        self.replies += 1
        return super().next_event()


def test_what_a_pool_had_in_flight_is_reported_once(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 4)
    pool = LastingPool(ShortLived)
    for ticket, path in enumerate(files):
        pool.submit(ticket % 2, ticket, pack_whole(ticket, path.name, path.read_bytes()))
    first = pool.next_event()
    assert isinstance(first, Reply)
    left = [ticket for ticket in range(4) if ticket != first.ticket]
    assert [pool.next_event(), pool.next_event()] == [
        Lost(worker, tuple(ticket for ticket in left if ticket % 2 == worker), "worn out") for worker in (0, 1)
    ]
    pool.submit(0, 9, pack_whole(9, files[0].name, files[0].read_bytes()))
    assert isinstance(pool.next_event(), Reply)
    pool.submit(1, 10, pack_whole(10, files[0].name, files[0].read_bytes()))
    assert pool.next_event() == Lost(1, (10,), "worn out")
    assert untimed(list(BlockRange(files, LastingPool(ShortLived)).rows())) == expected(files)


def test_a_pool_that_answers_nothing_is_not_made_again(tmp_path: Path) -> None:
    class Dead(InlinePool):
        def next_event(self) -> Event:
            raise PoolError("no workers")

    made: list[Dead] = []

    def make() -> Dead:
        made.append(Dead(1))
        return made[-1]

    with pytest.raises(PoolError, match="no workers"):
        list(BlockRange(write_capsules(tmp_path, 2), LastingPool(make)).rows())
    assert len(made) == 1
