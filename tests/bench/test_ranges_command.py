"""`parallel-evm replay FOLDER`: rows in order, documented exit codes, and a run that is interrupted and goes on."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from bench.cli import main
from bench.range_report import MOST_SHOWN
from bench.ranges import files_of
from executor.capsule import load_capsule
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.whole_block import digest
from tests.bench.sealed import resealed
from tests.bench.test_ranges import write_capsules
from tests.data import ROOT

Document = dict[str, Any]
INLINE = ("--backend", "inline", "--workers", "2")
MANY = 60
PROCESS = ("--backend", "process", "--workers", "2")


def run(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    """Run `replay`; return (exit code, stdout, stderr)."""
    with pytest.raises(SystemExit) as caught:
        main(["replay", *map(str, arguments)])
    out, err = capfd.readouterr()
    return int(caught.value.code or 0), out, err


def untimed(document: str) -> str:
    """Return the rows of a JSON document without their times, as text."""
    rows = [{key: value for key, value in row.items() if key != "seconds"} for row in json.loads(document)["blocks"]]
    return json.dumps(rows)


def change(path: Path, **changes: str) -> None:
    """Change a capsule's header; its hash fits again."""
    document = json.loads(gzip.decompress(path.read_bytes()))
    path.write_bytes(gzip.compress(json.dumps(resealed(document, **changes)).encode()))


