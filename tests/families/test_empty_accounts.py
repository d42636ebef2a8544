"""Family 2: accounts that are there and hold nothing, on both sides of Spurious Dragon (EIP-161).

Before it a touch brings an account into being and it stays, empty; from then on a touch brings nothing into being
and removes what is empty. Either way whether an account exists decides the gas of those who come later.
"""

from __future__ import annotations

import pytest

from executor.forks import fork_rules
from executor.types import Withdrawal
from tests.asm import asm
from tests.blocks import COINBASE, ETHER, user
from tests.families.against_eels import IN_THREES, assert_right
from tests.families.contracts import created_by
from tests.families.scenes import NEW, NEW_ACCOUNT_GAS, base_fee, judge, key, payer, place, reward, scene
from tests.families.victims import created2_by, creates2, fragile

CALL_COSTS = {"Homestead": (True, True), "TangerineWhistle": (True, True), "SpuriousDragon": (False, True)}
"""Fork -> whether a CALL pays for a new account (without value, with value); later forks as Spurious Dragon."""
FORKS = ["Homestead", "TangerineWhistle", "SpuriousDragon", "Istanbul", "London", "Shanghai", "Prague"]


def removed(fork: str) -> bool:
    return fork_rules(fork).empty_accounts_removed


def new_account_gas(fork: str, value: int) -> int:
    return NEW_ACCOUNT_GAS if CALL_COSTS.get(fork, (False, True))[value > 0] else 0


