"""Nodes of persistent Merkle-Patricia tries over 32-byte keys: an update shares all nodes that it does not change.

A node is a plain tuple whose last item is its reference (yellow paper, appendix D: the RLP of its keccak-256, or its
own RLP where that is shorter), made when the node is made and never again. The cycle collector leaves alone tuples of
bytes and integers; of objects of a class it would look at every one. There is no extension node: a branch knows at
which nibble it branches, and its reference is that of the extension above it where nibbles are skipped. Nodes carry
whole keys, not what is left of a path: a node that moves up or down needs a new reference and nothing else. No key
begins another, so branches hold no values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias, TypeVar

from executor.hashing import keccak256
from executor.rlp_codec import encode_bytes, encode_list
from executor.trie import EMPTY_ROOT

V = TypeVar("V")

Empty: TypeAlias = tuple[bytes]
"""No node: only the reference."""
Leaf: TypeAlias = tuple[bytes, V, bytes]
"""Key, value, reference."""
Branch: TypeAlias = "tuple[bytes, int, tuple[Node[V], ...], bytes, bytes]"
"""Any key that passes here, nibble at which it branches, 16 children, reference below the extension, reference."""
Node: TypeAlias = "Empty | Leaf[V] | Branch[V]"
Changes: TypeAlias = "Sequence[tuple[bytes, V | None]]"
"""Key and new value (None deletes), sorted by key, each key once."""
Encoder: TypeAlias = Callable[[V], bytes]
"""Value -> what the trie holds of it, at least a byte."""

EMPTY: Empty = (b"\x80",)
_EMPTY: Final = 1  # the kinds of nodes, told by their lengths
_LEAF: Final = 3
_BRANCH: Final = 5
_WIDTH = 16
_KEY_NIBBLES = 64
_HASH_SIZE = 32
_NO_VALUE = b"\x80"
_USUAL = 536  # above the 529 bytes of a full branch
_PREFIXES = tuple(encode_list(bytes(length))[: -length or None] for length in range(_USUAL))
_ODD_LEAF = tuple(bytes([0x30 | nibble]) for nibble in range(_WIDTH))


def root_hash(node: Node[V]) -> bytes:
    """Return the root of the trie whose topmost node is `node`."""
    # With 32 bytes of path below it the topmost node is too long to stand in place: it is always hashed.
    return EMPTY_ROOT if len(node) == _EMPTY else node[-1][1:]


def find(node: Node[V], key: bytes) -> V | None:
    """Return the value of `key`, None if it has none."""
    while len(node) == _BRANCH:
        node = node[2][_nibble(key, node[1])]
    return node[1] if len(node) == _LEAF and node[0] == key else None


def updated(node: Node[V], changes: Changes[V], encode: Encoder[V]) -> Node[V]:
    """Return the topmost node after `changes`; `node` and all below it stay as they are."""
    return _updated(node, changes, 0, len(changes), 0, encode) if changes else node


def _updated(node: Node[V], changes: Changes[V], low: int, high: int, depth: int, encode: Encoder[V]) -> Node[V]:
    """Return the node at nibble `depth` after changes low..high-1 (one at least), whose keys agree above it."""
    if len(node) == _BRANCH:
        return _updated_branch(node, changes, low, high, depth, encode)
    if len(node) == _LEAF:
        return _updated_leaf(node, changes[low:high], depth, encode)
    return _built(_present(changes[low:high]), depth, encode)


def _updated_leaf(leaf: Leaf[V], changes: Changes[V], depth: int, encode: Encoder[V]) -> Node[V]:
    key, value, _ = leaf
    if len(changes) == 1 and changes[0][0] == key:  # nearly always so
        new = changes[0][1]
        return EMPTY if new is None else leaf if new == value else _leaf(key, new, depth, encode)
    values = {key: value, **dict(changes)}
    pairs = _present(sorted(values.items(), key=_first))
    return leaf if pairs == [(key, value)] else _built(pairs, depth, encode)


def _updated_branch(
    node: Branch[V], changes: Changes[V], low: int, high: int, depth: int, encode: Encoder[V]
) -> Node[V]:
    key, at, children, _, _ = node
    if at > depth:  # the changes may leave the skipped nibbles: then there is a branch above this one
        shared = min(_shared(key, changes[low][0]), _shared(key, changes[high - 1][0]))
        if shared < at:
            children = _only(_nibble(key, shared), _moved(node, shared + 1, encode))
            at = shared
    after, emptied, changed = list(children), False, False
    for nibble, first, end in _groups(changes, low, high, at):
        old = children[nibble]
        new = after[nibble] = _updated(old, changes, first, end, at + 1, encode)
        emptied |= len(new) == _EMPTY
        changed |= new is not old
    if not changed:
        return node
    return _folded(key, at, after, depth, encode) if emptied else _branch(key, at, after, depth)


def _folded(key: bytes, at: int, children: Sequence[Node[V]], depth: int, encode: Encoder[V]) -> Node[V]:
    """Return the branch over `children`, or what is left in its place: its only child, or nothing."""
    left = [child for child in children if len(child) != _EMPTY]
    if len(left) > 1:
        return _branch(key, at, children, depth)
    return _moved(left[0], depth, encode) if left else EMPTY


def _only(nibble: int, child: Node[V]) -> tuple[Node[V], ...]:
    return (EMPTY,) * nibble + (child,) + (EMPTY,) * (_WIDTH - 1 - nibble)


def _built(pairs: Sequence[tuple[bytes, V]], depth: int, encode: Encoder[V]) -> Node[V]:
    return _built_range(pairs, 0, len(pairs), depth, encode) if pairs else EMPTY


def _built_range(
    pairs: Sequence[tuple[bytes, V]], low: int, high: int, depth: int, encode: Encoder[V]
) -> Leaf[V] | Branch[V]:
    key, value = pairs[low]
    if high - low == 1:
        return _leaf(key, value, depth, encode)
    at = _shared(key, pairs[high - 1][0])  # the pairs are sorted: what first and last have in common, all have
    children: list[Node[V]] = [EMPTY] * _WIDTH
    for nibble, first, end in _groups(pairs, low, high, at):
        children[nibble] = _built_range(pairs, first, end, at + 1, encode)
    return _branch(key, at, children, depth)


def _present(changes: Changes[V]) -> list[tuple[bytes, V]]:
    return [(key, value) for key, value in changes if value is not None]


def _first(pair: tuple[bytes, V]) -> bytes:
    return pair[0]


def _groups(pairs: Sequence[tuple[bytes, object]], low: int, high: int, at: int) -> Iterator[tuple[int, int, int]]:
    """Yield (nibble, first, end) for each run of pairs low..high-1 with the same nibble at `at`."""
    index, shift = at >> 1, 0 if at & 1 else 4
    while low < high:
        nibble = pairs[low][0][index] >> shift & 15
        end = low + 1
        while end < high and pairs[end][0][index] >> shift & 15 == nibble:
            end += 1
        yield nibble, low, end
        low = end


def _nibble(key: bytes, at: int) -> int:
    return key[at >> 1] & 15 if at & 1 else key[at >> 1] >> 4


def _shared(first: bytes, second: bytes) -> int:
    """Return how many nibbles from the start are the same in both."""
    differing = int.from_bytes(first, "big") ^ int.from_bytes(second, "big")
    return _KEY_NIBBLES - (differing.bit_length() + 3) // 4


# -- nodes and their references ------------------------------------------------------------------------------


def _leaf(key: bytes, value: V, depth: int, encode: Encoder[V]) -> Leaf[V]:
    half = depth >> 1
    path = _ODD_LEAF[key[half] & 15] + key[half + 1 :] if depth & 1 else b"\x20" + key[half:]
    return key, value, _reference(encode_bytes(path) + encode_bytes(encode(value)))


def _branch(key: bytes, at: int, children: Sequence[Node[V]], depth: int) -> Branch[V]:
    inner = _reference(b"".join([child[-1] for child in children]) + _NO_VALUE)
    return key, at, tuple(children), inner, _extended(key, depth, at, inner)


def _moved(node: Node[V], depth: int, encode: Encoder[V]) -> Node[V]:
    """Return `node` as it stands under a parent that ends at nibble `depth`."""
    if len(node) == _BRANCH:
        key, at, children, inner, _ = node
        return key, at, children, inner, _extended(key, depth, at, inner)
    return _leaf(node[0], node[1], depth, encode) if len(node) == _LEAF else node


def _extended(key: bytes, depth: int, at: int, inner: bytes) -> bytes:
    """Return the reference of the extension over nibbles depth..at-1 of `key`, `inner` where there are none."""
    if depth == at:
        return inner
    flag, digits = ("1", "") if (at - depth) & 1 else ("0", "0")
    path = bytes.fromhex(flag + digits + key.hex()[depth:at])
    return _reference(encode_bytes(path) + inner)


def _reference(items: bytes) -> bytes:
    """Return the reference of the node whose encoded items, joined, are `items`."""
    length = len(items)
    node = _PREFIXES[length] + items if length < _USUAL else encode_list(items)
    return node if len(node) < _HASH_SIZE else b"\xa0" + keccak256(node)
