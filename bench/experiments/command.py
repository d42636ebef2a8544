"""The command `experiment`: list, run, store and write up the experiments."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console

from bench.console import ERRORS, print_json, progress, results_stream
from bench.experiments.model import Experiment, Outcome
from bench.options import JsonOption
from executor.errors import UsageError

ALL = "all"
DEFAULT_OUT = Path("build") / "experiments"

DataOption = Annotated[
    Path | None,
    typer.Option(help="Folder with blocks/<number>.json.gz; PARALLEL_EVM_DATA, else ../shared/data by default."),
]
QuickOption = Annotated[bool, typer.Option("--quick", help="A few small inputs: shows that it runs, no result.")]
OutOption = Annotated[Path, typer.Option(help="Folder that keeps each experiment's outcome, <name>.json.")]
ResumeOption = Annotated[bool, typer.Option("--resume", help="Do not run again what --out keeps, unless it failed.")]
ResultsOption = Annotated[
    Path | None, typer.Option(help="Write all outcomes that --out keeps as a page (bench/RESULTS.md is one).")
]


def experiment_command(
    name: Annotated[str | None, typer.Argument(help="An experiment, or `all`; without one they are listed.")] = None,
    data: DataOption = None,
    quick: QuickOption = False,  # noqa: FBT002
    out: OutOption = DEFAULT_OUT,
    resume: ResumeOption = False,  # noqa: FBT002
    results: ResultsOption = None,
    json: JsonOption = False,  # noqa: FBT002
) -> None:
    """Reproduce the field's published figures: what was published, what we measure, how they differ."""
    if name is None:
        if results is not None or resume:
            raise UsageError("--results and --resume go with the name of an experiment, or all")
        _list_all(as_json=json)
        return
    chosen = _chosen(name)
    with results_stream() as stream:
        console = Console(file=stream, width=None if stream.isatty() else 120)
        outcomes = []
        for outcome in _outcomes(chosen, data, out, quick=quick, resume=resume):
            outcomes.append(outcome)
            if not json:
                _show(console, outcome)
        if results is not None:
            _write_page(results, out)
        if json:
            _print_document(stream, outcomes)
    failed = [outcome.name for outcome in outcomes if outcome.error is not None]
    if failed:
        ERRORS.print(f"failed: {', '.join(failed)}")
        raise typer.Exit(1)


def _chosen(name: str) -> list[Experiment]:
    from bench.experiments.registry import experiment, names  # noqa: PLC0415 - the experiments load much

    return [experiment(one) for one in (names() if name == ALL else [name])]


def _outcomes(
    chosen: list[Experiment], data: Path | None, out: Path, *, quick: bool, resume: bool
) -> Iterator[Outcome]:
    from bench.experiments.run import run_one  # noqa: PLC0415
    from bench.experiments.settings import Settings, data_folder  # noqa: PLC0415
    from bench.experiments.stored import kept, store  # noqa: PLC0415

    needed = any(one.needs_data for one in chosen)
    settings = Settings(data_folder(data) if needed else data, quick)
    with progress() as bar:
        for one in bar.track(chosen, description="experiments"):
            outcome = kept(one.name, out, quick=quick) if resume else None
            if outcome is None:
                outcome = run_one(one, settings)
                store(outcome, out)
            yield outcome


def _write_page(path: Path, out: Path) -> None:
    from bench.experiments.registry import names  # noqa: PLC0415
    from bench.experiments.results import write_results  # noqa: PLC0415
    from bench.experiments.stored import load  # noqa: PLC0415

    stored = {name: load(name, out) for name in names()}
    found = [outcome for outcome in stored.values() if outcome is not None]
    write_results(path, found, [name for name, outcome in stored.items() if outcome is None])


def _show(console: Console, outcome: Outcome) -> None:
    from bench.experiments.show import show_outcome  # noqa: PLC0415

    show_outcome(console, outcome)


def _print_document(stream: TextIO, outcomes: list[Outcome]) -> None:
    from bench.experiments.stored import as_document  # noqa: PLC0415

    ok = all(outcome.error is None for outcome in outcomes)
    print_json(stream, {"ok": ok, "experiments": [as_document(outcome) for outcome in outcomes]})


def _list_all(*, as_json: bool) -> None:
    from bench.experiments.registry import experiment, names  # noqa: PLC0415
    from bench.experiments.show import show_list  # noqa: PLC0415

    listed = [experiment(name) for name in names()]
    with results_stream() as stream:
        if as_json:
            print_json(stream, [{"name": one.name, "title": one.title, "question": one.question} for one in listed])
        else:
            show_list(Console(file=stream, width=None if stream.isatty() else 120), listed)
