"""The live view of a range: how far it is, how fast, what ran again, who is busy; nothing where nobody watches."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from bench import console
from bench.cli import main
from bench.measure import Case, measure_all
from bench.range_live import LiveView, Progressed, watch_range, watched
from bench.ranges import BlockRange
from executor.block_executor import BlockExecutor
from executor.pool import InlinePool
from tests.bench.test_ranges import write_capsules
from tests.schedules import LossyPool, busy_block

CONTROL = re.compile(r"\r|\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """What a terminal of 100 columns in the place of stderr is sent."""
    with io.StringIO() as written:
        monkeypatch.setattr(console, "ERRORS", Console(file=written, force_terminal=True, width=100, no_color=True))
        yield written


def last_frame(written: io.StringIO) -> list[str]:
    """Return the two lines of the view as it was drawn last."""
    lines = CONTROL.sub("\n", written.getvalue()).split("\n")
    return [line for line in lines if "settled" in line or "workers busy" in line][-2:]


def test_a_range_is_watched_to_its_end(terminal: io.StringIO, tmp_path: Path) -> None:
    write_capsules(tmp_path, 4)
    with pytest.raises(SystemExit) as caught:
        main(["replay", str(tmp_path), "--backend", "inline", "--workers", "2", "--json"])
    assert caught.value.code == 0
    bar, line = last_frame(terminal)
    assert bar.startswith("blocks ")
    assert "4/4" in bar
    assert "100% settled" in bar
    assert " blocks/s, " in line
    assert " Mgas/s, 10 txs, 0 blocks run again, 0 of 2 workers busy" in line


def test_nobody_watches_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with io.StringIO() as written:
        monkeypatch.setattr(console, "ERRORS", Console(file=written, width=100))
        with LiveView("blocks", 2) as view:
            watch_range(view, BlockRange(write_capsules(tmp_path, 2), InlinePool(1)), 1)
            view.refresh()
        assert written.getvalue() == ""


def test_blocks_of_lost_workers_count_as_run_again(terminal: io.StringIO, tmp_path: Path) -> None:
    pool = LossyPool(2, 1, (2, 3))
    blocks = BlockRange(write_capsules(tmp_path, 5), pool)
    rows = blocks.rows()
    with LiveView("blocks", 5) as view:
        watch_range(view, blocks, 2)
        next(rows)
        view.refresh()
        _, line = last_frame(terminal)
        assert f", {blocks.transactions} txs, " in line
        assert f", {blocks.busy_workers} of 2 workers busy" in line
        assert sum(1 for _ in rows) == 4
    again = sum(len(lost.tickets) for lost in pool.losses)
    assert again > 0
    bar, line = last_frame(terminal)
    assert "5/5" in bar
    assert f"15 txs, {again} blocks run again, 0 of 2 workers busy" in line


def test_blocks_run_in_parallel_show_their_reexecutions(terminal: io.StringIO) -> None:
    builder = busy_block(20)
    cases = [Case(builder.block(), builder.state, recorded=False)] * 3
    with BlockExecutor(strategy="optimistic", access_lists="none", pool=InlinePool(3, 2)) as executor:
        reports = [report for report, _ in watched(measure_all(cases, executor), len(cases))]
    again = sum(report.executions - report.transactions for report in reports)
    assert again > 0
    bar, line = last_frame(terminal)
    assert "3/3" in bar
    assert f"60 txs, {again} txs run again, " in line
    assert line.rstrip().endswith("of 3 workers busy")


def test_nothing_is_said_of_rates_before_a_block_is_done() -> None:
    line = Progressed(workers=2, busy=2).line()
    assert line == "0 txs, 0 blocks run again, 2 of 2 workers busy"
