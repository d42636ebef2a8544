"""Finds the storage slots that belong to an account, by the hash that puts them there, and the same slot of another.

A mapping's entry lies at keccak(key || slot) in Solidity, at keccak(slot || key) in Vyper; a mapping of mappings
hashes twice, and the members of a struct follow its first slot. What is found is a slot that the block touched:
the chance that an unrelated one matches is that of a hash collision.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import product

from executor.hashing import keccak256
from scheduler.access import Address
from workloads.artefacts import word

BASES = 320
"""Slots of mappings that are tried: upgradable contracts leave gaps of 50 between theirs."""
MEMBERS = 8
"""Members of a struct that are tried."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a slot follows from its owner: from `base`, one hash per key; None stands for the owner.

    `inner` is added after the first of two hashes, `outer` after the last; `key_first` is Solidity's order.
    """

    base: int
    keys: tuple[Address | None, ...]
    inner: int = 0
    outer: int = 0
    key_first: bool = True

    def slot(self, owner: Address) -> int:
        """Return the slot of `owner`."""
        slot = self.base
        for position, key in enumerate(self.keys):
            offset = self.inner if position else 0
            slot = entry(slot + offset, owner if key is None else key, key_first=self.key_first)
        return (slot + self.outer) % 2**256


def entry(slot: int, key: Address, *, key_first: bool) -> int:
    """Return where a mapping at `slot` keeps the entry of an address."""
    parts = (word(key), word(slot % 2**256))
    return int.from_bytes(keccak256(b"".join(parts if key_first else reversed(parts))), "big")


class OwnedSlots:
    """All recipes of one owner, whose nested mappings have any of `others` as their other key."""

    def __init__(self, owner: Address, others: Iterable[Address]) -> None:
        self._recipes: dict[int, Recipe] = {}
        for slot, recipe in _recipes(owner, sorted(set(others) - {owner})):
            self._recipes.setdefault(slot, recipe)

    def recipe(self, slot: int) -> Recipe | None:
        """Return how `slot` follows from the owner, None if it does not."""
        for outer in range(MEMBERS):
            found = self._recipes.get((slot - outer) % 2**256)
            if found is not None:
                return replace(found, outer=outer)
        return None


def _recipes(owner: Address, others: list[Address]) -> Iterator[tuple[int, Recipe]]:
    """Yield slots with their recipes: the owner's entries, others' in its mapping, its own in those of others."""
    for key_first, base in product((True, False), range(BASES)):
        own = entry(base, owner, key_first=key_first)
        yield own, Recipe(base, (None,), key_first=key_first)
        for other in others:
            yield entry(own, other, key_first=key_first), Recipe(base, (None, other), key_first=key_first)
    # A mapping within a struct within a mapping is Solidity's (Compound's markets): no need to try both orders.
    for base, other in product(range(BASES), others):
        theirs = entry(base, other, key_first=True)
        for inner in range(MEMBERS):
            yield entry(theirs + inner, owner, key_first=True), Recipe(base, (other, None), inner)
