"""A comparison as one HTML file that opens offline: tables with bars, light or dark as the reader has it."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from bench.compare.model import INLINE, Comparison, Row
from bench.compare.page_style import STYLE
from bench.compare.summary import Standing, standings
from bench.compare.tables import BUSY, busy_line, same_lines
from bench.compare.verdict import verdict
from bench.measure import machine

HEADINGS = (
    ("strategy", "text", "What decides when a transaction runs."),
    ("lists", "text", "Where expected access sets come from."),
    ("backend", "text", "Where workers live."),
    ("workers", "more", ""),
    ("ms", "some", "The median of the repetitions; the bar's tip says the fastest and the slowest."),
    ("speed-up", "", "Of sequential execution, same engine, same run."),
    ("", "bar", "The speed-up; the line is sequential execution, the tick what the block's longest chain allows."),
    ("bound", "more", "The speed-up that no schedule on this many workers exceeds."),
    ("reached", "more", "The share of the bound that was reached."),
    ("Mgas/s", "more", ""),
    ("tx/s", "more", ""),
    ("runs/tx", "some", "Executions per transaction."),
    ("conflicts", "more", "Results that were stale."),
    ("gate", "text more", "Where the gate let it run."),
    ("equal", "more", "Whether the result is the sequential one, to the last byte."),
)
"""(heading, classes, explanation); columns of class `more` give way on a narrow screen, those of `some` on a phone."""

NONE = "&ndash;"
IN_TURN = """\
Sequential execution and all combinations ran in turn, each repetition shipped the whole pre-state; times are medians.\
"""
GREY = """\
Rows in grey cannot win: inline has one thread and is there for its counts, and what the gate kept on the driver ran
one after another."""


def comparison_page(blocks: Sequence[Comparison], repeat: int, *, gate: bool) -> str:
    """Return the page; nothing in it is fetched from elsewhere."""
    facts = machine()
    about = (
        f"{len(blocks)} block{'' if len(blocks) == 1 else 's'}, {repeat} repetition{'' if repeat == 1 else 's'},"
        f" gate {'on' if gate else 'off'}; {facts['cpus']} processors, Python {facts['python']}, {facts['platform']}"
    )
    parts = [_summary(standings(blocks)) if len(blocks) > 1 else "", *map(_section, blocks)]
    notes = "".join(f"<p>{escape(line)}</p>" for line in (IN_TURN, GREY, *same_lines(blocks)))
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<link rel="icon" href="data:,">\n'
        f"<title>parallel-evm compare</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        f"<h1>Which way won, and why</h1>\n<p class=about>{escape(about)}</p>\n"
        f"{''.join(parts)}<footer>{notes}</footer>\n</main>\n</body>\n</html>\n"
    )


def _section(block: Comparison) -> str:
    most = max(max(row.speedup, row.bound or 0.0) for row in block.rows)
    mgas = block.gas_used / 1e6
    header = {True: "header agrees", False: "<strong>header differs</strong>", None: "no header to compare with"}
    lines = [f"<p class=problem>{escape(problem)}</p>" for problem in block.problems]
    if block.processor_share < BUSY:
        lines.append(f"<p class=problem>{escape(busy_line(block))}</p>")
    return (
        f"<section>\n<h2>{escape(block.label)}</h2>\n"
        f"<p class=about>{escape(block.fork)}, {block.transactions} transactions, {mgas:.2f} Mgas,"
        f" {header[block.header_ok]}</p>\n<p class=verdict>{escape(verdict(block))}</p>\n{''.join(lines)}"
        f"{_table(HEADINGS, [_row(block, row, most) for row in block.rows], block.label)}</section>\n"
    )


def _row(block: Comparison, row: Row, most: float) -> str:
    won = row is block.winner
    share = row.share_of_bound
    bound = None if row.sequential else row.bound
    spread = f"{min(row.times) * 1e3:.1f} to {max(row.times) * 1e3:.1f} ms in {len(row.times)} runs"
    cells = (
        f"{'★ ' if won else ''}{escape(row.combination.strategy)}",
        escape(row.combination.access_lists) or NONE,
        escape(row.combination.backend) or NONE,
        str(row.workers),
        f"{row.seconds * 1e3:.1f}",
        f"{row.speedup:.2f}&times;",
        _bar(row.speedup, most, bound, spread),
        NONE if bound is None else f"{bound:.2f}&times;",
        NONE if bound is None or share is None else f"{share:.0%}",
        f"{block.gas_used / row.seconds / 1e6:.2f}",
        f"{block.transactions / row.seconds:.0f}",
        f"{row.executions / block.transactions:.2f}" if block.transactions else NONE,
        str(row.conflicts),
        _titled(row.place or NONE, row.gate_reason),
        "yes" if row.equal else "<strong>NO</strong>",
    )
    kind = "won" if won else "grey" if row.inline or row.kept else ""
    return _cells(cells, HEADINGS, kind)


SUMMARY = (
    ("combination", "text", ""),
    ("mean", "", "The mean of its speed-ups."),
    ("", "bar", "The mean speed-up; the line is sequential execution."),
    ("median", "some", "The median of its speed-ups."),
    ("all blocks", "more", "All sequential seconds over all of its own."),
    ("won", "some", "On how many blocks it was the fastest."),
    ("slower", "some", "On how many blocks it was slower than sequential execution."),
    ("kept", "more", "How many blocks the gate kept on the driver."),
    ("runs/tx", "more", "Executions per transaction."),
)


def _summary(lines: Sequence[Standing]) -> str:
    most = max(line.mean for line in lines)
    best = max((line for line in lines if line.combination.backend != INLINE), key=lambda line: line.mean)
    rows = []
    for line in lines:
        cells = (
            f"{'★ ' if line is best else ''}{escape(line.combination.name)}",
            f"{line.mean:.2f}&times;",
            _bar(line.mean, most, None, f"{line.mean:.2f} times as fast as sequential"),
            f"{line.median:.2f}&times;",
            f"{line.total:.2f}&times;",
            str(line.won),
            str(line.slower),
            str(line.kept),
            f"{line.executions / line.transactions:.2f}" if line.transactions else NONE,
        )
        kind = "grey" if line.combination.backend == INLINE else "won" if line is best else ""
        rows.append(_cells(cells, SUMMARY, kind))
    title = f"All {lines[0].blocks} blocks"
    return f"<section>\n<h2>{title}</h2>\n{_table(SUMMARY, rows, title)}</section>\n"


def _table(headings: Sequence[tuple[str, str, str]], rows: Sequence[str], title: str) -> str:
    names = "".join(
        f'<th scope=col class="{classes}">{_titled(name or "<span class=hidden>as a bar</span>", why)}</th>'
        for name, classes, why in headings
    )
    return (
        f'<div class=scroll tabindex=0 role=region aria-label="{escape(title)}"><table>\n'
        f"<thead><tr>{names}</tr></thead>\n<tbody>\n{''.join(rows)}</tbody>\n</table></div>\n"
    )


def _cells(cells: Sequence[str], headings: Sequence[tuple[str, str, str]], kind: str) -> str:
    columns = "".join(
        f'<td class="{classes}">{cell}</td>' for cell, (_, classes, _) in zip(cells, headings, strict=True)
    )
    return f'<tr class="{kind}">{columns}</tr>\n'


def _bar(value: float, most: float, bound: float | None, tip: str) -> str:
    """Return a bar on a scale that ends at `most`, with a line at sequential execution and a tick at the bound."""
    tick = "" if bound is None else f'<i class=bound style="left:{100 * bound / most:.1f}%"></i>'
    return (
        f'<div class=track title="{escape(tip)}"><i class=fill style="width:{100 * value / most:.1f}%"></i>'
        f'<i class=one style="left:{100 / most:.1f}%"></i>{tick}</div>'
    )


def _titled(text: str, why: str) -> str:
    return f'<span title="{escape(why)}">{text}</span>' if why else text
