"""Schedules on the command line: recorded, run again, refused in one line where they do not fit."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from executor.parallel import BlockRun
from executor.pool import InlinePool
from executor.schedule_file import FORMAT
from tests.bench.fixtures import a_test
from tests.bench.sealed import sealed_document
from tests.bench.test_cli import run
from tests.executor.test_schedule import merged_backwards
from tests.schedules import busy_block

Lines = list[Any]
INLINE = ("--strategy", "optimistic", "--backend", "inline", "--json")
WORK = ("executions", "conflicts", "max_executions", "equal_to_sequential", "header_ok", "receipts_root")


@pytest.fixture
def capsule(tmp_path: Path) -> Path:
    path = tmp_path / "block.json"
    path.write_text(json.dumps(sealed_document(busy_block())))
    return path


@pytest.fixture
def schedule(capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path) -> Path:
    """The schedule of one run of the capsule, plain JSON lines."""
    path = tmp_path / "schedule.jsonl"
    options = (*INLINE, "--workers", 3, "--shuffle", 4)
    assert run(capfd, "replay", capsule, *options, "--record-schedule", path)[0] == 0
    return path


def outcome(text: str) -> list[dict[str, Any]]:
    """Return what must be the same in a replay, per block."""
    return [{name: block[name] for name in WORK} for block in json.loads(text)["blocks"]]


def test_a_replay_does_the_same_work(capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path) -> None:
    path = tmp_path / "schedule.jsonl.gz"
    options = (*INLINE, "--repeat", 2)
    code, out, err = run(capfd, "replay", capsule, *options, "--workers", 3, "--shuffle", 4, "--record-schedule", path)
    assert (code, err.strip().splitlines()) == (0, [f"schedule of 2 runs written to {path}"])
    code, again, err = run(capfd, "replay", capsule, *options, "--replay-schedule", path)
    assert (code, err) == (0, "")
    assert outcome(again) == outcome(out)
    assert json.loads(again)["blocks"][0]["workers"] == 3


def test_a_recorded_replay_is_the_same_file(capfd: pytest.CaptureFixture[str], capsule: Path, schedule: Path) -> None:
    copy = schedule.with_name("copy.jsonl")
    run(capfd, "replay", capsule, *INLINE, "--replay-schedule", schedule, "--record-schedule", copy)
    assert copy.read_bytes() == schedule.read_bytes()


def test_workloads_are_run_again(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "schedule.jsonl"
    asked = ("run", "transfers", "--transactions", 30, "--backend", "inline", "--json")
    code, out, _ = run(capfd, *asked, "--shuffle", 1, "--record-schedule", path)
    assert code == 0
    code, again, _ = run(capfd, *asked, "--replay-schedule", path)
    assert (code, outcome(again)) == (0, outcome(out))


def test_the_default_backend_does_not_matter_to_a_replay(
    capfd: pytest.CaptureFixture[str], capsule: Path, schedule: Path
) -> None:
    arguments = ("replay", capsule, "--strategy", "optimistic", "--json", "--replay-schedule", schedule)
    code, out, _ = run(capfd, *arguments)
    assert (code, json.loads(out)["blocks"][0]["backend"]) == (0, "inline")


def test_a_failed_check_is_seen_again(
    capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "schedule.jsonl"
    with monkeypatch.context() as planted:
        planted.setattr(BlockRun, "_merge_settled", merged_backwards)
        code, out, err = run(
            capfd, "replay", capsule, *INLINE, "--workers", 4, "--shuffle", 1, "--record-schedule", path
        )
        assert (code, outcome(out)[0]["equal_to_sequential"]) == (1, False)
        assert f"schedule of 1 runs written to {path}" in err
        code, again, _ = run(capfd, "replay", capsule, *INLINE, "--replay-schedule", path)
        assert (code, outcome(again)) == (1, outcome(out))
    code, mended, _ = run(capfd, "replay", capsule, *INLINE, "--replay-schedule", path)
    assert (code, outcome(mended)[0]["equal_to_sequential"]) == (0, True)


def test_a_run_that_breaks_off_leaves_its_schedule(
    capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(_pool: InlinePool) -> None:
        raise KeyboardInterrupt

    path = tmp_path / "schedule.jsonl"
    monkeypatch.setattr(InlinePool, "next_event", interrupted)
    code, out, _ = run(capfd, "replay", capsule, *INLINE, "--record-schedule", path)
    assert (code, out) == (130, "")
    head, line = map(json.loads, path.read_text().splitlines())
    assert head == {"format": FORMAT}
    assert line["error"] == "KeyboardInterrupt"
    assert {event[0] for event in line["events"]} == {"sent"}
    assert not list(tmp_path.glob("*.tmp"))


# -- files that are not what they say


def cut_short(lines: Lines) -> None:
    del lines[1]["events"][-1]


def other_format(lines: Lines) -> None:
    lines[0]["format"] = "parallel-evm-schedule/9"


def no_runs(lines: Lines) -> None:
    del lines[1:]


def other_block(lines: Lines) -> None:
    lines[1]["block"]["content"] = "00"


def more_workers(lines: Lines) -> None:
    lines[1]["workers"] = 10**9


def unknown_worker(lines: Lines) -> None:
    lines[1]["events"][0][1] = 3


def unknown_event(lines: Lines) -> None:
    lines[1]["events"][0][0] = "forgotten"


def short_event(lines: Lines) -> None:
    lines[1]["events"][0].pop()


def wrong_ticket(lines: Lines) -> None:
    lines[1]["events"][0][2] = 7


def half_execution(lines: Lines) -> None:
    lines[1]["events"][0][3][0].pop()


def reply_out_of_nothing(lines: Lines) -> None:
    lines[1]["events"].insert(0, ["replied", 0, 1, ["00"]])


def loss_of_nothing(lines: Lines) -> None:
    lines[1]["events"].append(["lost", 0, [1], "gone"])


def missing_digest(lines: Lines) -> None:
    next(event for event in lines[1]["events"] if event[0] == "replied")[3].pop()


def too_many_in_flight(lines: Lines) -> None:
    lines[1]["events"][:0] = [["sent", 0, ticket, [[ticket, 0, 0]]] for ticket in (1, 2, 3)]


def wrong_digest(lines: Lines) -> None:
    next(event for event in lines[1]["events"] if event[0] == "replied")[3][0] = "00"


def head_flag(lines: Lines) -> None:
    lines[1]["events"][0][3][0][2] = 2


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (cut_short, "at the end: the recorded run was done"),
        (other_format, "line 1.format"),
        (no_runs, "holds no run"),
        (other_block, "no run left of block 1000"),
        (more_workers, "line 2.workers"),
        (unknown_worker, "line 2.events[0][1]: expected a worker below 3"),
        (unknown_event, "line 2.events[0][0]"),
        (short_event, "line 2.events[0]"),
        (wrong_ticket, "line 2.events[0]"),
        (half_execution, "line 2.events[0][3]"),
        (reply_out_of_nothing, "line 2.events[0]: expected an answer"),
        (loss_of_nothing, "expected the loss of all batches"),
        (missing_digest, "expected an answer to all of a batch"),
        (too_many_in_flight, "for a worker that has room"),
        (wrong_digest, "another result than recorded"),
        (head_flag, "at_head"),
    ],
)
def test_damaged_schedules_end_in_one_line(
    capfd: pytest.CaptureFixture[str], capsule: Path, schedule: Path, damage: Callable[[Lines], None], words: str
) -> None:
    lines = list(map(json.loads, schedule.read_text().splitlines()))
    damage(lines)
    schedule.write_text("".join(json.dumps(line) + "\n" for line in lines))
    refused(capfd, (capsule, *INLINE, "--replay-schedule", schedule), 10, words)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "empty"),
        (b"\n", "is not JSON"),
        (b"{", "is not JSON"),
        (b"[]", "line 1"),
        (b'{"format": "evm-block-replay/1"}', FORMAT),
        (gzip.compress(b"[]" * 2000)[:30], "gzip"),
        (b"[" * 5000, "deeper"),
        (b"\xff\xfe", "is not JSON"),
    ],
    ids=["empty", "blank", "not json", "a list", "a capsule", "truncated gzip", "nested", "not utf-8"],
)
def test_foreign_files_end_in_one_line(
    capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "foreign"
    path.write_bytes(content)
    refused(capfd, (capsule, *INLINE, "--replay-schedule", path), 10, words)


def refused(capfd: pytest.CaptureFixture[str], arguments: tuple[object, ...], code: int, words: str) -> None:
    got, out, err = run(capfd, "replay", *arguments)
    assert (got, out) == (code, ""), err
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_options_that_contradict_a_schedule_end_in_one_line(
    capfd: pytest.CaptureFixture[str], capsule: Path, schedule: Path
) -> None:
    follow = (capsule, "--replay-schedule", schedule)
    refused(capfd, (*follow, *INLINE, "--workers", 2), 10, "--workers 3, not 2")
    refused(capfd, (*follow, "--strategy", "graph"), 10, "--strategy optimistic")
    refused(capfd, (*follow, *INLINE, "--access-lists", "none"), 10, "--access-lists observed")
    refused(capfd, (*follow, *INLINE, "--shuffle", 1), 2, "--shuffle")
    sequential = (capsule, "--strategy", "sequential", "--backend", "inline")
    refused(capfd, (*sequential, "--replay-schedule", schedule), 10, "--strategy optimistic")
    refused(capfd, (*sequential, "--record-schedule", schedule), 2, "no schedule to record")


def test_files_that_cannot_be_used_end_in_one_line(
    capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path
) -> None:
    refused(capfd, (capsule, *INLINE, "--replay-schedule", tmp_path / "absent"), 11, "no such file")
    refused(capfd, (capsule, *INLINE, "--replay-schedule", tmp_path), 11, "directory")
    refused(capfd, (capsule, *INLINE, "--record-schedule", tmp_path / "absent" / "x"), 11, "cannot be written")
    refused(capfd, (capsule, *INLINE, "--record-schedule", tmp_path), 11, "is a directory")


# -- conformance tests


def test_conformance_tests_are_run_again(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], tmp_path: Path
) -> None:
    tests, path, copy = write_tests(first=a_test(), second=a_test("London")), tmp_path / "s.jsonl", tmp_path / "c.jsonl"
    code, out, err = run(capfd, "blocktest", tests, *INLINE, "--workers", 3, "--shuffle", 2, "--record-schedule", path)
    runs = len(path.read_text().splitlines()) - 1
    assert (code, runs >= 2, err) == (0, True, f"schedule of {runs} runs written to {path}\n")
    code, again, _ = run(
        capfd, "blocktest", tests, *INLINE, "--replay-schedule", path, "--record-schedule", copy, "--strict-exit"
    )
    assert (code, again) == (0, out)
    assert copy.read_bytes() == path.read_bytes()


def test_a_departure_is_no_verdict_on_a_test(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], tmp_path: Path
) -> None:
    tests, path = write_tests(first=a_test()), tmp_path / "s.jsonl"
    run(capfd, "blocktest", tests, *INLINE, "--workers", 3, "--record-schedule", path)
    lines = list(map(json.loads, path.read_text().splitlines()))
    wrong_digest(lines)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    code, _, err = run(capfd, "blocktest", tests, *INLINE, "--replay-schedule", path)
    assert (code, len(err.strip().splitlines())) == (10, 1)
    assert "another result than recorded" in err
