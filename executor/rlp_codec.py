"""RLP for the shapes of a block: encoders over items already encoded, and one strict decoder."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from executor.errors import InvalidRlp

Rlp: TypeAlias = "bytes | list[Rlp]"
"""A decoded item: a string, or a list of items."""

EMPTY_LIST = b"\xc0"
MAX_DEPTH = 32
"""Deeper than anything in a block; bounds the recursion of `decode`."""
_SHORT = 56  # payloads up to 55 bytes have their length in the prefix
_STRING, _LIST = 0x80, 0xC0
_PREFIXES = tuple(bytes([_STRING + length]) for length in range(_SHORT))
_LIST_PREFIXES = tuple(bytes([_LIST + length]) for length in range(_SHORT))
_SMALL = (b"\x80", *(bytes([value]) for value in range(1, _STRING)))


def encode_bytes(data: bytes) -> bytes:
    """Return the RLP of a string."""
    length = len(data)
    if length < _SHORT:
        return data if length == 1 and data[0] < _STRING else _PREFIXES[length] + data
    return _long_prefix(length, _STRING) + data


def encode_int(value: int) -> bytes:
    """Return the RLP of a non-negative integer."""
    if value < _STRING:
        return _SMALL[value]
    return encode_bytes(value.to_bytes((value.bit_length() + 7) // 8, "big"))


def encode_list(payload: bytes) -> bytes:
    """Return the RLP of a list whose encoded items, joined, are `payload`."""
    length = len(payload)
    if length < _SHORT:
        return _LIST_PREFIXES[length] + payload
    return _long_prefix(length, _LIST) + payload


def encode_strings(items: Iterable[bytes]) -> bytes:
    """Return the RLP of a list of strings."""
    return encode_list(b"".join(map(encode_bytes, items)))


def _long_prefix(length: int, base: int) -> bytes:
    size = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes([base + _SHORT - 1 + len(size)]) + size


def decode(data: bytes) -> Rlp:
    """Return the one item that `data` is, whole and canonical; InvalidRlp says what is wrong."""
    item, end = _decode_at(data, 0, MAX_DEPTH)
    if end != len(data):
        msg = f"RLP has {len(data) - end} bytes too many"
        raise InvalidRlp(msg)
    return item


def decode_list(data: bytes) -> list[Rlp]:
    """Return the items of the one list that `data` is."""
    item = decode(data)
    if isinstance(item, bytes):
        msg = "RLP is a string, not a list"
        raise InvalidRlp(msg)
    return item


def decode_int(item: Rlp) -> int:
    """Return the integer that a decoded item is."""
    if isinstance(item, list) or item[:1] == b"\x00":
        msg = "RLP is not an integer without leading zeros"
        raise InvalidRlp(msg)
    return int.from_bytes(item, "big")


def is_one_list(data: bytes) -> bool:
    """Return whether `data` is framed as exactly one list, without looking inside it."""
    try:
        _, end, nested = _frame(data, 0)
    except InvalidRlp:
        return False
    return nested and end == len(data)


def _decode_at(data: bytes, at: int, depth: int) -> tuple[Rlp, int]:
    start, end, nested = _frame(data, at)
    if not nested:
        return data[start:end], end
    if not depth:
        msg = f"RLP is nested deeper than {MAX_DEPTH} lists"
        raise InvalidRlp(msg)
    items: list[Rlp] = []
    while start < end:
        item, start = _decode_at(data, start, depth - 1)
        items.append(item)
    if start != end:
        msg = f"an RLP item ends outside its list, at byte {start}"
        raise InvalidRlp(msg)
    return items, end


def _frame(data: bytes, at: int) -> tuple[int, int, bool]:
    """Return where the payload of the item at `at` starts and ends, and whether it is a list."""
    if at >= len(data):
        msg = "RLP ends too early"
        raise InvalidRlp(msg)
    first = data[at]
    if first < _STRING:
        return at, at + 1, False
    base = _LIST if first >= _LIST else _STRING
    length, start = first - base, at + 1
    if length >= _SHORT:
        start, length = start + length - _SHORT + 1, _long_length(data, start, length - _SHORT + 1)
    end = start + length
    if end > len(data):
        msg = f"RLP ends {end - len(data)} bytes too early"
        raise InvalidRlp(msg)
    if base == _STRING and length == 1 and data[start] < _STRING:
        msg = f"RLP is not canonical at byte {at}: a small byte has a prefix"
        raise InvalidRlp(msg)
    return start, end, base == _LIST


def _long_length(data: bytes, at: int, size: int) -> int:
    length = int.from_bytes(data[at : at + size], "big")
    if data[at : at + 1] == b"\x00" or length < _SHORT:
        msg = f"RLP is not canonical at byte {at}: a length is not in its shortest form"
        raise InvalidRlp(msg)
    return length
