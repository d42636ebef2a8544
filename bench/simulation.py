"""The command `simulate`: how a block would run on more workers than this machine has processors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from bench.calibrate import Prepared, Validation, calibrate, sequential_medians, validate
from bench.console import ERRORS, print_json, progress, results_stream
from bench.inputs import cases_of
from bench.measure import Case, machine
from bench.simulate import MessageCosts, Simulated, simulate
from executor.access_lists import observed_sets
from executor.errors import UsageError

WORKERS = "1,2,4,8,16,32,64"
VALIDATED_WORKERS = (1, 2)
Carrier = StrEnum("Carrier", ["process", "ray"])


def simulate_command(
    inputs: Annotated[list[str], typer.Argument(help="Block capsules, or the name of a workload.")],
    transactions: Annotated[int | None, typer.Option(min=0, help="Transactions in all (of a workload).")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A parameter as name=value; repeatable.")] = None,
    workers: Annotated[str, typer.Option(help="Numbers of workers, with commas.")] = WORKERS,
    backend: Annotated[Carrier, typer.Option(help="What carries the messages.")] = Carrier.process,
    cores: Annotated[int | None, typer.Option(min=1, help="Processors that all share; enough by default.")] = None,
    repeat: Annotated[int, typer.Option(min=1, help="Runs per measurement; times are medians.")] = 3,
    validation: Annotated[bool, typer.Option("--validate", help="Compare with real runs here.")] = False,  # noqa: FBT002
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document on stdout.")] = False,  # noqa: FBT002
) -> None:
    """Simulate blocks on more workers than there are here: the real scheduler, measured seconds, a virtual clock."""
    counts, cases = _counts(workers), cases_of(inputs, transactions, seed, param or [])
    with results_stream() as stream, ExitStack() as stack:
        bar = stack.enter_context(progress())
        prepared = [
            _prepared(case, backend, repeat) for case in bar.track(cases, total=len(cases), description="measuring")
        ]
        results = [[_simulated(one, count, cores) for count in counts] for one in prepared]
        checked = validate(prepared, backend, VALIDATED_WORKERS, repeat=repeat) if validation else []
        if json:
            print_json(stream, simulation_document(prepared, results, checked, backend))
        else:
            show_simulations(
                Console(file=stream, width=None if stream.isatty() else 120), prepared, results, checked, backend
            )
    if not all(result.sound for row in results for result in row):
        ERRORS.print("a check failed: transactions ran before those they read from")
        raise typer.Exit(1)


def _counts(text: str) -> list[int]:
    try:
        counts = [int(part) for part in text.split(",")]
    except ValueError:
        counts = []
    if not counts or min(counts) < 1:
        raise UsageError(f"--workers {text!r}: write numbers from 1 on with commas, like {WORKERS}")
    return counts


def _prepared(case: Case, backend: str, repeat: int) -> Prepared:
    block, pre_state = case.block, case.pre_state
    sequential = sequential_medians(block, pre_state, case.pre_trie, repeat)
    if case.done is not None:
        case.done(sequential)
    sets = observed_sets(sequential.transactions, pre_state)
    costs = calibrate(block, pre_state, sets, backend, repeat)
    return Prepared(case.label or str(block.header.number), block, pre_state, sequential, sets, costs)


def _simulated(one: Prepared, workers: int, cores: float | None) -> Simulated:
    return simulate(one.block, one.pre_state, one.sequential, one.sets, workers, one.costs, cores)


def simulation_document(
    prepared: Sequence[Prepared], results: Sequence[Sequence[Simulated]], checked: Sequence[Validation], backend: str
) -> dict[str, Any]:
    """Return what `--json` prints."""
    blocks = [
        {
            "block": one.label,
            "transactions": len(one.block.transactions),
            "sequential_seconds": one.sequential.stats.seconds,
            "costs": asdict(one.costs),
            "simulated": [asdict(result) | {"sound": result.sound} for result in row],
        }
        for one, row in zip(prepared, results, strict=True)
    ]
    validated = [
        asdict(one)
        | {
            "speedup_error_percent": one.speedup_error_percent,
            "error_percent": one.error_percent,
            "work_error_percent": one.work_error_percent,
        }
        for one in checked
    ]
    sound = all(result.sound for row in results for result in row)
    return {"ok": sound, "backend": backend, "blocks": blocks, "validated": validated, "machine": machine()}


def show_simulations(
    console: Console,
    prepared: Sequence[Prepared],
    results: Sequence[Sequence[Simulated]],
    checked: Sequence[Validation],
    backend: str,
) -> None:
    """Print a table per block: a row for each number of workers; then what real runs say to it."""
    for one, row in zip(prepared, results, strict=True):
        count, seconds = len(one.block.transactions), one.sequential.stats.seconds
        title = f"{one.label}: {count:,} transactions, sequential {seconds * 1e3:.0f} ms, simulated on {backend}"
        console.print(_simulated_table(title, row))
        console.print(_costs_line(one.costs), style="dim", highlight=False)
    if checked:
        console.print(_validation_table(checked))


def _simulated_table(title: str, row: Sequence[Simulated]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in ("workers", "ms", "speed-up", "bound", "workers busy", "driver busy", "messages", "updates"):
        table.add_column(heading, justify="right")
    for result in row:
        table.add_row(
            str(result.workers) if result.sound else f"[bold red]{result.workers}[/]",
            f"{result.seconds * 1e3:.1f}",
            f"{result.speedup:.2f}x",
            f"{result.bound:.2f}x",
            f"{result.workers_busy:.0%}",
            f"{result.driver_busy:.0%}",
            f"{result.messages:,}",
            f"{result.updates:,}",
        )
    return table


def _costs_line(costs: MessageCosts) -> str:
    driver = (costs.driver_transaction, costs.driver_message, costs.driver_update)
    worker = (costs.worker_transaction, costs.worker_message, costs.worker_update)
    fixed = (costs.driver_plan, costs.driver_prepare, costs.driver_end, costs.worker_start)
    parts = [" / ".join(f"{seconds * scale:.1f}" for seconds in group)
             for group, scale in ((driver, 1e6), (worker, 1e6), (fixed, 1e3))]  # fmt: skip
    return (
        f"us per transaction / message / update: driver {parts[0]}, worker {parts[1]}"
        f"; executions x{costs.execution:.2f}; ms to plan / prepare / end, workers to begin: {parts[2]}"
    )


def _validation_table(checked: Sequence[Validation]) -> Table:
    title = (
        f"n workers on {os.cpu_count()} processors, measured here and simulated; driver, workers: ms of processor time"
    )
    table = Table(title=title, title_justify="left")
    headings = ("block", "n", "speed-up", "sim.", "error", "ms", "sim.", "driver", "sim.", "workers", "sim.",
                "batches", "sim.", "load")  # fmt: skip
    for heading in headings:
        table.add_column(heading, justify="left" if heading == "block" else "right", no_wrap=True)
    for one in checked:
        table.add_row(
            one.label,
            str(one.workers),
            f"{one.measured_speedup:.2f}x",
            f"{one.simulated_speedup:.2f}x",
            f"{one.speedup_error_percent:+.0f} %",
            *_milliseconds(one.measured_seconds, one.simulated_seconds),
            *_milliseconds(one.measured_driver_seconds, one.simulated_driver_seconds),
            *_milliseconds(one.measured_worker_seconds, one.simulated_worker_seconds),
            str(one.measured_messages),
            str(one.simulated_messages),
            f"{one.load:.1f}",
        )
    return table


def _milliseconds(*seconds: float) -> list[str]:
    return [f"{one * 1e3:.0f}" for one in seconds]
