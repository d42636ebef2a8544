"""What is to be seen while blocks run: a bar, and one line of rates, executions beyond the first, busy workers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from time import perf_counter

from rich.console import RenderableType
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.text import Text

from bench import console
from bench.measure import BlockReport
from bench.ranges import BlockRange
from executor.types import BlockResult

REFRESHES = 4
"""Times a second that the view is drawn: each takes a millisecond or two, on a machine whose cores are all in use."""


@dataclass(frozen=True, slots=True)
class Progressed:
    """How far blocks have come: `done` are settled, also by an earlier run, `ran` in `seconds` of now, with `gas`.

    `again` counts executions beyond the first of what `unit` names; `busy` workers have something to do, on average
    where that is not a whole number.
    """

    done: int = 0
    transactions: int = 0
    ran: int = 0
    gas: int = 0
    seconds: float = 0.0
    again: int = 0
    unit: str = "blocks"
    busy: float = 0
    workers: int = 0

    def line(self) -> str:
        """Return all but `done` in one line; rates are left out as long as nothing ran."""
        rates = ""
        if self.ran and self.seconds:
            rates = f"{self.ran / self.seconds:.1f} blocks/s, {self.gas / self.seconds / 1e6:.1f} Mgas/s, "
        busy = f"{self.busy:d}" if isinstance(self.busy, int) else f"{self.busy:.1f}"
        return (
            f"{rates}{self.transactions} txs, {self.again} {self.unit} run again, {busy} of {self.workers} workers busy"
        )


class LiveView(Progress):
    """A bar of `total` blocks on stderr, with a line below; it asks `watch` how far they are. No terminal, no view."""

    def __init__(self, what: str, total: int) -> None:
        self._facts: Callable[[], Progressed] = Progressed
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TaskProgressColumn("{task.percentage:>3.0f}% settled"),
            TimeElapsedColumn(),
        )
        stderr = console.ERRORS
        silent = not stderr.is_terminal
        super().__init__(*columns, console=stderr, transient=True, disable=silent, refresh_per_second=REFRESHES)
        self._bar = self.add_task(what, total=total)

    def watch(self, facts: Callable[[], Progressed]) -> None:
        """Ask `facts` from now on, in the thread that draws."""
        self._facts = facts

    def get_renderables(self) -> Iterable[RenderableType]:
        """Yield the bar and the line."""
        if not self.tasks:  # asked by the base class before there is a bar
            return
        facts = self._facts()
        self.update(self._bar, completed=facts.done)
        yield self.make_tasks_table(self.tasks)
        if facts.workers:  # else nothing is watched yet
            yield Text(facts.line())


def watch_range(view: LiveView, blocks: BlockRange, workers: int) -> None:
    """Let a view show a range of whole blocks, from now on."""
    view.watch(partial(_of_range, blocks, workers, perf_counter()))


def _of_range(blocks: BlockRange, workers: int, started: float) -> Progressed:
    return Progressed(
        done=blocks.resumed + blocks.ran,
        transactions=blocks.transactions,
        ran=blocks.ran,
        gas=blocks.ran_gas,
        seconds=perf_counter() - started,
        again=blocks.sent_again,
        busy=blocks.busy_workers,
        workers=workers,
    )


def watched(
    measured: Iterable[tuple[BlockReport, BlockResult]], count: int, what: str = "blocks"
) -> Iterator[tuple[BlockReport, BlockResult]]:
    """Yield what is measured, block by block, and show how far it is; times are those of the parallel runs."""
    total, working = Progressed(unit="txs"), 0.0
    with LiveView(what, count) as view:
        view.watch(lambda: total)
        for one in measured:
            working += one[0].traffic["worker_seconds"]
            total = _plus(total, one[0], working)
            yield one


def _plus(total: Progressed, report: BlockReport, working: float) -> Progressed:
    seconds = total.seconds + report.seconds
    return Progressed(
        done=total.done + 1,
        transactions=total.transactions + report.transactions,
        ran=total.ran + 1,
        gas=total.gas + report.gas_used,
        seconds=seconds,
        again=total.again + report.executions - report.transactions,
        unit=total.unit,
        busy=working / seconds if seconds else 0.0,
        workers=report.workers,
    )
