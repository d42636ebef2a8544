"""Family 5: transactions of one sender, tied by nonce and balance, and senders whose funds the block moves.

Nonces are assumed and balances are bounds, so neither makes an edge as long as it holds: exact lists run every
transaction once, and a chain of one sender is no chain. What does not hold is found out at settling.
"""

from __future__ import annotations

import pytest

from executor.evm.validity import InsufficientBalanceError, NonceMismatchError
from executor.types import Withdrawal
from tests.asm import asm, call, push
from tests.blocks import BASE_FEE, ETHER, PLAIN_PRICE, Builder, user
from tests.executor.test_settling import COUNTER
from tests.families.against_eels import Right, assert_right
from tests.families.rejected import assert_rejected_as_eels
from tests.families.scenes import NEW, scene
from tests.signing import Key, Tx, authorize, sign

COST = 21_000 * PLAIN_PRICE
"""Wei that a transfer costs besides its value."""
TIP = 21_000 * (PLAIN_PRICE - BASE_FEE)
"""Wei that a transfer leaves to the coinbase."""
POOR = user(20)


def transfer(builder: Builder, sender: Key, to: bytes, value: int = 1, nonce: int | None = None) -> None:
    """Add a transfer that costs COST and its value, no wei more."""
    builder.send(sender, to, value=value, gas=21_000, nonce=nonce)


def nonce_after(right: Right, key: Key) -> int:
    account = right.account(key.address)
    return 0 if account is None else account.nonce


# -- nonces -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fork", ["Byzantium", "Berlin", "Cancun", "Prague"])
def test_a_chain_of_nonces_is_no_chain(fork: str) -> None:
    builder = scene(fork, users=1)
    for number in range(14):
        transfer(builder, user(0), bytes([0xDD]) * 19 + bytes([number]))
    right = assert_right(builder.block(), builder.state)
    assert nonce_after(right, user(0)) == 14
    assert {result.stats.executions for result in right.parallel.values()} == {14}
    assert right.conflicts == 0


def test_chains_of_several_senders_interleaved() -> None:
    """Each calls the same counter in turn: the counter is the chain, the nonces are not."""
    builder = scene("Cancun", users=3)
    counter = builder.contract(1, COUNTER)
    for number in range(12):
        builder.send(user(number % 3), counter if number % 2 else NEW, value=0 if number % 2 else 1)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(counter) == {0: 6}
    assert [nonce_after(right, user(number)) for number in range(3)] == [4, 4, 4]
    assert right.once_if_expected


def test_a_failing_transaction_takes_its_nonce() -> None:
    builder = scene("Cancun", users=1)
    failing = builder.contract(1, asm("INVALID"))
    for number in range(10):
        builder.send(user(0), failing if number % 3 else NEW, gas=40_000)
    right = assert_right(builder.block(), builder.state)
    assert [receipt.status for receipt in right.sequential.receipts] == [1, 0, 0] * 3 + [1]
    assert nonce_after(right, user(0)) == 10
    assert right.once_if_expected
    assert right.conflicts == 0


@pytest.mark.parametrize("place", [0, 3, 9])
@pytest.mark.parametrize("shift", [-1, 1, 5])
def test_one_wrong_nonce_in_a_chain(place: int, shift: int) -> None:
    """A gap or a nonce used before, at the beginning, in the middle, at the end of ten."""
    builder = scene("Cancun", users=2)
    builder.state.put(user(0).address, balance=ETHER, nonce=7)
    for number in range(10):
        transfer(builder, user(0), NEW, nonce=7 + number + (shift if number >= place else 0))
        transfer(builder, user(1), NEW)
    assert_rejected_as_eels(builder.block(), builder.state, NonceMismatchError, 2 * place)


@pytest.mark.parametrize("nonces", [(1, 0), (0, 0), (0, 2, 1), (0, 1, 1, 2)])
def test_nonces_out_of_order_or_twice(nonces: tuple[int, ...]) -> None:
    builder = scene("Cancun", users=1)
    for nonce in nonces:
        transfer(builder, user(0), NEW, nonce=nonce)
    wrong = next(index for index, nonce in enumerate(nonces) if index != nonce)
    assert_rejected_as_eels(builder.block(), builder.state, NonceMismatchError, wrong)


def test_the_nonces_that_follow_an_invalid_one_do_not_matter() -> None:
    """The chain goes on as if nothing had been: it is the first that does not fit that is named."""
    builder = scene("Cancun", users=2)
    for nonce in (0, 1, 5, 6, 7, 8):
        transfer(builder, user(0), NEW, nonce=nonce)
    for nonce in (0, 9, 10):
        transfer(builder, user(1), NEW, nonce=nonce)
    assert_rejected_as_eels(builder.block(), builder.state, NonceMismatchError, 2)


def test_a_delegate_that_creates_takes_the_nonce_of_a_sender() -> None:
    """The sender's own nonce is moved by somebody else's call, without any authorization in the block."""
    builder = scene("Prague", users=3)
    creator = builder.contract(1, asm("0 0 0 CREATE POP STOP"))
    builder.set_code(user(1), NEW, authorize(user(0), creator))
    builder.send(user(2), user(0).address)
    transfer(builder, user(0), NEW, nonce=1)
    assert_rejected_as_eels(builder.block(), builder.state, NonceMismatchError, 2)


