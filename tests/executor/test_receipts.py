"""Receipts, logs and blooms equal those of py-evm's own encoders."""

from __future__ import annotations

import pytest
import rlp
from eth.rlp.logs import Log as EthLog
from eth.rlp.receipts import Receipt as EthReceipt
from eth_bloom import BloomFilter
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.errors import InvalidRlp
from executor.receipts import decode_logs, encode_logs, encode_receipt, logs_bloom
from executor.sequential import execute_sequential
from executor.trie import EMPTY_ROOT, ordered_root
from executor.types import Log, Receipt
from tests.blocks import Builder
from tests.schedules import busy_block

addresses = st.binary(min_size=20, max_size=20)
words = st.binary(min_size=32, max_size=32)
logs = st.lists(st.builds(Log, addresses, st.lists(words, max_size=4).map(tuple), st.binary(max_size=300)), max_size=5)


def eth_logs(entries: list[Log]) -> list[EthLog]:
    """Return py-evm's form of the logs."""
    topics = [[int.from_bytes(topic, "big") for topic in log.topics] for log in entries]
    return [EthLog(log.address, topic, log.data) for log, topic in zip(entries, topics, strict=True)]


def receipt(
    entries: list[Log], *, tx_type: int = 0, status: int | None = 1, post_state: bytes | None = None
) -> Receipt:
    """Return a receipt with the given logs."""
    bloom = logs_bloom(entries).to_bytes(256, "big")
    return Receipt(tx_type, status, 21_000, 163_000, bloom, encode_logs(entries), post_state)


@settings(deadline=None)
@given(logs)
def test_logs_are_encoded_as_by_py_evm_and_come_back(entries: list[Log]) -> None:
    encoded = encode_logs(entries)
    assert encoded == rlp.encode(eth_logs(entries))
    assert decode_logs(encoded) == tuple(entries)


@settings(deadline=None)
@given(logs)
def test_blooms_equal_py_evms(entries: list[Log]) -> None:
    bloomables = [item for log in eth_logs(entries) for item in log.bloomables]
    assert logs_bloom(entries) == int(BloomFilter.from_iterable(bloomables))


@settings(deadline=None)
@given(logs, st.sampled_from([0, 1]), st.integers(min_value=0, max_value=4))
def test_receipts_are_encoded_as_by_py_evm(entries: list[Log], status: int, tx_type: int) -> None:
    ours = receipt(entries, tx_type=tx_type, status=status)
    outcome = b"\x01" if status else b""
    theirs = EthReceipt(outcome, 163_000, eth_logs(entries))
    prefix = bytes([tx_type]) if tx_type else b""
    assert encode_receipt(ours) == prefix + rlp.encode(theirs)


@settings(deadline=None)
@given(words)
def test_before_byzantium_the_post_state_stands_in_the_receipt(root: bytes) -> None:
    theirs = EthReceipt(root, 163_000, [])
    assert encode_receipt(receipt([], status=None, post_state=root)) == rlp.encode(theirs)


def test_an_unknown_post_state_is_encoded_as_no_bytes() -> None:
    assert encode_receipt(receipt([], status=None)) == encode_receipt(receipt([], status=0))


def test_the_receipts_root_is_over_the_encoded_receipts_in_order() -> None:
    builder = busy_block(200)
    result = execute_sequential(builder.block(), builder.state)
    encoded = [encode_receipt(entry) for entry in result.receipts]
    assert len(encoded) == 200
    assert result.receipts_root == ordered_root(encoded)
    assert result.receipts_root != ordered_root(encoded[::-1])
    empty = Builder()
    assert execute_sequential(empty.block(), empty.state).receipts_root == EMPTY_ROOT


@pytest.mark.parametrize("damaged", ["", "80", "c180", "c3c20102", "c4c3800102", "c5c480c0c080", "c5c480c1c080"])
def test_what_is_no_list_of_logs_is_refused(damaged: str) -> None:
    with pytest.raises(InvalidRlp):
        decode_logs(bytes.fromhex(damaged))
