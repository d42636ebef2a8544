"""Accounts and signatures: the decoder of the executor recovers who signed and what."""

from __future__ import annotations

import pytest

from executor.rlp_codec import EMPTY_LIST
from executor.transactions import (
    ACCESS_LIST,
    FEE_MARKET,
    LEGACY,
    SECP256K1_N,
    decode_transaction,
    parity_of,
    recover_address,
    signing_hash,
)
from scheduler.access import BALANCE, STORAGE
from workloads.accounts import KeyPair, make_accounts, make_address
from workloads.signing import GWEI, SIGNERS, Fees, Unsigned, encode_access_list

SLOTS = [(b"\x02" * 20, STORAGE, 5), (b"\x01" * 20, STORAGE, 2**255), (b"\x01" * 20, STORAGE, 0)]


@pytest.mark.parametrize("tx_type", [LEGACY, ACCESS_LIST, FEE_MARKET])
def test_the_sender_and_all_fields_are_recovered(tx_type: int) -> None:
    key = KeyPair(b"\x01" * 32)
    fees = Fees(max_fee=7 * GWEI, priority_fee=2 * GWEI)
    listed = EMPTY_LIST if tx_type == LEGACY else encode_access_list(SLOTS)
    signed = SIGNERS[tx_type](Unsigned(9, 50_000, b"\x03" * 20, 11, b"data", fees, listed), key, 5)
    tx = decode_transaction(signed.raw)
    assert recover_address(signing_hash(tx), parity_of(tx), tx.r, tx.s) == key.address == signed.sender_hint
    assert (tx.tx_type, tx.chain_id, tx.nonce, tx.gas) == (tx_type, 5, 9, 50_000)
    assert (tx.to, tx.value, tx.data, tx.max_fee) == (b"\x03" * 20, 11, b"data", 7 * GWEI)
    assert tx.priority_fee == (2 * GWEI if tx_type == FEE_MARKET else 7 * GWEI)
    grouped = ((b"\x01" * 20, (0, 2**255)), (b"\x02" * 20, (5,)))
    assert tx.access_list == (() if tx_type == LEGACY else grouped)
    assert tx.s <= SECP256K1_N // 2


def test_signatures_and_accounts_are_deterministic() -> None:
    key = KeyPair(b"\x01" * 32)
    assert key.address.hex() == "1a642f0e3c3af545e7acbd38b07251b3990914f1"
    assert key.sign(b"\x07" * 32) == KeyPair(b"\x01" * 32).sign(b"\x07" * 32)
    first = [account.address for account in make_accounts(1, "a", 5)]
    assert first == [account.address for account in make_accounts(1, "a", 5)]
    others = make_accounts(2, "a", 5) + make_accounts(1, "b", 5)
    assert len({*first, *(account.address for account in others), make_address(1, "a")}) == 16


def test_a_list_holds_only_slots() -> None:
    assert encode_access_list([(b"\x01" * 20, BALANCE, 0)]) == EMPTY_LIST
