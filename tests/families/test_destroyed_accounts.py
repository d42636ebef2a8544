"""Family 3, continued: what becomes of a destroyed account without a second life, and of a death that is undone."""

from __future__ import annotations

import pytest

from executor.forks import fork_rules
from executor.hashing import keccak256
from scheduler.access import EMPTY_CODE_HASH
from tests.asm import asm
from tests.blocks import COINBASE, ETHER, PLAIN_PRICE, Builder, user
from tests.families.against_eels import IN_THREES, assert_right
from tests.families.contracts import created_by
from tests.families.scenes import judge, key, place, scene
from tests.families.victims import DIE, DIE_FOR_ITSELF, NOBODY, VICTIM, asks, sets, tells

FORKS = ["Homestead", "TangerineWhistle", "SpuriousDragon", "Byzantium", "London", "Shanghai", "Cancun", "Prague"]
NO_CODE = int.from_bytes(EMPTY_CODE_HASH, "big")


def deadly(fork: str) -> bool:
    return not fork_rules(fork).blobs


def with_victim(fork: str, balance: int = 30) -> tuple[Builder, bytes]:
    """Return a block and a VICTIM with slots; the coinbase is there, so that its presence changes nothing."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    return builder, builder.contract(1, VICTIM, balance=balance, storage={0: 42, 9: 7})


@pytest.mark.parametrize("fork", FORKS)
def test_ether_for_the_dead_makes_a_plain_account(fork: str) -> None:
    builder, victim = with_victim(fork)
    reader = builder.contract(2, place(victim) + asm("BALANCE CALLER SSTORE STOP"))
    builder.send(user(0), victim, data=DIE)
    builder.send(user(1), victim, value=5)
    builder.send(user(2), reader)
    builder.send(user(3), victim, value=6)
    right = assert_right(builder.block(), builder.state)
    account = right.account(victim)
    assert account is not None
    assert (account.balance, account.nonce) == (11, 0 if deadly(fork) else 1)
    assert account.storage == ({} if deadly(fork) else {0: 42, 9: 7})
    assert (account.code_hash == EMPTY_CODE_HASH) == deadly(fork)
    assert right.slots(reader) == {key(2): 5}
    assert right.again == ([1, 2, 3] if deadly(fork) else [2])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_ether_for_the_dying_burns(fork: str) -> None:
    """Paid after its SELFDESTRUCT and in the same transaction: gone when the account is deleted."""
    builder, victim = with_victim(fork)
    pay = asm("0 0 0 0 4") + place(victim) + asm("30000 CALL POP STOP")
    killer = builder.contract(2, tells(victim, DIE) + asm("POP") + pay, balance=10)
    observer = builder.contract(3, asks(victim, 0))
    builder.send(user(0), killer)
    builder.send(user(1), observer)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(killer) == 10 + 30 - 4
    assert right.balance(victim) == (0 if deadly(fork) else 4)
    assert right.slots(victim) == ({} if deadly(fork) else {0: 42, 9: 7})
    assert right.slots(observer) == {key(1): NOBODY if deadly(fork) else 42}
    assert right.again == ([1] if deadly(fork) else [])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_who_dies_for_itself_burns_what_it_has(fork: str) -> None:
    """From Cancun on nothing burns, as nobody dies."""
    builder, victim = with_victim(fork)
    builder.send(user(0), victim, value=3)
    builder.send(user(1), victim, data=DIE_FOR_ITSELF, value=2)
    builder.send(user(2), victim, value=8)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(victim) == (8 if deadly(fork) else 43)
    assert right.slots(victim) == ({} if deadly(fork) else {0: 42, 9: 7})
    assert right.again == ([1, 2] if deadly(fork) else [1])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_who_dies_where_it_was_born_burns_in_every_fork(fork: str) -> None:
    """A constructor that names itself heir: created in the same transaction, so EIP-6780 lets it die."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    address = created_by(user(0).address, 0)
    builder.send(user(1), address, value=7)
    builder.send(user(0), b"", data=asm("1 1 SSTORE ADDRESS SELFDESTRUCT"), value=3)
    builder.send(user(2), address, value=8)
    right = assert_right(builder.block(), builder.state)
    account = right.account(address)
    assert account is not None
    assert (account.balance, account.nonce, account.storage) == (8, 0, {})
    assert right.balance(user(0).address) == ETHER - 3 - right.gas(1) * PLAIN_PRICE
    assert right.again == [1]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_who_is_killed_twice_dies_once(fork: str) -> None:
    """The second killer finds no code: what it brings stays there, on an account that is new."""
    builder, victim = with_victim(fork)
    builder.send(user(0), victim, data=DIE, value=1)
    builder.send(user(1), victim, data=DIE, value=2)
    right = assert_right(builder.block(), builder.state)
    spent = [right.gas(number) * PLAIN_PRICE for number in range(2)]
    assert right.balance(user(0).address) == ETHER + 30 - spent[0]
    assert right.balance(user(1).address) == ETHER - spent[1] - (2 if deadly(fork) else 0)
    assert right.balance(victim) == (2 if deadly(fork) else 0)
    assert right.slots(victim) == ({} if deadly(fork) else {0: 42, 9: 7})
    assert right.again == [1]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_two_deaths_of_two_are_independent(fork: str) -> None:
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    victims = [builder.contract(number, VICTIM, balance=number, storage={0: 1}) for number in range(1, 7)]
    for number, victim in enumerate(victims):
        builder.send(user(number), victim, data=DIE)
    right = assert_right(builder.block(), builder.state)
    assert [right.account(victim) is None for victim in victims] == [deadly(fork)] * 6
    assert right.conflicts == 0
    assert {result.stats.executions for result in right.parallel.values()} == {6}


