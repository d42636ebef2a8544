"""Family 4: code written in the block, then seen, called, missed or come upon (EIP-7702 has a file of its own).

A run that comes too early sees the address as it was before: without code. Every test asks for the result that
EELS gives, and for how often transactions ran.
"""

from __future__ import annotations

import pytest

from executor.hashing import keccak256
from scheduler.access import EMPTY_CODE_HASH
from tests.asm import asm, deployer
from tests.blocks import user
from tests.executor.test_settling import COUNTER
from tests.families.against_eels import assert_right
from tests.families.contracts import (
    CALLED,
    HASH,
    PROXY,
    SETTING,
    code_after,
    configured,
    create2_code,
    create_code,
    created_by,
    deployment,
    in_memory,
    observer,
    seen,
    stores,
    unless_set,
)
from tests.families.scenes import scene

NO_CODE = int.from_bytes(EMPTY_CODE_HASH, "big")
WAYS = [
    (way, fork) for way in ("transaction", "CREATE", "CREATE2") for fork in ("Petersburg", "London", "Cancun", "Prague")
]


@pytest.mark.parametrize(("way", "fork"), WAYS)
def test_created_code_is_seen_and_called_by_those_after_it_only(way: str, fork: str) -> None:
    builder = scene(fork)
    to, data, address = deployment(builder, way, deployer(COUNTER))
    before, after = (observer(builder, number, address) for number in (1, 2))
    builder.send(user(1), before)
    builder.send(user(0), to, data=data)
    builder.send(user(2), after)
    builder.send(user(3), address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(before) == {CALLED: 2}
    assert right.slots(after) == seen(COUNTER)
    assert right.slots(address) == {0: 2}
    assert right.once_if_expected
    assert right.again == [2, 3]


@pytest.mark.parametrize("way", ["transaction", "CREATE", "CREATE2"])
def test_an_address_with_a_balance_has_the_hash_of_no_code_before(way: str) -> None:
    """EXTCODEHASH tells an account without code from no account (EIP-1052)."""
    builder = scene("Cancun")
    to, data, address = deployment(builder, way, deployer(COUNTER))
    observers = [observer(builder, number, address) for number in range(3)]
    builder.send(user(1), observers[0])
    builder.send(user(2), address, value=7)
    builder.send(user(3), observers[1])
    builder.send(user(0), to, data=data)
    builder.send(user(4), observers[2])
    right = assert_right(builder.block(), builder.state)
    assert right.slots(observers[0]) == {CALLED: 2}
    assert right.slots(observers[1]) == {HASH: NO_CODE, CALLED: 2}
    assert right.slots(observers[2]) == seen(COUNTER)
    assert right.balance(address) == 7
    assert right.once_if_expected
    assert right.again == [2, 4]


@pytest.mark.parametrize("way", ["transaction", "CREATE", "CREATE2"])
def test_a_contract_without_code_exists(way: str) -> None:
    """The new account has a nonce and nothing else: what an observer sees is the hash of no code."""
    builder = scene("Cancun")
    to, data, address = deployment(builder, way, asm("STOP"))
    before, after = (observer(builder, number, address) for number in (1, 2))
    builder.send(user(1), before)
    builder.send(user(0), to, data=data)
    builder.send(user(2), after)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(before) == {CALLED: 2}
    assert right.slots(after) == {HASH: NO_CODE, CALLED: 2}
    assert right.again == [2]


def test_a_factory_creates_at_addresses_in_block_order() -> None:
    """The factory's nonce names the address: the callers' results follow from who came before them."""
    builder = scene("Cancun")
    factory = builder.contract(1, create_code(deployer(COUNTER)) + asm("CALLER SSTORE STOP"))
    created = [created_by(factory, nonce) for nonce in (1, 2, 3)]
    for number in range(3):
        builder.send(user(number), factory)
        builder.send(user(3 + number), created[number])
        builder.send(user(6), created[0])
    right = assert_right(builder.block(), builder.state)
    noted = {int.from_bytes(user(n).address, "big"): int.from_bytes(created[n], "big") for n in range(3)}
    assert right.slots(factory) == noted
    assert [right.slots(address) for address in created] == [{0: 4}, {0: 1}, {0: 1}]
    assert right.once_if_expected


@pytest.mark.parametrize("way", ["transaction", "CREATE"])
def test_what_is_deployed_depends_on_an_earlier_transaction(way: str) -> None:
    """Deployed too early the contract has other code: whoever has called that one runs again."""
    builder = scene("Cancun")
    setting = builder.contract(1, SETTING, storage={0: 5})
    to, data, address = deployment(builder, way, configured(setting))
    after = observer(builder, 2, address)
    builder.send(user(1), setting, data=bytes(10))
    builder.send(user(0), to, data=data)
    builder.send(user(2), address)
    builder.send(user(3), after)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(address) == {0: 9}
    assert right.slots(after) == seen(stores(9))
    assert right.once_if_expected
    assert right.again == [1, 2, 3]


@pytest.mark.parametrize("way", ["transaction", "CREATE", "CREATE2"])
@pytest.mark.parametrize(("at_first", "then"), [(0, 1), (1, 0)])
def test_whether_anything_is_deployed_depends_on_an_earlier_transaction(way: str, at_first: int, then: int) -> None:
    builder = scene("Cancun")
    setting = builder.contract(1, SETTING, storage={0: at_first})
    to, data, address = deployment(builder, way, unless_set(setting, COUNTER))
    after = observer(builder, 2, address)
    builder.send(user(1), setting, data=bytes(1 + then))
    builder.send(user(0), to, data=data)
    builder.send(user(2), after)
    builder.send(user(3), address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(after) == ({CALLED: 2} if then else seen(COUNTER))
    assert right.slots(address) == ({} if then else {0: 2})
    assert right.once_if_expected
    assert right.again == ([1] if then else [1, 2, 3])


@pytest.mark.parametrize("fork", ["Petersburg", "London", "Cancun"])
def test_the_second_at_an_address_collides(fork: str) -> None:
    """Both run the same CREATE2; on the pre-state both succeed, in the block only the first does (EIP-684)."""
    builder = scene(fork)
    factory = builder.contract(1, create2_code(deployer(COUNTER)) + asm("1 ADD CALLER SSTORE STOP"))
    for number in range(2):
        builder.send(user(number), factory, gas=3_000_000)  # a collision burns all but a 64th
    right = assert_right(builder.block(), builder.state)
    address = keccak256(b"\xff" + factory + bytes(32) + keccak256(deployer(COUNTER)))[12:]
    noted = [right.slots(factory)[int.from_bytes(user(n).address, "big")] for n in range(2)]
    assert noted == [int.from_bytes(address, "big") + 1, 1]
    assert right.once_if_expected
    assert right.again == [1]


@pytest.mark.parametrize("fork", ["Shanghai", "Cancun"])
@pytest.mark.parametrize("way", ["transaction", "CREATE", "CREATE2"])
def test_code_destroyed_in_the_transaction_that_creates_it_was_never_there(way: str, fork: str) -> None:
    builder = scene(fork)
    to, data, address = deployment(builder, way, asm("CALLER SELFDESTRUCT"))
    after = observer(builder, 1, address)
    builder.send(user(0), to, data=data)
    builder.send(user(1), after)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(after) == {CALLED: 2}
    assert address not in right.sequential.state_diff.accounts


@pytest.mark.parametrize(("fork", "stays"), [("Shanghai", False), ("Cancun", True)])
def test_code_destroyed_in_a_later_transaction(fork: str, *, stays: bool) -> None:
    """Before EIP-6780 the code is gone for those behind the destruction, from it on it stays."""
    builder = scene(fork)
    mortal = asm("CALLVALUE ISZERO 0x0a JUMPI CALLER SELFDESTRUCT STOP").ljust(0x0A, b"\x00") + asm("JUMPDEST STOP")
    to, data, address = deployment(builder, "CREATE", deployer(mortal))
    observers = [observer(builder, number, address) for number in range(2)]
    builder.send(user(0), to, data=data)
    builder.send(user(1), observers[0])
    builder.send(user(2), address, value=1)
    builder.send(user(3), observers[1])
    right = assert_right(builder.block(), builder.state)
    assert right.slots(observers[0]) == seen(mortal)
    assert right.slots(observers[1]) == (seen(mortal) if stays else {CALLED: 2})
    assert right.once_if_expected
    assert right.again == ([1, 2, 3] if stays else [1, 2])


def test_a_proxy_runs_what_was_deployed_and_named_in_the_block() -> None:
    builder = scene("Cancun")
    proxy = builder.contract(1, PROXY)
    first, second = (created_by(user(number).address, 0) for number in (0, 1))
    builder.send(user(2), proxy)  # slot 0 names nobody yet
    builder.send(user(0), b"", data=deployer(asm("1 SLOAD 1 ADD 1 SSTORE STOP")))
    builder.send(user(3), proxy, data=first.rjust(32, b"\x00"))
    builder.send(user(4), proxy)
    builder.send(user(1), b"", data=deployer(asm("1 SLOAD 10 ADD 1 SSTORE STOP")))
    builder.send(user(5), proxy, data=second.rjust(32, b"\x00"))
    builder.send(user(6), proxy)
    builder.send(user(7), proxy)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(proxy) == {0: int.from_bytes(second, "big"), 1: 21}
    assert right.once_if_expected
    assert right.again == [3, 5, 6, 7]


def test_a_contract_copies_code_deployed_in_the_block() -> None:
    """A factory that clones: its init code is EXTCODECOPY of what an earlier transaction deployed."""
    builder = scene("Cancun")
    original = created_by(user(0).address, 0)
    place = int.from_bytes(original, "big")
    size = len(COUNTER)
    clone = in_memory(asm(f"{size} 0 0 0x{place:x} EXTCODECOPY {size} 0 RETURN"))
    init_size = len(asm(f"{size} 0 0 0x{place:x} EXTCODECOPY {size} 0 RETURN"))
    factory = builder.contract(1, clone + asm(f"{init_size} 0 0 CREATE 0 SSTORE STOP"))
    builder.send(user(0), b"", data=deployer(COUNTER))
    builder.send(user(1), factory)
    builder.send(user(2), created_by(factory, 1))
    right = assert_right(builder.block(), builder.state)
    assert code_after(right, created_by(factory, 1)) == COUNTER
    assert right.slots(created_by(factory, 1)) == {0: 1}
    assert right.once_if_expected
    assert right.again == [1, 2]
