"""Family 4, EIP-7702: delegations set in the block, to what, and who sees and runs them."""

from __future__ import annotations

import pytest

from scheduler.access import EMPTY_CODE_HASH
from tests.asm import asm, call, deployer
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER
from tests.families.against_eels import Right, assert_right
from tests.families.contracts import CALLED, HASH, code_after, created_by, designator, observer, seen
from tests.families.scenes import NEW, scene
from tests.signing import Key, authorize

NO_CODE = int.from_bytes(EMPTY_CODE_HASH, "big")
NOBODY = bytes(20)
IDENTITY = (4).to_bytes(20, "big")
AUTHORITY = user(20)
TENS = asm("0 SLOAD 10 ADD 0 SSTORE STOP")
FUNDED_REFUND = 12_500
"""Gas given back per authorization of an account that exists (EIP-7702)."""


def prague(users: int = 10) -> Builder:
    """Return a block of Prague in which user 0 and the next ones have funds, and AUTHORITY has not."""
    return scene("Prague", users=users)


def nonce_after(right: Right, key: Key) -> int:
    account = right.account(key.address)
    return 0 if account is None else account.nonce


def test_a_delegation_is_seen_by_those_after_it_only() -> None:
    """What others see of the account is the designator, 23 bytes; what they call is the delegate's code."""
    builder = prague()
    counter = builder.contract(9, COUNTER)
    builder.fund(AUTHORITY)
    before, after = (observer(builder, number, AUTHORITY.address) for number in (1, 2))
    builder.send(user(1), before)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, counter))
    builder.send(user(2), after)
    builder.send(user(3), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(before) == {HASH: NO_CODE, CALLED: 2}
    assert right.slots(after) == seen(designator(counter))
    assert right.slots(AUTHORITY.address) == {0: 2}
    assert right.slots(counter) == {}
    assert right.once_if_expected
    assert right.again == [2, 3]


def test_delegated_again_and_reset() -> None:
    builder = prague()
    delegates = [builder.contract(1, COUNTER), builder.contract(2, TENS), NOBODY, builder.contract(1, COUNTER)]
    observers = [observer(builder, 10 + number, AUTHORITY.address) for number in range(4)]
    for nonce, delegate in enumerate(delegates):
        builder.set_code(user(nonce), NEW, authorize(AUTHORITY, delegate, nonce=nonce))
        builder.send(user(4 + nonce), observers[nonce])
    right = assert_right(builder.block(), builder.state)
    for watching, delegate in zip(observers, delegates, strict=True):
        expected = {HASH: NO_CODE, CALLED: 2} if delegate == NOBODY else seen(designator(delegate))
        assert right.slots(watching) == expected
    assert right.slots(AUTHORITY.address) == {0: 12}
    assert nonce_after(right, AUTHORITY) == 4
    assert right.once_if_expected
    assert right.again == [1, 2, 3, 4, 5, 6, 7]


def test_a_reset_leaves_a_plain_account() -> None:
    builder = prague()
    builder.fund(AUTHORITY)
    counter = builder.contract(1, COUNTER)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, counter))
    builder.set_code(user(1), NEW, authorize(AUTHORITY, NOBODY, nonce=1))
    builder.send(user(2), AUTHORITY.address, value=5)
    builder.send(AUTHORITY, NEW, value=5, nonce=2)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == {}
    assert code_after(right, AUTHORITY.address) == b""
    assert nonce_after(right, AUTHORITY) == 3
    assert right.sequential.receipts[2].gas_used == 21_000
    assert right.once_if_expected
    assert right.again == [1, 2, 3]


def test_a_delegation_to_a_delegated_account_is_not_followed() -> None:
    """The code that runs is the second designator itself, which is no opcode: the call fails."""
    builder = prague()
    counter, second = builder.contract(1, COUNTER), user(21)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, second.address))
    builder.send(user(1), AUTHORITY.address, gas=100_000)
    builder.set_code(user(2), NEW, authorize(second, counter))
    builder.send(user(3), AUTHORITY.address, gas=100_000)
    builder.send(user(4), second.address)
    right = assert_right(builder.block(), builder.state)
    assert [receipt.status for receipt in right.sequential.receipts] == [1, 1, 1, 0, 1]
    assert right.sequential.receipts[3].gas_used == 100_000
    assert right.slots(second.address) == {0: 1}
    assert right.once_if_expected
    assert right.again == [1, 3, 4]


@pytest.mark.parametrize("number", [1, 4, 0x0A, 0x0B])
def test_a_delegation_to_a_precompile_runs_nothing(number: int) -> None:
    builder = prague()
    precompile = number.to_bytes(20, "big")
    outer = builder.contract(
        1, call(AUTHORITY.address, 3) + asm("1 ADD 0 SSTORE RETURNDATASIZE 1 SSTORE STOP"), balance=9
    )
    builder.set_code(user(0), AUTHORITY.address, authorize(AUTHORITY, precompile))
    builder.send(user(1), AUTHORITY.address, data=b"abc", value=1)
    builder.send(user(2), outer)
    right = assert_right(builder.block(), builder.state)
    assert [receipt.status for receipt in right.sequential.receipts] == [1, 1, 1]
    assert right.slots(outer) == {0: 2}
    assert right.balance(AUTHORITY.address) == 4
    assert right.once_if_expected
    assert right.again == [1, 2]