@pytest.mark.parametrize("fork", FORKS)
def test_one_transaction_kills_the_same_one_twice(fork: str) -> None:
    """Its code runs until the transaction ends; the refund for it is given once (until EIP-3529)."""
    builder, victim = with_victim(fork)
    once = builder.contract(2, tells(victim, DIE) + asm("POP STOP"))
    twice = builder.contract(3, tells(victim, DIE) + tells(victim, DIE) + asm("ADD 2 SSTORE STOP"))
    builder.send(user(0), twice)
    builder.send(user(1), once)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(victim) == ({} if deadly(fork) else {0: 42, 9: 7})
    assert right.slots(twice) == {2: 2}
    assert right.balance(twice) == 30
    assert right.again == [1]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
def test_a_death_that_is_taken_back_never_was(fork: str) -> None:
    builder, victim = with_victim(fork)
    failing = builder.contract(2, tells(victim, DIE) + asm("INVALID"))
    outer = builder.contract(3, asm("0 0 0 0 0") + place(failing) + asm("200000 CALL 1 ADD CALLER SSTORE STOP"))
    observer = builder.contract(4, asks(victim, 0))
    builder.send(user(0), outer)
    builder.send(user(1), observer)
    builder.send(user(2), victim, data=sets(9, 8))
    builder.send(user(3), builder.contract(5, asks(victim, 9)))
    right = assert_right(builder.block(), builder.state)
    assert right.slots(outer) == {key(0): 1}
    assert right.slots(observer) == {key(1): 42}
    assert right.slots(victim) == {0: 42, 9: 8}
    assert right.balance(victim) == 30
    assert right.again == [3]
    assert right.once_if_expected


@pytest.mark.parametrize("fork", ["Petersburg", "Istanbul", "London", "Shanghai", "Prague"])
def test_what_is_known_of_the_dead(fork: str) -> None:
    """EXTCODEHASH of a live one, of a dead one, of a dead one with a balance (EIP-1052)."""
    builder, victim = with_victim(fork)
    hashed = place(victim) + asm("EXTCODEHASH CALLER SSTORE")
    sized = place(victim) + asm("EXTCODESIZE CALLER DUP1 ADD SSTORE STOP")
    observer = builder.contract(2, hashed + sized)
    builder.send(user(0), observer)
    builder.send(user(7), victim, data=DIE)
    builder.send(user(1), observer)
    builder.send(user(6), victim, value=1)
    builder.send(user(2), observer)
    right = assert_right(builder.block(), builder.state)
    hashes, sizes = ([right.slots(observer).get(key(n) * times, 0) for n in range(3)] for times in (1, 2))
    alive = int.from_bytes(keccak256(VICTIM), "big")
    assert hashes == ([alive, 0, NO_CODE] if deadly(fork) else [alive] * 3)
    assert sizes == ([len(VICTIM), 0, 0] if deadly(fork) else [len(VICTIM)] * 3)
    assert right.again == ([2, 3, 4] if deadly(fork) else [])
    assert right.once_if_expected


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("flag", [0, 1])
def test_a_death_of_a_stale_run_does_not_count(fork: str, flag: int) -> None:
    """The victim dies unless slot 0 of its judge is set, which the transaction before changes to what it is not."""
    builder = scene(fork)
    builder.state.put(COINBASE, balance=1)
    victim = builder.contract(1, VICTIM, balance=30, storage={0: 42, 9: 7})
    decider = builder.contract(2, judge(tells(victim, DIE)), storage={0: flag})
    observer = builder.contract(3, asks(victim, 9))
    for number in (6, 7):
        builder.send(user(number), user(5).address, value=1)
    builder.send(user(0), decider, data=b"\x01")
    builder.send(user(1), decider)
    builder.send(user(2), observer)
    builder.send(user(3), victim, value=1)
    right = assert_right(builder.block(), builder.state)
    dies = bool(flag)
    assert right.slots(observer) == {key(2): NOBODY if dies and deadly(fork) else 7}
    assert right.slots(victim) == ({} if dies and deadly(fork) else {0: 42, 9: 7})
    assert right.balance(victim) == (1 if dies else 31)
    assert right.again == ([3, 4, 5] if dies and deadly(fork) else [3])
    assert right.ran_again(IN_THREES) == ([3, 4, 5] if deadly(fork) else [3])
    assert right.once_if_expected
