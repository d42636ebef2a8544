"""The command `compare-benchmarks OLD NEW`: exit 1 on a regression."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from bench.console import ERRORS, print_json, results_stream

if TYPE_CHECKING:
    from rich.console import Console

    from bench.suites.comparison import Comparison
    from bench.suites.runs import Run


def compare_benchmarks(
    old: Annotated[Path, typer.Argument(help="The run before: what `make bench` wrote.")],
    new: Annotated[Path, typer.Argument(help="The run after.")],
    threshold: Annotated[
        float, typer.Option(min=0, help="Share by which a benchmark may be slower, beyond its noise.")
    ] = 0.15,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Compare two runs of `make bench`; exit 1 where a benchmark is slower than threshold, noise and machine explain.

    Rounds are divided by a reference load that ran beside each, so a slow minute of the machine is no regression.
    """
    from rich.console import Console  # noqa: PLC0415 - not needed to start another command

    from bench.suites.comparison import compare_runs  # noqa: PLC0415
    from bench.suites.runs import read_run  # noqa: PLC0415

    before, after = read_run(old), read_run(new)
    comparison = compare_runs(before, after, threshold)
    with results_stream() as stream:
        if json:
            print_json(stream, comparison_document(before, after, comparison))
        else:
            show_comparison(Console(file=stream, width=None if stream.isatty() else 120), before, after, comparison)
    if not comparison.ok:
        ERRORS.print("a check failed: benchmarks are slower, see the rows marked SLOWER")
        raise typer.Exit(1)


def comparison_document(old: Run, new: Run, comparison: Comparison) -> dict[str, Any]:
    """Return what `--json` prints."""
    from dataclasses import asdict  # noqa: PLC0415

    runs = {name: {"commit": run.commit, "machine": run.machine} for name, run in (("old", old), ("new", new))}
    return {"ok": comparison.ok, **runs, **asdict(comparison)}


def show_comparison(console: Console, old: Run, new: Run, comparison: Comparison) -> None:
    """Print a row per benchmark, the one that lost most first."""
    from rich.markup import escape  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    title = f"benchmarks: {old.commit} against {new.commit}, medians of rounds divided by the machine's reference load"
    table = Table(title=title, title_justify="left")
    for heading in ("benchmark", "old ms", "new ms", "machine", "ratio", "noise", "verdict"):
        table.add_column(heading, justify="left" if heading in {"benchmark", "verdict"} else "right", overflow="fold")
    for row in comparison.rows:
        verdict = "[bold red]SLOWER[/]" if row.verdict == "slower" else row.verdict
        table.add_row(
            escape(_short(row.name)),
            f"{row.old_seconds * 1e3:.2f}",
            f"{row.new_seconds * 1e3:.2f}",
            f"{row.machine:.2f}x",
            f"{row.ratio:.2f}x",
            f"{row.noise:.0%}",
            verdict,
        )
    console.print(table)
    for what, names in (("only in the old run", comparison.only_old), ("only in the new run", comparison.only_new)):
        if names:
            console.print(f"{what}: {', '.join(map(_short, names))}", markup=False, highlight=False, soft_wrap=True)
    if old.machine != new.machine:
        line = f"two machines: {old.machine} / {new.machine}; the reference load makes up for part of that only"
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    busy = sum(row.verdict == "busy" for row in comparison.rows)
    if busy:
        console.print(f"{busy} not judged: timed on the wall while the machine was busy; run again on a quieter one")
    slower = sum(row.verdict == "slower" for row in comparison.rows)
    console.print(f"{len(comparison.rows)} compared, {slower} slower by more than {comparison.threshold:.0%} and noise")


def _short(name: str) -> str:
    """Return a benchmark's name without what all have in common.

    >>> _short("bench/suites/test_wire.py::test_batches")
    'wire batches'
    """
    file, _, test = name.removeprefix("bench/suites/").partition(".py::")
    return f"{file.removeprefix('test_')} {test.removeprefix('test_')}".strip()
