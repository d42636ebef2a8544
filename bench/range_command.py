"""`parallel-evm replay` on a folder: a range of blocks, its journal, its comparison, and what Ctrl-C leaves."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from time import perf_counter
from typing import Annotated

import typer

from bench.console import ERRORS, results_stream
from bench.range_journal import Journal, open_journal, row_fields
from bench.range_live import LiveView, watch_range
from bench.range_pool import LastingPool
from bench.range_report import Comparison, JsonRows, Output, TableRows, Totals
from bench.ranges import BlockRange, files_of
from executor.block_executor import make_pool
from executor.collector import collector_paused
from executor.errors import UsageError
from executor.files import printable
from executor.pool import InlinePool, Pool
from executor.whole_block import BlockRow, Spans

INTERRUPTED = 130
PANEL = "Ranges"
NOT_OF_RANGES = (
    ("strategy", "access_lists", "no_sequential", "repeat", "no_gate", "patience", "profile", "record", "follow"),
    ("is about one block run in parallel, a range runs blocks whole; drop it"),
)
ONLY_OF_RANGES = ("out", "resume", "compare", "fail_fast"), "is about ranges; name a folder, or add --range"
"""Options of `replay` that would be without effect, and why they are refused."""

RangeOption = Annotated[
    bool, typer.Option("--range", help="Run whole blocks side by side; so it is with a folder.", rich_help_panel=PANEL)
]
OutOption = Annotated[
    Path | None,
    typer.Option(help="Keep each finished block as a line of JSON in this file, which is new.", rich_help_panel=PANEL),
]
ResumeOption = Annotated[
    bool,
    typer.Option(
        "--resume",
        help="Go on with the file of --out: blocks are left out whose file and engine are still the same.",
        rich_help_panel=PANEL,
    ),
]
CompareOption = Annotated[
    bool, typer.Option("--compare", help="Then run the range sequentially in one process.", rich_help_panel=PANEL)
]
FailFastOption = Annotated[
    bool, typer.Option("--fail-fast", help="Stop at the first block that fails.", rich_help_panel=PANEL)
]


@dataclass(frozen=True, slots=True)
class RangeOptions:
    """What a range is asked for."""

    backend: str = "inline"
    workers: int | None = None
    shuffle: int | None = None
    address: str | None = None
    json: bool = False
    out: Path | None = None
    resume: bool = False
    compare: bool = False
    fail_fast: bool = False

    def check(self) -> None:
        """Raise UsageError where options contradict each other."""
        if self.resume and self.out is None:
            raise UsageError("--resume goes on with the file of --out; name it")
        if self.resume and self.compare:
            raise UsageError("--compare times every block, --resume leaves some out; drop one of them")

    @contextmanager
    def pool(self) -> Iterator[Pool]:
        """Yield a pool whose workers are up."""
        workers = self.workers or os.cpu_count() or 1
        pool = LastingPool(lambda: make_pool(self.backend, workers, seed=self.shuffle, address=self.address))
        try:
            yield pool
        finally:
            pool.close()


def refuse_given(context: typer.Context, names: Sequence[str], why: str) -> None:
    """Raise UsageError where one of these options was given, whatever its value."""
    for option in context.command.params:
        source = context.get_parameter_source(option.name or "")
        if option.name in names and source is not None and source.name == "COMMANDLINE":
            raise UsageError(f"{option.opts[0]} {why}")


def replay_range(paths: Sequence[Path], options: RangeOptions) -> None:
    """Run the blocks in `paths` (files and folders) side by side and show what they came to.

    Leaves by typer.Exit where a block failed or the range was interrupted, with the documented code.
    """
    options.check()
    files = files_of(paths)
    with results_stream() as stream, open_journal(options.out, resume=options.resume) as journal:
        title = f"{len(files)} blocks side by side on {options.backend}"
        output: Output = JsonRows(stream) if options.json else TableRows(stream, title)
        try:
            code = _RangeRun(files, options, journal, output).run()
        except KeyboardInterrupt:
            ERRORS.print(f"parallel-evm: interrupted; {_how_to_go_on(journal, len(files))}", markup=False)
            code = INTERRUPTED
    if code:
        raise typer.Exit(code)


def _how_to_go_on(journal: Journal | None, files: int) -> str:
    if journal is None:
        return "nothing was kept: --out FILE keeps what is done"
    name = printable(journal.path)
    return f"{journal.kept} blocks of {files} are in {name}, go on with --out {name} --resume"


class _RangeRun:
    """One run of a range, from the first file to the last line of output."""

    def __init__(self, files: Sequence[Path], options: RangeOptions, journal: Journal | None, output: Output) -> None:
        self._files, self._options, self._journal, self._output = files, options, journal, output
        self._totals = Totals()
        self._fingerprints: list[bytes] = []

    def run(self) -> int:
        """Return the exit code; whatever stops the range is raised once the output is closed."""
        options, totals = self._options, self._totals
        try:
            with options.pool() as pool, LiveView("blocks", len(self._files)) as view:
                complete = self._run_on(pool, view)
            comparison = self._compare() if options.compare and complete else None
        except BaseException:
            self._output.cut(totals)
            raise
        self._output.end(totals, comparison, complete=complete)
        if comparison is not None and not comparison.equal:
            ERRORS.print("a check failed: the rows differ from those of sequential execution")
            return 1
        if totals.exit_code:
            ERRORS.print(f"parallel-evm: {totals.failures} of {totals.blocks} blocks failed, the first: {totals.first}",
                         markup=False)  # fmt: skip
        return totals.exit_code

    def _run_on(self, pool: Pool, view: LiveView) -> bool:
        """Run the range; return whether every file has its row."""
        started = perf_counter()
        blocks = BlockRange(self._files, pool, self._journal)
        watch_range(view, blocks, pool.workers)
        totals = self._totals
        try:
            with closing(blocks.rows()) as rows:
                for row in rows:
                    totals.add(row)
                    self._output.row(row)
                    if self._options.compare:
                        self._fingerprints.append(fingerprint(row))
                    if self._options.fail_fast and not row.ok:
                        break
        finally:
            totals.seconds = perf_counter() - started
            totals.workers, totals.lost_workers = pool.workers, blocks.lost_workers
            totals.resumed, totals.ran, totals.ran_gas = blocks.resumed, blocks.ran, blocks.ran_gas
            totals.busy_seconds = blocks.busy_seconds
        return totals.blocks == len(self._files)

    def _compare(self) -> Comparison:
        """Run the range again by the same loop, each block in this process, one after another."""
        # The collector is off, as in workers, which free cycles after each block.
        with LiveView("sequentially", len(self._files)) as view, collector_paused():
            started = perf_counter()
            blocks = BlockRange(self._files, InlinePool(1))
            watch_range(view, blocks, 1)
            with closing(blocks.rows()) as rows:
                same = [fingerprint(row) == before for row, before in zip(rows, self._fingerprints, strict=True)]
            seconds = perf_counter() - started
        return Comparison(seconds, seconds / self._totals.seconds, all(same))


def fingerprint(row: BlockRow) -> bytes:
    """Return a digest of all in a row but its times."""
    fields = row_fields(replace(row, seconds=Spans()))
    return blake2b(repr(sorted(fields.items())).encode(), digest_size=16).digest()
