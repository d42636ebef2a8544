"""EIP-7610: storage alone keeps a contract from being created at an address; a destroyed account's does not."""

from __future__ import annotations

import pytest
import rlp

from executor.hashing import keccak256
from tests import eels
from tests.asm import asm, deployer
from tests.blocks import Builder, user
from tests.oracle import Compared, assert_same_as_sequential, root_after

FORKS = ("Homestead", "Petersburg", "Shanghai", "Cancun")


def created_address(creator: bytes, nonce: int) -> bytes:
    """Return where `creator` creates with this nonce."""
    return keccak256(rlp.encode([creator, nonce]))[12:]


def assert_as_eels(builder: Builder) -> Compared:
    block = builder.block()
    expected = eels.execute_block(block, builder.state)
    assert isinstance(expected, eels.EelsResult), expected
    compared = assert_same_as_sequential(block, builder.state)
    assert [receipt.status for receipt in compared.sequential.receipts] == [one.status for one in expected.receipts]
    assert compared.sequential.gas_used == expected.gas_used
    assert root_after(builder.state, compared.sequential) == expected.state_root
    return compared


@pytest.mark.parametrize("fork", FORKS)
@pytest.mark.parametrize("value", [0, 1])
def test_storage_alone_refuses_a_creation_transaction(fork: str, value: int) -> None:
    builder = Builder(fork=fork)
    builder.fund(user(0), user(1))
    occupied = created_address(user(0).address, 0)
    builder.state.put(occupied, balance=1, storage={0: value})
    builder.send(user(0), b"", data=deployer(asm("STOP")))
    builder.send(user(1), occupied, value=5)
    compared = assert_as_eels(builder)
    gas = compared.sequential.receipts[0].gas_used
    assert (gas == 500_000) == bool(value), "a zero slot is no storage"


@pytest.mark.parametrize("fork", FORKS[1:3])
def test_storage_alone_refuses_create_and_create2(fork: str) -> None:
    builder = Builder(fork=fork)
    builder.fund(user(0))
    factory = builder.contract(1, asm("0 0 0 CREATE 0 SSTORE 7 0 0 0 CREATE2 1 SSTORE"))
    salted = keccak256(b"\xff" + factory + (7).to_bytes(32, "big") + keccak256(b""))[12:]
    for place in (created_address(factory, 1), salted):
        builder.state.put(place, balance=1, storage={3: 4})
    builder.send(user(0), factory, gas=29_000_000)  # each refusal burns 63 of 64 parts
    compared = assert_as_eels(builder)
    assert compared.sequential.state_diff.accounts[factory].storage == {}, "both leave a zero"
    assert compared.sequential.state_diff.accounts[factory].nonce == 3


@pytest.mark.parametrize("fork", FORKS[1:3])
def test_the_storage_of_a_destroyed_contract_refuses_nothing(fork: str) -> None:
    """The account had nonce and code before the block, so its storage went with it."""
    builder = Builder(fork=fork)
    builder.fund(user(0), user(1))
    factory = builder.contract(1, asm("7 0 0 0 CREATE2 1 SSTORE"))
    victim = keccak256(b"\xff" + factory + (7).to_bytes(32, "big") + keccak256(b""))[12:]
    builder.state.put(victim, nonce=1, code=asm("0 SELFDESTRUCT"), storage={3: 4})
    builder.send(user(0), victim)
    builder.send(user(1), factory)
    compared = assert_as_eels(builder)
    assert compared.sequential.state_diff.accounts[factory].storage == {1: int.from_bytes(victim, "big")}
