"""An outcome for people, on a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as RichTable

from bench.experiments.model import Cell, Experiment, Outcome, Table


def cell(value: Cell, digits: int) -> str:
    """Return a cell's text: fractions with so many decimals, large ones with separators, "-" for None.

    >>> cell(1234.5678, 2), cell(None, 2), cell("x", 2), cell(1234, 2)
    ('1,234.57', '-', 'x', '1,234')
    """
    if value is None:
        return "-"
    if isinstance(value, str):
        return value
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{digits}f}"


def measured_text(measured: float | None, unit: str) -> str:
    """Return our figure with its unit.

    >>> measured_text(2.0, "x"), measured_text(71.25, "%"), measured_text(None, "x")
    ('2.00x', '71.25 %', '-')
    """
    if measured is None:
        return "-"
    return f"{measured:,.2f}{unit}" if unit == "x" else f"{measured:,.2f} {unit}".rstrip()


def show_outcome(console: Console, outcome: Outcome) -> None:
    """Print an outcome: question, published beside measured, every table, the sentence."""
    console.print(f"[bold]{outcome.name}[/]: {outcome.title}", highlight=False)
    console.print(outcome.question, highlight=False, markup=False)
    if outcome.error is not None:
        console.print(f"[bold red]failed[/] after {outcome.seconds:.1f} s:", highlight=False, end=" ")
        console.print(outcome.error, highlight=False, markup=False)
        return
    console.print(_comparisons(outcome))
    for table in outcome.tables:
        console.print(_rich(table))
    for drawing in outcome.drawings:
        console.print(drawing, highlight=False, markup=False, soft_wrap=True)
    console.print(outcome.sentence, highlight=False, markup=False)
    where = f"{outcome.inputs}; " if outcome.inputs else ""
    shared = f" and {outcome.shared_seconds:.1f} s executing blocks" if outcome.shared_seconds else ""
    console.print(f"({where}{outcome.seconds:.1f} s{shared})\n", highlight=False, markup=False, style="dim")


def _comparisons(outcome: Outcome) -> RichTable:
    table = RichTable(title_justify="left")
    for heading in ("", "published", "measured", "difference", "source"):
        table.add_column(heading, justify="right" if heading in {"measured", "difference"} else "left")
    for one in outcome.comparisons:
        table.add_row(one.what, one.published, measured_text(one.measured, one.unit), one.difference, one.source)
    return table


def _rich(table: Table) -> RichTable:
    shown = RichTable(title=table.title, title_justify="left")
    for column, heading in enumerate(table.headings):
        text = any(isinstance(row[column], str) for row in table.rows) and column == 0
        shown.add_column(heading, justify="left" if text else "right")
    for row in table.rows:
        shown.add_row(*(cell(value, table.digits) for value in row))
    return shown


def show_list(console: Console, experiments: Sequence[Experiment]) -> None:
    """Print the experiments: name, title, question."""
    table = RichTable(title="experiments: parallel-evm experiment NAME, or all", title_justify="left")
    for heading in ("name", "what it reproduces", "question"):
        table.add_column(heading)
    for one in experiments:
        table.add_row(one.name, one.title, one.question)
    console.print(table)
