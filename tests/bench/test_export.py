"""Exported workloads replay: every check of every capsule holds, and the blocks hang together by their hashes."""

from __future__ import annotations

import errno
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from executor.capsule import load_capsule
from executor.sequential import execute_sequential
from executor.state import state_after
from tests.bench.test_cli import run

AMM = ("export", "amm", "--transactions", 24, "--param", "blocks=3", "--param", "users=8", "--param", "pairs=2")
LENDING = ("export", "lending", "--transactions", 16, "--param", "blocks=2", "--param", "users=8")


def exported(capfd: pytest.CaptureFixture[str], *arguments: object) -> list[dict[str, Any]]:
    code, out, err = run(capfd, *arguments, "--json")
    assert (code, err) == (0, "")
    return [json.loads(line) for line in out.splitlines()]


@pytest.mark.parametrize("arguments", [AMM, LENDING], ids=["amm", "lending"])
def test_what_is_exported_replays_with_every_check(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[object, ...]
) -> None:
    files = exported(capfd, *arguments, "--out", tmp_path)
    code, out, _ = run(capfd, "replay", *(file["file"] for file in files), "--backend", "inline", "--json")
    blocks = json.loads(out)["blocks"]
    assert code == 0
    assert len(blocks) == len(files) > 1
    for block, file in zip(blocks, files, strict=True):
        assert block["header_ok"] is True
        assert block["equal_to_sequential"] is True
        assert all(value is True for value in block["checks"].values()), block["checks"]
        assert (block["state_root"], block["gas_used"]) == (file["state_root"], file["gas_used"])


def test_blocks_are_chained_by_hash_and_state(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = exported(capfd, *AMM, "--out", tmp_path)
    capsules = [load_capsule(file["file"]) for file in files]
    assert sum(len(capsule.block.transactions) for capsule in capsules) == 24
    for earlier, later in pairwise(capsules):
        assert later.block.header.parent_hash == earlier.hash
        assert later.block.header.number == earlier.block.header.number + 1
        assert later.block.block_hashes[earlier.block.header.number] == earlier.hash
        after = state_after(earlier.pre_state, execute_sequential(earlier.block, earlier.pre_state).state_diff)
        accounts = later.pre_state.accounts
        assert {address: account.storage for address, account in accounts.items()} == {
            address: account.storage for address, account in after.accounts.items()
        }


@pytest.mark.parametrize("arguments", [AMM, LENDING], ids=["on a stage", "built whole"])
def test_streaming_writes_the_same_bytes(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, arguments: tuple[object, ...]
) -> None:
    whole = exported(capfd, *arguments, "--out", tmp_path / "whole")
    streamed = exported(capfd, *arguments, "--out", tmp_path / "streamed", "--stream")
    assert len(whole) == len(streamed)
    for one, other in zip(whole, streamed, strict=True):
        assert Path(one["file"]).read_bytes() == Path(other["file"]).read_bytes()


def test_streaming_writes_a_block_before_the_next_is_generated(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from workloads.stage import Stage  # noqa: PLC0415 - patched here only

    begin, seen = Stage.begin_block, []

    def counting(stage: Stage) -> None:
        held = sum(len(transaction.raw) for block in stage.blocks for transaction in block.transactions)
        seen.append((len(list(tmp_path.iterdir())), held))
        begin(stage)

    monkeypatch.setattr(Stage, "begin_block", counting)
    exported(capfd, *AMM, "--out", tmp_path, "--stream")
    assert seen == [(0, 0), (1, 0), (2, 0)]


def test_without_json_each_file_is_a_line(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, err = run(capfd, "export", "transfers", "--transactions", 5, "--param", "kind=eth", "--out", tmp_path)
    (path,) = tmp_path.iterdir()
    assert (code, err) == (0, "")
    assert out.startswith(f"{path}: 5 transactions, 105000 gas, state root 0x")


def test_a_full_disk_is_one_line_and_leaves_nothing_half_written(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write, calls = Path.write_bytes, []

    def full_at_the_second(path: Path, data: bytes) -> int:
        calls.append(path)
        if len(calls) < 2:
            return write(path, data)
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full_at_the_second)
    code, out, err = run(capfd, *AMM, "--out", tmp_path, "--stream")
    assert code == 11
    assert len(out.splitlines()) == len(err.splitlines()) == 1
    assert "No space left on device" in err
    assert [path.name for path in tmp_path.iterdir()] == ["20000001.json.gz"]


@pytest.mark.parametrize("inner", ["", "deeper"])
def test_a_folder_that_cannot_be_made_is_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, inner: str
) -> None:
    taken = tmp_path / "taken"
    taken.write_text("a file", encoding="utf-8")
    code, out, err = run(capfd, *AMM, "--out", taken / inner)
    assert (code, out) == (11, "")
    assert len(err.splitlines()) == 1
    assert "cannot be made" in err


def test_what_does_not_exist_leaves_no_folder(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    for arguments in (("amn",), ("amm", "--param", "pears=2")):
        code, out, err = run(capfd, "export", *arguments, "--out", tmp_path / "new")
        assert (code, out) == (2, "")
        assert len(err.splitlines()) == 1
    assert not list(tmp_path.iterdir())
