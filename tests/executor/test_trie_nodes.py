"""Persistent trie nodes over keys that crowd: every shape of node, reached from every other."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.trie import EMPTY_ROOT, trie_root
from executor.trie_nodes import EMPTY, Node, find, root_hash, updated

Entries = dict[bytes, bytes]
Edits = dict[bytes, bytes | None]
LONG = b"v" * 40  # its leaf is hashed; a leaf of a byte near the end of the key stands in place


def key(digits: str, fill: str = "0") -> bytes:
    """Return the key that begins with these nibbles (before a bar) and ends in those (after it)."""
    head, _, tail = digits.partition("|")
    return bytes.fromhex(head + fill * (64 - len(head) - len(tail)) + tail)


# Few nibbles, at both ends: long common paths, forks at any depth, leaves without any path left.
crowded = st.builds(lambda head, tail: key(f"{head}|{tail}"), st.text("01f", max_size=4), st.text("01f", max_size=4))
contents = st.binary(min_size=1, max_size=3) | st.binary(min_size=1, max_size=80)
edits = st.dictionaries(crowded, st.none() | contents, max_size=8)


def plain(value: bytes) -> bytes:
    return value


def edited(node: Node[bytes], changes: Edits) -> Node[bytes]:
    return updated(node, sorted(changes.items()), plain)


def applied(entries: Entries, changes: Edits) -> Entries:
    return {name: value for name, value in {**entries, **changes}.items() if value is not None}


def rebuilt_root(entries: Entries) -> bytes:
    return trie_root(sorted(entries.items()))


@settings(deadline=None, max_examples=300)
@given(st.lists(edits, max_size=6))
def test_every_edit_ends_in_the_root_of_a_rebuilt_trie(steps: list[Edits]) -> None:
    node: Node[bytes] = EMPTY
    entries: Entries = {}
    for changes in steps:
        before, was = node, root_hash(node)
        node, entries = edited(node, changes), applied(entries, changes)
        assert root_hash(node) == rebuilt_root(entries)
        assert {name: find(node, name) for name in changes} == {name: entries.get(name) for name in changes}
        assert root_hash(before) == was


@settings(deadline=None)
@given(edits, edits)
def test_edits_that_change_nothing_leave_every_node(steps: Edits, absent: Edits) -> None:
    entries = applied({}, steps)
    node = edited(EMPTY, steps)
    assert edited(node, {}) is node
    assert edited(node, {**dict.fromkeys(absent), **entries}) is node


SHAPES: dict[str, tuple[Edits, Edits]] = {
    "first leaf": ({}, {key("1"): LONG}),
    "last leaf goes": ({key("1"): LONG}, {key("1"): None}),
    "leaf splits at once": ({key("1"): LONG}, {key("2"): LONG}),
    "leaf splits after a common path": ({key("111"): LONG}, {key("112"): LONG}),
    "leaf gives way to another": ({key("111"): LONG}, {key("111"): None, key("112"): LONG}),
    "extension splits at its first nibble": ({key("111"): LONG, key("112"): LONG}, {key("2"): LONG}),
    "extension splits in the middle": ({key("11111"): LONG, key("11112"): LONG}, {key("112"): LONG}),
    "extension splits at its last nibble": ({key("111"): LONG, key("112"): LONG}, {key("12"): LONG}),
    "extension splits and its branch changes": (
        {key("111"): LONG, key("112"): LONG},
        {key("2"): LONG, key("113"): b"new", key("111"): None},
    ),
    "extension splits and its branch becomes a leaf": (
        {key("111"): LONG, key("112"): LONG},
        {key("12"): LONG, key("112"): None},
    ),
    "absent keys beside an extension go": ({key("111"): LONG, key("112"): LONG}, {key("2"): None, key("12"): None}),
    "branch folds into a leaf": ({key("1"): LONG, key("2"): LONG}, {key("2"): None}),
    "branch folds into an extension": ({key("11"): LONG, key("12"): LONG, key("2"): LONG}, {key("2"): None}),
    "branch under an extension folds into a longer extension": (
        {key("1111"): LONG, key("1112"): LONG, key("12"): LONG},
        {key("12"): None},
    ),
    "branch under an extension folds into a leaf": ({key("111"): LONG, key("112"): LONG}, {key("112"): None}),
    "branch folds into a new child": ({key("1"): LONG, key("2"): LONG}, {key("1"): None, key("2"): b"new"}),
    "two branches fold at once": (
        {key("11"): LONG, key("12"): LONG, key("21"): LONG, key("22"): LONG},
        {key("11"): None, key("21"): None, key("22"): None},
    ),
    "all goes": ({key("11"): LONG, key("12"): LONG, key("2"): LONG}, dict.fromkeys((key("11"), key("12"), key("2")))),
    "forks at the last nibble": ({key("|0"): b"a"}, {key("|1"): b"b", key("|f"): LONG}),
    "a node in place comes to be hashed": ({key("|00"): b"a", key("|01"): b"b"}, {key("|01"): LONG}),
    "a hashed node comes to stand in place": ({key("|00"): b"a", key("|01"): LONG}, {key("|01"): b"b"}),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_each_change_of_shape(shape: str) -> None:
    before, changes = SHAPES[shape]
    node = edited(EMPTY, before)
    after = edited(node, changes)
    entries = applied(applied({}, before), changes)
    assert root_hash(after) == rebuilt_root(entries)
    assert root_hash(node) == rebuilt_root(applied({}, before))
    assert {name: find(after, name) for name in entries} == entries


def test_no_entries_have_the_root_of_no_bytes() -> None:
    assert root_hash(EMPTY) == EMPTY_ROOT
    assert edited(EMPTY, {key("1"): None, key("2"): None}) == EMPTY
    assert find(EMPTY, key("1")) is None


def test_siblings_of_what_changes_are_shared() -> None:
    node: Any = edited(EMPTY, {key(digits): LONG for digits in ("11", "12", "21", "22", "3")})
    after: Any = edited(node, {key("11"): b"new"})
    for nibble, (old, new) in enumerate(zip(node[2], after[2], strict=True)):
        assert (new is old) == (nibble != 1)
    assert after[2][1][2][2] is node[2][1][2][2]
