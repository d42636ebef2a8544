"""A storage slot as its source would write it, and the hashes that Solidity and Vyper put mappings' entries at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from executor.hashing import keccak256
from scheduler.access import Address
from workloads.artefacts import word

Key: TypeAlias = int | Address
"""Key of a mapping or index of an array: addresses as 20 bytes, everything else as an int."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A variable, an entry of a mapping or array, or a member of a struct in one.

    `variable` is the name in the source or, where only the shape is known, says so (`mapping2`, `slot 0x3`);
    `shown` stands for variable and member where people call them otherwise (`total_debt`).
    """

    variable: str
    keys: tuple[Key, ...] = ()
    member: str = ""
    shown: str = ""


def solidity_slot(slot: int, key: Key) -> int:
    """Return where Solidity keeps a mapping's entry: keccak(key || slot)."""
    return int.from_bytes(keccak256(word(key) + word(slot)), "big")


def vyper_slot(slot: int, key: Key) -> int:
    """Return where Vyper keeps a mapping's entry: keccak(slot || key)."""
    return int.from_bytes(keccak256(word(slot) + word(key)), "big")
