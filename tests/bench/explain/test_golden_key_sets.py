"""Critical paths and caps by key set against a computation of its own from `golden/`, on all recorded blocks.

What `golden/` cannot tell is added from elsewhere, neither from our engine: which of its balance reads are more than an
addition (`tests.bench.explain.asked`, py-evm as shipped), and who paid the fee recipient (the signed transactions). As
py-evm takes its time, key sets B and C of most blocks are held against it in `make test-all` only.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import pytest

from executor.key_sets import key_sets
from executor.transactions import decode_transaction
from scheduler.access import AccessSet
from scheduler.graph import build
from tests.bench.explain import asked
from tests.conftest import Recorded, recorded
from tests.data import block_number, capsule_paths, golden, needs_data

Touched = tuple[set[str], set[str]]
"""What a transaction read and wrote, as golden spells it."""
QUICK = {116525, 2179522, 2641321, 2688148, 4369999, 15537393}
"""Blocks that py-evm as shipped executes in a second or less."""
WATCHED = [
    pytest.param(number, marks=() if number in QUICK else pytest.mark.slow)
    for number in map(block_number, capsule_paths())
]


def longest(touches: Sequence[Touched], weights: Sequence[int]) -> int:
    """Return the weight of the longest chain of readers behind writers; a balance has as many writers as changed it."""
    ends: defaultdict[str, int] = defaultdict(int)
    last = 0
    for (reads, writes), weight in zip(touches, weights, strict=True):
        end = weight + max((ends[read] for read in reads), default=0)
        for write in writes:
            ends[write] = max(ends[write], end) if write[0] == "b" else end
        last = max(last, end)
    return last


def assert_same_paths(sets: Sequence[AccessSet], touches: Sequence[Touched], gas: Sequence[int]) -> None:
    """Demand the same critical path in transactions and in gas, so the same caps too."""
    graph = build(sets)
    assert graph.longest_chain() == longest(touches, [1] * len(gas))
    assert graph.critical_path(gas)[0] == longest(touches, gas)


def gas_of(block: Recorded, entries: Sequence[dict[str, Any]]) -> list[int]:
    gas = [result.gas_used for result in block.expected.transactions]
    assert gas == [entry["gas"] for entry in entries]
    return gas


def sets_of(block: Recorded) -> dict[str, tuple[AccessSet, ...]]:
    capsule = block.capsule
    return dict(key_sets(block.expected.transactions, capsule.block.header.coinbase, capsule.pre_state))


@needs_data
def test_paths_through_storage_are_those_of_the_recording(each_block: Recorded) -> None:
    entries = golden(each_block.number)
    touches = [(_slots(entry["reads"]), _slots(entry["writes"])) for entry in entries]
    assert_same_paths(sets_of(each_block)["S"], touches, gas_of(each_block, entries))


def _slots(names: Sequence[str]) -> set[str]:
    return {name for name in names if name[0] == "s"}


@needs_data
@pytest.mark.parametrize("number", WATCHED)
def test_paths_with_balances_are_those_of_the_recording(number: int) -> None:
    """B: every change of a balance reads it too, but for fees. C: only who asks for a balance does."""
    block, entries = recorded(number), golden(number)
    sets, gas = sets_of(block), gas_of(block, entries)
    watched = asked.record(block.capsule.block, block.capsule.pre_state)
    for key_set in ("B", "C"):
        touches = [
            with_fee(block, index, touched(entry, watched[index], key_set)) for index, entry in enumerate(entries)
        ]
        assert_same_paths(sets[key_set], touches, gas)


def touched(entry: dict[str, Any], whose: set[str], key_set: str) -> Touched:
    """Return what one transaction read and wrote, by a key set, without its fee; it asked for balances of `whose`."""
    noted, writes = set(entry["reads"]), set(entry["writes"])
    balances = {f"b:{address}" for address in whose}
    assert balances <= noted
    reads = {read for read in noted if read[0] != "b"} | balances
    if key_set == "B":
        reads |= {write for write in writes if write[0] == "b"}
    return reads, writes


def with_fee(block: Recorded, index: int, touches: Touched) -> Touched:
    """Return the same with the fee: a change that nobody reads by making it."""
    header = block.capsule.block.header
    tx = decode_transaction(block.capsule.block.transactions[index].raw)
    tip = min(tx.priority_fee, tx.max_fee - (header.base_fee or 0))
    reads, writes = touches
    return (reads, writes | {f"b:{header.coinbase.hex()}"}) if tip > 0 else touches
