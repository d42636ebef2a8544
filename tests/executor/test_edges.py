"""Edges of a block: deep calls, storms of failures, ancestors' hashes, creations, empty and tiny blocks."""

from __future__ import annotations

import pytest
import rlp

from executor.block_executor import BlockExecutor
from executor.hashing import keccak256
from executor.ray_pool import RayPool
from executor.sequential import execute_sequential
from tests import eels
from tests.asm import asm, call, deployer, push
from tests.blocks import COINBASE, ETHER, Builder, user
from tests.executor.test_settling import COUNTER, NEW, storage_after
from tests.oracle import Compared, assert_same, assert_same_as_sequential, root_after

DEPTH_LIMIT = 1024


def assert_as_eels(builder: Builder) -> Compared:
    """Hold the block against EELS and against itself on every schedule."""
    block = builder.block()
    compared = assert_same_as_sequential(block, builder.state)
    expected = eels.execute_block(block, builder.state)
    assert isinstance(expected, eels.EelsResult), expected
    assert compared.sequential.gas_used == expected.gas_used
    assert root_after(builder.state, compared.sequential) == expected.state_root
    return compared


def deep_caller(builder: Builder) -> bytes:
    """Return a contract that counts in slot 0 and calls itself with almost all its gas."""
    address = bytes([0xCC]) * 18 + (9).to_bytes(2, "big")
    code = asm("0 SLOAD 1 ADD 0 SSTORE 0 0 0 0 0") + push(int.from_bytes(address, "big"))
    code += asm("30000 GAS SUB CALL POP STOP")  # what a frame needs after the call stays with it
    assert builder.contract(9, code) == address
    return address


def test_calls_reach_the_depth_limit_and_no_further() -> None:
    """Before EIP-150 all gas can be handed down: 1024 calls below the first frame."""
    builder = Builder(fork="Homestead", gas_limit=10**9)
    builder.fund(user(0), user(1), balance=ETHER * 100)
    contract = deep_caller(builder)
    builder.send(user(0), contract, gas=400_000_000)
    builder.send(user(1), contract, gas=1_000_000)
    compared = assert_as_eels(builder)
    assert storage_after(compared, contract)[0] > DEPTH_LIMIT


def test_deep_calls_run_in_ray_workers(ray_pool: RayPool) -> None:
    builder = Builder(fork="Homestead", gas_limit=10**9)
    builder.fund(user(0), balance=ETHER * 100)
    builder.send(user(0), deep_caller(builder), gas=400_000_000)
    block = builder.block()
    with BlockExecutor(strategy="optimistic", pool=ray_pool, gate=False) as executor:
        assert_same(executor.execute(block, builder.state), execute_sequential(block, builder.state), builder.state)


@pytest.mark.parametrize("fork", ["Frontier", "SpuriousDragon", "Berlin", "Cancun"])
def test_a_storm_of_failures_leaves_only_fees(fork: str) -> None:
    builder = Builder(fork=fork)
    codes = [asm("INVALID"), asm("0x5000 JUMP"), asm("POP"), asm("1 0 SSTORE INVALID"), asm("JUMPDEST 0 JUMP")]
    targets = [builder.contract(number, code) for number, code in enumerate(codes)]
    for number in range(15):
        builder.fund(user(number))
        builder.send(user(number), targets[number % 5], gas=60_000)
    compared = assert_as_eels(builder)
    assert all(receipt.gas_used == 60_000 for receipt in compared.sequential.receipts)
    assert not any(storage_after(compared, target) for target in targets)


def test_ancestors_are_known_as_far_as_they_are_recorded() -> None:
    builder = Builder()
    builder.fund(user(0))
    numbers = [1000, 999, 998, 744, 743]
    code = b"".join(push(number) + asm("BLOCKHASH") + push(number) + asm("SSTORE") for number in numbers)
    contract = builder.contract(1, code + asm("STOP"))
    builder.send(user(0), contract, gas=1_000_000)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, contract) == {999: int.from_bytes(b"\x11" * 32, "big")}


@pytest.mark.parametrize("fork", ["Frontier", "Homestead", "SpuriousDragon", "London", "Shanghai", "Cancun"])
def test_a_contract_created_in_the_block_is_used_in_the_block(fork: str) -> None:
    builder = Builder(fork=fork)
    builder.fund(*(user(number) for number in range(4)))
    address = keccak256(rlp.encode([user(0).address, b""]))[12:]
    builder.send(user(1), address, value=3)
    builder.send(user(0), b"", data=deployer(COUNTER), value=2)
    builder.send(user(2), address)
    builder.send(user(3), address)
    compared = assert_as_eels(builder)
    assert storage_after(compared, address) == {0: 2}


@pytest.mark.parametrize("fork", ["Homestead", "Byzantium", "London", "Cancun"])
def test_the_coinbase_may_be_anyone(fork: str) -> None:
    """The fee recipient sends, is called, is created at and has its balance read, all in one block."""
    builder = Builder(fork=fork, coinbase=user(0).address)
    builder.fund(*(user(number) for number in range(4)))
    reader = builder.contract(1, asm("COINBASE BALANCE CALLER SSTORE STOP"))
    payer = builder.contract(2, call(user(0).address, 7) + asm("POP STOP"), balance=100)
    for number in range(1, 4):
        builder.send(user(number), reader if number % 2 else payer)
    builder.send(user(0), NEW, value=ETHER // 2)
    builder.send(user(1), reader)
    assert_as_eels(builder)


@pytest.mark.parametrize("fork", ["Frontier", "SpuriousDragon", "London", "Cancun"])
@pytest.mark.parametrize("count", [0, 1])
def test_blocks_of_hardly_any_transaction(fork: str, count: int) -> None:
    builder = Builder(fork=fork)
    builder.fund(user(0))
    for _ in range(count):
        builder.send(user(0), NEW, value=1)
    compared = assert_as_eels(builder)
    assert len(compared.sequential.receipts) == count
    rewarded = compared.sequential.state_diff.accounts.get(COINBASE)
    assert (rewarded is not None) == (count > 0 or fork != "Cancun")


def test_one_sender_is_no_chain() -> None:
    """Nonces and balance of one sender make no edges: every schedule runs each transaction once."""
    builder = Builder()
    builder.fund(user(0))
    for number in range(20):
        builder.send(user(0), bytes([0xDD]) * 19 + bytes([number]), value=1)
    compared = assert_as_eels(builder)
    assert {result.stats.executions for result in compared.parallel.values()} == {20}


def test_one_chain_runs_once_with_exact_lists() -> None:
    builder = Builder()
    counter = builder.contract(1, COUNTER)
    for number in range(20):
        builder.fund(user(number))
        builder.send(user(number), counter)
    compared = assert_as_eels(builder)
    assert compared.executions("graph", "exact") == [20, 20]
    assert compared.executions("waves", "exact") == [20]


@pytest.mark.parametrize("fork", ["SpuriousDragon", "Istanbul", "London"])
def test_empty_accounts_of_the_pre_state_go_when_touched(fork: str) -> None:
    """A complete state may hold accounts that EIP-161 would have removed; a touch removes them.

    From Paris on no such account is left (EIP-7523), and EELS no longer looks for them.
    """
    builder = Builder(fork=fork)
    builder.fund(user(0), user(1))
    builder.state.put(NEW)
    builder.state.put(bytes.fromhex("ef" * 20))
    toucher = builder.contract(1, call(NEW) + asm("POP STOP"))
    builder.send(user(0), toucher)
    builder.send(user(1), NEW, value=0)
    compared = assert_as_eels(builder)
    assert compared.sequential.state_diff.accounts[NEW].deleted
