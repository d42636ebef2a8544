"""Keys and signed transactions of every type, from the fields a test names (RFC 6979: fixed bytes)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import rlp
from coincurve import PrivateKey

from executor.hashing import keccak256

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LEGACY, ACCESS_LIST, FEE_MARKET, BLOB, SET_CODE = range(5)
AUTHORIZATION_MAGIC = b"\x05"
AccessList: TypeAlias = tuple[tuple[bytes, tuple[int, ...]], ...]
Signature: TypeAlias = tuple[int, int, int]
"""(parity, r, s)"""


@dataclass(frozen=True, slots=True)
class Key:
    """A private key and its address; `Key(1)`, `Key(2)`, ... are as good as any."""

    secret: int

    @property
    def address(self) -> bytes:
        """Return the 20 bytes of the account."""
        public = self._private().public_key.format(compressed=False)
        return keccak256(public[1:])[12:]

    def sign(self, digest: bytes) -> Signature:
        """Return the signature of the 32 bytes `digest`."""
        signature = self._private().sign_recoverable(digest, hasher=None)
        return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")

    def _private(self) -> PrivateKey:
        return PrivateKey(self.secret.to_bytes(32, "big"))


@dataclass(frozen=True, slots=True)
class Authorization:
    """A signed delegation (EIP-7702)."""

    chain_id: int
    address: bytes
    nonce: int
    signature: Signature


@dataclass(frozen=True, slots=True)
class Tx:
    """The fields of a transaction to sign; those that its type does not have are ignored.

    `chain_id` None makes a legacy transaction without EIP-155. `priority_fee` is what it is for types from 2
    on, `gas_price` for types 0 and 1; fees in wei per gas. `high_s` signs with the other, malleable half.
    """

    tx_type: int = FEE_MARKET
    chain_id: int | None = 1
    nonce: int = 0
    gas_price: int = 10**9
    max_fee: int = 10**9
    priority_fee: int = 1
    gas: int = 21_000
    to: bytes = b""
    value: int = 0
    data: bytes = b""
    access_list: AccessList = ()
    max_blob_fee: int = 10
    blob_hashes: tuple[bytes, ...] = ()
    authorizations: tuple[Authorization, ...] = ()
    high_s: bool = False


def sign(key: Key, tx: Tx) -> bytes:
    """Return the bytes of `tx`, signed by `key`, as they stand in a block."""
    if tx.tx_type == LEGACY:
        return _sign_legacy(key, tx)
    fields, prefix = _typed_fields(tx), bytes([tx.tx_type])
    signature = _signature(key, keccak256(prefix + rlp.encode(fields)), high_s=tx.high_s)
    return prefix + bytes(rlp.encode([*fields, *signature]))


def authorize(key: Key, address: bytes, nonce: int = 0, chain_id: int = 1) -> Authorization:
    """Return the delegation of `key`'s account to the code at `address`."""
    digest = keccak256(AUTHORIZATION_MAGIC + rlp.encode([chain_id, address, nonce]))
    return Authorization(chain_id, address, nonce, key.sign(digest))


def _sign_legacy(key: Key, tx: Tx) -> bytes:
    fields = [tx.nonce, tx.gas_price, tx.gas, tx.to, tx.value, tx.data]
    signed = fields if tx.chain_id is None else [*fields, tx.chain_id, 0, 0]
    parity, r, s = _signature(key, keccak256(rlp.encode(signed)), high_s=tx.high_s)
    v = parity + (27 if tx.chain_id is None else 35 + 2 * tx.chain_id)
    return bytes(rlp.encode([*fields, v, r, s]))


def _typed_fields(tx: Tx) -> list[Any]:
    fees = [tx.gas_price] if tx.tx_type == ACCESS_LIST else [tx.priority_fee, tx.max_fee]
    slots = [[address, [slot.to_bytes(32, "big") for slot in keys]] for address, keys in tx.access_list]
    fields: list[Any] = [tx.chain_id, tx.nonce, *fees, tx.gas, tx.to, tx.value, tx.data, slots]
    if tx.tx_type == BLOB:
        fields += [tx.max_blob_fee, list(tx.blob_hashes)]
    if tx.tx_type == SET_CODE:
        fields.append([[a.chain_id, a.address, a.nonce, *a.signature] for a in tx.authorizations])
    return fields


def _signature(key: Key, digest: bytes, *, high_s: bool) -> Signature:
    parity, r, s = key.sign(digest)
    return (1 - parity, r, SECP256K1_N - s) if high_s else (parity, r, s)
