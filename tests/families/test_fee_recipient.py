"""Family 1: the account that every transaction pays, as an ordinary account among the others.

The fee is a blind credit, so it must tie nobody to anybody, and still be there to the wei for whoever looks.
"""

from __future__ import annotations

import pytest

from executor.evm.validity import InsufficientBalanceError
from executor.types import Withdrawal
from tests.asm import asm
from tests.blocks import BASE_FEE, COINBASE, ETHER, PLAIN_PRICE, Builder, user
from tests.families.against_eels import assert_eels_rejects, assert_right
from tests.families.scenes import COINBASE_READER, NEW, balance_reader, base_fee, fees, key, place, reward, scene
from tests.oracle import assert_rejected

TRANSFER_GAS = 21_000


@pytest.mark.parametrize("fork", ["Homestead", "SpuriousDragon", "Istanbul", "London", "Shanghai", "Cancun", "Prague"])
def test_paying_the_same_coinbase_ties_nobody(fork: str) -> None:
    builder = scene(fork, users=16)
    builder.state.put(COINBASE, balance=1)  # before EIP-161 its coming into being would be a change of its own
    for number in range(8):
        builder.send(user(number), user(8 + number).address, value=1)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(COINBASE) == 1 + 8 * TRANSFER_GAS * (PLAIN_PRICE - base_fee(fork)) + reward(fork)
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {8}


@pytest.mark.parametrize("fork", ["Frontier", "TangerineWhistle", "Byzantium", "Berlin", "London", "Cancun", "Prague"])
def test_a_reader_sees_the_fees_before_it_and_no_others(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    reader = builder.contract(1, COINBASE_READER)
    for number in range(6):
        builder.send(user(number), reader if number in {0, 2, 5} else user(7).address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(reader) == {
        key(0): 1,
        key(2): 1 + fees(right, fork, 0, 1),
        key(5): 1 + fees(right, fork, 0, 1, 2, 3, 4),
    }
    assert right.again == [2, 5]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["SpuriousDragon", "Berlin", "London", "Shanghai", "Prague"])
def test_a_zero_tip_changes_nothing_and_disturbs_no_reader(fork: str) -> None:
    builder = scene(fork)
    reader = builder.contract(1, COINBASE_READER)
    for number in range(4):
        builder.send(user(number), reader if number % 2 else user(7).address, price=base_fee(fork))
    right = assert_right(builder.block(), builder.state)
    assert right.slots(reader) == {}
    assert right.balance(COINBASE) == reward(fork)
    assert (right.account(COINBASE) is not None) == (reward(fork) > 0)
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {4}


@pytest.mark.parametrize("fork", ["Homestead", "Istanbul", "London", "Prague"])
def test_the_coinbase_sends_and_gets_its_own_tip_back(fork: str) -> None:
    miner = user(0)
    builder = scene(fork, coinbase=miner.address)
    builder.send(user(1), user(2).address, value=1)
    builder.send(miner, user(2).address, value=5)
    builder.send(user(3), user(2).address, value=1)
    builder.send(miner, user(2).address, value=6)
    right = assert_right(builder.block(), builder.state)
    burned = 2 * TRANSFER_GAS * base_fee(fork)
    assert right.balance(miner.address) == ETHER - 11 - burned + fees(right, fork, 0, 2) + reward(fork)
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {4}


def earning_coinbase(fork: str, more: int) -> tuple[Builder, int]:
    """Return a block whose coinbase has one wei, and spends it with what two others pay it, and `more`."""
    miner, price = user(9), 10**9
    builder = scene(fork, coinbase=miner.address)
    builder.fund(miner, balance=1)
    builder.send(user(0), user(7).address, price=price)
    builder.send(user(1), user(7).address, price=price)
    spent = 1 + 2 * TRANSFER_GAS * (price - base_fee(fork)) - TRANSFER_GAS * PLAIN_PRICE
    builder.send(miner, NEW, value=spent + more, gas=TRANSFER_GAS)
    return builder, spent


@pytest.mark.parametrize("fork", ["TangerineWhistle", "Istanbul", "London", "Shanghai", "Prague"])
def test_the_coinbase_spends_what_it_has_just_earned(fork: str) -> None:
    builder, spent = earning_coinbase(fork, 0)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(NEW) == spent
    assert right.balance(user(9).address) == fees(right, fork, 2) + reward(fork)
    assert right.again == [2]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["TangerineWhistle", "Istanbul", "London", "Shanghai", "Prague"])
def test_the_coinbase_spends_no_wei_more_than_it_has_earned(fork: str) -> None:
    builder, _ = earning_coinbase(fork, 1)
    assert_rejected(builder.block(), builder.state, InsufficientBalanceError, 2)
    assert_eels_rejects(builder.block(), builder.state, InsufficientBalanceError)


@pytest.mark.parametrize("fork", ["Shanghai", "Cancun", "Prague"])
@pytest.mark.parametrize("tip", [0, 3])
@pytest.mark.parametrize("amount", [0, 4])
def test_withdrawals_reach_the_coinbase_after_the_last_reader(fork: str, tip: int, amount: int) -> None:
    builder = scene(fork)
    builder.withdrawals = (Withdrawal(0, 0, COINBASE, amount), Withdrawal(1, 1, COINBASE, amount))
    reader = builder.contract(1, COINBASE_READER)
    builder.send(user(0), NEW, value=1, price=BASE_FEE + tip)
    builder.send(user(1), reader, price=BASE_FEE + tip)
    right = assert_right(builder.block(), builder.state)
    paid = fees(right, fork, 0, 1, price=BASE_FEE + tip)
    assert right.slots(reader) == ({key(1): TRANSFER_GAS * tip} if tip else {})
    assert right.balance(COINBASE) == paid + 2 * amount * 10**9
    assert (right.account(COINBASE) is None) == (tip == amount == 0)
    assert right.again == ([1] if tip else [])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["SpuriousDragon", "Istanbul", "Prague"])
def test_a_frame_that_fails_has_still_looked_at_the_coinbase(fork: str) -> None:
    """The inner frame fails for as long as the coinbase has nothing; the outer one tells whether it did."""
    builder = scene(fork)
    inner = builder.contract(1, asm("COINBASE BALANCE 10 JUMPI INVALID").ljust(10, b"\x00") + asm("JUMPDEST STOP"))
    outer = builder.contract(2, asm("0 0 0 0 0") + place(inner) + asm("50000 CALL 1 ADD CALLER SSTORE STOP"))
    for number in range(3):
        builder.send(user(number), outer)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(outer) == {key(0): 1, key(1): 2, key(2): 2}
    assert right.again == [1, 2]
    assert right.once_if_expected


def test_who_looks_at_another_account_is_not_disturbed_by_fees() -> None:
    builder = scene("Cancun")
    reader = builder.contract(1, balance_reader(user(7).address))
    for number in range(6):
        builder.send(user(number), reader)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(reader) == {key(number): ETHER for number in range(6)}
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {6}
