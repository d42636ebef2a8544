"""The verdicts of a run: as geth's `evm blocktest` prints them, and as a table with a row per category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.conformance.outcome import Outcome, Verdict, Work

MOST_SHOWN = 20


def outcome_document(outcomes: Sequence[Outcome]) -> list[dict[str, Any]]:
    """Return the array that `--json` prints; `error` is empty where a test passed."""
    return [
        {
            "name": outcome.name,
            "pass": outcome.verdict is Verdict.PASSED,
            "fork": outcome.fork,
            "stateRoot": None if outcome.state_root is None else f"0x{outcome.state_root.hex()}",
            "error": outcome.error,
        }
        for outcome in outcomes
    ]


def show_outcomes(console: Console, outcomes: Sequence[Outcome], title: str) -> None:
    """Print a row per category, the sum, and a line for each failure."""
    console.print(_table(outcomes, title))
    failures = [outcome for outcome in outcomes if outcome.verdict is Verdict.FAILED]
    for outcome in failures[:MOST_SHOWN]:
        console.print(
            f"[red]failed[/] {escape(outcome.name)} ({outcome.fork}): {escape(outcome.error)}", soft_wrap=True
        )
    if len(failures) > MOST_SHOWN:
        console.print(f"[red]failed[/] and {len(failures) - MOST_SHOWN} more")
    for reason, count in _unexecutable(outcomes).most_common():
        console.print(f"[yellow]not executable[/] {count} tests: {escape(reason)}", soft_wrap=True)
    for name, count in _sum(outcomes).unknown_reasons.most_common(MOST_SHOWN):
        console.print(f"[yellow]any reason[/] {count} blocks: {escape(name)} is not in the table of reasons")


def _table(outcomes: Sequence[Outcome], title: str) -> Table:
    table = Table(title=title, title_justify="left", show_footer=True)
    sums = _cells(outcomes)
    headings = ("tests", "passed", "failed", "not executable", "blocks", "txs", "of >= 2 txs", "with conflicts")
    table.add_column("category", footer="all")
    for heading, total in zip(headings, sums, strict=True):
        table.add_column(heading, footer=total, justify="right")
    by_category: dict[str, list[Outcome]] = {}
    for outcome in outcomes:
        by_category.setdefault(outcome.category, []).append(outcome)
    for category in sorted(by_category):
        failed = any(outcome.verdict is Verdict.FAILED for outcome in by_category[category])
        table.add_row(escape(category), *_cells(by_category[category]), style="red" if failed else None)
    return table


def _cells(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    verdicts = Counter(outcome.verdict for outcome in outcomes)
    work = _sum(outcomes)
    counts = (
        len(outcomes), *(verdicts[verdict] for verdict in Verdict),
        work.blocks, work.transactions, work.multi_blocks, work.conflicting_blocks,
    )  # fmt: skip
    return tuple(map(str, counts))


def _sum(outcomes: Sequence[Outcome]) -> Work:
    total = Work()
    for outcome in outcomes:
        total.add(outcome.work)
    return total


def _unexecutable(outcomes: Sequence[Outcome]) -> Counter[str]:
    return Counter(outcome.error for outcome in outcomes if outcome.verdict is Verdict.NOT_EXECUTABLE)
