"""The command `compare`, from the command line to files; every result is the sequential one."""

from __future__ import annotations

import csv
import gzip
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.compare.combinations import combinations
from bench.compare.run import Bench, Comparer
from bench.generated import workload_cases
from executor.block_executor import BlockExecutor
from executor.types import BlockResult
from tests.bench.test_cli import run, small_block

SMALL = ("transfers", "--transactions", 30, "--param", "accounts=20")
INLINE = ("--backends", "inline", "--repeat", 1)


@pytest.fixture
def capsule(tmp_path: Path) -> Path:
    """Return a recorded block of three transactions, two of which count with the same counter."""
    path = tmp_path / "7.json.gz"
    path.write_bytes(gzip.compress(json.dumps(small_block()).encode()))
    return path


def test_all_combinations_on_a_recorded_block(capfd: pytest.CaptureFixture[str], capsule: Path, tmp_path: Path) -> None:
    files = tmp_path / "rows.csv", tmp_path / "page.html"
    code, out, _ = run(
        capfd, "compare", capsule, "--backends", "inline,process", "--workers", 2, "--repeat", 2, "--json",
        "--csv", files[0], "--html", files[1],
    )  # fmt: skip
    document = json.loads(out)
    assert code == 0
    assert document["ok"]
    (block,) = document["blocks"]
    assert block["header_ok"]
    rows = block["rows"]
    assert len(rows) == 1 + 2 * 6
    assert all(row["equal"] for row in rows)
    assert [len(row["times"]) for row in rows] == [4] + [2] * 12
    by_name = {(row["strategy"], row["access_lists"], row["backend"]): row for row in rows}
    assert by_name["graph", "exact", "inline"]["executions"] == 3
    assert by_name["graph", "exact", "inline"]["bound"] is None
    assert by_name["graph", "exact", "process"]["gate"] == "driver"
    assert block["winner"] == "sequential"
    assert len(list(csv.DictReader(files[0].read_text().splitlines()))) == 13
    assert "the gate kept it on the driver every time" in files[1].read_text()


def test_a_table_and_a_sentence(capfd: pytest.CaptureFixture[str], capsule: Path) -> None:
    code, out, err = run(capfd, "compare", capsule, capsule, *INLINE, "--strategies", "graph", "--lists", "exact,none")
    assert code == 0
    assert err == ""
    assert out.count("No winner: inline has one thread and only counts; graph with exact lists took the fewest") == 2
    assert "all 2 blocks" in out
    assert max(map(len, out.splitlines())) < 200


def test_without_the_gate_blocks_run_on_the_workers(capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--backends", "process", "--workers", 2, "--strategies", "graph", "--lists", "exact", "--repeat", 1)
    code, out, _ = run(capfd, "compare", *SMALL, *options, "--no-gate", "--json")
    assert code == 0
    (block,) = json.loads(out)["blocks"]
    assert [row["gate"] for row in block["rows"]] == ["", ""]
    assert [row["executions"] for row in block["rows"]] == [30, 30]
    assert block["rows"][1]["share_of_bound"] == block["rows"][1]["speedup"] / block["rows"][1]["bound"]


@pytest.mark.slow
def test_all_backends_on_workers_in_one_run(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "compare", *SMALL, "--workers", 2, "--repeat", 1, "--no-gate", "--json")
    assert code == 0
    (block,) = json.loads(out)["blocks"]
    assert [row["backend"] for row in block["rows"]] == ["", *["inline"] * 6, *["process"] * 6, *["ray"] * 6]
    assert all(row["equal"] for row in block["rows"])
    assert all(row["overhead_share"] > 0 for row in block["rows"][1:])


def test_each_block_of_a_workload_stands_on_the_one_before() -> None:
    cases = workload_cases("transfers", 60, 1, ["blocks=3", "accounts=20"])
    bench = Bench(combinations(["graph", "waves"], ["exact"], ["inline"]), 2, 1)
    ticks: list[int] = []
    with Comparer(bench) as comparer:
        compared = [comparer.compare(case, lambda: ticks.append(1)) for case in cases]
    assert [block.ok for block in compared] == [True] * 3
    assert sum(block.transactions for block in compared) == 60
    assert len(ticks) == 3 * bench.runs == 9


def test_only_the_first_blocks(capfd: pytest.CaptureFixture[str]) -> None:
    options = ("--param", "blocks=3", "--blocks", 2, "--strategies", "optimistic", *INLINE)
    code, out, _ = run(capfd, "compare", *SMALL, *options, "--json")
    assert code == 0
    assert len(json.loads(out)["blocks"]) == 2


def test_a_result_that_differs_is_told_and_exits_with_one(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    execute = BlockExecutor.execute_with

    def wrong(self: BlockExecutor, *arguments: Any) -> BlockResult:
        result = execute(self, *arguments)
        return replace(result, gas_used=result.gas_used + 1) if self.strategy == "waves" else result

    monkeypatch.setattr(BlockExecutor, "execute_with", wrong)
    code, out, err = run(capfd, "compare", *SMALL, *INLINE, "--lists", "exact")
    assert code == 1
    assert "No winner: waves with exact lists on inline gave another result than sequential execution." in out
    assert "a check failed" in err


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("nonsense", *INLINE), 2, "neither a file nor a workload"),
        (("missing.json.gz", *INLINE), 11, "no such file"),
        (("transfers", "--backends", "rays"), 2, "unknown name 'rays'"),
        (("transfers", "--strategies", "sequential"), 2, "nothing to compare"),
        (("a.json", "b.json", "--transactions", 3), 2, "are about workloads"),
        (("transfers", *INLINE, "--csv", "/nowhere/rows.csv"), 11, "cannot be written"),
        (("transfers", *INLINE, "--html", "/nowhere/page.html"), 11, "cannot be written"),
    ],
)
def test_bad_input_is_one_line(
    capfd: pytest.CaptureFixture[str], arguments: tuple[object, ...], code: int, words: str
) -> None:
    got, out, err = run(capfd, "compare", *arguments)
    assert (got, out) == (code, "")
    assert words in err
    assert len(err.splitlines()) == 1
