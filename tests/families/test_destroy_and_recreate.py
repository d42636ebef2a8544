"""Family 3: accounts that are destroyed, and the second life that CREATE2 gives them.

Until Cancun SELFDESTRUCT ends an account with all its slots when its transaction ends; from EIP-6780 on only a
contract of the same transaction dies, the others just hand over what they have.
"""

from __future__ import annotations

import pytest

from tests.asm import asm
from tests.blocks import ETHER, PLAIN_PRICE, Builder, user
from tests.families.against_eels import assert_right
from tests.families.contracts import created_by
from tests.families.scenes import key, scene
from tests.families.victims import (
    BEAR,
    DIE,
    NOBODY,
    VICTIM,
    asks,
    constructor,
    created2_by,
    creates2,
    fragile,
    sets,
    tells,
)

DEADLY = ["Petersburg", "Istanbul", "London", "Shanghai"]
"""Forks with CREATE2 in which SELFDESTRUCT still kills."""
HARMLESS = ["Cancun", "Prague"]
ENOUGH = 3_000_000
"""Gas of which the 64th part that a collision leaves is still enough to go on."""


def with_victim(fork: str, init: bytes, **account: int) -> tuple[Builder, bytes, bytes]:
    """Return a block, a factory of `init`, and the address it creates, where a VICTIM with slots stands already."""
    builder = scene(fork)
    factory = builder.contract(1, creates2(init))
    address = created2_by(factory, init)
    fields = {"nonce": 1, "balance": 30} | account
    builder.state.put(address, code=VICTIM, storage={0: 42, 9: 7}, **fields)
    return builder, factory, address


@pytest.mark.parametrize("fork", DEADLY)
def test_a_slot_is_what_this_life_has_made_it(fork: str) -> None:
    """Asked before the death, between the lives, after the new birth, after a new write."""
    builder, factory, victim = with_victim(fork, constructor(b"", VICTIM))
    observer = builder.contract(2, asks(victim, 0))
    builder.send(user(0), observer)
    builder.send(user(7), victim, data=DIE)
    builder.send(user(1), observer)
    builder.send(user(6), factory, gas=ENOUGH)
    builder.send(user(2), observer)
    builder.send(user(5), victim, data=sets(0, 77))
    builder.send(user(3), observer)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(observer) == {key(0): 42, key(1): NOBODY, key(3): 77}
    assert right.slots(victim) == {0: 77}
    assert right.balance(user(7).address) == ETHER + 30 - right.gas(1) * PLAIN_PRICE
    assert right.again == [2, 3, 4, 5, 6]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", HARMLESS)
def test_there_is_no_death_from_cancun_on(fork: str) -> None:
    builder, factory, victim = with_victim(fork, constructor(b"", VICTIM))
    observer = builder.contract(2, asks(victim, 0))
    builder.send(user(0), observer)
    builder.send(user(7), victim, data=DIE)
    builder.send(user(1), observer)
    builder.send(user(6), factory, gas=ENOUGH)
    builder.send(user(2), observer)
    builder.send(user(5), victim, data=sets(0, 77))
    builder.send(user(3), observer)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(observer) == {key(0): 42, key(1): 42, key(2): 42, key(3): 77}
    assert right.slots(victim) == {0: 77, 9: 7}
    assert right.slots(factory) == {}
    assert right.balance(victim) == 0
    assert right.again == [6]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", DEADLY)
def test_the_new_constructor_finds_no_old_slot(fork: str) -> None:
    """Slot 5 is 1 more than what the constructor found in slot 0."""
    init = fragile(user(6).address)
    builder, factory, victim = with_victim(fork, init)
    builder.send(user(0), victim, data=DIE)
    builder.send(user(1), factory, gas=ENOUGH)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(victim) == {5: 1}
    assert right.slots(factory) == {key(1): int.from_bytes(victim, "big")}
    assert right.again == [1]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", [*DEADLY, *HARMLESS])
def test_a_write_before_the_death_dies_too(fork: str) -> None:
    """Slots written by earlier transactions of the block, and in the deadly one itself."""
    builder, factory, victim = with_victim(fork, constructor(b"", VICTIM))
    killer = builder.contract(3, tells(victim, sets(9, 100)) + tells(victim, DIE) + asm("ADD CALLER SSTORE STOP"))
    observer, other = builder.contract(2, asks(victim, 9)), builder.contract(4, asks(victim, 10))
    builder.send(user(0), victim, data=sets(9, 99))
    builder.send(user(1), victim, data=sets(10, 98))
    builder.send(user(2), killer)
    builder.send(user(3), factory, gas=ENOUGH)
    builder.send(user(4), observer)
    builder.send(user(5), other)
    right = assert_right(builder.block(), builder.state)
    deadly = fork in DEADLY
    assert right.slots(victim) == ({} if deadly else {0: 42, 9: 100, 10: 98})
    assert right.slots(observer) == ({} if deadly else {key(4): 100})
    assert right.slots(other) == ({} if deadly else {key(5): 98})
    assert right.again == ([2, 3, 4, 5] if deadly else [2, 4, 5])
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", DEADLY)
def test_a_second_life_starts_with_nonce_one(fork: str) -> None:
    """What it creates lands where a first creation lands, not where its former life was."""
    builder, factory, victim = with_victim(fork, constructor(b"", VICTIM), nonce=5)
    builder.send(user(0), victim, data=DIE)
    builder.send(user(1), factory, gas=ENOUGH)
    builder.send(user(2), victim, data=BEAR)
    right = assert_right(builder.block(), builder.state)
    account = right.account(victim)
    assert account is not None
    assert account.nonce == 2
    assert right.account(created_by(victim, 1)) is not None
    assert right.account(created_by(victim, 5)) is None
    assert right.again == [1, 2]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", [*DEADLY, *HARMLESS])
