"""Tables for people: what was executed, whether it is right, how fast, and why not faster."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from bench.measure import BlockReport


def _mark(value: bool | None) -> str:  # noqa: FBT001 - one cell of a table
    return "-" if value is None else "[green]yes[/]" if value else "[bold red]NO[/]"


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f}"


def _ratio(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}x"


def block_table(reports: list[BlockReport], title: str) -> Table:
    """Return one row per block; times are medians in milliseconds, the overhead is the driver's share."""
    table = Table(title=title, title_justify="left")
    for heading in ("block", "fork"):
        table.add_column(heading)
    for heading in (
        "txs", "Mgas", "header", "= seq.", "seq. ms", "par. ms", "speed-up", "bound", "chain txs", "chain of gas",
        "chain of s", "longest tx", "runs/tx", "most", "conflicts", "overhead",
    ):  # fmt: skip
        table.add_column(heading, justify="right")
    for report in reports:
        table.add_row(*_cells(report))
    return table


def _cells(report: BlockReport) -> tuple[str, ...]:
    bound, count = report.bound, report.transactions
    return (
        report.label or str(report.number),
        report.fork,
        str(count),
        f"{report.gas_used / 1e6:.2f}",
        _mark(report.header_ok),
        _mark(report.equal_to_sequential),
        _milliseconds(report.sequential_seconds),
        _milliseconds(report.seconds),
        _ratio(report.speedup),
        _ratio(bound.speedup_at_workers),
        str(bound.critical_path_transactions),
        f"{bound.critical_path_gas / report.gas_used:.0%}" if report.gas_used else "-",
        f"{1 / bound.speedup_unlimited:.0%}",
        f"{bound.longest_transaction_share:.0%}",
        f"{report.executions / count:.2f}" if count else "-",
        str(report.max_executions),
        str(report.conflicts),
        f"{sum(report.overhead.values()):.0%}",
    )


def show_blocks(console: Console, reports: list[BlockReport]) -> None:
    """Print the table of blocks, and one line for each check that failed."""
    if not reports:
        return
    first = reports[0]
    lists = f", {first.access_lists} access sets" if first.strategy in {"graph", "waves"} else ""
    title = f"{first.strategy}{lists} on {first.backend}, {first.workers} workers"
    console.print(block_table(reports, title))
    console.print(
        "speed-up: sequential / parallel, same engine, same run, coincurve on both sides; bound: what the"
        " block's own chains allow at this number of workers",
        style="dim",
    )
    for report in reports:
        for problem in report.problems:
            console.print(f"block {report.number}: {problem}", style="red", highlight=False)
