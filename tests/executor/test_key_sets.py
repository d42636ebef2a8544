"""The five key sets on blocks of two or three transactions each, where every edge is known beforehand."""

from __future__ import annotations

from executor.key_sets import KEY_SET_NAMES, key_sets
from executor.sequential import execute_sequential
from scheduler.graph import build
from tests.blocks import Builder, user

ALICE, BOB, CAROL = user(1), user(2), user(3)


def edges(builder: Builder) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return whom each transaction waits for, by key set."""
    block = builder.block()
    result = execute_sequential(block, builder.state)
    sets = key_sets(result.transactions, builder.coinbase, builder.state)
    assert tuple(sets) == KEY_SET_NAMES
    return {name: build(accesses).predecessors for name, accesses in sets.items()}


def test_strangers_are_tied_by_the_fee_alone() -> None:
    builder = Builder()
    builder.fund(ALICE, BOB)
    builder.send(ALICE, user(8).address, value=1)
    builder.send(BOB, user(9).address, value=1)
    found = edges(builder)
    assert found.pop("A") == ((), (0,))
    assert set(found.values()) == {((), ())}


def test_two_blind_credits_to_one_account_are_tied_in_a_and_b() -> None:
    builder = Builder()
    builder.fund(ALICE, BOB, CAROL)
    builder.send(ALICE, CAROL.address, value=1)
    builder.send(BOB, CAROL.address, value=1)
    found = edges(builder)
    assert found["A"] == found["B"] == ((), (0,))
    assert found["C"] == found["D"] == found["S"] == ((), ())


def test_one_sender_is_a_chain_in_all_that_count_nonces_and_bounds() -> None:
    builder = Builder()
    builder.fund(ALICE)
    for number in range(3):
        builder.send(ALICE, user(7 + number).address, value=1)
    found = edges(builder)
    assert found["A"] == found["B"] == found["C"] == ((), (0,), (1,))
    assert found["D"] == found["S"] == ((), (), ())
