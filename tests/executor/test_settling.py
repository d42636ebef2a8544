"""Values that change under a running transaction: every kind of read must be found stale and run again."""

from __future__ import annotations

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import InvalidTransaction
from executor.evm.validity import InsufficientBalanceError, NonceMismatchError
from executor.hashing import keccak256
from executor.pool import InlinePool
from scheduler.access import STORAGE
from tests.asm import asm, call, deployer, push
from tests.blocks import BASE_FEE, COINBASE, ETHER, PLAIN_PRICE, Builder, user
from tests.oracle import Compared, assert_rejected, assert_same_as_sequential

COUNTER = asm("0 SLOAD 1 ADD 0 SSTORE STOP")
NEW = bytes.fromhex("ee" * 20)


def storage_after(compared: Compared, address: bytes) -> dict[int, int]:
    change = compared.sequential.state_diff.accounts.get(address)
    return {} if change is None else change.storage


def test_a_counter_counts_every_caller_once() -> None:
    builder = Builder()
    users = [user(n) for n in range(12)]
    builder.fund(*users)
    counter = builder.contract(1, COUNTER)
    for one in users:
        builder.send(one, counter)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, counter) == {0: 12}
    assert compared.executions("graph", "exact") == [12, 12]
    assert compared.conflicts > 0


def test_independent_callers_run_once_whatever_is_expected() -> None:
    builder = Builder()
    for n in range(12):
        builder.fund(user(n))
        builder.send(user(n), builder.contract(n, COUNTER))
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert {result.stats.executions for result in compared.parallel.values()} == {12}
    assert compared.conflicts == 0


def test_a_second_run_leaves_nothing_of_the_first() -> None:
    """The middle one writes slot 10 on the pre-state, slot 15 in truth; the last one must not see slot 10."""
    builder = Builder()
    builder.fund(user(0), user(1), user(2))
    # one contract, three behaviours by the size of the calldata: store it, write where slot 0 points, read 10
    code = asm("CALLDATASIZE 5 EQ 0x40 JUMPI CALLDATASIZE 1 EQ 0x50 JUMPI 10 SLOAD 100 ADD 50 SSTORE STOP")
    code = code.ljust(0x40, b"\x00") + asm("JUMPDEST 5 0 SSTORE STOP")
    code = code.ljust(0x50, b"\x00") + asm("JUMPDEST 1 0 SLOAD 10 ADD SSTORE STOP")
    contract = builder.contract(2, code)
    builder.send(user(0), contract, data=bytes(5))
    builder.send(user(1), contract, data=bytes(1))
    builder.send(user(2), contract)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, contract) == {0: 5, 15: 1, 50: 100}


def test_a_callee_that_comes_to_exist_changes_the_price_of_a_call() -> None:
    """Nobody reads the new account's balance: only that it exists has changed (EIP-161)."""
    builder = Builder()
    builder.fund(user(0), user(1))
    payer = builder.contract(1, call(NEW, 1) + asm("POP STOP"), balance=ETHER)
    builder.send(user(0), NEW, value=1)
    builder.send(user(1), payer)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert compared.conflicts > 0
    assert compared.executions("graph", "exact") == [2, 2]


@pytest.mark.parametrize("fork", ["Homestead", "TangerineWhistle", "SpuriousDragon", "Berlin", "Prague"])
def test_existence_is_decided_by_the_rules_of_the_fork(fork: str) -> None:
    """A call without value brings an account into being before EIP-161, and does not after it."""
    builder = Builder(fork=fork)
    builder.fund(*(user(n) for n in range(3)))
    toucher = builder.contract(1, call(NEW, 0, gas=10_000) + asm("POP STOP"))
    payer = builder.contract(2, call(NEW, 1, gas=10_000) + asm("POP STOP"), balance=ETHER)
    if fork == "Prague":
        add_request_contracts(builder)
    for number, target in enumerate((toucher, payer, toucher)):
        builder.send(user(number), target, price=PLAIN_PRICE)
    assert_same_as_sequential(builder.block(), builder.state)


def add_request_contracts(builder: Builder) -> None:
    """Put request contracts without requests where Prague demands contracts (EIP-7002, 7251)."""
    for address in ("00000961ef480eb55e80d19ad83579a64c007002", "0000bbddc7ce488642fb579f8b00f3a590007251"):
        builder.state.put(bytes.fromhex(address), nonce=1, code=asm("STOP"))


def test_a_contract_cannot_pay_the_same_wei_twice() -> None:
    """The second payment's funds test holds on the pre-state: only the bound it left tells that it fails."""
    builder = Builder()
    builder.fund(user(0), user(1))
    builder.state.put(NEW, balance=1)  # there already, so that its existence does not change
    purse = builder.contract(1, call(NEW, 10) + asm("1 ADD CALLER SSTORE STOP"), balance=10)
    builder.send(user(0), purse)
    builder.send(user(1), purse)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert sorted(storage_after(compared, purse).values()) == [1, 2]
    assert compared.conflicts > 0


def test_reads_of_a_reverted_frame_are_reads() -> None:
    """The inner call reverts on what it reads; the outer one only notes that it did."""
    builder = Builder()
    builder.fund(user(0), user(1))
    code = asm("CALLDATASIZE 0x20 JUMPI 0 SLOAD 0x30 JUMPI STOP").ljust(0x20, b"\x00")
    code = (code + asm("JUMPDEST 0 0 SSTORE STOP")).ljust(0x30, b"\x00") + asm("JUMPDEST 0 0 REVERT")
    inner = builder.contract(1, code, storage={0: 1})
    outer = builder.contract(2, call(inner) + asm("1 ADD 7 SSTORE STOP"))
    builder.send(user(0), inner, data=b"\x01")
    builder.send(user(1), outer)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, outer) == {7: 2}
    reads = compared.sequential.transactions[1].reads
    assert (inner, STORAGE, 0) in reads
    assert compared.conflicts > 0


