"""Signed transactions of types 0 to 4: decoding, signing hash, sender recovery.

Sources: EIP-155, 2718, 2930, 1559, 4844, 7702. The sender is what the signature says, never what a
recording claims.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import rlp
from coincurve import PublicKey

from executor.errors import InvalidRlp, TransactionTypeError
from executor.hashing import keccak256
from scheduler.access import Address

SECP256K1_N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141
LEGACY, ACCESS_LIST, FEE_MARKET, BLOB, SET_CODE = range(5)
UINT64_MAX = 2**64 - 1
HIGHEST_TYPE = 0x7F
_FIELDS = {LEGACY: 9, ACCESS_LIST: 11, FEE_MARKET: 12, BLOB: 14, SET_CODE: 13}
_SIGNED_FIELDS = 3  # parity, r, s: the last three of every typed transaction


@dataclass(frozen=True, slots=True)
class Authorization:
    """A delegation an account signed for (EIP-7702); `signing_hash` is what it signed."""

    chain_id: int
    address: Address
    nonce: int
    y_parity: int
    r: int
    s: int
    signing_hash: bytes


@dataclass(frozen=True, slots=True)
class Transaction:
    """A decoded transaction; fees in wei per gas, `to` empty for a creation.

    A legacy transaction has `max_fee == priority_fee == gas price`. `v` is 27, 28 or EIP-155's for legacy,
    the parity for typed ones.
    """

    tx_type: int
    chain_id: int | None
    nonce: int
    priority_fee: int
    max_fee: int
    gas: int
    to: Address
    value: int
    data: bytes
    v: int
    r: int
    s: int
    signed: Any
    access_list: tuple[tuple[Address, tuple[int, ...]], ...] = ()
    max_blob_fee: int = 0
    blob_hashes: tuple[bytes, ...] = ()
    authorizations: tuple[Authorization, ...] = ()

    @property
    def is_create(self) -> bool:
        """Whether the transaction deploys a contract."""
        return not self.to


def decode_transaction(raw: bytes) -> Transaction:
    """Decode the canonical bytes of a signed transaction.

    Raises InvalidRlp where they are not canonical, TransactionTypeError where the type is unknown (EIP-2718).
    """
    if not raw:
        msg = "a transaction has no bytes"
        raise InvalidRlp(msg)
    try:
        if raw[0] >= 0xC0:
            return _legacy(_items(rlp.decode(raw), LEGACY))
        if raw[0] in _DECODERS:
            return _DECODERS[raw[0]](_items(rlp.decode(raw[1:]), raw[0]))
    except (rlp.exceptions.RLPException, TypeError) as error:
        msg = f"a transaction is not valid RLP: {str(error).splitlines()[0] if str(error) else error!r}"
        raise InvalidRlp(msg) from error
    if raw[0] <= HIGHEST_TYPE:
        msg = f"type {raw[0]} is not known"
        raise TransactionTypeError(msg)
    msg = f"a transaction starts with 0x{raw[0]:02x}: neither a list nor a type"
    raise InvalidRlp(msg)


def _items(decoded: object, tx_type: int) -> Sequence[Any]:
    if isinstance(decoded, bytes) or len(decoded) != _FIELDS[tx_type]:  # type: ignore[arg-type]
        msg = f"a transaction of type {tx_type} does not have {_FIELDS[tx_type]} fields"
        raise InvalidRlp(msg)
    return decoded  # type: ignore[return-value]


def _int(item: object, size: int = 32) -> int:
    item = _bytes(item)
    if len(item) > size or item[:1] == b"\x00":
        msg = f"0x{item.hex()} is not an integer of at most {size} bytes without leading zeros"
        raise InvalidRlp(msg)
    return int.from_bytes(item, "big")


def _bytes(item: object) -> bytes:
    if not isinstance(item, bytes):
        msg = "a list stands where bytes should be"
        raise InvalidRlp(msg)
    return item


def _address(item: object, *, empty_allowed: bool = False) -> Address:
    address = _bytes(item)
    if len(address) == 20 or (empty_allowed and not address):
        return address
    msg = f"0x{address.hex()} is not an address of 20 bytes"
    raise InvalidRlp(msg)


def _access_list(item: Sequence[Any]) -> tuple[tuple[Address, tuple[int, ...]], ...]:
    return tuple((_address(address), tuple(map(_slot, _list(slots)))) for address, slots in _lists(item, 2))


def _list(item: Sequence[Any]) -> Sequence[Any]:
    if isinstance(item, bytes):
        msg = "bytes stand where a list should be"
        raise InvalidRlp(msg)
    return item


def _lists(item: Sequence[Any], size: int) -> Sequence[Any]:
    if isinstance(item, bytes) or any(isinstance(entry, bytes) or len(entry) != size for entry in item):
        msg = f"not a list of lists of {size} items"
        raise InvalidRlp(msg)
    return item


def _slot(item: object) -> int:
    key = _bytes(item)
    if len(key) != 32:
        msg = f"0x{key.hex()} is not a storage key of 32 bytes"
        raise InvalidRlp(msg)
    return int.from_bytes(key, "big")


def _authorization(item: Sequence[Any]) -> Authorization:
    chain_id, address, nonce, y_parity, r, s = item
    return Authorization(
        chain_id=_int(chain_id),
        address=_address(address),
        nonce=_int(nonce, 8),
        y_parity=_int(y_parity, 1),
        r=_int(r),
        s=_int(s),
        signing_hash=keccak256(b"\x05" + rlp.encode([chain_id, address, nonce])),
    )


def _legacy(f: Sequence[Any]) -> Transaction:
    price = _int(f[1])
    v = _int(f[6])
    chain_id = (v - 35) // 2 if v >= 35 else None
    return Transaction(
        LEGACY, chain_id, _int(f[0]), price, price, _int(f[2]), _address(f[3], empty_allowed=True),
        _int(f[4]), _bytes(f[5]), v, _int(f[7]), _int(f[8]), f,
    )  # fmt: skip


def _type_1(f: Sequence[Any]) -> Transaction:
    price = _int(f[2])
    return Transaction(
        ACCESS_LIST, _int(f[0], 8), _int(f[1]), price, price, _int(f[3]), _address(f[4], empty_allowed=True),
        _int(f[5]), _bytes(f[6]), _int(f[8]), _int(f[9]), _int(f[10]), f, _access_list(f[7]),
    )  # fmt: skip


def _type_2(f: Sequence[Any]) -> Transaction:
    return Transaction(
        FEE_MARKET, _int(f[0], 8), _int(f[1]), _int(f[2]), _int(f[3]), _int(f[4]),
        _address(f[5], empty_allowed=True), _int(f[6]), _bytes(f[7]), _int(f[9]), _int(f[10]), _int(f[11]), f,
        _access_list(f[8]),
    )  # fmt: skip


def _type_3(f: Sequence[Any]) -> Transaction:
    return Transaction(
        BLOB, _int(f[0], 8), _int(f[1]), _int(f[2]), _int(f[3]), _int(f[4]), _address(f[5], empty_allowed=True),
        _int(f[6]), _bytes(f[7]), _int(f[11]), _int(f[12]), _int(f[13]), f, _access_list(f[8]),
        _int(f[9]), tuple(map(_bytes, _list(f[10]))),
    )  # fmt: skip


def _type_4(f: Sequence[Any]) -> Transaction:
    return Transaction(
        SET_CODE, _int(f[0], 8), _int(f[1]), _int(f[2]), _int(f[3]), _int(f[4]),
        _address(f[5], empty_allowed=True), _int(f[6]), _bytes(f[7]), _int(f[10]), _int(f[11]), _int(f[12]), f,
        _access_list(f[8]), authorizations=tuple(_authorization(entry) for entry in _lists(f[9], 6)),
    )  # fmt: skip


_DECODERS = {ACCESS_LIST: _type_1, FEE_MARKET: _type_2, BLOB: _type_3, SET_CODE: _type_4}


def signing_hash(tx: Transaction) -> bytes:
    """Return the 32 bytes that the sender signed."""
    if tx.tx_type != LEGACY:
        return keccak256(bytes([tx.tx_type]) + rlp.encode(tx.signed[:-_SIGNED_FIELDS]))
    if tx.chain_id is None:
        return keccak256(rlp.encode(tx.signed[:6]))
    chain_id = tx.chain_id.to_bytes((tx.chain_id.bit_length() + 7) // 8, "big")
    return keccak256(rlp.encode([*tx.signed[:6], chain_id, b"", b""]))


def recover_address(digest: bytes, parity: int, r: int, s: int) -> Address | None:
    """Return the address whose key signed `digest`, or None if no key could have."""
    signature = r.to_bytes(32, "big") + s.to_bytes(32, "big") + bytes([parity])
    try:
        key = PublicKey.from_signature_and_message(signature, digest, hasher=None)
    except Exception:  # noqa: BLE001 - coincurve raises a bare Exception for an impossible signature
        return None
    return keccak256(key.format(compressed=False)[1:])[12:]


def parity_of(tx: Transaction) -> int:
    """Return the parity bit of the signature; anything but 0 and 1 is not a signature."""
    if tx.tx_type != LEGACY:
        return tx.v
    return tx.v - 27 if tx.chain_id is None else (tx.v - 35) % 2
