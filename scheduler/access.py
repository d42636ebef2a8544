"""The vocabulary of reads and writes: what a transaction saw, what it changed, what we expect of it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol, TypeAlias

Address: TypeAlias = bytes
"""20 bytes."""
TxIndex: TypeAlias = int
"""Place of a transaction in its block, from 0."""
Value: TypeAlias = int | bytes
"""Balance, nonce or slot as an int; code as its keccak-256 hash; existence as 0 or 1."""
Location: TypeAlias = tuple[bytes, int, int]
"""(address, kind, slot): one cell of the state; slot is 0 unless the kind is STORAGE."""

BALANCE, NONCE, CODE, STORAGE, EXISTENCE = range(5)
KIND_NAMES = ("balance", "nonce", "code", "storage", "existence")

EMPTY_CODE_HASH = bytes.fromhex("c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470")
"""keccak256 of no bytes: the code hash of an account without code."""

ReadSet: TypeAlias = dict[Location, Value]
"""Location -> the value seen before the transaction's own writes."""
Bounds: TypeAlias = dict[Address, int]
"""Address -> wei: the balance before the transaction was at least this much, and no more was asked of it."""


class WriteSet(NamedTuple):
    """What a transaction changes.

    `values` holds nonces, code hashes, slots and existence where they differ from what stood before;
    `deltas` holds every balance change in wei, so that blind credits and debits commute;
    `clears` names accounts whose whole storage was dropped before `values` apply.
    """

    values: dict[Location, Value]
    deltas: dict[Address, int]
    clears: frozenset[Address] = frozenset()


write_set_of = partial(tuple.__new__, WriteSet)
"""Makes one from a tuple of all its fields: driver and workers do so for every execution that comes over the wire."""
NOTHING_WRITTEN = WriteSet({}, {})


@dataclass(frozen=True, slots=True)
class AccessSet:
    """What we expect a transaction to touch; a hint that decides when it runs, never whether it is right.

    `reads` are exact reads (sender nonce and satisfied bounds left out: they make no edge);
    `writes` are changed locations; `deltas` are accounts whose balance changes by a commutative amount;
    `clears` are accounts whose storage is dropped whole.
    """

    reads: frozenset[Location] = frozenset()
    writes: frozenset[Location] = frozenset()
    deltas: frozenset[Address] = frozenset()
    clears: frozenset[Address] = frozenset()


NOTHING_EXPECTED = AccessSet()


class BaseState(Protocol):
    """The state before the block, as the scheduler sees it."""

    def read(self, location: Location) -> Value:
        """Return the value of `location`; absent means zero (or the hash of no code)."""
        ...


def describe(location: Location) -> str:
    """Return `location` for people, e.g. `storage 0xabc…[0x3]`."""
    address, kind, slot = location
    name = f"{KIND_NAMES[kind]} 0x{address.hex()}"
    return f"{name}[{slot:#x}]" if kind == STORAGE else name


def touched(access: AccessSet) -> frozenset[Location]:
    """Return every location the access set names, balances of `deltas` included."""
    balances = {(address, BALANCE, 0) for address in access.deltas}
    return access.reads | access.writes | balances
