"""Blocks that must be rejected: by every schedule, in the same words, for the reason and at the index of EELS."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import replace

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import InvalidRlp, InvalidTransaction
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from tests import eels
from tests.oracle import SCHEDULES

Invalid = InvalidTransaction | InvalidRlp
ORDERS = range(3)
"""Seeds that shuffle which of the block's transactions completes first."""


def verdict_of_eels(block: Block, pre_state: MemoryState) -> tuple[str, int]:
    """Return the name of EELS' exception and the index of the transaction that it is about.

    EELS does not say which transaction it was: the shortest prefix of the block that it rejects ends in it, and
    every longer one is rejected too.
    """

    def outcome(count: int) -> eels.EelsResult | eels.EelsRejection:
        return eels.execute_block(replace(block, transactions=block.transactions[:count]), pre_state)

    counts = range(len(block.transactions) + 1)
    shortest = bisect_left(counts, True, key=lambda count: isinstance(outcome(count), eels.EelsRejection))  # noqa: FBT003
    refused = outcome(shortest) if shortest in counts else None
    assert isinstance(refused, eels.EelsRejection), "EELS takes the block"
    return refused.name, shortest - 1


def rejections(block: Block, pre_state: MemoryState) -> Iterator[Invalid]:
    """Yield why the block is rejected: sequentially, on every schedule, in several orders of completion."""
    yield rejection(None, block, pre_state)
    for strategy, source, seed, workers, limit in SCHEDULES:
        source = "none" if source == "exact" else source  # an invalid block cannot be recorded  # noqa: PLW2901
        executor = BlockExecutor(strategy=strategy, access_lists=source, pool=InlinePool(workers, seed, limit))
        yield rejection(executor, block, pre_state)
    for seed in ORDERS:
        yield rejection(BlockExecutor(strategy="optimistic", pool=InlinePool(4, seed, 1)), block, pre_state)


def rejection(executor: BlockExecutor | None, block: Block, pre_state: MemoryState) -> Invalid:
    """Return why the block is rejected, sequentially (None) or by this executor."""
    with pytest.raises((InvalidTransaction, InvalidRlp)) as caught:
        execute_sequential(block, pre_state) if executor is None else executor.execute(block, pre_state)
    return caught.value  # type: ignore[return-value] # mypy sees the two classes' common base


def assert_rejected_as_eels(
    block: Block, pre_state: MemoryState, reason: type[Invalid], index: int, eels_name: str | None = None
) -> None:
    """Demand one and the same rejection everywhere, for this reason at this index, and that EELS agrees.

    `eels_name` is EELS' name of the reason where it is not ours.
    """
    assert verdict_of_eels(block, pre_state) == (eels_name or reason.__name__, index)
    assert_rejected_alike(block, pre_state, reason, index)


def assert_rejected_alike(block: Block, pre_state: MemoryState, reason: type[Invalid], index: int) -> None:
    """Demand one and the same rejection everywhere, for this reason at this index, whatever EELS makes of it."""
    found = list(rejections(block, pre_state))
    assert {type(error) for error in found} == {reason}
    said = {str(error) for error in found}
    assert len(said) == 1, said
    assert said.pop().startswith(f"transaction {index}: ")
    assert {error.index for error in found} == {index}
