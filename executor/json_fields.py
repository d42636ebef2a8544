"""Values of a JSON document, read leniently and refused with one line that names their place."""

from __future__ import annotations

import re
from typing import TypeAlias

from executor.errors import InvalidInput

JsonObject: TypeAlias = dict[str, object]
_HEX_NUMBER = re.compile(r"0[xX][0-9a-fA-F]*|[0-9a-fA-F]+")
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))
_SHOWN = 40  # characters of a wrong value in a message


def is_nested_deeper(text: bytes, levels: int) -> bool:
    """Return whether the lists and objects of a JSON text stand more than `levels` deep in each other."""
    unescaped = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Every other piece between quotes is a string; what is left of the rest loses a level in each round.
    brackets = b"".join(unescaped.split(b'"')[::2]).translate(None, _NO_BRACKETS)
    for _ in range(levels):
        brackets = brackets.replace(b"[]", b"").replace(b"{}", b"")
    return len(brackets) > levels  # a few may be left of a text that is no JSON: the parser will say so


def refuse(where: str, expected: str, value: object) -> InvalidInput:
    """Return the error for a value that is not what was expected; the caller raises it."""
    return InvalidInput(f"{where}: expected {expected}, found {shown(value)}; correct it or record it again")


def shown(value: object) -> str:
    """Return a value for a message: its kind for containers, else its start, on one line."""
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    if isinstance(value, int) and value.bit_length() > 4 * _SHOWN:
        return f"a number of {value.bit_length()} bits"
    text = ascii(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."


def required(fields: JsonObject, name: str, where: str) -> object:
    """Return the field `name`, which must be there and not null."""
    value = fields.get(name)
    if value is None:
        place = f"{where}.{name}" if where else name
        raise InvalidInput(f"{place}: the field is missing; add it or record the block again")
    return value


def as_object(value: object, where: str) -> JsonObject:
    """Return a JSON object."""
    if not isinstance(value, dict):
        raise refuse(where, "an object", value)
    return value


def as_list(value: object, where: str) -> list[object]:
    """Return a JSON list."""
    if not isinstance(value, list):
        raise refuse(where, "a list", value)
    return value


def as_text(value: object, where: str) -> str:
    """Return a JSON string."""
    if not isinstance(value, str):
        raise refuse(where, "a string", value)
    return value


def as_int(value: object, where: str, bits: int = 256) -> int:
    """Return a number below 2**bits: a JSON number, or hex digits with or without `0x` (`0x` alone is 0)."""
    if isinstance(value, str) and _HEX_NUMBER.fullmatch(value):
        number = int(value[2:] or "0", 16) if value[1:2] in {"x", "X"} else int(value, 16)
    elif isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        number = value
    else:
        raise refuse(where, "a non-negative number in 0x-hex", value)
    if number.bit_length() > bits:
        raise refuse(where, f"a number of at most {bits} bits", value)
    return number


def as_bytes(value: object, where: str, size: int | None = None) -> bytes:
    """Return whole bytes from hex digits with or without `0x`; `size` bytes if given."""
    expected = "bytes in 0x-hex (an even number of digits)"
    if not isinstance(value, str):
        raise refuse(where, expected, value)
    digits = value[2:] if value.startswith(("0x", "0X")) else value
    try:
        data = bytes.fromhex(digits)
    except ValueError:
        raise refuse(where, expected, value) from None
    if 2 * len(data) != len(digits):  # `fromhex` steps over blanks
        raise refuse(where, expected, value)
    if size is not None and len(data) != size:
        raise refuse(where, f"{size} bytes in 0x-hex", value)
    return data
