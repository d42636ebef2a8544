"""The command `compare`: all strategies, lists and backends on the same blocks in one run."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from bench.compare.combinations import combinations
from bench.compare.model import Comparison
from bench.console import ERRORS, print_json, progress, results_stream
from bench.inputs import cases_of
from bench.measure import Cases
from bench.options import (
    AccessLists,
    AddressOption,
    Backend,
    JsonOption,
    NoGateOption,
    PatienceOption,
    RepeatOption,
    Strategy,
    WorkersOption,
)
from executor.errors import UsageError
from executor.files import check_writable, write_whole
from executor.pool import PATIENCE

if TYPE_CHECKING:
    from bench.compare.run import Bench

ALL_STRATEGIES = "graph,optimistic,waves"
ALL_LISTS = "declared,observed,exact,none"
ALL_BACKENDS = "inline,process,ray"


def compare_command(
    inputs: Annotated[list[str], typer.Argument(help="Block capsules, folders of them, or the name of a workload.")],
    strategies: Annotated[str, typer.Option(help="With commas; sequential is there in any case.")] = ALL_STRATEGIES,
    lists: Annotated[str, typer.Option(help="Where expected access sets come from, with commas.")] = ALL_LISTS,
    backends: Annotated[str, typer.Option(help="Where workers live, with commas.")] = ALL_BACKENDS,
    workers: WorkersOption = None,
    repeat: RepeatOption = 3,
    blocks: Annotated[int | None, typer.Option(min=1, help="Only so many blocks, the first ones.")] = None,
    transactions: Annotated[int | None, typer.Option(min=0, help="Transactions in all (of a workload).")] = None,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes (of a workload).")] = 1,
    param: Annotated[list[str] | None, typer.Option(help="A workload's parameter as name=value; repeatable.")] = None,
    address: AddressOption = None,
    no_gate: NoGateOption = False,  # noqa: FBT002 - a typer option
    patience: PatienceOption = PATIENCE,
    json: JsonOption = False,  # noqa: FBT002
    csv: Annotated[Path | None, typer.Option(help="Write a line per block and combination to this file.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page to this file; it opens offline.")] = None,
) -> None:
    """Run blocks with every strategy, list and backend in turn; say for each block which won, and why."""
    from bench.compare.run import Bench  # noqa: PLC0415 - other commands start without it

    bench = Bench(
        combinations(chosen(strategies, Strategy), chosen(lists, AccessLists), chosen(backends, Backend)),
        workers, repeat, not no_gate, address, patience,
    )  # fmt: skip
    for path in filter(None, (csv, html)):
        check_writable(path)
    cases = cases_of(inputs, transactions, seed, param or [])
    with results_stream() as stream:
        compared = _compared(bench, cases, blocks)
        _write(compared, bench, csv, html)
        if json:
            from bench.compare.documents import comparison_document  # noqa: PLC0415 - as above

            print_json(stream, comparison_document(compared, repeat, gate=bench.gate))
        else:
            from bench.compare.tables import WIDTH, show_comparisons  # noqa: PLC0415 - as above

            show_comparisons(Console(file=stream, width=None if stream.isatty() else WIDTH), compared)
    if not all(block.ok for block in compared):
        ERRORS.print("a check failed: see the blocks marked NO")
        raise typer.Exit(1)


def chosen(text: str, known: type[StrEnum]) -> list[str]:
    """Return the names in a text with commas, each once; UsageError for one that does not exist."""
    names = list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    for name in names:
        if name not in list(known):
            raise UsageError(f"unknown name {name!r}; choose of {', '.join(known)}, with commas")
    return names


def _write(compared: Sequence[Comparison], bench: Bench, csv: Path | None, html: Path | None) -> None:
    if csv is not None:
        from bench.compare.documents import comparison_csv  # noqa: PLC0415 - other commands start without it

        write_whole(csv, comparison_csv(compared).encode())
    if html is not None:
        from bench.compare.page import comparison_page  # noqa: PLC0415 - as above

        write_whole(html, comparison_page(compared, bench.repeat, gate=bench.gate).encode())


def _compared(bench: Bench, cases: Cases, limit: int | None) -> list[Comparison]:
    from bench.compare.run import Comparer  # noqa: PLC0415

    count = min(len(cases), limit or len(cases))
    compared = []
    with progress() as bar, Comparer(bench) as comparer:
        task = bar.add_task("comparing", total=count * bench.runs)
        for case in islice(cases, count):
            bar.update(task, description=f"block {case.block.header.number}")
            compared.append(comparer.compare(case, lambda: bar.advance(task)))
    return compared
