"""The rest of a block moves to the driver while workers are lost and replies are late: nothing counts twice."""

from __future__ import annotations

from collections import Counter

import pytest

from executor.dispatch import Experience, execute_parallel
from executor.gate import REST, WORKERS, Gate
from executor.types import GateDecision
from tests.executor.test_faults import small_block
from tests.faulty import IDLE, LATE, STALE, TWICE, Faults, FaultyPool, assert_settled_once, settling
from tests.oracle import assert_same

BAD = Faults(death=0.15, late=0.5, twice=0.2, damage=0.1, deaf=0.1)


class Impatient(Gate):
    """Gives every block to the workers, and takes what is left of it back after so many results."""

    def __init__(self, after: int) -> None:
        super().__init__()
        self._after = after

    def rough(self, *_: object) -> None:
        """Let every block pass."""

    def close(self, *_: object) -> GateDecision:
        return GateDecision(WORKERS, "")

    def hopeless(self, executed: int, *_: object) -> GateDecision | None:
        return GateDecision(REST, "told so") if executed >= self._after else None

    def rest(self, *_: object) -> None:
        """Leave re-runs to the workers."""


class CostlyPool(FaultyPool):
    """Messages cost something here, so that the gate is asked."""

    goal_seconds = 1e-4  # type: ignore[assignment] # an inline pool has none


def test_the_rest_of_a_bad_day_runs_on_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: Counter[str] = Counter()
    rests = 0
    for seed in range(60):
        pool = CostlyPool(3, seed, 2, BAD)
        experience = Experience(gate=Impatient(seed % 9))
        for size in (10, 8):  # the second block meets what is left of the first
            block, state, expected = small_block(size)
            with settling(monkeypatch) as added:
                result = execute_parallel(block, state, pool, "optimistic", "none", None, experience)
            assert_same(result, expected, state, (seed, size))
            assert_settled_once(added, result)
            assert result.stats.max_executions <= 4  # one that was recalled starts again
            assert result.stats.gate is not None
            rests += result.stats.gate.where == REST
        happened += pool.happened
    assert rests > 60
    assert all(happened[name] for name in (IDLE, LATE, TWICE, STALE)), happened
