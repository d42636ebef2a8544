"""Whole blocks side by side: the rows are those of sequential execution, in order, whatever happens to workers."""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from bench.ranges import AHEAD, BlockRange, Forgetful, files_of
from executor.capsule import load_capsule
from executor.errors import InputOutputError
from executor.pool import IN_FLIGHT, Event, InlinePool, Reply
from executor.process_pool import ProcessPool
from executor.ray_pool import RayPool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import TransactionResult
from executor.validation import check_header
from executor.whole_block import BlockRow, Spans, digest, pack_whole, run_whole, unpack_row
from executor.worker import Worker
from scheduler.access import NOTHING_WRITTEN
from tests.bench.sealed import sealed_document
from tests.blocks import Builder, user
from tests.data import capsule_path, needs_data
from tests.executor.test_settling import COUNTER

SMALL = (46147, 930196, 1150000, 2674998, 19910734, 22615247)
"""Recorded blocks that take milliseconds: Frontier to Prague, one of them empty."""


def write_capsules(folder: Path, count: int) -> list[Path]:
    """Write small blocks, each with one transaction more than the one before it."""
    folder.mkdir(parents=True, exist_ok=True)
    return [write_capsule(folder / f"{number}.json.gz", number) for number in range(1, count + 1)]


def write_capsule(path: Path, transactions: int) -> Path:
    """Write a block of calls to one counter."""
    builder = Builder(fork="Shanghai")
    builder.fund(*(user(number) for number in range(transactions)))
    counter = builder.contract(1, COUNTER)
    for number in range(transactions):
        builder.send(user(number), counter)
    path.write_bytes(gzip.compress(json.dumps(sealed_document(builder)).encode(), mtime=0))
    return path


def untimed(rows: Sequence[BlockRow]) -> list[BlockRow]:
    """Return rows without what differs from run to run."""
    return [replace(row, seconds=Spans()) for row in rows]


def expected(files: Sequence[Path]) -> list[BlockRow]:
    """Return the rows of files run one by one in this process."""
    return untimed([run_whole(str(path), path.read_bytes()) for path in files])


class CountingPool(InlinePool):
    """Counts submits less replies, by worker and in all, and what is read at one time."""

    def __init__(self, workers: int, seed: int | None = None) -> None:
        super().__init__(workers, seed)
        self.submits = self.most = 0
        self.held = [0] * workers
        self.bytes_held: dict[int, int] = {}
        self.most_bytes = 0

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        super().submit(worker, ticket, blob)
        self.submits += 1
        self.held[worker] += 1
        assert self.held[worker] <= IN_FLIGHT
        self.most = max(self.most, sum(self.held))
        self.bytes_held[ticket] = len(blob)
        self.most_bytes = max(self.most_bytes, sum(self.bytes_held.values()))

    def next_event(self) -> Event:
        event = super().next_event()
        assert isinstance(event, Reply)
        self.held[event.worker] -= 1
        del self.bytes_held[event.ticket]
        return event


# -- one block


@needs_data
@pytest.mark.parametrize("number", SMALL)
def test_a_row_says_what_sequential_execution_gives(number: int) -> None:
    path = capsule_path(number)
    capsule = load_capsule(path)
    result = execute_sequential(capsule.block, capsule.pre_state)
    check = check_header(capsule.block, result, capsule.pre_state, capsule.witness)
    answer = Worker().handle(pack_whole(7, "some name", path.read_bytes()))
    assert answer is not None
    row = unpack_row(answer)
    assert (row.file, row.number, row.fork) == ("some name", number, capsule.block.fork)
    assert (row.transactions, row.gas_used) == (len(capsule.block.transactions), result.gas_used)
    assert row.digest == digest(result_bytes(result))
    assert row.receipts_root == f"0x{result.receipts_root.hex()}"
    assert row.checks == check.checks
    assert (row.ok, row.problems, row.error) == (True, (), None)
    assert row.seconds.decode > 0
    assert row.seconds.execute > 0


@needs_data
def test_a_witness_gives_the_state_root() -> None:
    path = capsule_path(22615247, "witness")
    row = run_whole(path.name, path.read_bytes())
    assert row.checks["state_root"] is True
    assert row.state_root == f"0x{load_capsule(path).block.header.state_root.hex()}"


def test_a_worker_of_another_version_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = write_capsules(tmp_path, 1)
    message = pack_whole(1, path.name, path.read_bytes())
    monkeypatch.setattr("executor.whole_block.engine_version", lambda: "parallel-evm 9")
    answer = Worker().handle(message)
    assert answer is not None
    error = unpack_row(answer).error
    assert error is not None
    assert "the worker runs parallel-evm 9, the driver parallel-evm 0" in error.message


def test_a_fault_of_ours_is_a_row_that_names_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (path,) = write_capsules(tmp_path, 1)

    def blunder(_: object) -> None:
        raise KeyError("nothing there")

    monkeypatch.setattr("executor.whole_block.capsule_of", blunder)
    error = run_whole(path.name, path.read_bytes()).error
    assert error is not None
    assert (error.name, error.exit_code) == ("KeyError", 1)
    assert re.fullmatch(r"'nothing there' \(test_ranges.py:\d+\)", error.message)


@pytest.mark.parametrize("place", ["executor.whole_block.capsule_of", "executor.evm.Engine.execute"])
def test_want_of_memory_is_no_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    (path,) = write_capsules(tmp_path, 1)

    def out_of_memory(*_: object, **__: object) -> TransactionResult:
        if place.endswith("execute"):  # the engine catches what it can
            return TransactionResult({}, {}, NOTHING_WRITTEN, {}, failure="MemoryError: ")
        raise MemoryError

    monkeypatch.setattr(place, out_of_memory)
    with pytest.raises(MemoryError):
        run_whole(path.name, path.read_bytes())


