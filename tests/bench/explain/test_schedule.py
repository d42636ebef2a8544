"""A measured schedule says of every execution where and when it ran, and nothing that cannot be."""

from __future__ import annotations

from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from bench.explain import schedule as measured
from bench.explain.model import Schedule, Span
from bench.explain.schedule import NOT_ASKED, DifferentResult, measure_schedule
from executor.block_executor import BlockExecutor
from executor.errors import UsageError
from executor.gate import DRIVER, REST, WORKERS
from executor.pool import InlinePool
from executor.types import BlockResult
from tests.conftest import recorded
from tests.data import needs_data
from tests.schedules import busy_block

SLACK = 1e-9
"""Seconds by which sums of floats may miss."""


def assert_consistent(schedule: Schedule, transactions: int) -> None:
    """Demand that each transaction was used once, that lanes do one thing at a time, and all within the run."""
    used = Counter(span.index for span in schedule.spans if span.kind == "execute")
    assert used == Counter(range(transactions))
    runs = [(span.index, span.incarnation) for span in schedule.spans if span.kind in {"execute", "stale"}]
    assert len(set(runs)) == len(runs) == schedule.executions
    lanes: dict[str, list[Span]] = defaultdict(list)
    for span in schedule.spans:
        assert -SLACK <= span.begin <= span.end <= schedule.seconds + SLACK, span
        lanes[span.lane].append(span)
    assert set(lanes) <= {"driver", *(f"worker {worker}" for worker in range(schedule.workers))}
    for spans in lanes.values():
        for one, after in pairwise(sorted(spans, key=lambda span: (span.begin, span.end))):
            assert one.end <= after.begin + SLACK, (one, after)
    counts = [count for _, count in schedule.settled]
    assert counts == sorted(set(counts))
    assert counts[-1:] == [transactions][: len(counts)]
    assert [moment for moment, _ in schedule.settled] == sorted(moment for moment, _ in schedule.settled)


@pytest.mark.parametrize("seed", [None, 3, 4])
@pytest.mark.parametrize(("strategy", "lists"), [("optimistic", "none"), ("graph", "exact"), ("waves", "exact")])
def test_inline_lanes_are_consistent(seed: int | None, strategy: str, lists: str) -> None:
    builder = busy_block(30, 3)
    pool = InlinePool(4, seed, 2)
    schedule = measure_schedule(builder.block(), builder.state, pool=pool, strategy=strategy, access_lists=lists)
    assert_consistent(schedule, 30)
    stale = [span for span in schedule.spans if span.kind == "stale"]
    assert len(stale) == schedule.executions - 30
    assert bool(stale) == (lists == "none")
    assert (schedule.strategy, schedule.access_lists, schedule.backend) == (strategy, lists, "inline")
    assert schedule.gate == NOT_ASKED
    for one, after in pairwise(sorted(schedule.spans, key=lambda span: (span.begin, span.end))):
        assert one.end <= after.begin + SLACK, "all share one thread"


def test_stale_runs_come_before_the_one_that_counts() -> None:
    builder = busy_block(30, 3)
    schedule = measure_schedule(
        builder.block(), builder.state, pool=InlinePool(4, 3, 2), strategy="optimistic", access_lists="none"
    )
    used = {span.index: span for span in schedule.spans if span.kind == "execute"}
    stale = [span for span in schedule.spans if span.kind == "stale"]
    assert stale
    for span in stale:
        assert span.index is not None
        assert span.incarnation < used[span.index].incarnation
        assert span.end <= used[span.index].begin + SLACK


def test_workers_in_processes_run_side_by_side() -> None:
    builder = busy_block(40, 2)
    schedule = measure_schedule(builder.block(), builder.state, backend="process", workers=2, repeat=2)
    assert_consistent(schedule, 40)
    assert schedule.gate.partition(":")[0] in {WORKERS, DRIVER, REST}
    assert {span.lane for span in schedule.spans} == {"driver", "worker 0", "worker 1"}
    assert schedule.sequential_seconds > 0
    for lane in ("worker 0", "worker 1"):  # each first takes in the state and the block, then a batch
        kinds = [span.kind for span in schedule.spans if span.lane == lane]
        assert kinds[:3] == ["overhead"] * 3


@needs_data
def test_a_recorded_block_is_drawn() -> None:
    block = recorded(13217637).capsule
    schedule = measure_schedule(block.block, block.pre_state, backend="inline", workers=2)
    assert_consistent(schedule, len(block.block.transactions))


def test_an_empty_block_has_no_executions() -> None:
    builder = busy_block(0)
    schedule = measure_schedule(builder.block(), builder.state, backend="inline", workers=2)
    assert_consistent(schedule, 0)
    assert not schedule.settled


def test_the_median_run_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of three runs, the second is the median."""
    builder, seconds = busy_block(6), iter([0.5, 0.3, 0.1])
    execute = BlockExecutor.execute_with

    def timed(self: BlockExecutor, *arguments: object, **named: object) -> BlockResult:
        result = execute(self, *arguments, **named)  # type: ignore[arg-type]
        assert self._timeline is not None
        run = self._timeline.runs[-1]
        took = next(seconds)
        object.__setattr__(result.stats, "seconds", took)
        object.__setattr__(run, "seconds", took)
        return result

    monkeypatch.setattr(BlockExecutor, "execute_with", timed)
    schedule = measure_schedule(builder.block(), builder.state, backend="inline", workers=2, repeat=3)
    assert schedule.seconds == 0.3


def test_a_wrong_result_is_not_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    builder = busy_block(6)
    texts = iter([b"sequential", b"parallel"])
    monkeypatch.setattr(measured, "result_bytes", lambda _: next(texts))
    with pytest.raises(DifferentResult, match="differs from sequential") as caught:
        measure_schedule(builder.block(), builder.state, backend="inline", workers=2)
    assert caught.value.exit_code == 1


def test_sequential_execution_has_no_schedule() -> None:
    builder = busy_block(2)
    with pytest.raises(UsageError, match="no schedule"):
        measure_schedule(builder.block(), builder.state, strategy="sequential")