# -- funded in the block ----------------------------------------------------------------------------------


def test_a_sender_funded_by_a_transfer_before() -> None:
    builder = scene("Cancun")
    transfer(builder, user(1), NEW)
    transfer(builder, user(0), POOR.address, value=3 * COST + 6)
    for value in (1, 2, 3):
        transfer(builder, POOR, NEW, value=value)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == 0
    assert right.once_if_expected
    assert right.again == [2, 3, 4]


def test_a_sender_funded_by_a_transfer_after_it_is_not_funded() -> None:
    builder = scene("Cancun")
    transfer(builder, POOR, NEW)
    transfer(builder, user(0), POOR.address, value=ETHER // 2)
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 0)


def test_a_long_line_in_which_each_funds_the_next() -> None:
    """Twelve senders, of whom the pre-state knows one: on it eleven are invalid, in the block none is."""
    builder = scene("Cancun", users=0)
    line = [user(100 + number) for number in range(12)]
    builder.fund(line[0], balance=12 * COST + 1)
    for number, payer in enumerate(line):
        payee = line[number + 1].address if number < 11 else NEW
        transfer(builder, payer, payee, value=(11 - number) * COST + 1)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(NEW) == 1
    assert right.once_if_expected
    assert right.conflicts > 0


@pytest.mark.parametrize("way", ["CALL", "SELFDESTRUCT"])
def test_a_sender_funded_by_a_contracts_internal_call(way: str) -> None:
    builder = scene("Cancun")
    needed = COST + 5
    ending = call(POOR.address, needed) + asm("POP STOP")
    if way == "SELFDESTRUCT":
        ending = push(int.from_bytes(POOR.address, "big")) + asm("SELFDESTRUCT")
    purse = builder.contract(1, ending, balance=needed)
    builder.send(user(0), purse)
    transfer(builder, POOR, NEW, value=5)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == 0
    assert right.once_if_expected
    assert right.again == [1]


def test_a_sender_funded_by_a_call_that_reverts_is_not_funded() -> None:
    builder = scene("Cancun")
    purse = builder.contract(1, call(POOR.address, ETHER) + asm("POP 0 0 REVERT"), balance=2 * ETHER)
    builder.send(user(0), purse)
    transfer(builder, POOR, NEW)
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 1)


@pytest.mark.parametrize("short", [0, 1])
def test_the_coinbase_sends_what_it_has_earned_in_the_block(short: int) -> None:
    """Its funds are the tips of five transfers, to the wei; a wei less and the block is invalid."""
    builder = scene("Cancun", users=5)
    builder.coinbase = POOR.address
    for number in range(5):
        transfer(builder, user(number), NEW)
    transfer(builder, POOR, NEW, value=5 * TIP - COST + short)
    if short:
        assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 5)
        return
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == TIP  # of its own transfer
    assert right.once_if_expected
    assert right.again == [5]


def test_a_sender_funded_by_the_coinbase_out_of_its_tips() -> None:
    builder = scene("Cancun", users=5)
    key = user(21)
    builder.coinbase = key.address
    for number in range(5):
        transfer(builder, user(number), NEW)
    builder.send(key, POOR.address, value=5 * TIP - 21_000 * BASE_FEE, gas=21_000, price=BASE_FEE)
    builder.send(POOR, NEW, value=1, gas=21_000, price=BASE_FEE)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == 5 * TIP - 2 * 21_000 * BASE_FEE - 1
    assert right.once_if_expected
    assert right.again == [5, 6]


def test_withdrawals_come_too_late() -> None:
    builder = scene("Cancun", users=1)
    builder.withdrawals = (Withdrawal(0, 0, POOR.address, 10**9),)
    transfer(builder, user(0), NEW)
    transfer(builder, POOR, NEW)
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 1)


def test_the_block_reward_comes_too_late() -> None:
    builder = scene("London", users=1)
    transfer(builder, user(0), NEW)
    transfer(builder, Key(0xC0), NEW)
    builder.coinbase = Key(0xC0).address
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 1)


# -- drained in the block ---------------------------------------------------------------------------------


@pytest.mark.parametrize("short", [0, 1])
def test_own_transfers_use_up_the_balance(short: int) -> None:
    """Each alone is covered by the pre-state; all ten are covered to the wei, or not."""
    builder = scene("Cancun", users=1)
    builder.fund(POOR, balance=10 * (COST + 1) - short)
    for number in range(10):
        transfer(builder, POOR, bytes([0xDD]) * 19 + bytes([number]))
        transfer(builder, user(0), NEW)
    if short:
        assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 18)
        return
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == 0
    assert {result.stats.executions for result in right.parallel.values()} == {20}


