"""What a block's longest chain allows, and through which location its time waits."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

from bench.compare.model import Chain
from executor.access_lists import observed_sets
from executor.state import PreState
from executor.types import BlockResult
from scheduler.access import BALANCE, KIND_NAMES, STORAGE, AccessSet, Location
from scheduler.graph import build


def chain_of(result: BlockResult, pre_state: PreState) -> Chain:
    """Return the longest chain of a block that was executed sequentially; edges are those that the executor runs by."""
    transactions = result.transactions
    sets = observed_sets(transactions, pre_state)
    graph = build(sets)
    seconds = [transaction.seconds for transaction in transactions]
    work = sum(seconds)
    span, path = graph.critical_path(seconds)
    waits: dict[Location, float] = defaultdict(float)
    for before, after in pairwise(path):
        for location in _ties(sets[before], sets[after]):
            waits[location] += seconds[after]
    return Chain(
        transactions=len(path),
        share=span / work if work else 0.0,
        longest_transaction_share=max(seconds, default=0.0) / work if work else 0.0,
        levels=graph.longest_chain(),
        through=_named(max(waits, key=lambda location: (waits[location], location))) if waits else "",
    )


def _ties(before: AccessSet, after: AccessSet) -> list[Location]:
    return [
        (address, kind, slot)
        for address, kind, slot in after.reads
        if (address, kind, slot) in before.writes
        or (kind == BALANCE and address in before.deltas)
        or (kind == STORAGE and address in before.clears)
    ]


def _named(location: Location) -> str:
    """Return a location in few characters: a chain has one in the middle of a sentence."""
    address, kind, slot = location
    name = f"{address.hex()[:8]}…"
    if kind != STORAGE:
        return f"the {KIND_NAMES[kind]} of 0x{name}"
    short = f"{slot:#x}" if slot < 1 << 32 else f"{slot:#066x}"[:10] + "…"
    return f"slot {short} of 0x{name}"
