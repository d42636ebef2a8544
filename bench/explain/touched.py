"""What each transaction could have used as the key of a mapping: addresses and words that it saw or was given."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from executor.errors import InvalidRlp, TransactionTypeError
from executor.receipts import decode_logs
from executor.transactions import decode_transaction
from executor.types import Block, TransactionResult
from scheduler.access import STORAGE, Address, Location

WORD = 32
ADDRESS_BYTES = 20
SELECTOR = 4
MOST_WORDS = 64
"""Words of call data that are looked at: beyond them stand byte strings, not keys."""
LEAST_ADDRESS = 1 << 96
"""Values below are taken for numbers: addresses begin with so many zeros only by design (precompiles)."""
SMALL_NUMBERS = range(64)
ZERO_ADDRESS: Address = bytes(ADDRESS_BYTES)
"""What stands for ether, or for nobody, among tokens and holders."""
_PADDED_ADDRESS = re.compile(rb"(?=\0{12}([^\0].{19}))", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Touched:
    """One transaction: the locations it touched, and its possible keys, likeliest first.

    `people` are the sender, the callee and the addresses in call data and logs; `addresses` are these and every
    account and address-like slot value that it saw; `words` are call data, topics and values of slots.
    """

    locations: frozenset[Location]
    people: tuple[Address, ...]
    addresses: tuple[Address, ...]
    words: tuple[int, ...]


def touched_by(raw: bytes, result: TransactionResult) -> Touched:
    """Return what one executed transaction touched and could have used as keys."""
    to, data = call_of(raw)
    logs = decode_logs(result.logs_rlp)
    topics = [topic for log in logs for topic in log.topics]
    slots = (*result.reads.items(), *result.writes.values.items())
    values = [value for (_, kind, _), value in slots if kind == STORAGE and isinstance(value, int)]
    people = _unique(
        [result.sender, to, *addresses_in(data), *addresses_in(b"".join(topics)), *(log.address for log in logs)]
    )
    accounts = [address for address, _, _ in (*result.reads, *result.writes.values)]
    seen = [value.to_bytes(ADDRESS_BYTES, "big") for value in values if LEAST_ADDRESS <= value < 1 << 160]
    words = [*words_of(data), *(int.from_bytes(topic, "big") for topic in topics), *values]
    return Touched(
        locations=frozenset(result.reads) | frozenset(result.writes.values),
        people=people,
        addresses=_unique([*people, *accounts, *result.writes.deltas, *seen, ZERO_ADDRESS]),
        words=tuple(dict.fromkeys(words)),
    )


def touched_in(block: Block, results: Sequence[TransactionResult]) -> tuple[Touched, ...]:
    """Return the above for every transaction of an executed block."""
    return tuple(
        touched_by(transaction.raw, result) for transaction, result in zip(block.transactions, results, strict=True)
    )


def call_of(raw: bytes) -> tuple[Address, bytes]:
    """Return callee (empty for a creation) and data of a signed transaction; nothing where it cannot be decoded."""
    try:
        transaction = decode_transaction(raw)
    except (InvalidRlp, TransactionTypeError):  # executed blocks hold none; a hand-made one may
        return b"", b""
    return transaction.to, transaction.data


def words_of(data: bytes) -> list[int]:
    """Return the first words behind the selector of call data."""
    end = min(len(data), SELECTOR + WORD * MOST_WORDS)
    return [int.from_bytes(data[at : at + WORD], "big") for at in range(SELECTOR, end - WORD + 1, WORD)]


def addresses_in(data: bytes) -> list[Address]:
    """Return what looks like an address in the bytes of calls and logs: 20 bytes behind twelve zeros, anywhere."""
    return _PADDED_ADDRESS.findall(data[: SELECTOR + WORD * MOST_WORDS])


def _unique(addresses: Iterable[Address]) -> tuple[Address, ...]:
    return tuple(dict.fromkeys(address for address in addresses if address))
