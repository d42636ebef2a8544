"""What a worker keeps of a block, and for how long."""

from __future__ import annotations

import pytest

from executor.block_executor import BlockExecutor
from executor.parallel import _WORTH_CLEARING
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.versions import new_tag
from executor.wire import pack_batch, pack_block, pack_over, pack_state, unpack_reply
from executor.worker import Worker
from tests.executor.process_runs import counting
from tests.oracle import assert_same


def test_a_block_that_is_over_is_dropped_and_its_state_kept() -> None:
    builder, tag = counting(2), new_tag()
    block, worker = builder.block(), Worker()
    batch = pack_batch(1, [], [(0, False)])
    worker.handle(pack_state(tag, builder.state))
    for _ in range(2):
        worker.handle(pack_block(block, tag, 0))
        answer = worker.handle(batch)
        assert answer is not None
        ((_, result),) = unpack_reply(answer).results
        assert result.writes == execute_sequential(block, builder.state).transactions[0].writes
        assert worker.handle(pack_over()) is None
        answer = worker.handle(batch)
        assert answer is not None
        assert (unpack_reply(answer).stale, unpack_reply(answer).held) == (True, tag)


class Attentive(InlinePool):
    """Counts how often its workers may clear up."""

    cleared = 0

    def block_over(self) -> None:
        """Count."""
        self.cleared += 1


@pytest.mark.parametrize(("count", "cleared"), [(_WORTH_CLEARING - 1, 0), (_WORTH_CLEARING, 1)])
def test_workers_are_told_that_a_large_block_is_over(count: int, cleared: int) -> None:
    builder, pool = counting(count, 64), Attentive(2)
    block, state = builder.block(), builder.state
    with BlockExecutor(pool=pool, strategy="graph", access_lists="exact") as executor:
        result = executor.execute(block, state)
    assert_same(result, execute_sequential(block, state), state)
    assert pool.cleared == cleared
