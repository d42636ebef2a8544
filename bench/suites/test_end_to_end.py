"""Every workload from block and state to the whole result: sequential, two processes, two Ray workers.

Exact sets are there before the clock starts, as in `parallel-evm run`; every round ships the whole state and begins
with the same experience of costs. Sequential rounds count processor time, parallel ones time on the wall.
"""

from __future__ import annotations

import pytest

from bench.suites.blocks import ALL_WORKLOADS, Prepared, generated
from bench.suites.conftest import Timed
from executor.block_executor import BlockExecutor
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import BlockResult

TRANSACTIONS, FEWER = 100, {"private": 20}
"""In all of a block; fewer where each takes milliseconds (pairings)."""
pytestmark = pytest.mark.benchmark(group="end to end")


@pytest.fixture(scope="module", params=ALL_WORKLOADS)
def prepared(request: pytest.FixtureRequest) -> Prepared:
    """Return the first block of every workload."""
    return generated(request.param, FEWER.get(request.param, TRANSACTIONS))


def test_sequential(timed: Timed, prepared: Prepared) -> None:
    """The flat engine on one core."""
    result = timed(lambda: execute_sequential(prepared.block, prepared.pre_state))
    assert result_bytes(result) == result_bytes(prepared.expected)


def test_process(timed_by_wall: Timed, prepared: Prepared, process_executor: BlockExecutor) -> None:
    """Two worker processes over pipes."""
    _parallel(timed_by_wall, prepared, process_executor)


def test_ray(timed_by_wall: Timed, prepared: Prepared, ray_executor: BlockExecutor) -> None:
    """Two actors of a local Ray."""
    _parallel(timed_by_wall, prepared, ray_executor)


def _parallel(timed: Timed, prepared: Prepared, executor: BlockExecutor) -> None:
    executor.execute_with(prepared.block, prepared.pre_state, prepared.sets)
    known = executor.experience

    def fresh() -> tuple[()]:
        executor.experience = known.copy()
        executor.forget_states()
        return ()

    def run() -> BlockResult:
        return executor.execute_with(prepared.block, prepared.pre_state, prepared.sets)

    assert result_bytes(timed(run, fresh=fresh)) == result_bytes(prepared.expected)
