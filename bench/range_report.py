"""What a range came to: totals, one JSON document written row by row, a table for people, the exit code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.measure import machine
from bench.range_journal import Fields, row_fields
from executor.errors import InputOutputError, InvalidInput, InvalidRlp
from executor.whole_block import BlockRow

BROKEN = {InvalidInput.exit_code, InputOutputError.exit_code, InvalidRlp.exit_code}
"""Exit codes of files that cannot be read as blocks; they go before those of blocks."""
MOST_SHOWN = 200
"""Rows of the table; in a longer range the others are only counted."""
SPANS = """\
= header: gas, bloom, receipts root, and the state root where it can be computed. decode: from the file's bytes to a
checked capsule; execute: to the receipts root, sequentially on one worker; verify: header, state root and digest."""
COMPARED = """\
both spans: from the first file opened to the last row (read, decode, execute, verify), one loop, one engine, coincurve
on both sides; starting workers is in neither; the sequential run came second, with the workers gone."""
HEADINGS = ("block", "fork", "txs", "Mgas", "= header", "state root", "digest", "decode ms", "execute ms", "verify ms")
LEFT = {"block", "fork", "state root", "digest"}


@dataclass(slots=True)
class Totals:
    """Sums over the rows handed out; `ran` and `ran_gas` leave out those that an earlier run left (`resumed`).

    `seconds` and the workers' `busy_seconds` are by the clock. `broken` is the exit code of the first file that is no
    block, `first` what is wrong with the first row that failed.
    """

    blocks: int = 0
    transactions: int = 0
    gas_used: int = 0
    failures: int = 0
    resumed: int = 0
    ran: int = 0
    ran_gas: int = 0
    workers: int = 0
    lost_workers: int = 0
    seconds: float = 0.0
    busy_seconds: float = 0.0
    broken: int = 0
    first: str = ""

    def add(self, row: BlockRow) -> None:
        """Count a row."""
        self.blocks += 1
        self.transactions += row.transactions or 0
        self.gas_used += row.gas_used or 0
        if not row.ok:
            self.failures += 1
            self.first = self.first or problem(row)
        if row.error is not None and row.error.exit_code in BROKEN:
            self.broken = self.broken or row.error.exit_code

    @property
    def blocks_per_second(self) -> float | None:
        """Blocks run now; None where there were none."""
        return self.ran / self.seconds if self.ran and self.seconds else None

    @property
    def mgas_per_second(self) -> float | None:
        """Gas of blocks run now, in Mgas/s; None where there were none."""
        return self.ran_gas / 1e6 / self.seconds if self.ran and self.seconds else None

    @property
    def busy_share(self) -> float | None:
        """Share of the workers' time in which they had a block; None where nothing ran."""
        return self.busy_seconds / (self.workers * self.seconds) if self.ran and self.seconds else None

    @property
    def exit_code(self) -> int:
        """The code of the first broken file, or 1 if a block failed."""
        return self.broken or int(self.failures > 0)

    def fields(self) -> Fields:
        """Return what `--json` says."""
        rates = {
            "blocks_per_second": self.blocks_per_second,
            "mgas_per_second": self.mgas_per_second,
            "busy_share": self.busy_share,
        }
        return {key: value for key, value in asdict(self).items() if key not in {"broken", "first"}} | rates

    def line(self) -> str:
        """Return the sums in one line."""
        line = (
            f"{self.blocks} blocks ({self.resumed} resumed, {self.failures} failed), {self.transactions} transactions,"
            f" {self.gas_used / 1e6:.1f} Mgas"
        )
        if self.busy_share is not None:
            line += (
                f" in {self.seconds:.2f} s: {self.blocks_per_second:.2f} blocks/s, {self.mgas_per_second:.1f} Mgas/s;"
                f" {self.workers} workers, {self.busy_share:.0%} busy, {self.lost_workers} lost"
            )
        return line


@dataclass(frozen=True, slots=True)
class Comparison:
    """The same range, one block after another in the driver's process; `equal` if every row is the same."""

    seconds: float
    ratio: float
    equal: bool


