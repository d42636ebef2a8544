"""The own RLP codec equals the library's on what is valid, and refuses what is not."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.errors import InvalidRlp
from executor.rlp_codec import (
    decode,
    decode_int,
    decode_list,
    encode_bytes,
    encode_int,
    encode_strings,
    is_one_list,
)

nested = st.recursive(st.binary(max_size=70), lambda items: st.lists(items, max_size=6), max_leaves=30)


@settings(deadline=None)
@given(st.binary(max_size=70_000))
def test_strings_are_encoded_as_by_the_library(data: bytes) -> None:
    assert encode_bytes(data) == rlp.encode(data)


@settings(deadline=None)
@given(st.integers(min_value=0, max_value=2**300))
def test_integers_are_encoded_as_by_the_library_and_come_back(value: int) -> None:
    assert encode_int(value) == rlp.encode(value)
    assert decode_int(decode(encode_int(value))) == value


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40), max_size=20))
def test_lists_are_encoded_as_by_the_library(items: list[bytes]) -> None:
    assert encode_strings(items) == rlp.encode(items)


@settings(deadline=None)
@given(nested)
def test_whatever_was_encoded_is_decoded(item: object) -> None:
    assert decode(rlp.encode(item)) == item


@settings(deadline=None)
@given(st.binary(max_size=60))
def test_random_bytes_are_decoded_as_by_the_library_or_refused_by_both(data: bytes) -> None:
    try:
        expected = rlp.decode(data, strict=True)
    except rlp.exceptions.DecodingError:
        with pytest.raises(InvalidRlp):
            decode(data)
    else:
        assert decode(data) == expected


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\x81\x05",  # a small byte with a prefix
        b"\xb8\x01a",  # a long form for a short length
        b"\xb9\x00\x40" + bytes(64),  # a length with a leading zero
        b"\xc3\x83ab",  # an item that ends outside its list
        b"\xc2\x81",
        b"\x83ab",
        b"ab",  # bytes behind the item
        b"\xc1" * 5000,
        b"\xf9",
        b"\xbf" + b"\xff" * 8,
    ],
)
def test_damaged_rlp_is_refused(damaged: bytes) -> None:
    with pytest.raises(InvalidRlp):
        decode(damaged)


def test_lists_nested_too_deeply_are_refused_without_exhausting_the_stack() -> None:
    bomb = b""
    for _ in range(3000):
        bomb = rlp.codec.length_prefix(len(bomb), 192) + bomb
    with pytest.raises(InvalidRlp, match="nested deeper"):
        decode(bomb)


def test_a_string_is_no_list_and_a_padded_number_no_integer() -> None:
    with pytest.raises(InvalidRlp, match="not a list"):
        decode_list(b"\x80")
    with pytest.raises(InvalidRlp, match="leading zeros"):
        decode_int(b"\x00\x01")


@pytest.mark.parametrize(
    ("data", "one"),
    [(b"\xc0", True), (b"\xc1a", True), (b"\xc1", False), (b"\xc0a", False), (b"a", False), (b"", False)],
)
def test_the_frame_of_a_list_is_seen_without_decoding(data: bytes, *, one: bool) -> None:
    assert is_one_list(data) is one
