"""The journal of a range: whole lines only, taken over only where file and engine are the same."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.range_journal import engine_stamp, open_journal, row_fields, row_of
from executor.errors import InputOutputError, InvalidInput, UsageError
from executor.whole_block import BlockRow, RowError, Spans
from tests.data import ROOT

ROW = BlockRow(
    file="a [b].json.gz",
    content="aa",
    number=7,
    fork="Cancun",
    transactions=3,
    gas_used=21_000,
    receipts_root="0x01",
    state_root=None,
    digest="dd",
    checks={"gas_used": True, "state_root": None},
    problems=("logs_bloom: differs",),
    seconds=Spans(0.1, 0.25, 1 / 3),
)
BROKEN = BlockRow(file="b", content="bb", error=RowError("InvalidInput", "the file is\u2028empty", 10))
POISON = BlockRow(file="c", content="cc", error=RowError("PoolError", "4 workers were lost", 1))
UNREAD = BlockRow(file="d", error=RowError("InputOutputError", "no such file", 11))


def write(path: Path, *rows: BlockRow) -> Path:
    """Write a journal of these rows."""
    with open_journal(path, resume=False) as journal:
        assert journal is not None
        for row in rows:
            journal.note(row)
    return path


def recalled(path: Path, *contents: str) -> list[BlockRow | None]:
    """Return what a journal remembers of files."""
    with open_journal(path, resume=True) as journal:
        assert journal is not None
        return [journal.recall(content) for content in contents]


def lines(path: Path) -> list[dict[str, Any]]:
    """Return the lines of a journal, every one whole."""
    text = path.read_bytes()
    assert text.endswith(b"\n") or not text
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("row", [ROW, BROKEN, POISON, UNREAD])
def test_a_row_survives_a_trip_through_json(row: BlockRow) -> None:
    assert row_of(json.loads(json.dumps(row_fields(row)))) == row


def test_rows_of_an_earlier_run_are_remembered_by_content(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROW, BROKEN)
    assert recalled(path, "bb", "aa", "ee") == [BROKEN, ROW, None]
    with open_journal(path, resume=True) as journal:
        assert journal is not None
        assert journal.kept == 2
        journal.note(POISON)
        journal.note(replace(ROW, content="ee"))
        assert journal.kept == 3
    assert recalled(path, "aa", "ee") == [ROW, replace(ROW, content="ee")]
    assert [line["file"] for line in lines(path)] == [ROW.file, "b", "c", ROW.file]
    assert {line["engine"] for line in lines(path)} == {engine_stamp()}


def test_what_a_machine_did_wrong_is_tried_again(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", POISON, UNREAD)
    assert len(lines(path)) == 2
    assert recalled(path, "cc") == [None]


def test_rows_of_another_engine_are_not_taken_over(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROW, BROKEN)
    first, second = path.read_text().splitlines(keepends=True)
    path.write_text(first.replace(engine_stamp(), "parallel-evm 0.0.1") + second)
    assert recalled(path, "aa", "bb") == [None, BROKEN]


def test_the_stamp_follows_the_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    stamp = engine_stamp()
    original = Path.read_bytes
    monkeypatch.setattr(Path, "read_bytes", lambda path: original(path) + b"#" * (path.name == "merge.py"))
    assert engine_stamp.__wrapped__() != stamp
    monkeypatch.undo()
    assert engine_stamp.__wrapped__() == stamp


@pytest.mark.parametrize("cut", [1, 5, 12, 13, 200])
def test_half_a_line_at_the_end_is_cut_off(tmp_path: Path, cut: int) -> None:
    path = write(tmp_path / "rows.jsonl", BROKEN, ROW)
    whole = path.read_bytes()
    first = whole.index(b"\n") + 1
    path.write_bytes(whole[: first + cut])
    assert recalled(path, "aa", "bb") == [None, BROKEN]
    assert path.read_bytes() == whole[:first]
    path.write_bytes(whole[:-1])
    with open_journal(path, resume=True) as journal:
        assert journal is not None
        journal.note(ROW)
    assert path.read_bytes() == whole


@pytest.mark.parametrize(
    "content",
    [
        "notes\n",
        "notes",
        '{"engine": "x"}\n',
        '{"engine": "x", "error": 1}\n',
        "[1]\n",
        '{"engine": "' + "[" * 100_000 + "\n",
        '{"engine": "", "a": ' + "[" * 100_000 + "\n",
    ],
)
def test_a_file_of_something_else_is_refused_and_left_alone(tmp_path: Path, content: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(content)
    with pytest.raises(InvalidInput, match="line 1 is no row of a range"):
        recalled(path)
    assert path.read_text() == content


def test_a_damaged_line_in_the_middle_is_named(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", BROKEN, ROW, BROKEN)
    first, second, third = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(first + second[:40] + b"\n" + third)
    with pytest.raises(InvalidInput, match="line 2 is no row"):
        recalled(path)


def test_a_file_that_is_there_is_refused_unless_it_is_resumed(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROW)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="exists; go on with it by --resume"), open_journal(path, resume=False):
        pass
    assert path.read_bytes() == before


@pytest.mark.parametrize("place", ["missing/rows.jsonl", ".", "pipe", "nul\0"])
def test_what_is_no_file_is_refused(tmp_path: Path, place: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputOutputError) as caught, open_journal(tmp_path / place, resume=True):
        pass
    assert len(str(caught.value).splitlines()) == 1


def test_one_run_at_a_time_writes_a_journal(tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", ROW)
    with open_journal(path, resume=True), pytest.raises(InputOutputError, match="another run writes"):
        recalled(path)
    assert recalled(path, "aa") == [ROW]


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_half_a_line_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    path = tmp_path / "rows.jsonl"
    write_some = os.write

    def write_half(descriptor: int, data: memoryview) -> int:
        if b'"bb"' in bytes(data):
            return write_some(descriptor, data[:20])
        if len(data) > 0 and not bytes(data).startswith(b"{"):
            raise error
        return write_some(descriptor, data)

    with open_journal(path, resume=False) as journal:
        assert journal is not None
        journal.note(ROW)
        monkeypatch.setattr(os, "write", write_half)
        with pytest.raises((InputOutputError, KeyboardInterrupt)) as caught:
            journal.note(BROKEN)
        monkeypatch.undo()
        if isinstance(error, OSError):
            assert "cannot be written after 1 blocks (No space left on device); make room" in str(caught.value)
        assert [line["content"] for line in lines(path)] == ["aa"]
        journal.note(BROKEN)
    assert [line["content"] for line in lines(path)] == ["aa", "bb"]


def test_ctrl_c_waits_until_a_row_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    sync = os.fsync

    def interrupted(descriptor: int) -> None:
        signal.raise_signal(signal.SIGINT)
        sync(descriptor)

    with open_journal(path, resume=False) as journal:
        assert journal is not None
        monkeypatch.setattr(os, "fsync", interrupted)
        with pytest.raises(KeyboardInterrupt):
            journal.note(ROW)
        monkeypatch.undo()
        assert journal.kept == 1
        journal.note(BROKEN)
    assert recalled(path, "aa", "bb") == [ROW, BROKEN]
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGINT)


def test_a_full_disk_leaves_whole_lines(tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    script = (
        "import resource, sys; from pathlib import Path; from bench.range_journal import open_journal\n"
        "from tests.bench.test_ranges_journal import ROW\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1500, 1500))\n"
        "with open_journal(Path(sys.argv[1]), resume=False) as journal:\n"
        "    while True: journal.note(ROW)\n"
    )
    done = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", script, path], capture_output=True, text=True, check=False, timeout=120, cwd=ROOT
    )
    written = lines(path)
    assert written
    assert done.stderr.splitlines()[-1] == (
        f"executor.errors.InputOutputError: {path}: cannot be written after {len(written)} blocks (File too large);"
        " make room and go on with --resume"
    )
