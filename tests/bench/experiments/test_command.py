"""The command `experiment`: lists, runs, stores, writes up; one line and an exit code where it cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.experiments.registry import experiment, names
from tests.bench.test_cli import run
from tests.data import data_dir, needs_data


def test_without_a_name_it_lists_all(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "experiment", "--json")
    assert code == 0
    assert [one["name"] for one in json.loads(out)] == names()
    code, out, _ = run(capfd, "experiment")
    assert code == 0
    assert all(name in out for name in names())


def test_every_experiment_is_called_as_its_module_and_says_what_it_asks() -> None:
    for name in names():
        found = experiment(name)
        assert found.name == name
        assert found.question.endswith("?")
        assert found.published
        whats = [one.what for one in found.published]
        assert len(set(whats)) == len(whats)


def test_one_is_run_shown_and_kept(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capfd, "experiment", "worst-case", "--out", tmp_path / "kept")
    assert code == 0
    assert "8 of 8 figures agree" in " ".join(out.split())
    assert (tmp_path / "kept" / "worst-case.json").is_file()


def test_json_is_one_document_of_what_was_run(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, out, _ = run(capfd, "experiment", "worst-case", "--json", "--quick", "--out", tmp_path)
    document = json.loads(out)
    assert code == 0
    assert document["ok"] is True
    (only,) = document["experiments"]
    assert only["name"] == "worst-case"
    assert only["quick"] is True
    assert {one["difference"] for one in only["comparisons"]} == {"exact"}


def test_a_kept_outcome_is_not_made_again(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run(capfd, "experiment", "worst-case", "--out", tmp_path)
    path = tmp_path / "worst-case.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"sentence": "From the file."}), encoding="utf-8")
    _, out, _ = run(capfd, "experiment", "worst-case", "--resume", "--out", tmp_path)
    assert "From the file." in out
    _, out, _ = run(capfd, "experiment", "worst-case", "--out", tmp_path)
    assert "From the file." not in out


def test_the_page_holds_all_that_is_kept(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    code, _, _ = run(capfd, "experiment", "worst-case", "--out", tmp_path, "--results", tmp_path / "RESULTS.md")
    page = (tmp_path / "RESULTS.md").read_text(encoding="utf-8")
    assert code == 0
    assert "## worst-case" in page
    assert "| keyset | not run |" in page


@pytest.mark.parametrize("name", ["keyset", "all"])
def test_without_recorded_blocks_it_is_one_line(capfd: pytest.CaptureFixture[str], tmp_path: Path, name: str) -> None:
    code, out, err = run(capfd, "experiment", name, "--data", tmp_path, "--out", tmp_path)
    assert (code, out) == (11, "")
    assert err.startswith("parallel-evm: no recorded blocks in ")
    assert len(err.strip().splitlines()) == 1


def test_the_folder_may_come_from_the_environment(
    capfd: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PARALLEL_EVM_DATA", str(tmp_path / "elsewhere"))
    code, _, err = run(capfd, "experiment", "lists", "--out", tmp_path)
    assert code == 11
    assert "elsewhere" in err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("nonsense",), "no experiment 'nonsense'; known are all, keyset,"),
        (("--resume",), "--results and --resume go with the name of an experiment"),
    ],
)
def test_bad_usage_is_one_line(capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...], message: str) -> None:
    code, out, err = run(capfd, "experiment", *arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_a_failed_experiment_is_kept_and_the_exit_code_says_so(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "blocks").mkdir()
    (tmp_path / "blocks" / "1.json.gz").write_text("no capsule", encoding="utf-8")
    code, out, err = run(capfd, "experiment", "lists", "--data", tmp_path, "--out", tmp_path / "kept", "--json")
    assert code == 1
    assert err.strip() == "failed: lists"
    assert json.loads(out)["ok"] is False
    kept = json.loads((tmp_path / "kept" / "lists.json").read_text(encoding="utf-8"))
    assert kept["error"].startswith("InvalidInput: ")
    assert str(tmp_path.parent) in kept["error"]


@pytest.mark.slow
@needs_data
def test_all_run_on_recorded_blocks_and_are_written_up(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    page = tmp_path / "RESULTS.md"
    code, out, _ = run(
        capfd, "experiment", "all", "--quick", "--data", data_dir(), "--out", tmp_path, "--results", page, "--json"
    )
    document = json.loads(out)
    assert code == 0
    assert [one["name"] for one in document["experiments"]] == names()
    assert [one["error"] for one in document["experiments"]] == [None] * len(names())
    assert all(f"## {name}\n" in page.read_text(encoding="utf-8") for name in names())
