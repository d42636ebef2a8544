"""An explanation as tables for people: the verdict first, then what it rests on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from bench.explain.model import ConflictMetrics, DeclaredLists, Explanation, HotLocation, PathStep, Schedule, WhatIf

FIRST_STEPS, LAST_STEPS = 8, 4
"""Steps shown of a path that is longer than both together."""
SHOWN_THROUGH = 2
"""Locations named per step."""
SHOWN_HOT = 8
_LONG_HEX = re.compile(r"0x([0-9a-f]{6})[0-9a-f]{6,}([0-9a-f]{4})\b")


def show_explanation(console: Console, explanation: Explanation, *, full: bool = False) -> None:
    """Print all that there is to say; `full` prints long tables whole and hexadecimal numbers in full length."""
    work = explanation.work
    console.print(
        f"[bold]{escape(explanation.label)}[/]: {explanation.fork}, {_transactions(explanation.transactions)},"
        f" {work.gas / 1e6:.2f} Mgas, {work.seconds * 1e3:.1f} ms one after another",
        highlight=False,
    )
    console.print(_text(explanation.verdict, full=full), highlight=False, style="bold")
    if not explanation.transactions:
        return
    tables = (
        key_set_table(explanation.key_sets),
        makespan_table(explanation),
        path_table(explanation.path, full=full),
        hot_table(explanation.hot, full=full),
        what_if_table(explanation.what_if, full=full),
        lists_table(explanation.lists),
        measured_table(explanation),
    )
    for table in tables:
        if table is not None:
            console.print(table)


def key_set_table(key_sets: Sequence[ConflictMetrics]) -> Table:
    """Return a row per key set, from the strictest to the one that counts storage alone."""
    rows = [
        (
            one.key_set,
            f"{one.isolated_share:.0%}",
            str(one.edges_last_writer),
            str(one.edges_all_pairs),
            f"{one.average_degree:.2f}",
            f"{one.giant_component_ratio:.0%}",
            f"{one.hot_location_concentration:.0%}",
            f"{one.span.transactions:.0f}",
            f"{one.longest_chain_share:.0%}",
            f"{one.span.gas / 1e6:.2f}",
            _ms(one.span.seconds),
            *(f"{cap:.2f}x" for cap in (one.cap.transactions, one.cap.gas, one.cap.seconds)),
        )
        for one in key_sets
    ]
    headings = ("keys", "alone", "edges", "pairs", "degree", "giant", "hot", "chain", "of n",
                "Mgas", "ms", "cap: txs", "gas", "time")  # fmt: skip
    title = "conflicts and caps by key set: A every balance change reads ... D what we run by, S storage alone"
    return _table(title, headings, rows, left=1)


def makespan_table(explanation: Explanation) -> Table:
    """Return what list scheduling makes of the block (key set D) on more and more workers, by seconds."""
    metrics = next(one for one in explanation.key_sets if one.key_set == "D")
    work = explanation.work
    rows = [
        (
            str(one.workers),
            _ms(one.seconds),
            _speedup(work.seconds, one.seconds),
            f"{one.to_bound_seconds:.3f}",
            _speedup(work.gas, one.gas),
            f"{one.to_bound_gas:.3f}",
        )
        for one in metrics.makespans
    ]
    headings = ("workers", "ms", "speed-up", "/ bound", "by gas", "/ bound")
    return _table("list scheduling without overhead (key set D)", headings, rows)


def path_table(path: Sequence[PathStep], *, full: bool = False) -> Table | None:
    """Return the critical path: its first and last steps, or all."""
    if len(path) < 2:
        return None
    cut = None if full or len(path) <= FIRST_STEPS + LAST_STEPS else FIRST_STEPS
    shown = path if cut is None else (*path[:FIRST_STEPS], *path[-LAST_STEPS:])
    rows = [_step_row(step, full=full) for step in shown]
    if cut is not None:
        rows.insert(cut, ("...", f"{len(path) - len(shown)} more", "", "", "", "", ""))
    headings = ("tx", "what", "waits for", "through", "kgas", "ms", "until ms")
    table = _table(f"critical path: {_transactions(len(path))} (--full prints all)", headings, rows)
    for column in (1, 3):
        table.columns[column].justify = "left"
        table.columns[column].overflow = "fold"
    return table


def _step_row(step: PathStep, *, full: bool) -> tuple[str, ...]:
    what = f"{step.operation} {_text(step.contract, full=full)}" if step.contract else step.operation
    through = [_text(one.name, full=full) for one in step.through[: None if full else SHOWN_THROUGH]]
    more = len(step.through) - len(through)
    return (
        str(step.index),
        what,
        "-" if step.waits_for is None else str(step.waits_for),
        ", ".join(through) + (f" +{more}" if more else ""),
        f"{step.gas / 1e3:.0f}",
        f"{step.seconds * 1e3:.2f}",
        f"{step.until_seconds * 1e3:.2f}",
    )


def hot_table(hot: Sequence[HotLocation], *, full: bool = False) -> Table | None:
    """Return the locations that cost most; the last column takes away a location and all above it."""
    rows = [
        (
            _text(one.location.name, full=full),
            str(one.path_steps),
            _ms(one.path_seconds),
            f"{one.path_gas / 1e6:.2f}",
            str(one.writers),
            str(one.readers),
            str(one.edges),
            _ms(one.span_without_seconds),
            f"{one.cap_with_these:.2f}x",
        )
        for one in hot[: None if full else SHOWN_HOT]
    ]
    headings = ("location", "steps", "ms", "Mgas", "writers", "readers", "edges", "span without", "cap without all")
    table = _table("locations that cost most: steps of the critical path that wait through them", headings, rows, 1)
    table.columns[0].overflow = "fold"
    if any(not one.path_steps for one in hot):
        table.caption, table.caption_justify = (
            "0 steps: what holds the block back next, once those above are gone",
            "left",
        )
    return table if rows else None


def what_if_table(changes: Sequence[WhatIf], *, full: bool = False) -> Table | None:
    """Return the caps before and after each change."""
    rows = [
        (
            _text(one.change, full=full),
            str(len(one.locations)),
            f"{one.cap_before:.2f}x",
            f"{one.cap_after:.2f}x",
            f"{one.cap_before_gas:.2f}x",
            f"{one.cap_after_gas:.2f}x",
        )
        for one in changes
    ]
    headings = ("what if", "locations", "cap by time", "then", "by gas", "then")
    table = _table("what if", headings, rows, left=1)
    table.columns[0].overflow = "fold"
    notes = dict.fromkeys(one.note for one in changes if one.note)
    table.caption, table.caption_justify = escape("; ".join(notes)), "left"
    return table if rows else None


def lists_table(lists: DeclaredLists) -> Table | None:
    """Return how declared lists compare with what was touched, None where nobody declared any."""
    if not lists.transactions_with_list:
        return None
    row = (
        str(lists.transactions_with_list),
        f"{lists.adoption:.1%}",
        _share(lists.precision),
        _share(lists.recall),
        str(lists.exact),
        str(lists.missing),
        str(lists.superfluous),
        "-" if lists.over_serialisation is None else f"{lists.over_serialisation:.2f}x",
        str(lists.wasted_gas),
    )
    headings = ("lists", "adoption", "precision", "recall", "exact", "missing", "superfluous", "more edges", "gas lost")
    return _table("declared access lists (EIP-2930) against what was touched", headings, [row])


def measured_table(explanation: Explanation) -> Table | None:
    """Return the measured run beside what the block allows, None without a run."""
    run = explanation.schedule
    if run is None:
        return None
    metrics = next(one for one in explanation.key_sets if one.key_set == "D")
    bound = min(float(run.workers), metrics.cap.seconds)
    measured = run.sequential_seconds / run.seconds if run.seconds else 1.0
    row = (
        f"{run.strategy}, {run.access_lists}, {run.backend}",
        str(run.workers),
        _ms(run.sequential_seconds),
        _ms(run.seconds),
        f"{measured:.2f}x",
        f"{bound:.2f}x",
        f"{measured / bound:.0%}",
        _runs(run, explanation.transactions),
        str(run.conflicts),
    )
    headings = ("run", "workers", "sequential ms", "ms", "speed-up", "bound", "of it", "runs/tx", "conflicts")
    table = _table("the bound beside the measurement: min(workers, cap by time)", headings, [row], left=1)
    table.caption, table.caption_justify = (f"gate: {escape(run.gate)}" if run.gate else None), "left"
    return table


def _runs(run: Schedule, transactions: int) -> str:
    return f"{run.executions / transactions:.2f}" if transactions else "-"


def _table(title: str, headings: Sequence[str], rows: Iterable[Sequence[str]], left: int = 0) -> Table:
    """Return a table whose first `left` columns stand on the left, the others on the right."""
    table = Table(title=title, title_justify="left")
    for position, heading in enumerate(headings):
        table.add_column(heading, justify="left" if position < left else "right")
    for row in rows:
        table.add_row(*row)
    return table


def _text(text: str, *, full: bool) -> str:
    """Return a text that holds no markup; long hexadecimal numbers keep their ends."""
    return escape(text if full else _LONG_HEX.sub(r"0x\1…\2", text))


def _transactions(count: int) -> str:
    return f"{count} transaction{'s' if count != 1 else ''}"


def _ms(seconds: float) -> str:
    return f"{seconds * 1e3:.1f}"


def _speedup(work: float, makespan: float) -> str:
    return f"{work / makespan:.2f}x" if makespan else "-"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
