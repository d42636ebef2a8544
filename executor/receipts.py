"""Receipts and logs as consensus bytes: encoders, blooms.

Source: yellow paper 4.3.1; EIP-658 (status), EIP-2718 (typed receipts).
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from executor.errors import InvalidRlp
from executor.hashing import keccak256
from executor.rlp_codec import Rlp, decode_list, encode_bytes, encode_int, encode_list, encode_strings
from executor.types import Log, Receipt

BLOOM_BYTES = 256
_BLOOM_PREFIX = b"\xb9\x01\x00"  # a string of 256 bytes
_BLOOM_MASK = 8 * BLOOM_BYTES - 1
_LOG_FIELDS = 3


def encode_logs(logs: Iterable[Log]) -> bytes:
    """Return the RLP list of `logs`."""
    return encode_list(b"".join(map(_encode_log, logs)))


def _encode_log(log: Log) -> bytes:
    return encode_list(encode_bytes(log.address) + encode_strings(log.topics) + encode_bytes(log.data))


def decode_logs(data: bytes) -> tuple[Log, ...]:
    """Return the logs of an RLP list; InvalidRlp where it is none."""
    return tuple(map(_decode_log, decode_list(data)))


def _decode_log(item: Rlp) -> Log:
    if isinstance(item, list) and len(item) == _LOG_FIELDS:
        address, topics, data = item
        if isinstance(address, bytes) and isinstance(topics, list) and isinstance(data, bytes):
            words = tuple(topic for topic in topics if isinstance(topic, bytes))
            if len(words) == len(topics):
                return Log(address, words, data)
    msg = "a log is not RLP of [address, topics, data]"
    raise InvalidRlp(msg)


def logs_bloom(logs: Iterable[Log]) -> int:
    """Return the bloom of `logs`: 2048 bits, to be read as a big-endian number."""
    bloom = 0
    for log in logs:
        bloom |= _bloom_of(log.address)
        for topic in log.topics:
            bloom |= _bloom_of(topic)
    return bloom


@lru_cache(maxsize=1 << 14)  # the same contracts and event names come again and again
def _bloom_of(value: bytes) -> int:
    digest = keccak256(value)
    bloom = 0
    for at in (0, 2, 4):
        bloom |= 1 << (int.from_bytes(digest[at : at + 2], "big") & _BLOOM_MASK)
    return bloom


def encode_receipt(receipt: Receipt) -> bytes:
    """Return the bytes of `receipt` that stand in the receipts trie.

    Without a status it is of the time before Byzantium: its post-state stands there, no bytes if unknown.
    """
    status, tx_type = receipt.status, receipt.tx_type
    outcome = encode_bytes(receipt.post_state or b"") if status is None else b"\x01" if status else b"\x80"
    gas = encode_int(receipt.cumulative_gas_used)
    encoded = encode_list(b"".join((outcome, gas, _BLOOM_PREFIX, receipt.bloom, receipt.logs_rlp)))
    return bytes((tx_type,)) + encoded if tx_type else encoded
