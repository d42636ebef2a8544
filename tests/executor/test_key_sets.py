"""The five key sets on blocks of a few transactions each, where every edge is known beforehand."""

from __future__ import annotations

import pytest

from executor.key_sets import KEY_SET_NAMES, key_sets
from executor.sequential import execute_sequential
from scheduler.access import BALANCE, NONCE, STORAGE, AccessSet, touched
from scheduler.graph import build
from tests.asm import asm, call
from tests.blocks import BASE_FEE, COINBASE, ETHER, Builder, user
from tests.conftest import Recorded
from tests.data import needs_data
from tests.signing import Key

ALICE, BOB, CAROL, DAVE = user(1), user(2), user(3), user(4)
APART = ((), ())
IN_ORDER = ((), (0,))


def sets_of(builder: Builder) -> dict[str, tuple[AccessSet, ...]]:
    """Return the access sets of an executed block, by key set."""
    result = execute_sequential(builder.block(), builder.state)
    return key_sets(result.transactions, builder.coinbase, builder.state)


def edges(builder: Builder) -> dict[str, tuple[tuple[int, ...], ...]]:
    """Return whom each transaction waits for, by key set."""
    return {name: build(sets).predecessors for name, sets in sets_of(builder).items()}


def block_of(*funded: Key, fork: str = "Cancun", coinbase: bytes = COINBASE) -> Builder:
    builder = Builder(fork=fork, coinbase=coinbase)
    builder.fund(*funded)
    return builder


def test_key_sets_come_in_their_order() -> None:
    assert tuple(sets_of(Builder())) == KEY_SET_NAMES == ("A", "B", "C", "D", "S")


def test_strangers_are_tied_by_the_fee_alone() -> None:
    builder = block_of(ALICE, BOB)
    builder.send(ALICE, CAROL.address, value=1)
    builder.send(BOB, DAVE.address, value=1)
    found = edges(builder)
    assert found.pop("A") == IN_ORDER
    assert set(found.values()) == {APART}


def test_without_a_tip_nothing_ties_strangers() -> None:
    builder = block_of(ALICE, BOB)
    builder.send(ALICE, CAROL.address, value=1, price=BASE_FEE)
    builder.send(BOB, DAVE.address, value=1, price=BASE_FEE)
    assert set(edges(builder).values()) == {APART}


def test_two_blind_credits_to_one_account_are_tied_in_a_and_b() -> None:
    builder = block_of(ALICE, BOB, CAROL)
    builder.send(ALICE, CAROL.address, value=1)
    builder.send(BOB, CAROL.address, value=1)
    found = edges(builder)
    assert found["A"] == found["B"] == IN_ORDER
    assert found["C"] == found["D"] == found["S"] == APART


def test_one_sender_is_a_chain_where_its_nonce_or_balance_is_read() -> None:
    builder = block_of(ALICE)
    for receiver in (BOB, CAROL, DAVE):
        builder.send(ALICE, receiver.address, value=1)
    found = edges(builder)
    assert found["A"] == found["B"] == found["C"] == ((), (0,), (1,))
    assert found["D"] == found["S"] == ((), (), ())


