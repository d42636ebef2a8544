"""Roots of Merkle-Patricia tries, built bottom-up from sorted pairs without a database.

Source: yellow paper, appendix D. A node is referred to by its keccak-256, or stands in place if shorter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple, TypeAlias

from executor.hashing import keccak256
from executor.rlp_codec import encode_bytes, encode_int, encode_list

EMPTY_ROOT = bytes.fromhex("56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421")
"""keccak256 of RLP of no bytes: the root of a trie without entries."""
_HASH_SIZE = 32
_NO_CHILD = b"\x80"
_HEX = "0123456789abcdef"


class OrderedTrie:
    """The trie index -> item (transactions, receipts) of so many items, which come in order and are not empty.

    Where each item stands is known before any has come, so each is hashed when it comes and not at the end. That is
    worked out with the first one: a parallel run makes its trie before its workers have anything to do.
    """

    def __init__(self, count: int) -> None:
        self._count = count
        self._paths = _paths(count)
        self._references: list[bytes] = []

    def add(self, item: bytes) -> None:
        """Take in the next item."""
        self._references.append(_reference(encode_list(next(self._paths) + encode_bytes(item))))

    def root(self) -> bytes:
        """Return the root, once all items have come."""
        if not self._references:
            return EMPTY_ROOT
        reference = self._above(_shape(self._count).top)
        return reference[1:] if len(reference) > _HASH_SIZE else keccak256(reference)

    def _above(self, place: _Place) -> bytes:
        """Return the reference to the node at a place."""
        if isinstance(place, int):
            return self._references[place]
        path, children = place
        references = [_NO_CHILD if child is None else self._above(child) for child in children]
        branch = _reference(encode_list(b"".join(references) + _NO_CHILD))  # no index's RLP begins another's
        return branch if path is None else _reference(encode_list(path + branch))


def ordered_root(items: Sequence[bytes]) -> bytes:
    """Return the root of the trie index -> item (transactions, receipts), items not empty."""
    trie = OrderedTrie(len(items))
    for item in items:
        trie.add(item)
    return trie.root()


def secure_root(entries: Mapping[bytes, bytes]) -> bytes:
    """Return the root of the trie keccak256(key) -> value (accounts, slots). Values are not empty."""
    return trie_root(sorted((keccak256(key), value) for key, value in entries.items()))


def trie_root(pairs: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the root of the trie of `pairs`, sorted by key, each key once. Values are not empty."""
    keys, values = [], []
    for key, value in pairs:
        keys.append(key.hex())
        values.append(value)
    return _root(keys, values)


_Place: TypeAlias = "int | _Fork"
"""Of a node in an ordered trie: a leaf by its index, or a branch."""


class _Fork(NamedTuple):
    """A branch by its children, below an extension if there is a path to it."""

    path: bytes | None
    children: tuple[_Place | None, ...]


class _Shape(NamedTuple):
    """What an ordered trie looks like whatever its items: RLP of the rest of each leaf's key, and the top."""

    paths: tuple[bytes, ...]
    top: _Place


def _paths(count: int) -> Iterator[bytes]:
    """Yield the RLP of the rest of each leaf's key; nothing is worked out before the first is asked for."""
    yield from _shape(count).paths


@lru_cache(maxsize=64)  # per block: one for the transactions, one for the receipts, of the same length
def _shape(count: int) -> _Shape:
    keys = sorted((encode_int(index).hex(), index) for index in range(count))
    paths = [b""] * count

    def place(low: int, high: int, depth: int) -> _Place:
        """Return the node over the entries low..high-1, whose keys agree below nibble `depth`."""
        key, index = keys[low]
        if high - low == 1:
            paths[index] = _compact(key[depth:], "2", "3")
            return index
        shared = _shared(key, keys[high - 1][0], depth)
        path = _compact(key[depth : depth + shared], "0", "1") if shared else None
        depth += shared
        children: list[_Place | None] = []
        for nibble in _HEX:
            end = low
            while end < high and keys[end][0][depth] == nibble:
                end += 1
            children.append(place(low, end, depth + 1) if end > low else None)
            low = end
        return _Fork(path, tuple(children))

    top = place(0, count, 0) if count else 0
    return _Shape(tuple(paths), top)


def _root(keys: Sequence[str], values: Sequence[bytes]) -> bytes:
    if not keys:
        return EMPTY_ROOT
    return keccak256(_node(keys, values, 0, len(keys), 0))


def _node(keys: Sequence[str], values: Sequence[bytes], low: int, high: int, depth: int) -> bytes:
    """Return the RLP of the node over the entries low..high-1, whose keys agree below nibble `depth`."""
    key = keys[low]
    if high - low == 1:
        return encode_list(_compact(key[depth:], "2", "3") + encode_bytes(values[low]))
    # The keys are sorted: what the first and the last have in common, all have.
    shared = _shared(key, keys[high - 1], depth)
    if not shared:
        return _branch(keys, values, low, high, depth)
    child = _branch(keys, values, low, high, depth + shared)
    return encode_list(_compact(key[depth : depth + shared], "0", "1") + _reference(child))


def _shared(first: str, last: str, depth: int) -> int:
    """Return how many nibbles from `depth` on are the same in both."""
    end = min(len(first), len(last))
    at = depth
    while at < end and first[at] == last[at]:
        at += 1
    return at - depth


def _branch(keys: Sequence[str], values: Sequence[bytes], low: int, high: int, depth: int) -> bytes:
    value = _NO_CHILD
    if len(keys[low]) == depth:  # a key that is the beginning of the others ends here
        value = encode_bytes(values[low])
        low += 1
    children = []
    for nibble in _HEX:
        end = low
        while end < high and keys[end][depth] == nibble:
            end += 1
        children.append(_reference(_node(keys, values, low, end, depth + 1)) if end > low else _NO_CHILD)
        low = end
    children.append(value)
    return encode_list(b"".join(children))


def _reference(node: bytes) -> bytes:
    return node if len(node) < _HASH_SIZE else b"\xa0" + keccak256(node)


def _compact(nibbles: str, even: str, odd: str) -> bytes:
    """Return the RLP of a hex-prefix encoded path; the flags say leaf or extension, even or odd."""
    flagged = odd + nibbles if len(nibbles) & 1 else even + "0" + nibbles
    return encode_bytes(bytes.fromhex(flagged))
