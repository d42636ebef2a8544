"""Blocks that a chain knows, and the way back from one to its ancestors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import islice

from executor.types import Header


@dataclass(frozen=True, slots=True)
class KnownBlock:
    """A block that was found valid.

    `total_difficulty` is the sum from genesis to this block, `merged` says that it is a proof-of-stake block.
    """

    header: Header
    hash: bytes
    total_difficulty: int
    merged: bool
    uncle_hashes: frozenset[bytes] = frozenset()


def lineage(known: Mapping[bytes, KnownBlock], youngest: KnownBlock, count: int) -> Iterator[KnownBlock]:
    """Yield `youngest`, its parent, and so on: at most `count` blocks, fewer where genesis is reached."""

    def back() -> Iterator[KnownBlock]:
        block: KnownBlock | None = youngest
        while block is not None:
            yield block
            block = known.get(block.header.parent_hash)

    return islice(back(), count)


def ancestor_hashes(known: Mapping[bytes, KnownBlock], parent: KnownBlock, count: int) -> dict[int, bytes]:
    """Return number -> hash of the `count` last ancestors of a child of `parent`, on its own branch."""
    return {block.header.number: block.hash for block in lineage(known, parent, count)}