@pytest.mark.parametrize("gas_used", [21_000, 50_000])
def test_the_gas_given_back_is_there_for_the_next(gas_used: int) -> None:
    """The first reserves 50 000 gas; whether the second is covered hangs on what the first really used."""
    builder = scene("Cancun", users=1)
    builder.fund(POOR, balance=50_000 * PLAIN_PRICE + 1)
    target = NEW if gas_used == 21_000 else builder.contract(1, asm("INVALID"))
    builder.send(POOR, target, gas=50_000)
    transfer(builder, POOR, NEW)
    if gas_used == 50_000:
        assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 1)
        return
    right = assert_right(builder.block(), builder.state)
    assert [receipt.gas_used for receipt in right.sequential.receipts] == [21_000, 21_000]
    assert right.once_if_expected
    assert right.again == []


def test_drained_and_funded_again() -> None:
    builder = scene("Cancun")
    builder.fund(POOR, balance=2 * COST)
    transfer(builder, POOR, NEW, value=COST)
    transfer(builder, user(0), POOR.address, value=COST + 1)
    transfer(builder, POOR, NEW, value=1)
    transfer(builder, user(1), POOR.address, value=COST + 1)
    transfer(builder, POOR, NEW, value=1)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(POOR.address) == 0
    assert right.once_if_expected
    assert right.again == []


def test_drained_by_what_its_delegate_pays() -> None:
    """Somebody else's call takes the sender's funds: valid on the pre-state, invalid at its place."""
    builder = scene("Prague", users=3)
    builder.fund(POOR, balance=10**7)
    payer = builder.contract(1, call(NEW, 10**7) + asm("POP STOP"))
    builder.set_code(user(0), NEW, authorize(POOR, payer))
    builder.send(user(1), POOR.address)
    transfer(builder, user(2), NEW)
    transfer(builder, POOR, NEW, nonce=1)
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 3)


# -- bounds that only an earlier debit breaks -------------------------------------------------------------


@pytest.mark.parametrize(("payments", "paid"), [(3, 3), (4, 3)])
def test_a_purse_pays_as_long_as_it_holds(payments: int, paid: int) -> None:
    """Every payment is covered by the pre-state; the fourth fails, and that is no fault of the block."""
    builder = scene("Cancun", users=payments)
    builder.state.put(NEW, balance=1)  # there already, so that its existence does not change
    purse = builder.contract(1, call(NEW, 10) + asm("1 ADD CALLER SSTORE STOP"), balance=30)
    for number in range(payments):
        builder.send(user(number), purse)
    right = assert_right(builder.block(), builder.state)
    assert sorted(right.slots(purse).values()) == [1] * (payments - paid) + [2] * paid
    assert right.balance(NEW) == 1 + 10 * paid
    assert right.once_if_expected
    assert (right.conflicts > 0) == (payments > paid)


def test_a_debit_that_a_credit_between_makes_good() -> None:
    """Debit, credit, debit: the last is covered in block order and in no other."""
    builder = scene("Cancun", users=3)
    builder.state.put(NEW, balance=1)
    pay = asm("CALLVALUE 0x50 JUMPI") + call(NEW, 30) + asm("1 ADD CALLER SSTORE STOP")
    purse = builder.contract(1, pay.ljust(0x50, b"\x00") + asm("JUMPDEST STOP"), balance=30)
    builder.send(user(0), purse)
    builder.send(user(1), purse, value=30)
    builder.send(user(2), purse)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(purse) == {int.from_bytes(user(n).address, "big"): 2 for n in (0, 2)}
    assert right.balance(purse) == 0
    assert right.once_if_expected
    assert right.again == []


@pytest.mark.parametrize("spare", [0, -1])
def test_a_creation_that_an_earlier_debit_leaves_unpaid(spare: int) -> None:
    """CREATE with a value asks for the creator's balance: covered to the wei, or not."""
    builder = scene("Cancun", users=2)
    body = asm("CALLDATASIZE 0x40 JUMPI") + call(NEW, 10) + asm("POP STOP")
    create = asm("JUMPDEST 0 0 20 CREATE ISZERO 1 ADD 0 SSTORE STOP")
    purse = builder.contract(1, body.ljust(0x40, b"\x00") + create, balance=30 + spare)
    builder.send(user(0), purse)
    builder.send(user(1), purse, data=b"\x01")
    right = assert_right(builder.block(), builder.state)
    assert right.slots(purse) == {0: 1 - spare}
    assert right.once_if_expected
    assert right.again == ([1] if spare < 0 else [])


def test_funds_are_asked_for_by_the_max_fee() -> None:
    """The price paid would be covered after the first transfer, the price offered is not (EIP-1559)."""
    builder = scene("Cancun", users=1)
    builder.fund(POOR, balance=2 * 21_000 * 20)
    fees = {"max_fee": 30, "priority_fee": 1, "gas": 21_000, "to": NEW, "value": 0}
    transfer(builder, POOR, NEW, value=0)
    builder.raws.append(sign(POOR, Tx(nonce=1, **fees)))  # type: ignore[arg-type]
    assert 2 * 21_000 * 20 - COST == 21_000 * 30
    right = assert_right(builder.block(), builder.state)
    assert right.sequential.receipts[1].tx_type == 2
    builder.state.put(POOR.address, balance=2 * 21_000 * 20 - 1)
    assert_rejected_as_eels(builder.block(), builder.state, InsufficientBalanceError, 1)
