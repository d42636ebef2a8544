"""Family 1, continued: the fee recipient as callee, creation, contract that dies, heir of others that do."""

from __future__ import annotations

import pytest

from executor.forks import fork_rules
from tests.asm import asm
from tests.blocks import COINBASE, ETHER, user
from tests.families.against_eels import assert_right
from tests.families.contracts import created_by
from tests.families.scenes import (
    COINBASE_READER,
    NEW,
    NEW_ACCOUNT_GAS,
    base_fee,
    fees,
    key,
    payer,
    place,
    reward,
    scene,
)

TRANSFER_GAS = 21_000


@pytest.mark.parametrize(
    ("fork", "value", "dearer"),
    [
        ("Homestead", 0, True),
        ("TangerineWhistle", 0, True),
        ("TangerineWhistle", 1, True),
        ("SpuriousDragon", 0, False),
        ("SpuriousDragon", 1, True),
        ("Berlin", 1, True),
        ("Shanghai", 0, False),
        ("Shanghai", 1, True),
        ("Prague", 1, True),
    ],
)
def test_the_first_fee_makes_the_coinbase_exist(fork: str, value: int, dearer: bool) -> None:
    """The first call of a coinbase that is not there makes a new account (from EIP-161 on only if it brings value)."""
    builder = scene(fork)
    purse = builder.contract(1, payer(COINBASE, value), balance=10)
    for number in range(3):
        builder.send(user(number), purse)
    builder.send(user(3), COINBASE, value=5)
    right = assert_right(builder.block(), builder.state)
    assert right.gas(0) - right.gas(1) == (NEW_ACCOUNT_GAS if dearer else 0)
    assert right.gas(1) == right.gas(2)
    assert right.balance(COINBASE) == 3 * value + 5 + fees(right, fork, 0, 1, 2, 3) + reward(fork)
    # before EIP-161 whoever pays an account asks whether it is there; after it only a CALL does
    assert right.again == ([1, 2] if fork_rules(fork).empty_accounts_removed else [1, 2, 3])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Homestead", "Istanbul", "London", "Cancun", "Prague"])
def test_a_contract_is_created_at_the_coinbase(fork: str) -> None:
    """What the block has paid it is kept; init code and runtime both see it."""
    creator = user(0)
    coinbase = created_by(creator.address, 0)
    builder = scene(fork, coinbase=coinbase)
    runtime = asm("ADDRESS BALANCE CALLER SSTORE STOP")
    init = asm(f"ADDRESS BALANCE 7 SSTORE {int.from_bytes(runtime, 'big')} 0 MSTORE {len(runtime)} {32 - len(runtime)}")
    builder.send(user(1), NEW, value=1)
    builder.send(creator, b"", value=50, data=init + asm("RETURN"))
    builder.send(user(2), coinbase, value=3)
    right = assert_right(builder.block(), builder.state)
    before, during = fees(right, fork, 0), fees(right, fork, 1)
    assert right.slots(coinbase) == {7: before + 50, key(2): before + during + 53}
    assert right.balance(coinbase) == fees(right, fork, 0, 1, 2) + 53 + reward(fork)
    assert right.again == [1, 2]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Istanbul", "London", "Shanghai", "Prague"])
def test_the_coinbase_asks_for_its_own_balance(fork: str) -> None:
    """SELFBALANCE in its own code: each call sees the fees before it and its own value."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=100, nonce=1, code=asm("SELFBALANCE CALLER SSTORE STOP"))
    for number in range(4):
        builder.send(user(number), COINBASE, value=number)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(COINBASE) == {key(n): 100 + sum(range(n + 1)) + fees(right, fork, *range(n)) for n in range(4)}
    assert right.again == [1, 2, 3]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Frontier", "SpuriousDragon", "London", "Cancun", "Prague"])
def test_the_coinbase_is_emptied_in_mid_block(fork: str) -> None:
    """Its code gives all away; what follows is the fee of that very transaction, and later ones."""
    builder = scene(fork)
    code = asm("0 0 0 0 ADDRESS BALANCE") + place(user(7).address) + asm("30000 CALL POP STOP")
    builder.state.put(COINBASE, balance=100, nonce=1, code=code)
    reader = builder.contract(1, COINBASE_READER)
    builder.send(user(0), NEW, value=1)
    builder.send(user(1), COINBASE)
    builder.send(user(2), reader)
    builder.send(user(3), reader)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(user(7).address) == ETHER + 100 + fees(right, fork, 0)
    assert right.slots(reader) == {key(2): fees(right, fork, 1), key(3): fees(right, fork, 1, 2)}
    assert right.balance(COINBASE) == fees(right, fork, 1, 2, 3) + reward(fork)
    assert right.again == [1, 2, 3]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["SpuriousDragon", "London", "Shanghai", "Prague"])
def test_a_coinbase_that_gives_its_last_wei_in_fees(fork: str) -> None:
    """A sender whose balance the block has at zero, though it is paid again at once."""
    miner, price = user(0), base_fee(fork)
    builder = scene(fork, coinbase=miner.address)
    reader = builder.contract(1, COINBASE_READER)
    builder.send(miner, user(7).address, value=ETHER - TRANSFER_GAS * price, price=price, gas=TRANSFER_GAS)
    builder.send(user(1), reader, price=price)
    builder.send(user(2), reader)
    builder.send(user(3), reader)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(reader) == {key(3): fees(right, fork, 2)}
    assert right.balance(miner.address) == fees(right, fork, 2, 3) + reward(fork)
    assert right.again == [1, 2, 3]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Homestead", "SpuriousDragon", "London", "Shanghai", "Cancun", "Prague"])
def test_a_coinbase_that_destroys_itself_loses_the_fee_for_it(fork: str) -> None:
    """Fees are paid before accounts are deleted: until EIP-6780 the fee of that transaction burns with the account."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=100, nonce=1, code=place(user(7).address) + asm("SELFDESTRUCT"), storage={1: 1})
    reader = builder.contract(1, COINBASE_READER)
    builder.send(user(0), NEW, value=1)
    builder.send(user(1), COINBASE)
    builder.send(user(2), reader)
    builder.send(user(3), reader)
    right = assert_right(builder.block(), builder.state)
    lives = fork in {"Cancun", "Prague"}
    left = fees(right, fork, 1) if lives else 0
    assert right.balance(user(7).address) == ETHER + 100 + fees(right, fork, 0)
    assert right.slots(reader) == {
        n: seen for n, seen in ((key(2), left), (key(3), left + fees(right, fork, 2))) if seen
    }
    assert right.balance(COINBASE) == left + fees(right, fork, 2, 3) + reward(fork)
    assert right.slots(COINBASE) == ({1: 1} if lives else {})
    assert right.again == [1, 2, 3]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["TangerineWhistle", "SpuriousDragon", "London", "Cancun", "Prague"])
def test_the_coinbase_inherits_from_the_destroyed(fork: str) -> None:
    """SELFDESTRUCT to a coinbase that is not there yet costs a new account; the first fee has made one."""
    builder = scene(fork)
    heirs = [builder.contract(n, asm("COINBASE SELFDESTRUCT"), balance=10 * (n + 1)) for n in range(2)]
    reader = builder.contract(5, COINBASE_READER)
    builder.send(user(0), heirs[0])
    builder.send(user(1), heirs[1])
    builder.send(user(2), reader)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(reader) == {key(2): 30 + fees(right, fork, 0, 1)}
    assert right.gas(0) > right.gas(1)
    assert right.again == [1, 2]
    assert right.once_if_expected
