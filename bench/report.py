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


def result_table(reports: list[BlockReport], title: str) -> Table:
    """Return a row per block: is it right, and how many runs did that take."""
    return _table(
        title,
        (
            "block",
            "fork",
            "txs",
            "failed",
            "Mgas",
            "= header",
            "= seq.",
            "state root",
            "runs/tx",
            "most",
            "conflicts",
        ),
        [_result_cells(report) for report in reports],
    )


def _result_cells(report: BlockReport) -> tuple[str, ...]:
    count = report.transactions
    return (
        report.label or str(report.number),
        report.fork,
        str(count),
        "-" if report.failed_transactions is None else str(report.failed_transactions),
        f"{report.gas_used / 1e6:.2f}",
        _mark(report.header_ok),
        _mark(report.equal_to_sequential),
        "-" if report.state_root is None else f"{report.state_root[:10]}",
        f"{report.executions / count:.2f}" if count else "-",
        str(report.max_executions),
        str(report.conflicts),
    )


def speed_table(reports: list[BlockReport], title: str) -> Table:
    """Return a row per block: times in milliseconds, and what the block's longest chain allows."""
    return _table(
        title,
        (
            "block",
            "seq. ms",
            "par. ms",
            "speed-up",
            "bound",
            "ran on",
            "tied",
            "chain txs",
            "gas",
            "s",
            "longest",
            "own",
        ),
        [_speed_cells(report) for report in reports],
    )


def _speed_cells(report: BlockReport) -> tuple[str, ...]:
    bound = report.bound
    return (
        report.label or str(report.number),
        _milliseconds(report.sequential_seconds),
        _milliseconds(report.seconds),
        _ratio(report.speedup),
        _ratio(bound.speedup_at_workers),
        _place(report),
        f"{bound.dependent_transactions / report.transactions:.0%}" if report.transactions else "-",
        str(bound.critical_path_transactions),
        f"{bound.critical_path_gas / report.gas_used:.0%}" if report.gas_used else "-",
        f"{1 / bound.speedup_unlimited:.0%}",
        f"{bound.longest_transaction_share:.0%}",
        f"{sum(report.overhead.values()):.0%}",
    )


def _place(report: BlockReport) -> str:
    """Return where the gate let a block run; "-" where nobody asked it."""
    where = "-" if report.gate is None else str(report.gate["where"])
    return {"rest on the driver": "both"}.get(where, where)


def _table(title: str, headings: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(title=title, title_justify="left")
    for heading in headings:
        table.add_column(heading, justify="left" if heading in {"block", "fork"} else "right", no_wrap=True)
    for row in rows:
        table.add_row(*row)
    return table


LEGEND = """\
= seq.: receipts, state diff and roots are those of sequential execution, to the last byte. runs/tx, most:
executions per transaction, and of the one executed most. speed-up: sequential / parallel, same engine, same run,
coincurve on both sides. bound: what the block's longest chain allows at this number of workers. ran on: where the
gate let the block run, and below why not on the workers. tied: transactions
that read what an earlier one of the block wrote; then the longest chain of them in transactions, its share of the
block's gas and seconds, and the longest transaction's share. own: the driver's share of the parallel time."""


def show_blocks(console: Console, reports: list[BlockReport]) -> None:
    """Print the table of blocks, and one line for each check that failed."""
    if not reports:
        return
    first = reports[0]
    lists = f", {first.access_lists} access sets" if first.strategy in {"graph", "waves"} else ""
    console.print(result_table(reports, f"{first.strategy}{lists} on {first.backend}, {first.workers} workers"))
    console.print(speed_table(reports, f"medians of {first.repetitions}"))
    console.print(LEGEND, style="dim", highlight=False)
    checked = [report.checks["invariants"] for report in reports if "invariants" in report.checks]
    if checked:
        console.print(f"invariants of the protocols hold after {sum(map(bool, checked))} of {len(checked)} blocks")
    for report in reports:
        if report.gate is not None and report.gate["reason"]:
            line = f"{report.label or report.number} ran on the {report.gate['where'].removeprefix('rest on the ')}"
            console.print(f"{line}: {report.gate['reason']}", style="dim", highlight=False, markup=False)
        for problem in report.problems:
            console.print(f"block {report.number}: {problem}", style="red", highlight=False)
