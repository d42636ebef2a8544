"""The command line: one JSON document on stdout, one line per error on stderr, documented exit codes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from tests.bench.sealed import resealed, sealed_document
from tests.blocks import Builder, user
from tests.data import ROOT
from tests.executor.test_settling import COUNTER, NEW

Document = dict[str, Any]
Damage = Callable[[Document], None]


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run the command; return (exit code, stdout, stderr)."""
    with pytest.raises(SystemExit) as caught:
        main([str(argument) for argument in arguments])
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out, err


def small_block() -> Document:
    """Return a capsule's document: three transactions with the header that their execution gives."""
    builder = Builder(fork="Shanghai")
    builder.fund(*(user(n) for n in range(3)))
    counter = builder.contract(1, COUNTER)
    builder.send(user(0), counter)
    builder.send(user(1), counter)
    builder.send(user(2), NEW, value=5)
    return sealed_document(builder)


@pytest.fixture
def write(tmp_path: Path) -> Callable[[Document], Path]:
    """Return a function that writes a document as a capsule."""

    def write_document(document: Document) -> Path:
        path = tmp_path / "block.json.gz"
        path.write_bytes(gzip.compress(json.dumps(document).encode()))
        return path

    return write_document


def test_replay_prints_one_json_document(capfd: pytest.CaptureFixture[str], write: Callable[[Document], Path]) -> None:
    path = write(small_block())
    code, out, _ = run(capfd, "replay", path, "--backend", "inline", "--workers", 2, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["ok"] is True
    block = document["blocks"][0]
    assert (block["header_ok"], block["equal_to_sequential"]) == (True, True)
    assert block["checks"]["state_root"] is True
    assert (block["transactions"], block["executions"] >= 3) == (3, True)
    assert set(block["bound"]) >= {
        "critical_path_transactions", "critical_path_gas", "critical_path_seconds", "speedup_at_workers",
        "speedup_unlimited",
    }  # fmt: skip
    assert set(block["overhead"]) == {"dispatch", "settle", "merge"}


@pytest.mark.parametrize("strategy", ["sequential", "graph", "optimistic", "waves"])
def test_every_strategy_replays(
    capfd: pytest.CaptureFixture[str], write: Callable[[Document], Path], strategy: str
) -> None:
    code, out, _ = run(capfd, "replay", write(small_block()), "--strategy", strategy, "--backend", "inline")
    assert code == 0
    assert "yes" in out


def test_a_wrong_header_is_found(capfd: pytest.CaptureFixture[str], write: Callable[[Document], Path]) -> None:
    document = resealed(small_block(), gasUsed="0x1")
    code, out, err = run(capfd, "replay", write(document), "--backend", "inline", "--json")
    assert code == 1
    assert json.loads(out)["blocks"][0]["header_ok"] is False
    assert "a check failed" in err


def set_field(name: str, value: object) -> Damage:
    return lambda document: document.__setitem__(name, value)


def drop(name: str) -> Damage:
    return lambda document: document.__delitem__(name)


def code_without_body(document: Document) -> None:
    account = next(entry for entry in document["pre"].values() if "code" in entry)
    del account["code"]
    account["codeHash"] = "0x" + "ab" * 32


def wrong_transactions_root(document: Document) -> None:
    document.update(resealed(document, transactionsRoot="0x" + "00" * 32))


def wrong_hash(document: Document) -> None:
    document["header"]["gasUsed"] = "0x5"


def wrong_sender(document: Document) -> None:
    document["transactions"][1]["from"] = "0x" + "99" * 20


@pytest.mark.parametrize(
    ("damage", "code", "words"),
    [
        (wrong_transactions_root, 10, "ransactions"),
        (wrong_hash, 10, "hash"),
        (code_without_body, 10, "code"),
        (wrong_sender, 10, "signature"),
        (set_field("fork", "Atlantis"), 10, "Atlantis"),
        (drop("header"), 10, "header"),
        (drop("pre"), 10, "pre"),
        (set_field("format", "evm-block-replay/9"), 10, "format"),
        (set_field("transactions", {}), 10, "transactions"),
    ],
    ids=["root", "hash", "code", "from", "fork", "no header", "no pre", "format", "type"],
)
def test_bad_capsules_end_in_one_line(
    capfd: pytest.CaptureFixture[str],
    write: Callable[[Document], Path],
    damage: Damage,
    code: int,
    words: str,
) -> None:
    document = small_block()
    damage(document)
    got, out, err = run(capfd, "replay", write(document), "--backend", "inline", "--json")
    assert (got, out) == (code, "")
    assert len(err.strip().splitlines()) == 1
    assert words in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", 10),
        (b"{not json", 10),
        (gzip.compress(b"[]" * 2000)[:30], 10),
        (b"\x1f\x8bgarbage", 10),
        (b"[]", 10),
    ],
    ids=["empty", "not json", "truncated gzip", "broken gzip", "a list"],
)
def test_bad_files_end_in_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, content: bytes, code: int
) -> None:
    path = tmp_path / "block.json.gz"
    path.write_bytes(content)
    got, out, err = run(capfd, "replay", path, "--backend", "inline")
    assert (got, out) == (code, "")
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("name", ["missing.json.gz", ""])
def test_missing_files_and_directories_end_in_one_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str
) -> None:
    code, out, err = run(capfd, "replay", tmp_path / name, "--backend", "inline")
    assert (code, out) == (11, "")
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("run", "transfer"), "did you mean 'transfers'"),
        (("run", "transfers", "--param", "accounts"), "name=value"),
        (("run", "transfers", "--param", "acounts=5"), "did you mean 'accounts'"),
        (("run", "transfers", "--param", "accounts=many"), "accounts=many"),
        (("replay", "--strategy", "magic", "x"), "magic"),
        (("replay", "--workers", "0", "x"), "greater than or equal"),
        (("replay",), "files"),
        (("fly",), "fly"),
    ],
)
def test_wrong_usage_ends_in_one_line(
    capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], words: str
) -> None:
    code, out, err = run(capfd, *arguments)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert words in err


