"""Outcomes are stored, read back and written up: every row is on the page, failed and missing ones too."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from bench.experiments.differences import compare
from bench.experiments.model import Experiment, Findings, Outcome, Published, Table
from bench.experiments.results import results_page, write_results
from bench.experiments.run import run_one
from bench.experiments.settings import Settings
from bench.experiments.stored import kept, load, store
from executor.errors import InputOutputError, InvalidInput

CAP = Published("cap", "2.0", "Somebody 2020", 2.0, 2.0, "x")
FOUND = Findings(
    {"cap": 3.0}, (Table("rows", ("block", "cap"), (("7", 3.0), ("8", None))),), "It differs.", "two blocks", ("a | b",)
)


def experiment(name: str, measure: object = lambda _settings: FOUND) -> Experiment:
    return Experiment(name, "A title", "Why?", (CAP,), measure, needs_data=False)  # type: ignore[arg-type]


def fails(_settings: Settings) -> Findings:
    raise ZeroDivisionError("no\nwork")


@pytest.fixture
def outcome() -> Outcome:
    return replace(run_one(experiment("good"), Settings()), load=0.5)


def test_a_run_says_how_and_when_it_was_made(outcome: Outcome) -> None:
    assert outcome.command == "parallel-evm experiment good"
    assert outcome.error is None
    assert outcome.machine["cpus"]
    assert outcome.commit
    assert outcome.date.endswith("UTC")
    assert outcome.comparisons == compare((CAP,), {"cap": 3.0})
    assert outcome.comparisons[0].difference == "+50.0 %"


def test_an_outcome_survives_its_file(outcome: Outcome, tmp_path: Path) -> None:
    store(outcome, tmp_path / "new")
    assert load("good", tmp_path / "new") == outcome
    assert load("other", tmp_path / "new") is None


def test_a_failure_is_an_outcome_in_one_line(tmp_path: Path) -> None:
    failed = run_one(experiment("bad", fails), Settings())
    assert failed.error == "ZeroDivisionError: no work"
    store(failed, tmp_path)
    assert load("bad", tmp_path) == failed


def test_an_experiment_that_forgets_a_published_figure_fails() -> None:
    forgetful = run_one(experiment("bad", lambda _settings: replace(FOUND, measured={})), Settings())
    assert forgetful.error == "KeyError: 'cap'"
    assert forgetful.tables == ()


def test_only_what_did_not_fail_on_inputs_of_that_size_is_kept(outcome: Outcome, tmp_path: Path) -> None:
    store(outcome, tmp_path)
    store(run_one(experiment("bad", fails), Settings()), tmp_path)
    assert kept("good", tmp_path, quick=False) == outcome
    assert kept("good", tmp_path, quick=True) is None
    assert kept("bad", tmp_path, quick=False) is None


def test_the_page_shows_every_row_the_failed_the_slow_and_the_missing(outcome: Outcome) -> None:
    failed = replace(run_one(experiment("bad", fails), Settings(quick=True)), load=0.5)
    slow = replace(outcome, name="slow", command="parallel-evm experiment slow", seconds=1234.5, shared_seconds=10.0)
    page = results_page([outcome, failed, slow], not_run=["absent"])
    assert "| [good](#good) | cap | 2.0 | 3.00x | +50.0 % |" in page
    assert "| [bad](#bad) (quick) | **failed** |" in page
    assert "**Failed:** `ZeroDivisionError: no work`" in page
    assert "`parallel-evm experiment bad --quick`" in page
    assert "| absent | not run |" in page
    assert "`parallel-evm experiment slow`: 1234.5 s (and 10.0 s executing shared blocks)" in page
    assert "| 7 | 3.00 |\n| 8 | - |" in page
    assert "```text\na | b\n```" in page
    assert f"commit: {outcome.commit}" in page
    assert f"{outcome.machine['cpus']} processors" in page
    assert page.count("It differs.") == 2


def test_the_page_marks_what_was_measured_beside_other_work(outcome: Outcome) -> None:
    assert "loaded" not in results_page([outcome])
    page = results_page([replace(outcome, load=99.0)])
    assert "| [good](#good) (loaded) | cap |" in page
    assert "- **loaded**: before rows" in page
    assert "load 99.0 before" in page


def test_a_page_of_nothing_says_so(tmp_path: Path) -> None:
    write_results(tmp_path / "R.md", [], not_run=["absent"])
    assert "| absent | not run |" in (tmp_path / "R.md").read_text(encoding="utf-8")


def test_a_bar_in_a_cell_does_not_end_it(outcome: Outcome) -> None:
    page = results_page([replace(outcome, tables=(Table("t", ("a",), (("x | y",),)),))])
    assert "| x \\| y |" in page


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": "something else"}', '{"format": 1}', "7"])
def test_a_file_that_holds_no_outcome_is_refused_by_name(text: str, tmp_path: Path) -> None:
    (tmp_path / "good.json").write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"good\.json: is not the stored outcome"):
        load("good", tmp_path)


def test_a_document_with_a_field_too_few_is_refused(outcome: Outcome, tmp_path: Path) -> None:
    path = store(outcome, tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    del document["sentence"]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InvalidInput, match="is not the stored outcome"):
        load("good", tmp_path)


def test_a_folder_that_is_none_is_refused(outcome: Outcome, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InputOutputError, match="cannot be written"):
        store(outcome, tmp_path / "file")
    with pytest.raises(InputOutputError, match="cannot be written"):
        write_results(tmp_path, [outcome])