@pytest.mark.parametrize("fork", FORKS)
def test_a_transfer_of_nothing(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    for number in range(3):
        builder.send(user(number), NEW, value=0)
    right = assert_right(builder.block(), builder.state)
    assert (right.account(NEW) is None) == removed(fork)
    assert [right.gas(n) for n in range(3)] == [21_000] * 3
    assert right.again == ([] if removed(fork) else [1, 2])
    assert right.once_if_expected
    assert right.conflicts == 0 or not removed(fork)


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("value", [0, 1])
def test_the_first_call_makes_the_callee_exist_or_not(fork: str, value: int) -> None:
    """Who calls after it pays for no new account, if the first call has made one."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    caller = builder.contract(1, payer(NEW, value), balance=10)
    for number in range(3):
        builder.send(user(number), caller)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(0) - right.gas(1) == new_account_gas(fork, value)
    assert right.gas(1) == right.gas(2)
    assert (right.account(NEW) is None) == (removed(fork) and not value)
    assert right.again == ([] if removed(fork) and not value else [1, 2])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("value", [0, 1])
def test_a_call_that_is_taken_back_makes_nobody(fork: str, value: int) -> None:
    """Both calls are the first: what the frame around the first one did has been undone."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    body = payer(NEW, value)[:-1] + asm("INVALID")
    failing = builder.contract(1, body, balance=10)
    outer = builder.contract(2, asm("0 0 0 0 0") + place(failing) + asm("90000 CALL 1 ADD CALLER SSTORE STOP"))
    direct = builder.contract(3, payer(NEW, value), balance=10)
    builder.send(user(0), outer)
    builder.send(user(1), direct)
    builder.send(user(2), direct)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(outer) == {key(0): 1}
    assert right.gas(1) - right.gas(2) == new_account_gas(fork, value)
    assert right.balance(NEW) == 2 * value
    assert right.again == ([] if removed(fork) and not value else [2])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_a_transaction_that_fails_makes_nobody(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    failing = builder.contract(1, payer(NEW)[:-1] + asm("INVALID"), balance=10)
    for number in range(2):
        builder.send(user(number), failing, gas=90_000)
    right = assert_right(builder.block(), builder.state)
    assert right.account(NEW) is None
    assert [right.gas(n) for n in range(2)] == [90_000] * 2
    assert right.conflicts == 0


@pytest.mark.parametrize("fork", FORKS)
def test_money_earlier_in_the_block_saves_the_new_account(fork: str) -> None:
    """Nobody reads the new account's balance; only that it exists has changed."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    callers = [builder.contract(n, payer(NEW), balance=10) for n in range(3)]
    builder.send(user(1), callers[0])
    builder.send(user(0), NEW, value=1)
    builder.send(user(2), callers[1])
    builder.send(user(3), callers[2])
    right = assert_right(builder.block(), builder.state)
    assert right.gas(0) - right.gas(2) == new_account_gas(fork, 1)
    assert right.gas(2) == right.gas(3)
    assert right.balance(NEW) == 4
    assert right.again == ([2, 3] if removed(fork) else [1, 2, 3])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_callers_of_who_exists_are_independent(fork: str) -> None:
    """The callee's balance changes with every call; that it exists does not."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    builder.state.put(NEW, balance=1)
    for number in range(8):
        builder.send(user(number), builder.contract(number, payer(NEW), balance=10))
    right = assert_right(builder.block(), builder.state)
    assert right.balance(NEW) == 9
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {8}


@pytest.mark.parametrize("fork", ["Homestead", "TangerineWhistle", "SpuriousDragon", "Istanbul", "London", "Shanghai"])
def test_a_destroyed_callee_is_a_new_account_again(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    victim = builder.contract(9, place(user(7).address) + asm("SELFDESTRUCT"), balance=5)
    caller = builder.contract(1, payer(victim), balance=10)
    builder.send(user(0), victim)
    builder.send(user(1), caller)
    builder.send(user(2), caller)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(1) - right.gas(2) == new_account_gas(fork, 1)
    assert right.balance(victim) == 2
    assert right.balance(user(7).address) == ETHER + 5
    assert right.again == [1, 2]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Petersburg", "London", "Cancun", "Prague"])
def test_a_funded_address_is_drained_by_a_contract_of_one_transaction(fork: str) -> None:
    """Created and destroyed in one transaction, also from Cancun on: the address has lost what it had."""
    builder = scene(fork)
    init = fragile(user(7).address)
    factory = builder.contract(9, creates2(init), balance=0)
    address = created2_by(factory, init)
    builder.state.put(address, balance=30)
    caller = builder.contract(1, payer(address), balance=10)
    builder.send(user(0), caller)
    builder.send(user(1), factory, value=1)
    builder.send(user(2), caller)
    builder.send(user(3), caller)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(2) - right.gas(0) == right.gas(2) - right.gas(3) == NEW_ACCOUNT_GAS
    assert right.balance(user(7).address) == ETHER + 32
    assert right.balance(address) == 2
    assert right.again == [1, 2]  # the last one finds an account, as it had at first
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Frontier", *FORKS])
def test_a_contract_without_code_is_empty_or_not(fork: str) -> None:
    """Created and left empty: from EIP-161 on its nonce of 1 makes it exist, before it its presence."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    address = created_by(user(0).address, 0)
    caller = builder.contract(1, payer(address), balance=10)
    builder.send(user(0), b"")
    builder.send(user(1), caller)
    builder.send(user(2), caller)
    right = assert_right(builder.block(), builder.state)
    account = right.account(address)
    assert account is not None
    assert (account.nonce, account.balance) == (int(removed(fork)), 2)
    assert right.gas(1) == right.gas(2)
    assert right.again == [1, 2]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_a_creation_that_fails_leaves_nobody(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    address = created_by(user(0).address, 0)
    caller = builder.contract(1, payer(address), balance=10)
    builder.send(user(0), b"", data=asm("INVALID"), value=3)
    builder.send(user(1), caller)
    builder.send(user(2), caller)
    right = assert_right(builder.block(), builder.state)
    account = right.account(address)
    assert account is not None
    assert (account.nonce, account.balance) == (0, 2)
    assert right.gas(1) - right.gas(2) == new_account_gas(fork, 1)
    assert right.again == [2]
    assert right.once_if_expected


@pytest.mark.parametrize(
    "fork", ["Homestead", "TangerineWhistle", "SpuriousDragon", "Berlin", "London", "Paris", "Prague"]
)
def test_a_coinbase_that_is_paid_nothing(fork: str) -> None:
    """Before EIP-161 even a fee of nothing makes it exist, so that calling it with value gets cheaper."""
    builder = scene(fork)
    caller = builder.contract(1, payer(COINBASE), balance=10)
    price = base_fee(fork)
    builder.send(user(0), user(7).address, value=1, price=price)
    builder.send(user(1), caller, price=price)
    builder.send(user(2), caller, price=price)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(1) - right.gas(2) == (NEW_ACCOUNT_GAS if removed(fork) else 0)
    assert right.balance(COINBASE) == 2 + reward(fork)
    assert right.again == ([2] if removed(fork) else [1, 2])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Paris", "Shanghai", "Prague"])
def test_nothing_is_left_of_a_coinbase_that_gets_nothing(fork: str) -> None:
    builder = scene(fork)
    builder.withdrawals = (Withdrawal(0, 0, NEW, 0), Withdrawal(1, 1, COINBASE, 0))
    builder.send(user(0), user(7).address, value=1, price=base_fee(fork))
    builder.send(user(1), builder.contract(1, payer(COINBASE, 0)), price=base_fee(fork))
    right = assert_right(builder.block(), builder.state)
    assert right.account(COINBASE) is None
    assert right.account(NEW) is None
    assert right.conflicts == 0


@pytest.mark.parametrize("fork", ["TangerineWhistle", "SpuriousDragon", "London", "Cancun", "Prague"])
@pytest.mark.parametrize("flag", [0, 1])
def test_money_of_a_stale_run_makes_nobody(fork: str, flag: int) -> None:
    """The first payer pays unless its slot is set, which the transaction before changes to what it is not."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    decider = builder.contract(1, judge(payer(NEW)), balance=10, storage={0: flag})
    caller = builder.contract(2, payer(NEW), balance=10)
    for number in (6, 7):
        builder.send(user(number), user(5).address, value=1)
    builder.send(user(0), decider, data=b"\x01")
    builder.send(user(1), decider)
    builder.send(user(2), caller)
    builder.send(user(3), caller)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(NEW) == 2 + flag
    assert right.gas(4) - right.gas(5) == (0 if flag else NEW_ACCOUNT_GAS)
    assert right.again == ([3, 4, 5] if flag else [3, 5])
    assert 4 in right.ran_again(IN_THREES) or flag
    assert right.once_if_expected
