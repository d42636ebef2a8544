"""The command `explain`: tables, one JSON document, files written whole, one line per error."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main

LENDING = ("lending", "--transactions", "20", "--repeat", "1")
INLINE = ("--backend", "inline", "--workers", "2")


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command; return (exit code, stdout, stderr)."""
    with pytest.raises(SystemExit) as caught:
        main(["explain", *(str(argument) for argument in arguments)])
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out, err


def document(capfd: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """Run the command with --json; return the one document."""
    code, out, _ = run(capfd, *arguments, "--json")
    assert code == 0
    assert out.count("\n") == 1
    found: dict[str, Any] = json.loads(out)
    return found


def test_tables_begin_with_the_verdict(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, *LENDING, *INLINE)
    assert code == 0
    titles = [
        "no schedule is",
        "key set",
        "list scheduling",
        "critical path:",
        "cost most:",
        "what if",
        "the bound beside",
    ]
    places = [out.index(title) for title in titles]
    assert places == sorted(places)
    assert "pool.cash[" in out
    assert max(map(len, out.splitlines())) <= 120


def test_json_is_the_explanation(capfd: pytest.CaptureFixture[str]) -> None:
    found = document(capfd, *LENDING, "--no-run", "--what-if", "sharded=pool:4")
    assert found["format"] == "parallel-evm-explain/1"
    assert [one["key_set"] for one in found["key_sets"]] == ["A", "B", "C", "D", "S"]
    assert found["transactions"] == len(found["nodes"]) == 20
    assert [one["change"] for one in found["what_if"]] == ["sharded=pool:4"]
    assert found["schedule"] is None
    assert found["machine"]["cpus"] >= 1


def test_every_file_is_written(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    files = {kind: tmp_path / f"block.{kind}" for kind in ("html", "trace", "dot", "graphml")}
    options = [text for kind, path in files.items() for text in (f"--{kind}", path)]
    found = document(capfd, *LENDING, *INLINE, *options)
    assert found["schedule"]["backend"] == "inline"
    assert found["schedule"]["executions"] >= 20
    assert all(path.stat().st_size for path in files.values())
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(path.name for path in files.values())


def test_a_trace_has_a_run_also_where_none_is_wanted(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    found = document(capfd, *LENDING, *INLINE, "--no-run", "--trace", tmp_path / "trace.json")
    assert found["schedule"] is not None


@pytest.mark.parametrize("count", [0, 1])
def test_the_smallest_blocks_are_explained(capfd: pytest.CaptureFixture[str], tmp_path: Path, count: int) -> None:
    html = tmp_path / "block.html"
    code, out, _ = run(
        capfd, "transfers", "--transactions", count, *INLINE, "--html", html, "--trace", tmp_path / "trace.json"
    )
    assert code == 0
    assert "there is nothing to run" in out
    assert html.exists()


def test_one_block_of_several_is_chosen(capfd: pytest.CaptureFixture[str]) -> None:
    several = ("transfers", "--transactions", "6", "--param", "blocks=3", "--no-run")
    assert document(capfd, *several)["number"] + 2 == document(capfd, *several, "--block", "3")["number"]
    code, _, err = run(capfd, *several, "--block", "4")
    assert code == 2
    assert "this workload has 3 blocks" in err


def test_a_file_is_explained_by_what_it_holds(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    with pytest.raises(SystemExit):
        main(["export", "transfers", "--transactions", "4", "--out", str(tmp_path)])
    capfd.readouterr()
    (path,) = tmp_path.glob("*.json.gz")
    found = document(capfd, path, "--no-run")
    assert found["transactions"] == 4
    code, _, err = run(capfd, path, "--block", "2")
    assert code == 2
    assert "is one recorded block" in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("nosuch.json.gz",), 2, "is neither a file nor a workload; name a block capsule"),
        (("lendin",), 2, "or one of transfers, lending"),
        (("lending", "--what-if", "faster"), 2, "write commutative=LOCATION or sharded=CONTRACT:K"),
        (("lending", "--what-if", "commutative=nothing.of.this"), 2, "nearest: "),
        (("lending", "--strategy", "sequential"), 2, "has no schedule to draw"),
        (("lending", "--html", "/no/such/folder/x.html"), 11, "/no/such/folder/x.html: cannot be written"),
        (("lending", "--param", "colour=red"), 2, "colour"),
    ],
)
def test_errors_are_one_line(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], code: int, says: str
) -> None:
    found, out, err = run(capfd, *arguments, "--transactions", "3")
    assert (found, out) == (code, "")
    assert says in err
    assert err.count("\n") == 1


def test_a_damaged_file_is_refused(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "1.json.gz"
    path.write_bytes(gzip.compress(b"{}"))
    code, out, err = run(capfd, path)
    assert (code, out) == (10, "")
    assert str(path) in err
