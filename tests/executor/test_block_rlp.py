"""Blocks as RLP: what goes in comes out, and what is not a block says why."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from executor.block_rlp import BlockParts, decode_block, encode_block, encode_item
from executor.errors import InvalidRlp
from executor.header import encode_header
from executor.rlp_codec import Rlp, decode, encode_bytes, encode_list
from executor.types import Header, RawTransaction, Withdrawal
from tests.signing import ACCESS_LIST, BLOB, FEE_MARKET, LEGACY, SET_CODE, Key, Tx, authorize, sign
from tests.small import small_block, small_header

FORKS = ("Frontier", "London", "Shanghai", "Cancun", "Prague")
KEY = Key(1)


def parts(fork: str = "Prague", **changes: Any) -> BlockParts:
    """Return a block with a transaction of every type."""
    authorization = authorize(KEY, b"\x01" * 20)
    transactions = tuple(
        RawTransaction(
            sign(KEY, Tx(kind, to=b"\x02" * 20, blob_hashes=(b"\x01" * 32,), authorizations=(authorization,)))
        )
        for kind in (LEGACY, ACCESS_LIST, FEE_MARKET, BLOB, SET_CODE)
    )
    withdrawals = None if fork in {"Frontier", "London"} else (Withdrawal(0, 2**64 - 1, b"\x03" * 20, 7),)
    return replace(BlockParts(small_header(fork), transactions, (), withdrawals), **changes)


@pytest.mark.parametrize("fork", FORKS)
def test_a_block_survives_the_way_there_and_back(fork: str) -> None:
    block = parts(fork, uncles=(small_header(fork), replace(small_header(fork), number=999)))
    assert decode_block(encode_block(block)) == block


def test_the_block_of_execution_encodes_like_its_parts() -> None:
    block = small_block("Prague")
    bare = tuple(RawTransaction(transaction.raw) for transaction in block.transactions)
    assert decode_block(encode_block(block)) == BlockParts(block.header, bare, (), block.withdrawals)


items = st.recursive(st.binary(max_size=70), lambda inner: st.lists(inner, max_size=4), max_leaves=12)


@given(items)
def test_items_decode_to_what_they_were(item: Rlp) -> None:
    assert decode(encode_item(item)) == item


def rebuilt(change: Callable[[list[Any]], None]) -> bytes:
    """Return the RLP of a valid block after a change of its decoded items."""
    decoded = decode(encode_block(parts()))
    assert isinstance(decoded, list)
    change(decoded)
    return encode_item(decoded)


def set_item(*path: int, to: Rlp) -> Callable[[list[Any]], None]:
    def change(decoded: list[Any]) -> None:
        inner = decoded
        for index in path[:-1]:
            inner = inner[index]
        inner[path[-1]] = to

    return change


NETWORK_FORM = b"\x03" + encode_item([[b"\x01"] * 14, [b"blob"], [b"commitment"], [b"proof"]])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (list.clear, "0 parts"),
        (lambda block: block.append(b""), "5 parts"),
        (lambda block: block.__delitem__(slice(2, 4)), "2 parts"),
        (set_item(0, to=b"\x01"), "header: a string"),
        (lambda block: block[0].__delitem__(slice(14, None)), "14 fields"),
        (lambda block: block[0].extend([b"", b""]), "fields"),
        (set_item(0, 2, to=b"\x01" * 19), "coinbase"),
        (set_item(0, 9, to=b"\x01" * 9), "gas_limit has more than 64 bits"),
        (set_item(0, 11, to=b"\x00\x01"), "leading zeros"),
        (set_item(0, 15, to=b"\x01" * 33), "base_fee has more than 256 bits"),
        (set_item(1, to=b""), "transactions of a block"),
        (set_item(1, 1, to=b""), "transaction 1: neither"),
        (set_item(1, 1, to=b"\x80" + b"\x01" * 9), "transaction 1: neither"),
        (set_item(1, 3, to=NETWORK_FORM), "transaction 3: blobs travel beside"),
        (set_item(1, 3, to=b"\x03\x01"), "transaction 3: RLP is a string"),
        (set_item(2, to=b"\x01"), "uncles of a block"),
        (set_item(2, to=[b"\x01"]), "uncle 0: a string"),
        (set_item(3, to=b""), "withdrawals of a block"),
        (set_item(3, 0, to=b"\x01"), "a withdrawal is not a list"),
        (set_item(3, 0, to=[b"", b"", b"\x01" * 20]), "a withdrawal is not a list"),
        (set_item(3, 0, 2, to=b"\x01" * 21), "20 bytes"),
        (set_item(3, 0, 2, to=[]), "20 bytes"),
        (set_item(3, 0, 1, to=b"\x01" * 9), "64 bits"),
        (set_item(3, 0, 3, to=b"\x00"), "leading zeros"),
    ],
)
def test_what_is_not_a_block_says_why(change: Callable[[list[Any]], None], words: str) -> None:
    with pytest.raises(InvalidRlp, match=words):
        decode_block(rebuilt(change))


def test_bytes_before_or_behind_a_block_are_refused() -> None:
    data = encode_block(parts())
    for wrong in (data + b"\x00", data[:-1], data[1:], b"", encode_bytes(data)):
        with pytest.raises(InvalidRlp):
            decode_block(wrong)


def test_headers_end_where_their_fork_ends() -> None:
    """A header with a hole cannot be told from a shorter one, so that the hole's successors are lost."""
    header: Header = replace(small_header("Prague"), withdrawals_root=None)
    data = encode_list(encode_header(header) + encode_list(b"") + encode_list(b""))
    assert decode_block(data).header == replace(
        small_header("Prague"),
        withdrawals_root=None,
        blob_gas_used=None,
        excess_blob_gas=None,
        parent_beacon_root=None,
        requests_hash=None,
    )