def test_a_factory_counts_also_what_fails(fork: str) -> None:
    builder, factory, victim = with_victim(fork, constructor(b"", VICTIM))
    for number in range(3):
        builder.send(user(number), factory, gas=ENOUGH)
    builder.send(user(3), victim, data=DIE)
    builder.send(user(4), factory, gas=ENOUGH)
    right = assert_right(builder.block(), builder.state)
    account = right.account(factory)
    assert account is not None
    assert account.nonce == 5
    assert right.slots(factory) == ({key(4): int.from_bytes(victim, "big")} if fork in DEADLY else {})
    assert right.again == [1, 2, 4]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", [*DEADLY, *HARMLESS])
def test_death_and_birth_in_one_transaction_collide(fork: str) -> None:
    """The account is deleted when the transaction ends: until then it stands in the way of its second life."""
    init = constructor(b"", VICTIM)
    builder, _, _ = with_victim(fork, init)
    birth = creates2(init)
    own = builder.contract(5, b"")
    victim = created2_by(own, init)
    builder.state.put(own, nonce=1, code=tells(victim, DIE) + asm("POP") + birth)
    builder.state.put(victim, nonce=1, code=VICTIM, storage={0: 42})
    observer = builder.contract(6, asks(victim, 0))
    builder.send(user(0), own, gas=ENOUGH)
    builder.send(user(1), observer)
    builder.send(user(2), own, gas=ENOUGH)
    builder.send(user(3), observer)
    right = assert_right(builder.block(), builder.state)
    deadly = fork in DEADLY
    assert right.slots(own) == ({key(2): int.from_bytes(victim, "big")} if deadly else {})
    assert right.slots(observer) == ({key(1): NOBODY} if deadly else {key(1): 42, key(3): 42})
    assert right.slots(victim) == ({} if deadly else {0: 42})
    assert right.again == ([1, 2, 3] if deadly else [2])
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", [*DEADLY, *HARMLESS])
def test_born_and_destroyed_in_one_transaction_then_born_again(fork: str) -> None:
    """A contract of the same transaction dies in every fork; what its constructor wrote goes with it."""
    builder = scene(fork)
    init = fragile(user(6).address)
    factory = builder.contract(1, creates2(init))
    address = created2_by(factory, init)
    observer = builder.contract(2, asks(address, 5))
    builder.send(user(0), factory, value=3, gas=ENOUGH)
    builder.send(user(1), observer)
    builder.send(user(2), factory, gas=ENOUGH)
    builder.send(user(3), observer)
    builder.send(user(4), factory, value=3, gas=ENOUGH)
    right = assert_right(builder.block(), builder.state)
    born = int.from_bytes(address, "big")
    assert right.slots(factory) == {key(0): born, key(2): born}
    assert right.slots(observer) == {key(1): NOBODY, key(3): 1}
    assert right.slots(address) == {5: 1}
    assert right.balance(user(6).address) == ETHER + 3
    assert right.balance(factory) == 3
    assert right.again == [2, 3, 4]
    assert right.statuses == {1}
    assert right.once_if_expected


@pytest.mark.parametrize("fork", [*DEADLY, *HARMLESS])
def test_born_called_to_death_and_not_born_twice(fork: str) -> None:
    """One transaction creates, kills, and fails to create again; the next one does the same from the start."""
    builder = scene(fork)
    init = constructor(b"", VICTIM)
    own = builder.contract(5, b"")
    victim = created2_by(own, init)
    kill = tells(victim, sets(0, 9)) + asm("POP") + tells(victim, DIE) + asm("POP")
    twice = creates2(init).removesuffix(asm("STOP")) + kill + creates2(init).removesuffix(asm("CALLER SSTORE STOP"))
    builder.state.put(own, nonce=1, code=twice + asm("1 ADD 0 SSTORE STOP"))
    for number in range(2):
        builder.send(user(number), own, gas=ENOUGH)
        builder.send(user(2 + number), victim, value=4)
    right = assert_right(builder.block(), builder.state)
    born = int.from_bytes(victim, "big")
    assert right.slots(own) == {key(0): born, key(1): born, 0: 1}
    account = right.account(victim)
    assert account is not None
    assert (account.balance, account.nonce, account.storage) == (4, 0, {})
    assert right.balance(own) == 4
    assert right.again == [2]
    assert right.statuses == {1}
    assert right.once_if_expected
