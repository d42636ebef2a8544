"""What a parallel run did when: one lane for the driver, one per worker; noted while it runs, drawn up at its end.

All moments are of `time.perf_counter`, which the processes of one machine share (CLOCK_MONOTONIC on Linux). A worker
says when it took a batch up, began to execute, was done with that and had packed the results. The clock of another
machine shows something else: its batches end when their reply was taken in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import NamedTuple, TypeAlias

from executor.types import TransactionResult
from scheduler.access import TxIndex
from scheduler.execution import Execution

PLAN, DISPATCH, SETTLE, MERGE, EXECUTE, STALE, OVERHEAD = KINDS = (
    "plan",
    "dispatch",
    "settle",
    "merge",
    "execute",
    "stale",
    "overhead",
)
"""What a span was spent on; `stale` is an execution whose result was not used, `overhead` unpacking and packing."""
Clock: TypeAlias = tuple[float, ...]
"""When a worker took a batch up, began the first execution, ended the last one, and had packed the results.

Then, in pairs, when it began and ended to take in what it was told since the reply before: the state, the block.
"""
_MOMENTS = 4
"""Those of the batch itself."""


class LaneSpan(NamedTuple):
    """Something that took time: seconds since the run began, on a worker or (None) the driver.

    `index` and `incarnation` say which execution it was, where it was one.
    """

    worker: int | None
    kind: str
    begin: float
    end: float
    index: TxIndex | None = None  # type: ignore[assignment] # hides tuple.index, which nobody calls
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class RunTimeline:
    """One run: `spans` by begin, and `settled`, how many transactions were settled at which second, rising."""

    workers: int
    seconds: float
    spans: tuple[LaneSpan, ...]
    settled: tuple[tuple[float, int], ...]


class _Batch(NamedTuple):
    """A batch that was answered, with when it was sent and when its reply was taken in."""

    worker: int
    sent: float
    received: float
    executions: Sequence[Execution]
    results: Sequence[tuple[TxIndex, TransactionResult]]
    clock: Clock


class Timeline:
    """Notes every run on workers of the executor that it was given to; what runs on the driver alone is not noted.

    During a block it only keeps references and moments; spans are made when the block ends. A run that fails
    leaves nothing.
    """

    def __init__(self) -> None:
        self._runs: list[RunTimeline] = []
        self._begin_anew(0, 0.0)

    @property
    def runs(self) -> tuple[RunTimeline, ...]:
        """The runs noted so far, in order."""
        return tuple(self._runs)

    def _begin_anew(self, workers: int, started: float, *, one_thread: bool = False) -> None:
        self._workers, self._started, self._one_thread = workers, started, one_thread
        self._opening: tuple[float, float] | None = None
        self._sent: dict[int, float] = {}
        self._batches: list[_Batch] = []
        self._driver: list[LaneSpan] = []
        self._settled: list[tuple[float, int]] = []
        self._count = 0

    # -- while it runs

    def opened(self, begin: float) -> None:
        """Note that from the moment `begin` until now workers were sent state and block, before the plan is made."""
        self._opening = begin, perf_counter()

    def begin(self, workers: int, started: float, planned: float, *, one_thread: bool = False) -> None:
        """Begin a run at the moment `started`, whose plan took `planned` seconds.

        Workers of `one_thread` with the driver take in state and block while it sends them: that is its dispatch.
        """
        opening = self._opening
        self._begin_anew(workers, started, one_thread=one_thread)
        if opening is None or opening[0] < started:  # none, or of a block that the driver ran itself then
            self._driver.append(LaneSpan(None, PLAN, 0.0, planned))
            return
        sent, known = (moment - started for moment in opening)
        self._driver.append(LaneSpan(None, PLAN, 0.0, sent))
        self._driver.append(LaneSpan(None, DISPATCH, sent, known))
        self._driver.append(LaneSpan(None, PLAN, known, planned))

    def spent(self, kind: str, begin: float, index: TxIndex | None = None, incarnation: int = 0) -> None:
        """Note what the driver did from the moment `begin` until now."""
        started = self._started
        self._driver.append(LaneSpan(None, kind, begin - started, perf_counter() - started, index, incarnation))

    def sent(self, ticket: int) -> None:
        """Note that a batch goes to a worker."""
        self._sent[ticket] = perf_counter()

    def replied(
        self,
        worker: int,
        ticket: int,
        executions: Sequence[Execution],
        results: Sequence[tuple[TxIndex, TransactionResult]],
        clock: Clock,
    ) -> None:
        """Note that the results of a batch are taken in."""
        self._batches.append(_Batch(worker, self._sent[ticket], perf_counter(), executions, results, clock))

    def settled(self, count: int) -> None:
        """Note that so many more transactions are settled."""
        if count:
            self._count += count
            self._settled.append((perf_counter() - self._started, self._count))

    # -- at the end

    def end(self, seconds: float) -> None:
        """Draw the run up, which took `seconds`."""
        spans = [*self._driver, *self._worker_spans()]
        last = {span.index: span.incarnation for span in sorted(spans, key=lambda span: span.incarnation)}
        spans = [
            span._replace(kind=STALE) if span.kind == EXECUTE and span.incarnation < last[span.index] else span
            for span in spans
        ]
        spans.sort(key=lambda span: span.begin)
        self._runs.append(RunTimeline(self._workers, seconds, tuple(spans), tuple(self._settled)))
        self._begin_anew(0, 0.0)

    def _worker_spans(self) -> Iterator[LaneSpan]:
        free = [self._started] * self._workers
        for batch in _as_executed(self._batches):
            moments = _placed(batch, max(batch.sent, free[batch.worker]))
            if moments == batch.clock[:_MOMENTS] and not self._one_thread:
                yield from self._openings(batch, free[batch.worker])
            began, first, last, ended = (moment - self._started for moment in moments)
            free[batch.worker] = moments[-1]
            yield LaneSpan(batch.worker, OVERHEAD, began, first)
            yield from _executions(batch, first, last)
            yield LaneSpan(batch.worker, OVERHEAD, last, ended)

    def _openings(self, batch: _Batch, free: float) -> Iterator[LaneSpan]:
        """Yield when a worker took in state and block before a batch, unless that was before this run."""
        told = batch.clock[_MOMENTS:]
        for began, ended in zip(told[::2], told[1::2], strict=True):
            if free <= began <= ended <= batch.clock[0]:
                yield LaneSpan(batch.worker, OVERHEAD, began - self._started, ended - self._started)


def _as_executed(batches: Sequence[_Batch]) -> list[_Batch]:
    """Return batches in the order in which workers ran them: as sent. Replies may be taken in otherwise.

    A batch was done by the time at which the reply to a later one of its worker was taken in.
    """
    done: dict[int, float] = {}
    ordered = []
    for batch in sorted(batches, key=lambda batch: -batch.sent):
        done[batch.worker] = min(batch.received, done.get(batch.worker, batch.received))
        ordered.append(batch._replace(received=done[batch.worker]))
    return ordered[::-1]


def _placed(batch: _Batch, earliest: float) -> Clock:
    """Return a batch's moments by the driver's clock: as reported where they fit, else as late as possible."""
    began, first, last, ended = reported = batch.clock[:_MOMENTS]
    if earliest <= began and ended <= batch.received:
        return reported
    length = min(ended - began, max(0.0, batch.received - earliest))
    scale = length / (ended - began) if ended > began else 0.0
    start = batch.received - length
    return start, start + scale * (first - began), start + scale * (last - began), batch.received


def _executions(batch: _Batch, first: float, last: float) -> Iterator[LaneSpan]:
    """Yield the executions of a batch in order, between these moments, each as long as its share of their seconds."""
    seconds = [result.seconds for _, result in batch.results]
    total = sum(seconds)
    shares = [one / total for one in seconds] if total else [1 / len(seconds)] * len(seconds)
    marks, reached = [first], 0.0
    for share in shares:
        reached += share
        marks.append(first + min(1.0, reached) * (last - first))
    for execution, (begin, end) in zip(batch.executions, pairwise(marks), strict=True):
        yield LaneSpan(batch.worker, EXECUTE, begin, end, execution.index, execution.incarnation)
