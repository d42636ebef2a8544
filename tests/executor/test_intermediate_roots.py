"""Before Byzantium a receipt holds the state root after its transaction, where the whole state is known."""

from __future__ import annotations

import pytest

from executor.sequential import execute_sequential
from executor.state_trie import StateTrie
from tests import eels
from tests.asm import asm
from tests.blocks import COINBASE, ETHER, Builder, user
from tests.oracle import assert_same_as_sequential


def scene(fork: str) -> Builder:
    """Return a block that sets and unsets a slot, destroys a contract, and pays an account into being."""
    builder = Builder(fork=fork)
    builder.fund(user(0), user(1), user(2))
    toggle = builder.contract(1, asm("0 SLOAD ISZERO 0 SSTORE"))
    victim = builder.contract(2, asm("COINBASE SELFDESTRUCT"), balance=5, storage={1: 2})
    for sender in (user(0), user(1)):
        builder.send(sender, toggle)
    builder.send(user(2), victim)
    builder.send(user(0), bytes(19) + b"\xee", value=ETHER // 100)
    builder.send(user(1), COINBASE)
    return builder


@pytest.mark.parametrize("fork", ["Frontier", "Homestead", "TangerineWhistle", "SpuriousDragon"])
def test_receipts_hold_the_roots_that_eels_computes(fork: str) -> None:
    builder = scene(fork)
    block = builder.block()
    expected = eels.execute_block(block, builder.state)
    assert isinstance(expected, eels.EelsResult)
    compared = assert_same_as_sequential(block, builder.state)
    roots = [receipt.post_state for receipt in compared.sequential.receipts]
    assert roots == [receipt.post_state for receipt in expected.receipts]
    assert len(set(roots)) == len(roots)
    assert compared.sequential.receipts_root == expected.receipts_root


def test_a_trie_that_is_there_already_is_used() -> None:
    builder = scene("Homestead")
    block = builder.block()
    given = execute_sequential(block, builder.state, StateTrie.of(builder.state))
    assert given == execute_sequential(block, builder.state)


def test_from_byzantium_on_there_are_none() -> None:
    builder = scene("Byzantium")
    assert {receipt.post_state for receipt in execute_sequential(builder.block(), builder.state).receipts} == {None}


def test_a_part_of_a_state_gives_none() -> None:
    builder = scene("Homestead")
    builder.state.complete = False
    assert {receipt.post_state for receipt in execute_sequential(builder.block(), builder.state).receipts} == {None}
