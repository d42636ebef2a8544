"""EIP-7702 in parallel: delegations set in the block, and authorities that are senders too."""

from __future__ import annotations

from executor.evm.validity import NonceMismatchError
from tests.asm import asm
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER, NEW, add_request_contracts, storage_after
from tests.oracle import assert_rejected, assert_same_as_sequential
from tests.signing import Authorization, authorize


def prague(*numbers: int) -> Builder:
    builder = Builder(fork="Prague")
    add_request_contracts(builder)
    builder.fund(*(user(number) for number in numbers))
    return builder


def test_a_delegated_account_runs_its_delegate_in_the_same_block() -> None:
    builder = prague(0, 1, 2, 3)
    counter = builder.contract(1, COUNTER)
    builder.send(user(1), user(0).address)
    builder.set_code(user(1), NEW, authorize(user(0), counter, nonce=0))
    builder.send(user(2), user(0).address)
    builder.send(user(3), user(0).address)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, user(0).address) == {0: 2}


def test_redelegation_and_reset_take_effect_in_order() -> None:
    builder = prague(0, 1, 2, 3, 4)
    first = builder.contract(1, COUNTER)
    second = builder.contract(2, asm("0 SLOAD 10 ADD 0 SSTORE STOP"))
    for nonce, delegate in enumerate((first, second, bytes(20))):
        builder.set_code(user(1), NEW, authorize(user(0), delegate, nonce=nonce))
        builder.send(user(2 + nonce), user(0).address)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert storage_after(compared, user(0).address) == {0: 11}
    assert compared.sequential.state_diff.accounts[user(0).address].nonce == 3


def test_an_authority_that_is_a_sender_has_its_nonce_moved() -> None:
    """User 0 sends with nonce 0, is an authority at 1, and sends again with nonce 2: no gap, in this order."""
    builder = prague(0, 1)
    counter = builder.contract(1, COUNTER)
    builder.send(user(0), counter)
    builder.set_code(user(1), counter, authorize(user(0), counter, nonce=1))
    builder.send(user(0), counter, nonce=2)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert compared.sequential.state_diff.accounts[user(0).address].nonce == 3


def test_a_nonce_taken_by_an_authorization_is_gone() -> None:
    builder = prague(0, 1)
    counter = builder.contract(1, COUNTER)
    builder.set_code(user(1), counter, authorize(user(0), counter, nonce=0))
    builder.send(user(0), counter, nonce=0)
    assert_rejected(builder.block(), builder.state, NonceMismatchError, 1)


def test_authorizations_that_do_not_hold_are_skipped() -> None:
    builder = prague(0, 1, 2)
    counter = builder.contract(1, COUNTER)
    bad = [
        authorize(user(0), counter, nonce=7),
        authorize(user(0), counter, nonce=0, chain_id=5),
        Authorization(1, counter, 0, signature=(2, 1, 1)),
    ]
    builder.set_code(user(1), NEW, *bad)
    builder.send(user(2), user(0).address)
    compared = assert_same_as_sequential(builder.block(), builder.state)
    assert user(0).address not in compared.sequential.state_diff.accounts
