"""Signed transactions as raw bytes: legacy (EIP-155), EIP-2930 and EIP-1559."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from executor.hashing import keccak256
from executor.rlp_codec import EMPTY_LIST, encode_bytes, encode_int, encode_list
from executor.transactions import ACCESS_LIST, FEE_MARKET, LEGACY
from executor.types import RawTransaction
from scheduler.access import STORAGE, Address, Location
from workloads.accounts import KeyPair

GWEI = 10**9


@dataclass(frozen=True, slots=True)
class Fees:
    """What the sender offers, in wei per gas; before EIP-1559 the price is `max_fee`."""

    max_fee: int = 3 * GWEI
    priority_fee: int = GWEI


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A transaction before its signature; `to` is empty for a creation, `access_list` already encoded."""

    nonce: int
    gas: int
    to: Address
    value: int = 0
    data: bytes = b""
    fees: Fees = Fees()
    access_list: bytes = EMPTY_LIST


def encode_access_list(locations: Iterable[Location]) -> bytes:
    """Return the RLP of an EIP-2930 list: the storage slots among `locations`, sorted, grouped by address."""
    slots: dict[Address, list[int]] = {}
    for address, kind, slot in sorted(locations):
        if kind == STORAGE:
            slots.setdefault(address, []).append(slot)
    return encode_list(b"".join(_entry(address, keys) for address, keys in slots.items()))


def _entry(address: Address, keys: list[int]) -> bytes:
    encoded = b"".join(encode_bytes(key.to_bytes(32, "big")) for key in keys)
    return encode_list(encode_bytes(address) + encode_list(encoded))


def sign_fee_market(tx: Unsigned, key: KeyPair, chain_id: int = 1) -> RawTransaction:
    """Return `tx` signed as type 2 (EIP-1559)."""
    fees = encode_int(tx.fees.priority_fee) + encode_int(tx.fees.max_fee)
    return _typed(FEE_MARKET, encode_int(chain_id) + encode_int(tx.nonce) + fees + _tail(tx), key)


def sign_access_list(tx: Unsigned, key: KeyPair, chain_id: int = 1) -> RawTransaction:
    """Return `tx` signed as type 1 (EIP-2930)."""
    head = encode_int(chain_id) + encode_int(tx.nonce) + encode_int(tx.fees.max_fee)
    return _typed(ACCESS_LIST, head + _tail(tx), key)


def sign_legacy(tx: Unsigned, key: KeyPair, chain_id: int = 1) -> RawTransaction:
    """Return `tx` signed as type 0 with replay protection (EIP-155); it has no room for an access list."""
    payload = encode_int(tx.nonce) + encode_int(tx.fees.max_fee) + _call(tx)
    parity, r, s = key.sign(keccak256(encode_list(payload + encode_int(chain_id) + b"\x80\x80")))
    v = chain_id * 2 + 35 + parity
    raw = encode_list(payload + encode_int(v) + encode_int(r) + encode_int(s))
    return RawTransaction(raw, key.address)


SIGNERS = {LEGACY: sign_legacy, ACCESS_LIST: sign_access_list, FEE_MARKET: sign_fee_market}
"""Transaction type -> how to sign it."""


def _call(tx: Unsigned) -> bytes:
    return encode_int(tx.gas) + encode_bytes(tx.to) + encode_int(tx.value) + encode_bytes(tx.data)


def _tail(tx: Unsigned) -> bytes:
    return _call(tx) + tx.access_list


def _typed(tx_type: int, payload: bytes, key: KeyPair) -> RawTransaction:
    prefix = bytes([tx_type])
    parity, r, s = key.sign(keccak256(prefix + encode_list(payload)))
    signed = payload + encode_int(parity) + encode_int(r) + encode_int(s)
    return RawTransaction(prefix + encode_list(signed), key.address)