def test_a_credit_before_the_debit_ties_in_c_but_in_d_only_if_it_is_needed() -> None:
    rich = block_of(ALICE, BOB)
    rich.send(ALICE, BOB.address, value=1)
    rich.send(BOB, CAROL.address, value=1)
    assert edges(rich)["C"] == IN_ORDER
    assert edges(rich)["D"] == APART
    poor = block_of(ALICE)
    poor.send(ALICE, BOB.address, value=ETHER // 2)
    poor.send(BOB, CAROL.address, value=1)
    assert edges(poor)["C"] == edges(poor)["D"] == IN_ORDER
    assert edges(poor)["S"] == APART


def test_a_slot_ties_in_every_key_set() -> None:
    builder = block_of(ALICE, BOB)
    counter = builder.contract(1, asm("1 0 SLOAD ADD 0 SSTORE"))
    builder.send(ALICE, counter, price=BASE_FEE)
    builder.send(BOB, counter, price=BASE_FEE)
    assert set(edges(builder).values()) == {IN_ORDER}


def test_storage_alone_holds_nothing_but_slots() -> None:
    builder = block_of(ALICE)
    payer = builder.contract(1, asm("1 0 SSTORE") + call(DAVE.address, 5), balance=10)
    builder.send(ALICE, payer)
    sets = sets_of(builder)
    (only,) = sets["S"]
    assert touched(only) == {(payer, STORAGE, 0)}
    assert {(payer, BALANCE, 0), (ALICE.address, BALANCE, 0), (ALICE.address, NONCE, 0)} <= sets["C"][0].reads
    assert not {(payer, BALANCE, 0), (ALICE.address, BALANCE, 0), (ALICE.address, NONCE, 0)} & sets["D"][0].reads


def test_who_asks_for_a_balance_waits_for_blind_credits() -> None:
    builder = block_of(ALICE, BOB)
    asker = builder.contract(1, asm(f"0x{CAROL.address.hex()} BALANCE POP"))
    builder.send(ALICE, CAROL.address, value=1)
    builder.send(BOB, asker)
    found = edges(builder)
    assert found["A"] == found["B"] == found["C"] == found["D"] == IN_ORDER
    assert found["S"] == APART


@pytest.mark.parametrize("pays_more", [True, False])
def test_the_fee_recipient_counts_in_b_where_it_gets_more_than_a_fee(pays_more: bool) -> None:
    builder = block_of(ALICE, BOB)
    receiver = COINBASE if pays_more else CAROL.address
    builder.send(ALICE, receiver, value=1)
    builder.send(BOB, receiver, value=0)
    builder.send(BOB, receiver, value=1)
    coinbase = (COINBASE, BALANCE, 0)
    sets = sets_of(builder)
    assert [coinbase in access.reads for access in sets["B"]] == [pays_more] * 3
    assert not any(coinbase in access.reads for access in sets["C"])
    assert all(coinbase in access.reads for access in sets["A"])


def test_a_fee_recipient_that_sends_reads_every_fee_before() -> None:
    builder = block_of(ALICE, BOB, CAROL, coinbase=CAROL.address)
    builder.send(ALICE, DAVE.address)
    builder.send(BOB, DAVE.address)
    builder.send(CAROL, DAVE.address)
    found = edges(builder)
    assert found["B"] == found["C"] == ((), (), (0, 1))
    assert found["D"] == ((), (), ())


def test_a_cleared_storage_counts_in_every_key_set() -> None:
    builder = block_of(ALICE, BOB, fork="Shanghai")
    doomed = builder.contract(1, asm("CALLDATASIZE 8 JUMPI 0 SLOAD STOP JUMPDEST 0 SELFDESTRUCT"), storage={0: 1})
    builder.send(ALICE, doomed, data=b"x", price=BASE_FEE)
    sets = sets_of(builder)
    assert all(access[0].clears == {doomed} for access in sets.values())


@needs_data
def test_each_key_set_orders_all_that_the_next_one_orders(each_block: Recorded) -> None:
    results = each_block.expected.transactions
    sets = key_sets(results, each_block.capsule.block.header.coinbase, each_block.capsule.pre_state)
    assert sets["D"] == each_block.exact_sets
    for stricter, laxer in (("A", "B"), ("B", "C"), ("C", "D"), ("C", "S")):
        for more, less in zip(sets[stricter], sets[laxer], strict=True):
            assert more.reads >= less.reads, stricter
    gas = [result.gas_used for result in results]
    spans = {name: build(accesses).critical_path(gas)[0] for name, accesses in sets.items()}
    assert sum(gas) >= spans["A"] >= spans["B"] >= spans["C"] >= spans["D"]
    assert spans["C"] >= spans["S"]