# -- many blocks


def test_rows_come_in_order_and_equal_those_run_alone(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 7)
    assert [row.transactions for row in BlockRange(files, InlinePool(3, seed=5)).rows()] == [1, 2, 3, 4, 5, 6, 7]
    for seed in range(4):
        rows = list(BlockRange(files, InlinePool(3, seed=seed)).rows())
        assert all(row.ok for row in rows)
        assert untimed(rows) == expected(files)


@needs_data
def test_recorded_blocks_run_in_processes() -> None:
    files = [capsule_path(number) for number in SMALL]
    pool = ProcessPool(2)
    try:
        rows = list(BlockRange(files, pool).rows())
        again = list(BlockRange(files[::-1], pool).rows())
    finally:
        pool.close()
    assert untimed(rows) == expected(files)
    assert untimed(again) == untimed(rows)[::-1]


def test_blocks_run_on_ray(tmp_path: Path, ray_pool: RayPool) -> None:
    files = write_capsules(tmp_path, 4)
    assert untimed(list(BlockRange(files, ray_pool).rows())) == expected(files)


def test_rows_are_handed_out_as_soon_as_all_before_them_are_there(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 2) * AHEAD
    pool = CountingPool(1)
    rows = BlockRange(files, pool).rows()
    next(rows)
    assert pool.submits <= AHEAD + 1
    assert sum(1 for _ in rows) == len(files) - 1
    assert pool.submits == len(files)


class Remembering(Forgetful):
    """Remembers how many transactions the blocks had, in the order in which they were run."""

    def __init__(self) -> None:
        self.noted: list[int | None] = []

    def note(self, row: BlockRow) -> None:
        self.noted.append(row.transactions)


def test_the_largest_file_within_reach_goes_first(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 5)
    memory = Remembering()
    blocks = BlockRange(files, InlinePool(1), memory)
    assert [row.transactions for row in blocks.rows()] == [1, 2, 3, 4, 5]
    assert memory.noted == [5, 4, 3, 2, 1]
    assert blocks.transactions == 15


def test_what_is_in_flight_is_bounded(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 3) * 30
    pool = CountingPool(2, seed=1)
    blocks = BlockRange(files, pool)
    assert sum(row.ok for row in blocks.rows()) == 90
    assert pool.submits == 90
    assert pool.most == blocks.most_in_flight == 2 * IN_FLIGHT
    assert pool.most_bytes < 2 * IN_FLIGHT * 2 * max(path.stat().st_size for path in files)


def test_nothing_waits_behind_a_long_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = write_capsules(tmp_path, 6)
    monkeypatch.setattr("bench.ranges.SHORT", files[2].stat().st_size)
    pool = CountingPool(1)
    assert all(row.ok for row in BlockRange(files[3:], pool).rows())
    assert pool.most == 1
    assert all(row.ok for row in BlockRange(files[:3], pool).rows())
    assert pool.most == IN_FLIGHT


def test_the_pool_is_free_after_a_range_that_was_left(tmp_path: Path) -> None:
    files = write_capsules(tmp_path, 6)
    pool = InlinePool(2)
    rows = BlockRange(files[::-1], pool).rows()  # the largest first, while others are in flight
    next(rows)
    rows.close()
    assert untimed(list(BlockRange(files[:3], pool).rows())) == expected(files[:3])


# -- broken files


def break_it(path: Path) -> Path:
    """Cut a file in half."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    return path


def invalid_block(path: Path) -> Path:
    """Write a block whose sender has nothing to pay with."""
    builder = Builder(fork="Shanghai")
    builder.fund(user(0))
    builder.send(user(0), user(1).address)
    document = sealed_document(builder)
    for account in document["pre"].values():
        account["balance"] = "0x0"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))
    return path


def test_broken_files_are_rows_among_good_ones(tmp_path: Path) -> None:
    good = write_capsules(tmp_path, 3)
    broken = break_it(write_capsule(tmp_path / "4.json.gz", 4))
    missing = tmp_path / "5.json.gz"
    unfunded = invalid_block(tmp_path / "6.json.gz")
    files = [good[0], broken, good[1], missing, unfunded, good[2]]
    rows = list(BlockRange(files, InlinePool(2, seed=3)).rows())
    assert [row.ok for row in rows] == [True, False, True, False, False, True]
    assert untimed([rows[0], rows[2], rows[5]]) == expected(good)
    errors = [row.error for row in rows if row.error is not None]
    assert [(error.name, error.exit_code) for error in errors] == [
        ("InvalidInput", 10),
        ("InputOutputError", 11),
        ("InsufficientBalanceError", 1),
    ]
    assert "truncated" in errors[0].message
    assert "no such file" in errors[1].message
    assert (rows[1].content, rows[1].number) == (digest(broken.read_bytes()), None)
    assert (rows[4].fork, rows[4].transactions, rows[4].digest) == ("Shanghai", 1, None)


def test_folders_are_read_by_block_number(tmp_path: Path) -> None:
    for name in ("10.json.gz", "9.json", "100.json.gz", "b.json", "a.json.gz", ".hidden.json", "7.txt"):
        (tmp_path / name).touch()
    single = tmp_path / "7.txt"
    assert [path.name for path in files_of([single, tmp_path])] == [
        "7.txt", "9.json", "10.json.gz", "100.json.gz", "a.json.gz", "b.json",
    ]  # fmt: skip
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputOutputError, match="holds no capsules"):
        files_of([empty])
