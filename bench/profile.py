"""Where the processors' time went in a parallel run: what a speed-up lacks to the number of workers, piece by piece."""

from __future__ import annotations

import os
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from bench.measure import BlockReport


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the time of all processors: microseconds per transaction, and its share."""

    name: str
    microseconds: float
    share: float


def pieces(report: BlockReport, cpus: int | None = None) -> list[Piece]:
    """Return what the processors did while a block ran on the workers; the shares sum up to 1.

    There are as many processors in it as the machine has, at most one per worker and one for the driver. Executions
    count as long as they took sequentially; what they took more on the workers is a piece of its own (shared caches,
    other processes, runs again). The last piece is what nobody used: waiting for messages, for a chain, for the last
    worker, or for a processor that other processes had. Empty for a block that did not run on workers.
    """
    traffic, count = report.traffic, report.transactions
    if not (report.batches and count):
        return []
    places = min(cpus or os.cpu_count() or 1, report.workers + 1)
    total = places * report.seconds
    as_sequential = min(report.sequential_execution_seconds or traffic["execution_seconds"], total)
    driver = _driver_pieces(report)
    parts = {
        "executions, as long as sequentially": as_sequential,
        "executions, what they took more": traffic["execution_seconds"] - as_sequential,
        "workers: unpack, record, pack": traffic["worker_seconds"] - traffic["execution_seconds"],
        **driver,
    }
    parts["nobody: waiting, or other processes"] = total - sum(parts.values())
    return [Piece(name, 1e6 * seconds / count, seconds / total) for name, seconds in parts.items()]


def _driver_pieces(report: BlockReport) -> dict[str, float]:
    """Return the driver's processor time, split as its clock says: that may have run while others had the processor."""
    clocks = {
        "driver: plan, state, batches": report.overhead["dispatch"] * report.seconds + report.plan_seconds,
        "driver: unpack, validate, settle": report.overhead["settle"] * report.seconds,
        "driver: merge, receipts, state diff": report.overhead["merge"] * report.seconds,
    }
    on_clock = sum(clocks.values()) or 1.0
    spent = report.traffic["driver_seconds"]
    return {name: spent * seconds / on_clock for name, seconds in clocks.items()}


def profile_table(reports: list[BlockReport]) -> Table | None:
    """Return a row per piece and a column per block, None where no block ran on the workers."""
    shown = [(report, parts) for report in reports if (parts := pieces(report))]
    if not shown:
        return None
    table = Table(title="where the processors' time went: us per transaction (share)", title_justify="left")
    table.add_column("")
    for report, _ in shown:
        table.add_column(report.label or str(report.number), justify="right")
    for row, piece in enumerate(shown[0][1]):
        table.add_row(piece.name, *(f"{parts[row].microseconds:.0f} ({parts[row].share:.1%})" for _, parts in shown))
    table.add_section()
    table.add_row("transactions a message", *(f"{report.executions / report.batches:.1f}" for report, _ in shown))
    table.add_row("goal of a message, ms", *(f"{1e3 * report.traffic['goal_seconds']:.1f}" for report, _ in shown))
    table.add_row("a message costs, us", *(f"{1e6 * report.traffic['message_seconds']:.0f}" for report, _ in shown))
    table.add_row("bytes sent, received per tx", *(_bytes(report) for report, _ in shown))
    table.add_row("state and block sent, kB", *(f"{report.traffic['state_bytes'] / 1e3:.0f}" for report, _ in shown))
    table.add_row("MB held per worker", *(_memory(report) for report, _ in shown))
    return table


def _bytes(report: BlockReport) -> str:
    sent, received = report.traffic["bytes_sent"], report.traffic["bytes_received"]
    return f"{sent / report.transactions:.0f}, {received / report.transactions:.0f}"


def _memory(report: BlockReport) -> str:
    return ", ".join(f"{held / 1e6:.0f}" for held in report.traffic["memory"]) or "-"


def show_profile(console: Console, reports: list[BlockReport]) -> None:
    """Print the table, or why there is none."""
    table = profile_table(reports)
    if table is None:
        console.print("no block ran on workers: there is nothing to take apart (--no-gate sends them there)")
    else:
        console.print(table)
