"""Block headers and what they commit to beside receipts and state: encoders, hashes, roots.

Sources: yellow paper 4.4; EIP-1559, 4895, 4844, 4788, 7685.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import fields
from hashlib import sha256

from executor.errors import InvalidRlp
from executor.hashing import keccak256
from executor.rlp_codec import Rlp, decode_int, decode_list, encode_bytes, encode_int, encode_list
from executor.trie import ordered_root
from executor.types import Header, RawTransaction, Withdrawal

HEADER_FIELDS: tuple[str, ...] = tuple(field.name for field in fields(Header))
"""In the order of the RLP; a header ends with the last field that its fork has."""
FIRST_OPTIONAL = HEADER_FIELDS.index("base_fee")
INT_BITS = {
    "difficulty": 256,
    "number": 64,
    "gas_limit": 64,
    "gas_used": 64,
    "timestamp": 64,
    "base_fee": 256,
    "blob_gas_used": 64,
    "excess_blob_gas": 64,
}
"""Integer fields, with their greatest width."""
BYTE_SIZES: dict[str, int | None] = {"coinbase": 20, "bloom": 256, "nonce": 8, "extra_data": None}
"""Byte fields that are not 32 bytes; None for any length."""


def encode_header(header: Header) -> bytes:
    """Return the RLP of `header`."""
    return encode_list(b"".join(_encoded_fields(header)))


def _encoded_fields(header: Header) -> Iterable[bytes]:
    for name in HEADER_FIELDS:
        value = getattr(header, name)
        if value is None:
            return
        yield encode_int(value) if name in INT_BITS else encode_bytes(value)


def decode_header(data: bytes) -> Header:
    """Return the header of which `data` is the RLP."""
    items = decode_list(data)
    if not FIRST_OPTIONAL <= len(items) <= len(HEADER_FIELDS):
        msg = f"a header of {len(items)} fields; {FIRST_OPTIONAL} to {len(HEADER_FIELDS)} are known"
        raise InvalidRlp(msg)
    values = {name: _decode_field(name, item) for name, item in zip(HEADER_FIELDS, items, strict=False)}
    return Header(**values)  # type: ignore[arg-type]  # each value has its field's type


def _decode_field(name: str, item: Rlp) -> int | bytes:
    if name in INT_BITS:
        return decode_int(item)
    size = BYTE_SIZES.get(name, 32)
    if isinstance(item, list) or (size is not None and len(item) != size):
        msg = f"header field {name} is not {size} bytes"
        raise InvalidRlp(msg)
    return item


def header_hash(header: Header) -> bytes:
    """Return the block hash."""
    return keccak256(encode_header(header))


def uncles_hash(uncles: Iterable[Header]) -> bytes:
    """Return the hash over the list of uncles."""
    return keccak256(encode_list(b"".join(map(encode_header, uncles))))


def transactions_root(transactions: Sequence[RawTransaction]) -> bytes:
    """Return the root of the transactions trie."""
    return ordered_root([transaction.raw for transaction in transactions])


def encode_withdrawal(withdrawal: Withdrawal) -> bytes:
    """Return the RLP of a withdrawal."""
    return encode_list(
        encode_int(withdrawal.index)
        + encode_int(withdrawal.validator_index)
        + encode_bytes(withdrawal.address)
        + encode_int(withdrawal.amount)
    )


def withdrawals_root(withdrawals: Sequence[Withdrawal]) -> bytes:
    """Return the root of the withdrawals trie."""
    return ordered_root([encode_withdrawal(withdrawal) for withdrawal in withdrawals])


def requests_hash(requests: Iterable[bytes]) -> bytes:
    """Return the hash over the requests (EIP-7685); one that is only its type byte does not count."""
    return sha256(b"".join(sha256(request).digest() for request in requests if len(request) > 1)).digest()
