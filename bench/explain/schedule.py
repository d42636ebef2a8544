"""Measures a block in parallel and sequentially, and returns what ran where and when in the median run."""

from __future__ import annotations

from collections.abc import Sequence

from bench.explain.model import Schedule, Span
from executor.block_executor import BlockExecutor
from executor.dispatch import Experience
from executor.errors import ParallelEvmError, UsageError
from executor.pool import PATIENCE, Pool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import PreState
from executor.state_trie import StateTrie
from executor.strategies import SEQUENTIAL, expected_sets
from executor.timeline import LaneSpan, Timeline
from executor.types import Block, BlockResult, GateDecision
from scheduler.access import AccessSet

DRIVER, INLINE = "driver", "inline"
NOT_ASKED = "not asked: messages to inline workers cost nothing"


class DifferentResult(ParallelEvmError):  # noqa: N818 - as in executor.errors
    """A parallel run ended in another result than sequential execution: a fault of ours."""


def measure_schedule(
    block: Block,
    pre_state: PreState,
    *,
    backend: str = "process",
    workers: int | None = None,
    strategy: str = "graph",
    access_lists: str = "observed",
    repeat: int = 1,
    seed: int | None = None,
    address: str | None = None,
    patience: float = PATIENCE,
    pool: Pool | None = None,
    pre_trie: StateTrie | None = None,
    sets: tuple[AccessSet, ...] | None = None,
) -> Schedule:
    """Execute `block` `repeat` times in turn sequentially and on workers; return the parallel run of median time.

    The block goes to the workers also where they lose, so that there is something to draw; what the gate says of it,
    asked in a run before those measured, is in `gate`. Every run ships the whole pre-state and knows nothing of the
    costs of transactions. `sets` replace those of `access_lists`; a `pool` made elsewhere those of `backend`.

    Raises UsageError for names that do not exist and for sequential execution, which has no schedule;
    DifferentResult where a result differs; what `BlockExecutor` raises.
    """
    if strategy == SEQUENTIAL:
        raise UsageError("sequential execution has no schedule to draw; choose another strategy")
    timeline = Timeline()
    with BlockExecutor(
        strategy=strategy,
        access_lists=access_lists,
        backend=backend,
        workers=workers,
        seed=seed,
        address=address,
        patience=patience,
        pool=pool,
        timeline=timeline,
    ) as executor:
        sets = expected_sets(access_lists, block, pre_state) if sets is None else sets
        gate = NOT_ASKED
        if executor.backend != INLINE:
            gate = _gate_says(executor.execute_with(block, pre_state, sets, pre_trie).stats.gate)
        asked = len(timeline.runs)
        executor.gate = False
        references, results = [], []
        for _ in range(max(1, repeat)):  # in turn, so that a change of the machine's speed meets both
            references.append(execute_sequential(block, pre_state, pre_trie))
            executor.experience = Experience()
            executor.forget_states()
            results.append(executor.execute_with(block, pre_state, sets, pre_trie))
        _check_equal(results, references[0])
    chosen = _median(results)
    run, stats = timeline.runs[asked + chosen], results[chosen].stats
    return Schedule(
        strategy=strategy,
        access_lists=access_lists,
        backend=executor.backend,
        workers=executor.workers,
        seconds=run.seconds,
        sequential_seconds=references[_median(references)].stats.seconds,
        executions=stats.executions,
        conflicts=stats.conflicts,
        spans=tuple(map(_span, run.spans)),
        settled=run.settled,
        gate=gate,
    )


def _median(results: Sequence[BlockResult]) -> int:
    """Return which run has the median time, the quicker of two."""
    order = sorted(range(len(results)), key=lambda run: results[run].stats.seconds)
    return order[(len(order) - 1) // 2]


def _check_equal(results: Sequence[BlockResult], reference: BlockResult) -> None:
    expected = result_bytes(reference)
    for number, result in enumerate(results, 1):
        if result_bytes(result) != expected:
            msg = f"parallel run {number} of {len(results)} differs from sequential execution"
            raise DifferentResult(msg)


def _gate_says(decision: GateDecision | None) -> str:
    """Return in one line where the gate would have the block run, and why."""
    if decision is None:
        return NOT_ASKED
    predicted = ""
    if decision.sequential_seconds and decision.parallel_seconds:
        parallel, sequential = 1e3 * decision.parallel_seconds, 1e3 * decision.sequential_seconds
        predicted = f"{parallel:.1f} ms predicted on the workers, {sequential:.1f} ms on the driver"
    reason = decision.reason or predicted
    return f"{decision.where}: {reason}" if reason else decision.where


def _span(span: LaneSpan) -> Span:
    lane = DRIVER if span.worker is None else f"worker {span.worker}"
    return Span(lane, span.kind, span.begin, span.end, span.index, span.incarnation)
