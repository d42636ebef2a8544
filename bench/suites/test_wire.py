"""Messages between driver and workers, packed and unpacked: states, blocks, batches with updates, results."""

from __future__ import annotations

import pytest

from bench.suites.blocks import Prepared, generated
from bench.suites.conftest import Timed
from executor.types import TransactionResult
from executor.versions import new_tag
from executor.wire import (
    batch_tasks,
    pack_batch,
    pack_block,
    pack_reply,
    pack_results,
    pack_state,
    unpack,
    unpack_reply,
    unpack_updates,
)
from scheduler.access import TxIndex

BATCH = 25
pytestmark = pytest.mark.benchmark(group="wire")
Results = list[tuple[TxIndex, TransactionResult]]


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """Return a lending block, whose transactions touch some twenty locations each."""
    return generated("lending", 200)


@pytest.fixture(scope="module")
def batches(prepared: Prepared) -> list[Results]:
    """Return the block's results in batches."""
    results = list(enumerate(prepared.expected.transactions))
    return [results[begin : begin + BATCH] for begin in range(0, len(results), BATCH)]


def _reply(batch: Results) -> bytes:
    return pack_reply(1, pack_results(batch), 0.0, 0.0, 0, (0.0, 0.0, 0.0, 0.0))


def test_pack_results(timed: Timed, batches: list[Results]) -> None:
    """What a worker does with what its executions gave."""
    packed = timed(lambda: [_reply(batch) for batch in batches], turns=5)
    assert [len(unpack_reply(blob).results) for blob in packed] == [len(batch) for batch in batches]


def test_unpack_results(timed: Timed, batches: list[Results]) -> None:
    """What the driver does with a reply."""
    packed = [_reply(batch) for batch in batches]
    replies = timed(lambda: [unpack_reply(blob) for blob in packed], turns=10)
    assert [reply.results for reply in replies] == batches


def test_batches(timed: Timed, batches: list[Results]) -> None:
    """Pack batches that forward every update before them, and unpack both."""
    updates = [unpack_reply(_reply(batch)).updates for batch in batches]
    tasks = [(index, True) for index in range(BATCH)]

    def there_and_back() -> int:
        count = 0
        for place in range(len(updates)):
            _, packed, read = batch_tasks(unpack(pack_batch(1, updates[:place], tasks)))
            count += len(read) + sum(len(unpack_updates(update)) for update in packed)
        return count

    told = sum(len(batch) * (len(batches) - 1 - place) for place, batch in enumerate(batches))
    assert timed(there_and_back, turns=10) == len(batches) * BATCH + told


def test_state_and_block(timed: Timed, prepared: Prepared) -> None:
    """Ship a whole state and a block."""
    tag = new_tag()

    def there_and_back() -> int:
        state = unpack(pack_state(tag, prepared.pre_state))[2]
        unpack(pack_block(prepared.block, tag, 1 << 32))
        return len(state.accounts)

    assert timed(there_and_back, turns=20) == len(prepared.pre_state.accounts)
