"""Critical paths and caps by key set against a computation of its own from `golden/`, on all recorded blocks.

What `golden/` cannot tell is added from elsewhere, neither from our engine: which of its balance reads are more than an
addition (`tests.bench.explain.asked`), and who paid the fee recipient (the signed transactions).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import cache
from typing import Any

import pytest

from executor.key_sets import key_sets
from executor.transactions import decode_transaction
from executor.types import Block
from scheduler.graph import build
from tests.bench.explain import asked
from tests.conftest import Recorded, recorded
from tests.data import golden, needs_data

Touched = tuple[set[str], set[str]]
"""What a transaction read and wrote, as golden spells it."""
RECORDED_ANEW = (4369999, *(pytest.param(number, marks=pytest.mark.slow) for number in (9069000, 19923400)))
"""Small blocks for which py-evm is watched again, to check the fixture."""


@cache
def asked_balances() -> dict[int, list[list[int]]]:
    return asked.load()


def touched(entry: dict[str, Any], places: Sequence[int], key_set: str) -> Touched:
    """Return what one transaction read and wrote, by a key set, without its fee."""
    reads, writes = set(entry["reads"]), set(entry["writes"])
    if key_set == "S":
        return _slots(reads), _slots(writes)
    balances = asked.balance_reads(entry)
    reads = {read for read in reads if read[0] != "b"} | {balances[place] for place in places}
    if key_set == "B":
        reads |= {write for write in writes if write[0] == "b"}
    return reads, writes


def _slots(names: set[str]) -> set[str]:
    return {name for name in names if name[0] == "s"}


def pays(raw: bytes, base_fee: int) -> bool:
    """Return whether a transaction leaves anything to the fee recipient."""
    tx = decode_transaction(raw)
    return min(tx.priority_fee, tx.max_fee - base_fee) > 0


def touched_in(block: Block, entries: Sequence[dict[str, Any]], number: int, key_set: str) -> list[Touched]:
    """Return what each transaction of a block read and wrote; the fee is a change that nobody reads by making it."""
    fee = f"b:{block.header.coinbase.hex()}"
    found = []
    for transaction, entry, places in zip(block.transactions, entries, asked_balances()[number], strict=True):
        reads, writes = touched(entry, places, key_set)
        if key_set != "S" and pays(transaction.raw, block.header.base_fee or 0):
            writes = writes | {fee}
        found.append((reads, writes))
    return found


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


@needs_data
def test_paths_and_caps_are_those_of_the_recording(each_block: Recorded) -> None:
    block, results = each_block.capsule.block, each_block.expected.transactions
    gas, entries = [result.gas_used for result in results], golden(each_block.number)
    assert gas == [entry["gas"] for entry in entries]
    sets = key_sets(results, block.header.coinbase, each_block.capsule.pre_state)
    for key_set in ("B", "C", "S"):
        graph = build(sets[key_set])
        touches = touched_in(block, entries, each_block.number, key_set)
        assert graph.longest_chain() == longest(touches, [1] * len(gas)), key_set
        assert graph.critical_path(gas)[0] == longest(touches, gas), key_set


@needs_data
@pytest.mark.parametrize("number", RECORDED_ANEW)
def test_fixture_is_what_py_evm_asks_for(number: int) -> None:
    block = recorded(number).capsule
    assert asked.places(asked.record(block.block, block.pre_state), golden(number)) == asked_balances()[number]