def damage_transaction(path: Path) -> None:
    """Make a transaction's bytes something else than RLP."""
    document = json.loads(gzip.decompress(path.read_bytes()))
    document["transactions"][0] = "0xc1"
    path.write_bytes(gzip.compress(json.dumps(document).encode()))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder of four blocks."""
    write_capsules(tmp_path / "blocks", 4)
    return tmp_path / "blocks"


@pytest.mark.parametrize("backend", [INLINE, PROCESS])
def test_a_folder_is_a_range(capfd: pytest.CaptureFixture[str], folder: Path, backend: tuple[str, ...]) -> None:
    code, out, err = run(capfd, folder, *backend, "--json")
    document = json.loads(out)
    assert (code, err) == (0, "")
    assert (document["ok"], document["complete"], document["sequential"]) == (True, True, None)
    assert [row["transactions"] for row in document["blocks"]] == [1, 2, 3, 4]
    for row in document["blocks"]:
        capsule = load_capsule(row["file"])
        assert row["digest"] == digest(result_bytes(execute_sequential(capsule.block, capsule.pre_state)))
        assert row["state_root"] == f"0x{capsule.block.header.state_root.hex()}"
        assert set(row["seconds"]) == {"decode", "execute", "verify"}
    totals = document["totals"]
    assert (totals["blocks"], totals["transactions"], totals["failures"]) == (4, 10, 0)
    assert (totals["resumed"], totals["ran"], totals["workers"], totals["lost_workers"]) == (0, 4, 2, 0)
    assert totals["gas_used"] == totals["ran_gas"] == sum(row["gas_used"] for row in document["blocks"])
    assert totals["blocks_per_second"] == pytest.approx(4 / totals["seconds"])
    spans = [sum(row["seconds"].values()) for row in document["blocks"]]
    assert totals["busy_share"] == pytest.approx(sum(spans) / 2 / totals["seconds"])
    assert totals["mgas_per_second"] == pytest.approx(totals["gas_used"] / 1e6 / totals["seconds"])


def test_files_are_a_range_if_asked(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    files = [folder / "3.json.gz", folder / "1.json.gz"]
    code, out, _ = run(capfd, *files, *INLINE, "--range", "--json")
    assert code == 0
    assert [row["file"] for row in json.loads(out)["blocks"]] == list(map(str, files))
    code, out, _ = run(capfd, *files, *INLINE, "--json")
    assert code == 0
    assert all(row["equal_to_sequential"] for row in json.loads(out)["blocks"])


def test_a_table_for_people(capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = folder / "[red]5.json"
    odd.write_text("{")
    code, out, err = run(capfd, folder, *INLINE)
    assert code == 10
    assert "5 blocks side by side on inline" in out
    assert f"{odd}: InvalidInput: is not JSON" in out
    assert "5 blocks (0 resumed, 1 failed), 10 transactions" in out
    assert err.startswith(f"parallel-evm: 1 of 5 blocks failed, the first: {odd}: InvalidInput")
    assert len(err.splitlines()) == 1
    odd.unlink()
    monkeypatch.setattr("bench.range_report.MOST_SHOWN", 3)
    assert MOST_SHOWN > 3
    assert "and 1 more; --json or --out list them all" in run(capfd, folder, *INLINE)[1]


def test_a_range_compared_with_a_sequential_run(
    capfd: pytest.CaptureFixture[str], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, out, _ = run(capfd, folder, *PROCESS, "--compare", "--json")
    document = json.loads(out)
    sequential = document["sequential"]
    assert (code, document["ok"], sequential["equal"]) == (0, True, True)
    assert sequential["ratio"] == pytest.approx(sequential["seconds"] / document["totals"]["seconds"])
    assert "every row is the same" in run(capfd, folder, *INLINE, "--compare")[1]
    prints = iter(bytes([number]) for number in range(100))
    monkeypatch.setattr("bench.range_command.fingerprint", lambda _: next(prints))
    code, out, err = run(capfd, folder, *INLINE, "--compare", "--json")
    assert (code, json.loads(out)["ok"], json.loads(out)["sequential"]["equal"]) == (1, False, False)
    assert err == "a check failed: the rows differ from those of sequential execution\n"


# -- exit codes


def test_a_block_that_contradicts_its_header_is_exit_1(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    change(folder / "2.json.gz", gasUsed="0x1")
    code, out, err = run(capfd, folder, *INLINE, "--json")
    rows = json.loads(out)["blocks"]
    assert (code, json.loads(out)["ok"], json.loads(out)["totals"]["failures"]) == (1, False, 1)
    assert [row["checks"]["gas_used"] for row in rows] == [True, False, True, True]
    assert rows[1]["problems"][0].startswith("gas_used: the header says 1, computed ")
    assert "1 of 4 blocks failed, the first: " in err


def test_the_first_broken_file_gives_the_exit_code(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    change(folder / "1.json.gz", gasUsed="0x1")
    damage_transaction(folder / "2.json.gz")
    (folder / "3.json.gz").write_bytes(b"")
    assert run(capfd, folder, *INLINE)[0] == 12
    code, out, _ = run(capfd, folder / "missing.json", folder, *INLINE, "--json")
    assert code == 11
    assert [row["error"] and row["error"]["exit_code"] for row in json.loads(out)["blocks"]] == [11, None, 12, 10, None]


def test_fail_fast_stops_at_the_first_failure(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    (folder / "2.json.gz").write_bytes(b"")
    code, out, _ = run(capfd, folder, *INLINE, "--fail-fast", "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["complete"]) == (10, False, False)
    assert [row["error"] is None for row in document["blocks"]] == [True, False]
    assert "stopped at the first that failed" in run(capfd, folder, *INLINE, "--fail-fast")[1]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--strategy", "graph"), "--strategy is about one block"),
        (("--repeat", "1"), "--repeat is about one block"),
        (("--no-sequential",), "--no-sequential is about one block"),
        (("--record-schedule", "x"), "--record-schedule is about one block"),
        (("--resume",), "--resume goes on with the file of --out"),
        (("--resume", "--out", "x", "--compare"), "drop one of them"),
        (("--out", "1.json.gz"), "exists; go on with it by --resume"),
    ],
)
def test_options_without_effect_are_refused(
    capfd: pytest.CaptureFixture[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    words: str,
) -> None:
    monkeypatch.chdir(folder)
    before = sorted(folder.iterdir())
    code, out, err = run(capfd, ".", *INLINE, *arguments)
    assert (code, out) == (2, "")
    assert words in err
    assert len(err.splitlines()) == 1
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("option", [("--out", "x"), ("--resume",), ("--compare",), ("--fail-fast",)])
def test_options_of_ranges_are_refused_elsewhere(
    capfd: pytest.CaptureFixture[str], folder: Path, option: tuple[str, ...]
) -> None:
    code, out, err = run(capfd, folder / "1.json.gz", *INLINE, *option)
    assert (code, out) == (2, "")
    assert err == f"parallel-evm: {option[0]} is about ranges; name a folder, or add --range\n"


def test_a_disk_that_fills_up_is_exit_11(folder: Path) -> None:
    out = folder.parent / "rows.jsonl"
    script = (
        "import resource; from bench.cli import main\nresource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))\nmain()\n"
    )
    done = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", script, "replay", folder, *INLINE, "--out", out, "--json"],
        capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip
    lines = out.read_bytes().splitlines(keepends=True)
    assert done.returncode == 11
    assert 0 < len(lines) < 4
    assert all(json.loads(line)["digest"] for line in lines)
    assert done.stderr == (
        f"parallel-evm: {out}: cannot be written after {len(lines)} blocks (File too large); make room and go on with"
        " --resume\n"
    )


# -- going on


def test_a_resumed_range_takes_over_what_is_the_same(capfd: pytest.CaptureFixture[str], folder: Path) -> None:
    whole = run(capfd, folder, *INLINE, "--json")[1]
    journal = folder.parent / "rows.jsonl"
    first = run(capfd, folder / "2.json.gz", folder / "4.json.gz", "--range", *INLINE, "--json", "--out", journal)
    assert first[0] == 0
    code, out, _ = run(capfd, folder, *INLINE, "--json", "--out", journal, "--resume")
    document = json.loads(out)
    assert (code, document["totals"]["resumed"], document["totals"]["ran"]) == (0, 2, 2)
    assert untimed(out) == untimed(whole)
    kept = [json.loads(line) for line in journal.read_text().splitlines()]
    assert sorted(row["transactions"] for row in kept) == [1, 2, 3, 4]
    change(folder / "2.json.gz", extraData="0x00")
    code, out, _ = run(capfd, folder, *INLINE, "--json", "--out", journal, "--resume")
    assert (code, json.loads(out)["totals"]["resumed"]) == (0, 3)
    assert json.loads(out)["totals"]["blocks_per_second"] > 0
    moved = folder.rename(folder.parent / "moved")
    code, out, _ = run(capfd, moved, *INLINE, "--json", "--out", journal, "--resume")
    assert (code, json.loads(out)["totals"]["resumed"]) == (0, 4)
    assert json.loads(out)["totals"]["blocks_per_second"] is None
    assert [row["file"] for row in json.loads(out)["blocks"]] == list(map(str, files_of([moved])))
    folder = moved
    assert run(capfd, folder, *INLINE, "--out", journal)[0] == 2


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of blocks that take a second in all; their files differ in a field without meaning."""
    folder = tmp_path_factory.mktemp("many")
    (path,) = write_capsules(folder / "one", 12)[-1:]
    document = json.loads(gzip.decompress(path.read_bytes()))
    for number in range(MANY):
        named = json.dumps({**document, "source": f"copy {number}"})
        (folder / f"{number}.json.gz").write_bytes(gzip.compress(named.encode()))
    return folder


