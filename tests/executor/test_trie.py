"""Roots built bottom-up equal those of a trie that is filled key by key."""

from __future__ import annotations

import pytest
import rlp
from hypothesis import given, settings
from hypothesis import strategies as st
from trie import HexaryTrie

from executor import trie as tries
from executor.hashing import keccak256
from executor.trie import EMPTY_ROOT, OrderedTrie, ordered_root, secure_root, trie_root

values = st.binary(min_size=1, max_size=80)


def hexary_root(entries: dict[bytes, bytes]) -> bytes:
    """Return the root of the oracle's trie."""
    trie = HexaryTrie({})
    for key, value in entries.items():
        trie[key] = value
    return trie.root_hash


@settings(deadline=None)
@given(st.lists(values, max_size=40))
def test_ordered_roots_equal_those_of_a_filled_trie(items: list[bytes]) -> None:
    assert ordered_root(items) == hexary_root({rlp.encode(i): item for i, item in enumerate(items)})


@pytest.mark.parametrize("count", [0, 1, 2, 16, 127, 128, 129, 255, 256, 257, 700])
def test_ordered_roots_at_the_lengths_where_the_keys_change_their_form(count: int) -> None:
    items = [b"item %d " % index * (index % 7 + 1) for index in range(count)]
    assert ordered_root(items) == hexary_root({rlp.encode(i): item for i, item in enumerate(items)})


@settings(deadline=None)
@given(st.dictionaries(st.binary(min_size=1, max_size=4), values, max_size=40))
def test_roots_of_any_keys_equal_those_of_a_filled_trie(entries: dict[bytes, bytes]) -> None:
    # Short keys: some begin others, so that branches hold values; short values: nodes stand in place.
    assert trie_root(sorted(entries.items())) == hexary_root(entries)


@settings(deadline=None)
@given(st.dictionaries(st.binary(max_size=32), values, max_size=40))
def test_secure_roots_hash_their_keys(entries: dict[bytes, bytes]) -> None:
    assert secure_root(entries) == hexary_root({keccak256(key): value for key, value in entries.items()})


def test_long_shared_prefixes_make_extensions() -> None:
    entries = {b"\x11" * 31 + bytes([last]): b"v%d" % last for last in (0x10, 0x11, 0x20)}
    assert trie_root(sorted(entries.items())) == hexary_root(entries)


def test_the_empty_trie_has_the_hash_of_no_bytes() -> None:
    assert trie_root([]) == ordered_root([]) == secure_root({}) == EMPTY_ROOT == keccak256(b"\x80")


def test_what_a_trie_looks_like_is_worked_out_with_its_first_item(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not when it is made: a parallel run does that while its workers wait."""
    asked: list[int] = []
    shape = tries._shape

    def noted(count: int) -> tries._Shape:
        asked.append(count)
        return shape(count)

    monkeypatch.setattr(tries, "_shape", noted)
    trie = OrderedTrie(2)
    assert asked == []
    trie.add(b"one")
    assert asked == [2]
    trie.add(b"two")
    assert trie.root() == ordered_root([b"one", b"two"])
