"""Tables for people: a row per combination, blocks one after another, the winner marked, and why it won."""

from __future__ import annotations

from collections.abc import Sequence

from rich.box import SIMPLE
from rich.console import Console
from rich.table import Table

from bench.compare.model import Comparison, Row
from bench.compare.summary import Standing, standings
from bench.compare.verdict import verdict

WIDTH = 120
BUSY = 0.9
"""A share of a processor below which sequential execution was disturbed."""
HEADINGS = ("strategy", "lists", "backend", "workers", "ms", "speed-up", "Mgas/s", "tx/s", "runs/tx", "conflicts",
            "bound", "of bound", "gate", "equal")  # fmt: skip
_TEXTS = {"strategy", "lists", "backend", "gate", "combination"}

LEGEND = """\
ms: medians; sequential and all combinations ran in turn, each repetition shipped the whole pre-state. speed-up: of
sequential, same engine, same run. bound: what the block's longest chain allows on this many workers, of bound: how
much of it was reached. gate: where the gate let it run (driver: one after another, so it cannot win); inline has one
thread and is there for its counts, so it cannot win either. equal: the result is the sequential one, to the last byte.
>: the fastest."""


def show_comparisons(console: Console, blocks: Sequence[Comparison]) -> None:
    """Print a table and a sentence per block, then, of several blocks, the summary."""
    for block in blocks:
        console.print(block_table(block))
        console.print(verdict(block), highlight=False, markup=False, soft_wrap=True)
        if block.processor_share < BUSY:
            console.print(busy_line(block), style="yellow", highlight=False, markup=False, soft_wrap=True)
        for problem in block.problems:
            console.print(f"{block.label}: {problem}", style="red", highlight=False, markup=False)
        console.print()
    if len(blocks) > 1:
        console.print(summary_table(standings(blocks)))
    console.print(LEGEND, style="dim", highlight=False)
    for line in same_lines(blocks):
        console.print(line, style="dim", highlight=False)


def busy_line(block: Comparison) -> str:
    """Return the warning that others were busy on the machine, so that workers had no processors of their own."""
    share = f"{block.processor_share:.0%}"
    return f"The machine was busy: sequential execution got {share} of a processor; times and their order may mislead."


def same_lines(blocks: Sequence[Comparison]) -> list[str]:
    """Return a line for each method that stands for others as well."""
    methods = {row.combination.method: row.combination.same_as for row in blocks[0].rows} if blocks else {}
    return [f"{method} is also {' and '.join(same)}: the same plan." for method, same in methods.items() if same]


def block_table(block: Comparison) -> Table:
    """Return a block's rows under its facts."""
    mgas = block.gas_used / 1e6
    title = f"{block.label} ({block.fork}): {block.transactions} transactions, {mgas:.2f} Mgas"
    header = {True: ", header agrees", False: ", HEADER DIFFERS", None: ""}[block.header_ok]
    table = _table(title + header, ("", *HEADINGS))
    before = None
    for row in block.rows:
        if before not in (None, row.combination.backend):
            table.add_section()
        before = row.combination.backend
        won = row is block.winner
        style = "bold green" if won else "dim" if row.inline or row.kept else None
        table.add_row(">" if won else "", *_cells(block, row), style=style)
    return table


def _cells(block: Comparison, row: Row) -> tuple[str, ...]:
    one, share = row.combination, row.share_of_bound
    return (
        one.strategy,
        one.access_lists or "-",
        one.backend or "-",
        str(row.workers),
        f"{row.seconds * 1e3:.1f}",
        f"{row.speedup:.2f}x",
        f"{block.gas_used / row.seconds / 1e6:.2f}",
        f"{block.transactions / row.seconds:.0f}",
        f"{row.executions / block.transactions:.2f}" if block.transactions else "-",
        str(row.conflicts),
        "-" if row.bound is None or row.sequential else f"{row.bound:.2f}x",
        "-" if share is None or row.sequential else f"{share:.0%}",
        row.place or "-",
        "yes" if row.equal else "[bold red]NO[/]",
    )


def summary_table(lines: Sequence[Standing]) -> Table:
    """Return a row per combination over all blocks."""
    table = _table(
        f"all {lines[0].blocks} blocks",
        ("combination", "mean", "median", "all blocks", "won", "slower than seq.", "kept on driver", "runs/tx"),
    )
    for line in lines:
        table.add_row(
            line.combination.name,
            f"{line.mean:.2f}x",
            f"{line.median:.2f}x",
            f"{line.total:.2f}x",
            str(line.won),
            str(line.slower),
            str(line.kept),
            f"{line.executions / line.transactions:.2f}" if line.transactions else "-",
        )
    return table


def _table(title: str, headings: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", box=SIMPLE, padding=(0, 0), pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="left" if heading in _TEXTS else "right", no_wrap=True)
    return table
