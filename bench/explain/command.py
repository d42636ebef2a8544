"""The command `explain`: what holds a block back, as tables, JSON, a page, a graph or a trace."""

from __future__ import annotations

import json as json_format
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TextIO

import typer
from rich.console import Console

from bench.console import progress, results_stream
from bench.options import (
    AccessLists,
    AddressOption,
    Backend,
    BackendOption,
    JsonOption,
    PatienceOption,
    RepeatOption,
    ShuffleOption,
    Strategy,
    StrategyOption,
    WorkersOption,
)
from executor.files import check_writable
from executor.pool import PATIENCE

if TYPE_CHECKING:
    from bench.explain.model import Explanation, Schedule
    from bench.explain.source import Source

Writer = Callable[["Explanation", Path], None]


@dataclass(frozen=True, slots=True)
class RunSettings:
    """The parallel run that stands beside the bound; `access_lists` None: exact for a workload, else observed."""

    strategy: str
    access_lists: str | None
    backend: str
    workers: int | None
    repeat: int
    shuffle: int | None
    address: str | None
    patience: float


def explain_command(
    source: Annotated[str, typer.Argument(help="A block capsule, or the name of a workload.")],
    transactions: Annotated[int | None, typer.Option(min=0, help="Transactions in all (of a workload).")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes (of a workload).")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A workload's parameter as name=value; repeatable.")] = None,
    block: Annotated[int | None, typer.Option(min=1, help="Which block of a workload, from 1.")] = None,
    what_if: Annotated[
        list[str] | None,
        typer.Option(
            "--what-if", help="commutative=LOCATION[+LOCATION...] or sharded=CONTRACT:K; repeatable. Names or globs."
        ),
    ] = None,
    html: Annotated[Path | None, typer.Option(help="Write a report that any browser opens, offline.")] = None,
    trace: Annotated[Path | None, typer.Option(help="Write the measured schedule for Perfetto or Chrome.")] = None,
    dot: Annotated[Path | None, typer.Option(help="Write the dependency graph for Graphviz.")] = None,
    graphml: Annotated[Path | None, typer.Option(help="Write the dependency graph as GraphML.")] = None,
    no_run: Annotated[  # noqa: FBT002 - a typer option
        bool, typer.Option("--no-run", help="Leave out the parallel run that stands beside the bound.")
    ] = False,
    full: Annotated[bool, typer.Option("--full", help="Print long tables whole.")] = False,  # noqa: FBT002
    strategy: StrategyOption = Strategy.graph,
    access_lists: Annotated[
        AccessLists | None, typer.Option(help="Expected access sets; exact for a workload, else observed.")
    ] = None,
    backend: BackendOption = Backend.process,
    workers: WorkersOption = None,
    repeat: RepeatOption = 3,
    shuffle: ShuffleOption = None,
    address: AddressOption = None,
    patience: PatienceOption = PATIENCE,
    json: JsonOption = False,  # noqa: FBT002
) -> None:
    """Say why a block is not faster: who waits for whom, through which location, and what that costs.

    The block runs one transaction after another for its reads, writes and times, then in parallel, for the measured
    schedule beside the bound.
    """
    from bench.explain.source import load_source  # noqa: PLC0415 - keeps the start of other commands fast

    files = {"html": html, "trace": trace, "dot": dot, "graphml": graphml}
    outputs = {kind: path for kind, path in files.items() if path is not None}
    for path in outputs.values():
        check_writable(path)
    loaded = load_source(source, transactions, seed, param or [], block)
    settings = RunSettings(strategy, access_lists, backend, workers, repeat, shuffle, address, patience)
    with results_stream() as stream:
        explanation = _explained(loaded, what_if or [], settings, measured=not no_run or trace is not None)
        for kind, path in outputs.items():
            _writer(kind)(explanation, path)
        _show(explanation, stream, as_json=json, full=full)


def _explained(source: Source, what_if: list[str], settings: RunSettings, *, measured: bool) -> Explanation:
    from bench.explain.analyse import execute, explain_executed  # noqa: PLC0415

    with progress() as bar:
        task = bar.add_task("executing", total=2 + measured)
        executed = execute(source.block, source.pre_state, settings.repeat)
        bar.update(task, advance=1, description="explaining")
        explanation = explain_executed(executed, label=source.label, what_if=what_if, operations=source.operations)
        bar.update(task, advance=1, description="running in parallel")
        if measured:
            explanation = replace(explanation, schedule=_measured(source, settings))
        bar.advance(task)
    return explanation


def _measured(source: Source, settings: RunSettings) -> Schedule:
    from bench.explain.schedule import measure_schedule  # noqa: PLC0415

    return measure_schedule(
        source.block,
        source.pre_state,
        backend=settings.backend,
        workers=settings.workers,
        strategy=settings.strategy,
        access_lists=settings.access_lists or ("exact" if source.workload is not None else "observed"),
        repeat=settings.repeat,
        seed=settings.shuffle,
        address=settings.address,
        patience=settings.patience,
    )


def _writer(kind: str) -> Writer:
    """Return what writes a file of this kind, whole or not at all (InputOutputError)."""
    from bench.explain.graph_files import write_dot, write_graphml  # noqa: PLC0415
    from bench.explain.html import write_html  # noqa: PLC0415
    from bench.explain.trace import write_trace  # noqa: PLC0415

    writers: dict[str, Writer] = {"html": write_html, "trace": write_trace, "dot": write_dot, "graphml": write_graphml}
    return writers[kind]


def _show(explanation: Explanation, stream: TextIO, *, as_json: bool, full: bool) -> None:
    from bench.explain.tables import show_explanation  # noqa: PLC0415
    from bench.measure import machine  # noqa: PLC0415

    if as_json:
        json_format.dump(asdict(explanation) | {"machine": machine()}, stream, separators=(",", ":"), allow_nan=False)
        stream.write("\n")
    else:
        show_explanation(Console(file=stream, width=None if stream.isatty() else 120), explanation, full=full)