def test_workloads_are_listed_for_programs(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "workloads", "--json")
    listed = json.loads(out)
    assert code == 0
    assert {entry["name"] for entry in listed} >= {"transfers"}
    assert all(set(entry) == {"name", "description", "parameters"} for entry in listed)


def test_run_checks_invariants_and_roots(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "run", "transfers", "--transactions", 40, "--backend", "inline", "--json")
    block = json.loads(out)["blocks"][0]
    assert code == 0
    assert block["checks"]["invariants"] is True
    assert block["state_root"].startswith("0x")
    assert block["header_ok"] is None


def test_version_and_help(capfd: pytest.CaptureFixture[str]) -> None:
    assert run(capfd, "--version")[:2] == (0, "parallel-evm 0.1.0\n")
    assert "Exit codes" in run(capfd, "--help")[1]


def test_a_workload_tells_what_happened_in_it(capfd: pytest.CaptureFixture[str]) -> None:
    shared = ("run", "crash", "--transactions", 12, "--backend", "inline", "--workers", 2)
    code, out, _ = run(capfd, *shared, "--json")
    document = json.loads(out)
    assert (code, document["blocks"][0]["checks"]["invariants"]) == (0, True)
    (line,) = document["summary"]
    assert line.startswith("round 1: ")
    code, out, _ = run(capfd, *shared)
    assert code == 0
    assert line in out
    assert "invariants of the protocols hold after 1 of 1 blocks" in out


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
def test_results_that_cannot_be_written_end_in_one_line() -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "bench.cli", "workloads", "--json"],
            stdout=full, stderr=subprocess.PIPE, text=True, check=False, timeout=120, cwd=ROOT,
        )  # fmt: skip
    assert done.returncode == 11
    assert done.stderr == "parallel-evm: results cannot be written (No space left on device)\n"
