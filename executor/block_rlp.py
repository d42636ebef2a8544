"""A block as its RLP: [header, transactions, uncles, withdrawals from Shanghai on], both ways.

Source: yellow paper 4.3; EIP-2718 (a typed transaction stands there as a string), EIP-4895, EIP-4844.
"""

from __future__ import annotations

from dataclasses import dataclass

from executor.errors import InvalidRlp
from executor.header import INT_BITS, decode_header, encode_header, encode_withdrawal
from executor.rlp_codec import Rlp, decode_int, decode_list, encode_bytes, encode_list
from executor.transactions import BLOB, HIGHEST_TYPE
from executor.types import Block, Header, RawTransaction, Withdrawal

_FEWEST_PARTS, _MOST_PARTS = 3, 4
_WITHDRAWAL_FIELDS = 4
_ADDRESS_SIZE = 20
_UINT64_BITS = 64


@dataclass(frozen=True, slots=True)
class BlockParts:
    """What a block's RLP holds; `withdrawals` is None where the list is absent, as before Shanghai."""

    header: Header
    transactions: tuple[RawTransaction, ...]
    uncles: tuple[Header, ...]
    withdrawals: tuple[Withdrawal, ...] | None


def decode_block(data: bytes) -> BlockParts:
    """Return the parts of the block of which `data` is the RLP; InvalidRlp says what is wrong.

    The content of transactions is not looked into, save that blobs may not travel with them.
    """
    parts = decode_list(data)
    if not _FEWEST_PARTS <= len(parts) <= _MOST_PARTS:
        raise InvalidRlp(f"a block has {len(parts)} parts instead of {_FEWEST_PARTS} or {_MOST_PARTS}")
    withdrawals = _list(parts[3], "withdrawals") if len(parts) == _MOST_PARTS else None
    return BlockParts(
        header=_header(parts[0], "header"),
        transactions=tuple(_transaction(item, index) for index, item in enumerate(_list(parts[1], "transactions"))),
        uncles=tuple(_header(item, f"uncle {index}") for index, item in enumerate(_list(parts[2], "uncles"))),
        withdrawals=None if withdrawals is None else tuple(map(_withdrawal, withdrawals)),
    )


def encode_block(block: Block | BlockParts) -> bytes:
    """Return the RLP of a block."""
    transactions = b"".join(_encode_transaction(transaction.raw) for transaction in block.transactions)
    parts = [encode_header(block.header), encode_list(transactions)]
    parts.append(encode_list(b"".join(map(encode_header, block.uncles))))
    if block.withdrawals is not None:
        parts.append(encode_list(b"".join(map(encode_withdrawal, block.withdrawals))))
    return encode_list(b"".join(parts))


def _encode_transaction(raw: bytes) -> bytes:
    """Return what stands in the block: a string for a typed transaction, for a legacy one the list that it is."""
    return encode_bytes(raw) if raw[0] <= HIGHEST_TYPE else raw


def encode_item(item: Rlp) -> bytes:
    """Return the RLP of a decoded item: the very bytes, as only canonical ones are decoded."""
    return encode_bytes(item) if isinstance(item, bytes) else encode_list(b"".join(map(encode_item, item)))


def _list(item: Rlp, what: str) -> list[Rlp]:
    if isinstance(item, bytes):
        raise InvalidRlp(f"the {what} of a block are a string instead of a list")
    return item


def _header(item: Rlp, what: str) -> Header:
    if isinstance(item, bytes):
        raise InvalidRlp(f"{what}: a string instead of a list of fields")
    header = decode_header(encode_item(item))
    for name, bits in INT_BITS.items():
        value = getattr(header, name)
        if value is not None and value.bit_length() > bits:
            raise InvalidRlp(f"{what}: {name} has more than {bits} bits")
    return header


def _transaction(item: Rlp, index: int) -> RawTransaction:
    if isinstance(item, list):
        return RawTransaction(encode_item(item))
    if not item or item[0] > HIGHEST_TYPE:
        raise InvalidRlp(f"transaction {index}: neither a list nor a type and its payload")
    if item[0] == BLOB and isinstance(_first_item(item[1:], index), list):
        raise InvalidRlp(f"transaction {index}: blobs travel beside a block, not in it")
    return RawTransaction(item)


def _first_item(payload: bytes, index: int) -> Rlp:
    """Return a typed transaction's first field: a list only in network form, [transaction, blobs, ...]."""
    try:
        items = decode_list(payload)
    except InvalidRlp as error:
        raise InvalidRlp(f"transaction {index}: {error}") from None
    return items[0] if items else b""


def _withdrawal(item: Rlp) -> Withdrawal:
    if isinstance(item, bytes) or len(item) != _WITHDRAWAL_FIELDS:
        raise InvalidRlp(f"a withdrawal is not a list of {_WITHDRAWAL_FIELDS} fields")
    index, validator_index, address, amount = item
    if isinstance(address, list) or len(address) != _ADDRESS_SIZE:
        raise InvalidRlp(f"a withdrawal's address is not {_ADDRESS_SIZE} bytes")
    return Withdrawal(_uint64(index), _uint64(validator_index), address, _uint64(amount))


def _uint64(item: Rlp) -> int:
    number = decode_int(item)
    if number.bit_length() > _UINT64_BITS:
        raise InvalidRlp(f"a withdrawal holds a number of more than {_UINT64_BITS} bits")
    return number