def command(*arguments: object) -> list[str]:
    """Return the command line of `replay`."""
    return [sys.executable, "-m", "bench.cli", "replay", *map(str, arguments)]


def interrupt(process: subprocess.Popen[str], journal: Path, lines: int) -> tuple[str, str]:
    """Send SIGINT, as a terminal does, to a run and its workers once so many blocks are done."""
    deadline = time.monotonic() + 60
    while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.002)
    os.killpg(process.pid, signal.SIGINT)
    return process.communicate(timeout=60)


@pytest.mark.parametrize("backend", [INLINE, PROCESS], ids=["inline", "process"])
def test_an_interrupted_range_goes_on_to_the_same_end(
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    many: Path,
    tmp_path: Path,
    backend: tuple[str, ...],
) -> None:
    journal = tmp_path / "rows.jsonl"
    keep = ("--out", journal, "--json")
    with subprocess.Popen(  # noqa: S603 - our own program
        command(many, *backend, *keep),
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, start_new_session=True,
    ) as process:  # fmt: skip
        out, err = interrupt(process, journal, 3)
    done = journal.read_bytes().count(b"\n")
    assert process.returncode == 130
    assert err == (
        f"parallel-evm: interrupted; {done} blocks of {MANY} are in {journal}, go on with --out {journal} --resume\n"
    )
    with pytest.raises(ProcessLookupError):  # no worker is left
        os.killpg(process.pid, 0)
    assert 3 <= done < MANY
    assert all(json.loads(line)["digest"] for line in journal.read_text().splitlines())
    if out:  # the rows that were handed out, in a whole document
        assert (json.loads(out)["complete"], json.loads(out)["ok"]) == (False, False)
    stamp = json.loads(journal.read_text().splitlines()[0])["engine"]
    monkeypatch.setattr("bench.range_journal.engine_stamp", lambda: stamp)  # whoever edits the sources meanwhile
    code, resumed, _ = run(capfd, many, *backend, *keep, "--resume")
    assert code == 0
    assert json.loads(resumed)["totals"]["resumed"] == done
    assert json.loads(resumed)["totals"]["ran"] == MANY - done
    assert journal.read_bytes().count(b"\n") == MANY
    code, whole, _ = run(capfd, many, *backend, "--json")
    assert code == 0
    assert untimed(resumed) == untimed(whole)


def test_an_interrupted_range_without_a_journal_says_that_nothing_was_kept(many: Path) -> None:
    script = (
        "import os, signal, sys; from bench import ranges; from bench.cli import main\n"
        "take = ranges.unpack_row\n"
        "def interrupted(blob):\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "    return take(blob)\n"
        "ranges.unpack_row = interrupted\n"
        "main()\n"
    )
    done = subprocess.run(  # noqa: S603 - a script of ours
        [sys.executable, "-c", script, "replay", many, *INLINE],
        capture_output=True, text=True, check=False, timeout=120, cwd=ROOT,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "parallel-evm: interrupted; nothing was kept: --out FILE keeps what is done\n"
