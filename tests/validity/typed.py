"""Rules of single types: access lists (EIP-2930), blobs (EIP-4844), delegations (EIP-7702)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from executor.forks import GAS_PER_BLOB, fork_rules
from executor.state import MemoryState
from tests.signing import ACCESS_LIST, BLOB, SET_CODE, Authorization, authorize
from tests.validity.case import (
    ACCEPTED,
    CONTRACT,
    OTHER,
    PRICE,
    RECEIVER,
    SENDER,
    TRANSFER_GAS,
    ValidityCase,
    legacy,
    signed,
    since,
    state,
)
from tests.validity.fees import BLOB_HASH, dynamic

DELEGATION = b"\xef\x01\x00"
AUTHORIZED_GAS, LISTED_ADDRESS, LISTED_SLOT = 25_000, 2_400, 1_900
CREATE_64 = bytes.fromhex("60405f5ff000")
"""PUSH1 64, PUSH0, PUSH0, CREATE, STOP: init code of two words of zeros."""
CREATE_64_GAS = 3 + 2 + 2 + 32_000 + 6 + 2 * 2
"""Three pushes, CREATE, two words of memory, two words of init code (EIP-3860), each charged once."""


def chain_ids() -> Iterator[ValidityCase]:
    """A typed transaction names its chain; EELS 2.20.0 reads the field and compares it with nothing."""
    for fork in since("Berlin"):
        for tx_type in sorted(fork_rules(fork).tx_types - {0}):
            raw = signed(dynamic(tx_type, chain_id=2, gas_price=PRICE))
            name, demanded = f"type {tx_type} for another chain", "InvalidSignatureError"
            yield ValidityCase(name, fork, raw, state(fork), protocol=demanded)


def access_lists() -> Iterator[ValidityCase]:
    """Every entry is paid for, named twice or not."""
    listed = ((RECEIVER, (0, 1)), (CONTRACT, ()), (CONTRACT, (7,)))
    cost = TRANSFER_GAS + 3 * LISTED_ADDRESS + 3 * LISTED_SLOT
    for fork in since("Berlin"):
        tx = replace(legacy(gas=cost), tx_type=ACCESS_LIST, chain_id=1, access_list=listed)
        yield ValidityCase("a list paid for", fork, signed(tx), state(fork), gas=cost)
        tight, claim = replace(tx, gas=cost - 1), "InsufficientTransactionGasError"
        yield ValidityCase("gas below the list's cost", fork, signed(tight), state(fork), claim)
        high = replace(tx, high_s=True)
        yield ValidityCase("type 1, high s", fork, signed(high), state(fork), "InvalidSignatureError")


def blobs() -> Iterator[ValidityCase]:
    """Blobs are counted, versioned and paid for; they create no contract."""
    for fork in since("Cancun"):
        allowed = fork_rules(fork).max_blob_gas // GAS_PER_BLOB
        for name, claim, fields in _blob_faults(allowed):
            fault = "counts the blobs of whole blocks only" if name == "a blob too many" else ""
            raw = signed(dynamic(BLOB, **fields))
            yield ValidityCase(name, fork, raw, state(fork), claim, shipped=fault)
        yield ValidityCase(
            "a creation with blobs",
            fork,
            signed(dynamic(BLOB, to=b"", data=b"\x00")),
            state(fork),
            claim="DecodingError",
            protocol="TransactionTypeContractCreationError",
            shipped="accepts it",
        )
        expensive = {"excess_blob_gas": 50_000_000}  # a blob base fee far above 10 wei
        raw, claim = signed(dynamic(BLOB)), "InsufficientMaxFeePerBlobGasError"
        yield ValidityCase("blob fee below the block's", fork, raw, state(fork), claim, changes=expensive)
        rich = signed(dynamic(BLOB, max_blob_fee=10**12))
        yield ValidityCase("blobs at a high fee", fork, rich, state(fork), changes=expensive)


def _blob_faults(allowed: int) -> list[tuple[str, str, dict[str, Any]]]:
    old, mixed = BLOB_HASH[::-1], (BLOB_HASH, b"\x02" + BLOB_HASH[1:])
    return [
        ("a blob", ACCEPTED, {}),
        ("no blobs", "NoBlobDataError", {"blob_hashes": ()}),
        ("a blob hash of version 0", "InvalidBlobVersionedHashError", {"blob_hashes": (old,)}),
        ("a second hash of version 2", "InvalidBlobVersionedHashError", {"blob_hashes": mixed}),
        ("as many blobs as fit", ACCEPTED, {"blob_hashes": (BLOB_HASH,) * allowed}),
        ("a blob too many", "BlobGasLimitExceededError", {"blob_hashes": (BLOB_HASH,) * (allowed + 1)}),
        ("no blob fee", "InsufficientMaxFeePerBlobGasError", {"max_blob_fee": 0}),
    ]


def set_codes() -> Iterator[ValidityCase]:
    """A set-code transaction has authorizations, pays for each, and creates no contract."""
    fork, tx = "Prague", dynamic(SET_CODE)
    cost = TRANSFER_GAS + AUTHORIZED_GAS
    yield ValidityCase("an authorization paid for", fork, signed(replace(tx, gas=cost)), state(fork), gas=cost)
    tight, claim = replace(tx, gas=cost - 1), "InsufficientTransactionGasError"
    yield ValidityCase("gas below the authorization's cost", fork, signed(tight), state(fork), claim)
    empty, claim = replace(tx, authorizations=()), "EmptyAuthorizationListError"
    yield ValidityCase("no authorizations", fork, signed(empty), state(fork), claim)
    creating, demanded = signed(replace(tx, to=b"")), "TransactionTypeContractCreationError"
    name, claim = "a creation with authorizations", "DecodingError"
    yield ValidityCase(name, fork, creating, state(fork), claim, protocol=demanded)
    for name, useless in _useless_authorizations().items():
        raw = signed(replace(tx, authorizations=(useless,)))
        yield ValidityCase(name, fork, raw, state(fork), gas=cost)


def _useless_authorizations() -> dict[str, Authorization]:
    """Return authorizations that change nothing and make no transaction invalid."""
    good = authorize(OTHER, RECEIVER)
    return {
        "an authorization for another chain": authorize(OTHER, RECEIVER, chain_id=2),
        "an authorization with a wrong nonce": authorize(OTHER, RECEIVER, nonce=1),
        "an authorization with the last nonce": authorize(OTHER, RECEIVER, nonce=2**64 - 1),
        "an authorization with r = 0": replace(good, signature=(0, 0, 1)),
        "an authorization with parity 2": replace(good, signature=(2, *good.signature[1:])),
        "an authorization by the sender of a stale nonce": authorize(SENDER, RECEIVER, nonce=0),
    }


def delegated_creation() -> MemoryState:
    """Return a state in which the sender is delegated to CONTRACT, which creates a contract."""
    built = state("Prague", code=DELEGATION + CONTRACT)
    built.put(CONTRACT, nonce=1, code=CREATE_64)
    return built


def inner_creations() -> Iterator[ValidityCase]:
    """A creation inside of the sender's own (delegated) account is metered once like any other."""
    fork, cost = "Prague", TRANSFER_GAS + CREATE_64_GAS
    call = legacy(to=SENDER.address, value=0, gas=200_000)
    name, fault = "a delegated sender's inner creation", "charges its init code twice"
    yield ValidityCase(name, fork, signed(call), delegated_creation(), gas=cost, shipped=fault)
    built = state(fork)
    built.put(CONTRACT, nonce=1, code=CREATE_64)
    elsewhere = signed(replace(call, to=CONTRACT))
    yield ValidityCase("a contract's inner creation", fork, elsewhere, built, gas=cost)


CASES = [*chain_ids(), *access_lists(), *blobs(), *set_codes(), *inner_creations()]
