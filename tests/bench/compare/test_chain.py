"""The longest chain of a block: two that count with the same counter, and one beside them."""

from __future__ import annotations

import pytest

from bench.compare.chain import chain_of
from bench.compare.model import Chain
from executor.sequential import execute_sequential
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER, NEW


def chain(seconds: list[float]) -> Chain:
    """Return the chain of the three transactions if they take so long."""
    builder = Builder(fork="Shanghai")
    builder.fund(*(user(n) for n in range(3)))
    counter = builder.contract(1, COUNTER)
    builder.send(user(0), counter)
    builder.send(user(2), NEW, value=5)
    builder.send(user(1), counter)
    block, state = builder.block(), builder.state
    return chain_of(block, execute_sequential(block, state), state, seconds)


def test_two_wait_for_one_slot() -> None:
    found = chain([1.0, 1.0, 2.0])
    assert (found.transactions, found.levels, found.share) == (2, 2, 0.75)
    assert found.through.endswith("slot 0x0")
    assert found.bound(2) == pytest.approx(4 / 3)
    assert found.longest_transaction_share == 0.5


def test_one_long_transaction_is_the_chain() -> None:
    found = chain([1.0, 8.0, 1.0])
    assert (found.transactions, found.levels, found.share, found.through) == (1, 2, 0.8, "")


def test_a_block_without_transactions() -> None:
    assert Chain(0, 0.0, 0.0, 0).bound(4) == 1.0