def test_a_delegation_to_itself_and_in_a_ring() -> None:
    builder = prague()
    other = user(21)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, AUTHORITY.address), authorize(other, AUTHORITY.address))
    builder.send(user(1), AUTHORITY.address, gas=60_000)
    builder.set_code(user(2), NEW, authorize(AUTHORITY, other.address, nonce=1))
    builder.send(user(3), other.address, gas=60_000)
    right = assert_right(builder.block(), builder.state)
    assert [receipt.status for receipt in right.sequential.receipts] == [1, 0, 1, 0]
    assert right.once_if_expected
    assert right.again == [1, 2, 3]


def test_the_delegates_code_is_deployed_after_the_delegation() -> None:
    """Between the two the account runs no code; whoever calls it then leaves no trace."""
    builder = prague()
    future = created_by(user(0).address, 0)
    builder.set_code(user(1), NEW, authorize(AUTHORITY, future))
    builder.send(user(2), AUTHORITY.address)
    builder.send(user(0), b"", data=deployer(COUNTER))
    builder.send(user(3), AUTHORITY.address)
    builder.send(user(4), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == {0: 2}
    assert right.sequential.receipts[1].gas_used == 21_000
    assert right.once_if_expected
    assert right.again == [1, 3, 4]


def test_a_delegation_to_code_deployed_earlier_in_the_block() -> None:
    builder = prague()
    deployed = created_by(user(0).address, 0)
    builder.send(user(0), b"", data=deployer(COUNTER))
    builder.set_code(user(1), AUTHORITY.address, authorize(AUTHORITY, deployed))
    builder.send(user(2), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == {0: 2}
    assert right.slots(deployed) == {}
    assert right.once_if_expected
    assert right.again == [1, 2]


@pytest.mark.parametrize("ending", ["0 0 REVERT", "INVALID", "JUMPDEST 0 JUMP"])
def test_a_delegation_stays_when_its_transaction_fails(ending: str) -> None:
    builder = prague()
    counter, failing = builder.contract(1, COUNTER), builder.contract(2, asm("1 0 SSTORE " + ending))
    builder.set_code(user(0), failing, authorize(AUTHORITY, counter))
    builder.send(user(1), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert [receipt.status for receipt in right.sequential.receipts] == [0, 1]
    assert right.slots(failing) == {}
    assert right.slots(AUTHORITY.address) == {0: 1}
    assert right.once_if_expected
    assert right.again == [1]


def test_a_delegated_account_may_send() -> None:
    """EIP-3607 forbids senders with code, but not with a designator: whenever it was set."""
    builder = prague()
    builder.fund(AUTHORITY)
    counter = builder.contract(1, COUNTER)
    builder.send(AUTHORITY, counter)
    builder.set_code(user(0), NEW, authorize(AUTHORITY, counter, nonce=1))
    builder.send(AUTHORITY, counter, nonce=2)
    builder.send(AUTHORITY, AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(counter) == {0: 2}
    assert right.slots(AUTHORITY.address) == {0: 1}
    assert code_after(right, AUTHORITY.address) == designator(counter)
    assert right.once_if_expected
    assert right.again == [1, 2, 3]


def test_many_write_the_storage_of_one_delegated_account() -> None:
    builder = prague(12)
    counter = builder.contract(1, COUNTER)
    builder.send(user(0), AUTHORITY.address)
    builder.set_code(user(1), AUTHORITY.address, authorize(AUTHORITY, counter))
    for number in range(2, 12):
        builder.send(user(number), AUTHORITY.address)
    right = assert_right(builder.block(), builder.state)
    assert right.slots(AUTHORITY.address) == {0: 11}
    assert right.once_if_expected
    assert right.conflicts > 0


def test_the_delegate_pays_out_of_the_accounts_balance() -> None:
    """Others make the account pay; what is left must do for its own next transaction."""
    builder = prague()
    builder.fund(AUTHORITY, balance=10**8)
    payer = builder.contract(1, call(NEW, 10**7) + asm("POP STOP"))
    builder.set_code(user(0), NEW, authorize(AUTHORITY, payer))
    for number in range(1, 4):
        builder.send(user(number), AUTHORITY.address)
    left = 10**8 - 3 * 10**7
    builder.send(AUTHORITY, NEW, value=left - 21_000 * 10, gas=21_000, nonce=1)
    right = assert_right(builder.block(), builder.state)
    assert right.balance(AUTHORITY.address) == 0
    assert right.balance(NEW) == 10**8 - 210_000
    assert right.once_if_expected
    assert right.again == [1, 2, 3, 4]
