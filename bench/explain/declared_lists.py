"""EIP-2930 lists against what their transactions really touched: how many, how good, and what they cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bench.explain.model import DeclaredLists
from executor.access_lists import access_set
from executor.errors import InvalidRlp, TransactionTypeError
from executor.transactions import Transaction, decode_transaction
from executor.types import Block, TransactionResult
from scheduler.access import NOTHING_EXPECTED, STORAGE, AccessSet, Address, Location
from scheduler.graph import DependencyGraph, build

ADDRESS_GAS, SLOT_GAS = 2_400, 1_900
"""What an entry costs up front (EIP-2930)."""
ADDRESS_SAVING, SLOT_SAVING = 2_500, 2_000
"""What the first touch of an entry then costs less (EIP-2929: 2 600 and 2 100 cold, 100 warm)."""
WORST_SHOWN = 10


@dataclass(frozen=True, slots=True)
class _List:
    """One transaction's list: what was declared and what was touched, slots and addresses."""

    index: int
    declared: frozenset[Location]
    touched: frozenset[Location]
    wasted_gas: int

    @property
    def missing(self) -> int:
        return len(self.touched - self.declared)

    @property
    def superfluous(self) -> int:
        return len(self.declared - self.touched)


def declared_lists(block: Block, results: Sequence[TransactionResult]) -> DeclaredLists:
    """Return how the lists in `block` compare with what its executed transactions touched, in block order."""
    decoded = [_decode(transaction.raw) for transaction in block.transactions]
    lists = [
        _list_of(index, transaction, result)
        for index, (transaction, result) in enumerate(zip(decoded, results, strict=True))
        if transaction is not None and transaction.access_list
    ]
    declared = sum(len(entry.declared) for entry in lists)
    touched = sum(len(entry.touched) for entry in lists)
    hits = sum(len(entry.declared & entry.touched) for entry in lists)
    imperfect = [entry for entry in lists if entry.missing or entry.superfluous]
    worst = sorted(imperfect, key=lambda entry: (-entry.missing - entry.superfluous, entry.index))[:WORST_SHOWN]
    return DeclaredLists(
        transactions_with_list=len(lists),
        adoption=len(lists) / len(decoded) if decoded else 0.0,
        precision=hits / declared if declared else None,
        recall=hits / touched if touched else None,
        exact=len(lists) - len(imperfect),
        missing=touched - hits,
        superfluous=declared - hits,
        over_serialisation=_over_serialisation(lists, results),
        wasted_gas=sum(entry.wasted_gas for entry in lists),
        worst=tuple((entry.index, entry.missing, entry.superfluous) for entry in worst),
    )


def _decode(raw: bytes) -> Transaction | None:
    try:
        return decode_transaction(raw)
    except (InvalidRlp, TransactionTypeError):  # the block is invalid, which is for the merge to say
        return None


def _list_of(index: int, transaction: Transaction, result: TransactionResult) -> _List:
    slots = frozenset((address, STORAGE, slot) for address, keys in transaction.access_list for slot in keys)
    touched = frozenset(location for location in touched_locations(result) if location[1] == STORAGE)
    accounts = frozenset(address for address, _, _ in touched_locations(result))
    return _List(index, slots, touched, _wasted_gas(transaction, accounts - {result.sender}, touched))


def touched_locations(result: TransactionResult) -> frozenset[Location]:
    """Return every location that the execution read or wrote (a store reads too)."""
    return frozenset(result.reads) | frozenset(result.writes.values)


def _wasted_gas(transaction: Transaction, accounts: frozenset[Address], slots: frozenset[Location]) -> int:
    """Return what the list cost more than it saved; sender and callee are warm without it, so they save nothing."""
    warm = {transaction.to}
    gas = 0
    for address, keys in transaction.access_list:
        gas += ADDRESS_GAS + SLOT_GAS * len(keys)
        if address in accounts and address not in warm:
            gas -= ADDRESS_SAVING
            warm.add(address)
        used = {(address, STORAGE, slot) for slot in keys} & slots
        gas -= SLOT_SAVING * len(used)
    return gas


def _over_serialisation(lists: Sequence[_List], results: Sequence[TransactionResult]) -> float | None:
    """Return edges that only declared lists make over real ones, in storage, among transactions with a list."""
    declared = [NOTHING_EXPECTED] * len(results)
    real = list(declared)
    for entry in lists:
        declared[entry.index] = AccessSet(reads=entry.declared, writes=entry.declared)
        real[entry.index] = _storage_only(access_set(results[entry.index]))
    real_edges = _edges(build(real))
    return len(_edges(build(declared)) - real_edges) / len(real_edges) if real_edges else None


def _storage_only(access: AccessSet) -> AccessSet:
    return AccessSet(
        reads=frozenset(location for location in access.reads if location[1] == STORAGE),
        writes=frozenset(location for location in access.writes if location[1] == STORAGE),
        clears=access.clears,
    )


def _edges(graph: DependencyGraph) -> set[tuple[int, int]]:
    return {(before, after) for after, predecessors in enumerate(graph.predecessors) for before in predecessors}
