"""The timeline of a run: what it keeps, where it puts batches of workers with other clocks, and what leaves nothing."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import PoolError
from executor.gate import REST, WORKERS, Gate
from executor.parallel import BlockRun
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.timeline import DISPATCH, EXECUTE, KINDS, OVERHEAD, PLAN, STALE, Clock, LaneSpan, RunTimeline, Timeline
from executor.types import BlockResult, GateDecision, TransactionResult
from scheduler.access import WriteSet
from scheduler.execution import Execution
from tests.oracle import assert_same
from tests.schedules import LossyPool, busy_block

SLACK = 1e-9


class PricedPool(InlinePool):
    """Messages cost something here, so that the gate is asked."""

    goal_seconds = 0.001  # type: ignore[assignment] # an inline pool has none


def run_with(pool: InlinePool, *, transactions: int = 24, gate: bool = False) -> tuple[BlockResult, RunTimeline]:
    """Run a block with conflicts; its result must be the sequential one."""
    builder, timeline = busy_block(transactions), Timeline()
    block, state = builder.block(), builder.state
    with BlockExecutor(strategy="optimistic", access_lists="none", pool=pool, gate=gate, timeline=timeline) as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    (run,) = timeline.runs
    return result, run


def assert_complete(run: RunTimeline, result: BlockResult) -> None:
    """Demand a span for every execution, one of each transaction that counts, and lanes without overlap."""
    count = len(result.transactions)
    runs = Counter((span.index, span.incarnation) for span in run.spans if span.index is not None)
    assert sum(runs.values()) == len(runs) == result.stats.executions
    assert Counter(span.index for span in run.spans if span.kind == EXECUTE) == Counter(range(count))
    assert {span.kind for span in run.spans} <= set(KINDS)
    for lane in (None, *range(run.workers)):
        spans = [span for span in run.spans if span.worker == lane]
        assert all(one.end <= after.begin + SLACK for one, after in pairwise(spans))
        assert all(0 <= span.begin <= span.end <= run.seconds + SLACK for span in spans)
    assert run.settled[-1][1] == count
    assert all(one < after for one, after in pairwise(run.settled))
    assert all(one[1] < after[1] for one, after in pairwise(run.settled))


@pytest.mark.parametrize("seed", [None, 1, 2, 3])
def test_every_execution_has_its_span(seed: int | None) -> None:
    result, run = run_with(InlinePool(4, seed, 2))
    assert_complete(run, result)
    assert sum(span.kind == STALE for span in run.spans) == result.stats.executions - 24 > 0
    assert next(span.kind for span in run.spans if span.worker is None) == PLAN
    assert run.seconds == result.stats.seconds


def test_state_sent_before_the_plan_is_not_part_of_it() -> None:
    _, run = run_with(PricedPool(2, 1, 2))
    kinds = [span.kind for span in run.spans if span.worker is None]
    assert kinds[:3] == [PLAN, DISPATCH, PLAN]
    _, run = run_with(InlinePool(2, 1, 2))
    kinds = [span.kind for span in run.spans if span.worker is None]
    assert kinds[:2] == [PLAN, DISPATCH]


def test_lost_batches_leave_no_spans() -> None:
    result, run = run_with(LossyPool(3, 1, (2, 5)))
    assert result.stats.lost_workers == 2
    indices = Counter(span.index for span in run.spans if span.kind == EXECUTE)
    assert indices == Counter(range(24))


def test_what_the_driver_ran_itself_is_on_its_lane(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gate, "rough", lambda *_: None)
    monkeypatch.setattr(Gate, "close", lambda *_: GateDecision(WORKERS))
    monkeypatch.setattr(Gate, "hopeless", lambda *_: GateDecision(REST, "enough of it"))
    result, run = run_with(PricedPool(2, 1, 2), gate=True)
    assert result.stats.gate == GateDecision(REST, "enough of it")
    own = [span for span in run.spans if span.worker is None and span.index is not None]
    assert own
    assert {span.kind for span in own} == {EXECUTE}
    assert Counter(span.index for span in run.spans if span.kind == EXECUTE) == Counter(range(24))
    assert run.settled[-1][1] == 24


def test_a_run_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    builder, timeline = busy_block(6), Timeline()

    def fail(*_: object) -> None:
        raise PoolError("gone")

    with BlockExecutor(access_lists="none", pool=InlinePool(2), timeline=timeline) as executor:
        with monkeypatch.context() as patched:
            patched.setattr(BlockRun, "_receive", fail)
            with pytest.raises(PoolError):
                executor.execute(builder.block(), builder.state)
        assert not timeline.runs
        result = executor.execute(builder.block(), builder.state)
    (run,) = timeline.runs
    assert_complete(run, result)


def test_a_block_for_the_driver_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(InlinePool, "goal_seconds", 0.001)
    builder, timeline = busy_block(6), Timeline()
    with BlockExecutor(pool=InlinePool(1), timeline=timeline) as executor:
        executor.execute(builder.block(), builder.state)
    assert not timeline.runs


# -- other clocks


def spans_of(monkeypatch: pytest.MonkeyPatch, *batches: tuple[float, float, Clock]) -> list[LaneSpan]:
    """Return the worker's spans of batches (sent, received, clock) of two executions, one thrice as long.

    They are given in the order in which replies were taken in.
    """
    moments = iter(moment for sent, received, _ in batches for moment in (sent, received))
    monkeypatch.setattr("executor.timeline.perf_counter", lambda: next(moments))
    timeline = Timeline()
    timeline.begin(1, 100.0, 0.0)
    for ticket, (_, _, clock) in enumerate(batches):
        executions = [Execution(2 * ticket, 0, at_head=False), Execution(2 * ticket + 1, 0, at_head=False)]
        results = [(one.index, _result(seconds)) for one, seconds in zip(executions, (1.0, 3.0), strict=True)]
        timeline.sent(ticket)
        timeline.replied(0, ticket, executions, results, clock)
    timeline.end(100.0)
    return [span for span in timeline.runs[0].spans if span.worker == 0]


def _result(seconds: float) -> TransactionResult:
    return TransactionResult({}, {}, WriteSet({}, {}, frozenset()), {}, seconds=seconds)


def test_executions_share_the_measured_time_by_their_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = spans_of(monkeypatch, (101.0, 120.0, (102.0, 103.0, 111.0, 112.0)))
    kinds = [(span.kind, span.begin, span.end) for span in spans]
    assert kinds == [(OVERHEAD, 2, 3), (EXECUTE, 3, 5), (EXECUTE, 5, 11), (OVERHEAD, 11, 12)]


def test_taking_in_state_and_block_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """But not what a worker took in before this run."""
    clock = (104.0, 105.0, 109.0, 110.0, 90.0, 91.0, 101.0, 103.0, 103.0, 103.5)
    spans = spans_of(monkeypatch, (100.5, 120.0, clock))
    assert [(span.kind, span.begin, span.end) for span in spans[:3]] == [
        (OVERHEAD, 1, 3), (OVERHEAD, 3, 3.5), (OVERHEAD, 4, 5)
    ]  # fmt: skip


@pytest.mark.parametrize("shift", [-5000.0, 7000.0])
def test_another_clock_is_put_between_sent_and_received(monkeypatch: pytest.MonkeyPatch, shift: float) -> None:
    clock = tuple(moment + shift for moment in (102.0, 103.0, 111.0, 112.0, 100.0, 101.0))
    spans = spans_of(monkeypatch, (101.0, 120.0, clock))
    assert [(span.begin, span.end) for span in spans] == [(10, 11), (11, 13), (13, 19), (19, 20)]


def test_a_clock_that_runs_fast_is_scaled(monkeypatch: pytest.MonkeyPatch) -> None:
    spans = spans_of(monkeypatch, (101.0, 106.0, (0.0, 1.0, 9.0, 10.0)))
    assert [(span.begin, span.end) for span in spans] == [(1, 1.5), (1.5, 2.5), (2.5, 5.5), (5.5, 6)]


def test_batches_of_another_clock_do_not_overlap(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = (0.0, 1.0, 9.0, 10.0)
    spans = spans_of(monkeypatch, (101.0, 112.0, clock), (101.5, 118.0, clock))
    assert [span.end for span in spans[3::4]] == [12, 18]
    assert spans[4].begin == 12
    assert all(one.end <= after.begin + SLACK for one, after in pairwise(spans))


@pytest.mark.parametrize("shift", [0.0, 5000.0])
def test_replies_taken_in_out_of_order_are_drawn_as_executed(monkeypatch: pytest.MonkeyPatch, shift: float) -> None:
    early, late = (tuple(shift + moment for moment in (base, base, base + 2, base + 2)) for base in (102.0, 104.0))
    spans = spans_of(monkeypatch, (101.5, 107.0, late), (101.0, 109.0, early))
    assert [span.index for span in spans if span.kind == EXECUTE] == [2, 3, 0, 1]
    assert all(one.end <= after.begin + SLACK for one, after in pairwise(spans))
    assert (spans[0].begin, spans[-1].end) == ((2, 6) if not shift else (5, 7))