class Output(Protocol):
    """Where rows go, in order."""

    def row(self, row: BlockRow) -> None:
        """Take a row."""

    def end(self, totals: Totals, comparison: Comparison | None, *, complete: bool) -> None:
        """Finish; `complete` says if every file has its row."""

    def cut(self, totals: Totals) -> None:
        """Finish because of an error, which is told elsewhere."""


class JsonRows:
    """One document, begun with the first row and ended whatever happens."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = False

    def row(self, row: BlockRow) -> None:
        """Write a row, on a line of its own."""
        before = ",\n    " if self._begun else '{\n  "blocks": [\n    '
        self._begun = True
        self._stream.write(before + json.dumps(row_fields(row)))
        self._stream.flush()

    def end(self, totals: Totals, comparison: Comparison | None, *, complete: bool) -> None:
        """Write the rest."""
        same = comparison is None or comparison.equal
        rest: dict[str, Any] = {
            "ok": complete and not totals.failures and same,
            "complete": complete,
            "totals": totals.fields(),
            "sequential": None if comparison is None else asdict(comparison),
            "machine": machine(),
        }
        self._stream.write("\n  ],\n  " + json.dumps(rest, indent=2)[1:].strip() + "\n")

    def cut(self, totals: Totals) -> None:
        """Close the document; where no row came there is none."""
        if self._begun:
            self.end(totals, None, complete=False)


class TableRows:
    """A table of the first rows, and a line for each that failed."""

    def __init__(self, stream: TextIO, title: str) -> None:
        self._console = Console(file=stream, width=None if stream.isatty() else 120)
        self._table = Table(title=title, title_justify="left")
        for heading in HEADINGS:
            self._table.add_column(heading, justify="left" if heading in LEFT else "right", no_wrap=True)
        self._problems: list[str] = []

    def row(self, row: BlockRow) -> None:
        """Take in a row."""
        if self._table.row_count < MOST_SHOWN:
            self._table.add_row(*_cells(row))
        if not row.ok and len(self._problems) < MOST_SHOWN:
            self._problems.append(problem(row))

    def end(self, totals: Totals, comparison: Comparison | None, *, complete: bool) -> None:
        """Print the table, what is wrong, and the sums."""
        self._console.print(self._table)
        if totals.blocks > MOST_SHOWN:
            self._plain(f"and {totals.blocks - MOST_SHOWN} more; --json or --out list them all")
        self._console.print(SPANS, style="dim", highlight=False)
        for line in self._problems:
            self._plain(line, style="red")
        self._plain(totals.line() + ("" if complete else "; stopped at the first that failed"))
        if comparison is not None:
            rows = "every row is the same" if comparison.equal else "rows DIFFER"
            self._plain(f"sequentially in one process {comparison.seconds:.2f} s: {comparison.ratio:.2f}x; {rows}")
            self._console.print(COMPARED, style="dim", highlight=False)

    def cut(self, totals: Totals) -> None:
        """Print nothing: the error says how far it came."""

    def _plain(self, line: str, style: str | None = None) -> None:
        self._console.print(line, style=style, highlight=False, markup=False, soft_wrap=True)


def _cells(row: BlockRow) -> Sequence[str]:
    seconds = row.seconds
    return (
        escape(row.file.rpartition("/")[2]) if row.number is None else str(row.number),
        row.fork or "-",
        "-" if row.transactions is None else str(row.transactions),
        "-" if row.gas_used is None else f"{row.gas_used / 1e6:.2f}",
        "[green]yes[/]" if row.ok else "[bold red]NO[/]",
        "-" if row.state_root is None else row.state_root[:10],
        "-" if row.digest is None else row.digest[:8],
        *(f"{span * 1e3:.0f}" for span in (seconds.decode, seconds.execute, seconds.verify)),
    )


def problem(row: BlockRow) -> str:
    """Return in one line what is wrong with a file."""
    if row.error is not None:
        return f"{row.file}: {row.error.name}: {row.error.message}"
    return f"{row.file}: {'; '.join(row.problems)}"