def test_credits_add_up_and_are_seen_by_who_reads_the_balance() -> None:
    builder = Builder()
    senders = [user(n) for n in range(8)]
    builder.fund(*senders)
    reader = builder.contract(1, push(int.from_bytes(NEW, "big")) + asm("BALANCE 0 SSTORE STOP"))
    for number, sender in enumerate(senders[:7]):
        builder.send(sender, NEW, value=10**number)
    builder.send(senders[7], reader)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, reader) == {0: 1111111}
    assert compared.sequential.state_diff.accounts[NEW].balance == 1111111
    assert compared.executions("graph", "exact") == [8, 8]


def test_the_fee_makes_no_edge_until_the_coinbase_is_looked_at() -> None:
    builder = Builder()
    senders = [user(n) for n in range(10)]
    builder.fund(*senders)
    reader = builder.contract(1, asm("COINBASE BALANCE CALLER SSTORE STOP"))
    for number, sender in enumerate(senders):
        builder.send(sender, reader if number in {4, 9} else NEW, value=0 if number in {4, 9} else 1)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    tips = [21_000 * (PLAIN_PRICE - BASE_FEE) * 4]
    assert storage_after(compared, reader)[int.from_bytes(senders[4].address, "big")] == tips[0]
    assert COINBASE in compared.sequential.state_diff.accounts


VICTIM = asm("CALLDATASIZE 0x10 JUMPI 0 SLOAD 1 ADD 1 SSTORE STOP").ljust(0x10, b"\x00") + asm(
    "JUMPDEST CALLER SELFDESTRUCT"
)


def recreation(fork: str) -> tuple[Builder, bytes]:
    """Return a block that destroys a contract with slots, creates it again and asks for the old slot."""
    builder = Builder(fork=fork)
    builder.fund(*(user(n) for n in range(4)))
    init = deployer(VICTIM)
    words = [init[i : i + 32] for i in range(0, len(init), 32)]
    code = b"".join(
        push(int.from_bytes(w.ljust(32, b"\x00"), "big")) + push(32 * i) + asm("MSTORE") for i, w in enumerate(words)
    )
    factory = builder.contract(1, code + asm(f"0 {len(init)} 0 0 CREATE2 0 SSTORE STOP"))
    address = keccak256(b"\xff" + factory + bytes(32) + keccak256(init))[12:]
    builder.state.put(address, balance=5, nonce=1, code=VICTIM, storage={0: 42, 1: 7, 2: 9})
    builder.send(user(0), address)
    builder.send(user(1), address, data=b"\x01")
    builder.send(user(2), factory)
    builder.send(user(3), address)
    return builder, address


@pytest.mark.parametrize(("fork", "expected"), [("Istanbul", {1: 1}), ("Shanghai", {1: 1}), ("Cancun", {1: 43})])
def test_old_slots_are_gone_after_destruction_and_recreation(fork: str, expected: dict[int, int]) -> None:
    """Before Cancun the second life starts with empty storage; from EIP-6780 on there is no death."""
    builder, address = recreation(fork)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    change = compared.sequential.state_diff.accounts[address]
    assert change.storage == expected
    assert change.cleared == (fork != "Cancun")
    assert compared.conflicts > 0


def test_a_sender_funded_earlier_in_the_block_is_valid() -> None:
    builder = Builder()
    builder.fund(user(0))
    builder.send(user(0), user(1).address, value=ETHER // 2)
    builder.send(user(1), NEW, value=ETHER // 4)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert compared.executions("graph", "exact") == [2, 2]


@pytest.mark.parametrize("gap", [0, 2, 5])
def test_a_nonce_gap_ends_in_rejection(gap: int) -> None:
    builder = Builder()
    builder.fund(user(0), user(1))
    builder.send(user(0), NEW, value=1)
    builder.send(user(1), NEW, value=1)
    builder.send(user(0), NEW, value=1, nonce=gap)
    assert_rejected(builder.block(), builder.state, NonceMismatchError, 2)


def test_an_unfunded_sender_ends_in_rejection() -> None:
    builder = Builder()
    builder.fund(user(0))
    builder.send(user(0), NEW, value=1)
    builder.send(user(1), NEW, value=1)
    assert_rejected(builder.block(), builder.state, InsufficientBalanceError, 1)


def test_a_sender_drained_earlier_in_the_block_ends_in_rejection() -> None:
    builder = Builder()
    builder.fund(user(0))
    builder.send(user(0), user(1).address, value=ETHER - 10**7)
    builder.send(user(0), NEW, value=ETHER // 2)
    assert_rejected(builder.block(), builder.state, InsufficientBalanceError, 1)


def test_the_first_invalid_transaction_is_named_not_the_first_found() -> None:
    builder = Builder()
    builder.fund(user(0), user(1))
    builder.send(user(0), NEW, nonce=0)
    builder.send(user(1), NEW, nonce=3)
    builder.send(user(2), NEW)
    assert_rejected(builder.block(), builder.state, InvalidTransaction, 1)


def test_a_sequential_executor_has_no_use_for_a_pool() -> None:
    builder = Builder()
    builder.fund(user(0))
    builder.send(user(0), user(1).address, value=1)
    with BlockExecutor(strategy="sequential", pool=InlinePool(2)) as executor:
        assert executor.execute(builder.block(), builder.state).stats.executions == 1
