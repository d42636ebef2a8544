"""A Merkle-Patricia trie of which only some nodes are known: those that a witness brings along."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from trie.exceptions import MissingTraversalNode, MissingTrieNode
from trie.hexary import HexaryTrie

from executor.errors import InvalidRlp, MissingWitness
from executor.hashing import keccak256
from executor.rlp_codec import decode_list

_PAIR, _BRANCH = 2, 17  # items of a leaf or extension, of a branch
_HIGHEST_FLAG = 3


class NodeDb(dict[bytes, bytes]):
    """Trie nodes by their hash; tries that share them may stand in one."""

    def __init__(self, nodes: Iterable[bytes]) -> None:
        super().__init__((keccak256(_checked(node)), node) for node in nodes)


def _checked(node: bytes) -> bytes:
    """Return `node` if it has the form of a trie node, so that walking the trie cannot go astray."""
    items = decode_list(node)
    if len(items) == _PAIR:
        path = items[0]
        well_formed = isinstance(path, bytes) and bool(path) and path[0] >> 4 <= _HIGHEST_FLAG
    else:
        well_formed = len(items) == _BRANCH and isinstance(items[-1], bytes)
    if not well_formed:
        raise InvalidRlp(f"0x{node[:16].hex()}... is not a trie node; record the witness again")
    return node


class PartialTrie:
    """The trie under `root`, as far as `nodes` reach; keys are hashes already."""

    def __init__(self, nodes: NodeDb, root: bytes) -> None:
        self._trie: Any = HexaryTrie(nodes, root)

    def get(self, key: bytes) -> bytes:
        """Return the value of `key`, no bytes if it has none; MissingWitness where this cannot be said."""
        try:
            return bytes(self._trie.get(key))
        except (MissingTrieNode, MissingTraversalNode, KeyError) as error:
            raise self._missing(key, error) from None

    def update(self, values: Mapping[bytes, bytes]) -> bytes:
        """Set the values, delete the keys whose value is no bytes, and return the new root."""
        # Deleting last: a branch that another key enters is not folded, and its siblings need not be known.
        for key, value in sorted(values.items(), key=lambda item: (not item[1], item[0])):
            try:
                if value:
                    self._trie.set(key, value)
                else:
                    self._trie.delete(key)
            except (MissingTrieNode, MissingTraversalNode, KeyError) as error:
                raise self._missing(key, error) from None
        return bytes(self._trie.root_hash)

    def _missing(self, key: bytes, error: Exception) -> MissingWitness:
        node = getattr(error, "missing_node_hash", None) or error.args[0]
        return MissingWitness(
            f"witness: trie node 0x{bytes(node).hex()} on the path of hashed key 0x{key.hex()} is missing;"
            " record the block again, with the nodes that its writes and deletions touch"
        )
