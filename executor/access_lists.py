"""Where expected access sets come from: declared, observed, exact, none.

A source is a separate choice from the strategy. Whatever it says is only a hint: it decides when a transaction
runs, never whether its result is right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from executor.errors import InvalidRlp, TransactionTypeError
from executor.sequential import execute_sequential
from executor.state import PreState
from executor.transactions import LEGACY, decode_transaction
from executor.types import Block, TransactionResult
from scheduler.access import (
    BALANCE,
    NONCE,
    NOTHING_EXPECTED,
    STORAGE,
    AccessSet,
    Address,
    Location,
)

SOURCES = ("declared", "observed", "exact", "none")
FIRST_TYPED_BYTE = 0xC0
"""A transaction that starts below this byte is typed (EIP-2718)."""


def declared_sets(block: Block) -> tuple[AccessSet, ...]:
    """Return what EIP-2930 lists declare: slots without a read/write split, so every one counts as both."""
    return tuple(_declared(transaction.raw) for transaction in block.transactions)


def _declared(raw: bytes) -> AccessSet:
    if raw[:1] >= bytes([FIRST_TYPED_BYTE]):
        return NOTHING_EXPECTED
    try:
        tx = decode_transaction(raw)
    except (InvalidRlp, TransactionTypeError):  # the block is invalid, which is for the merge to say
        return NOTHING_EXPECTED
    if tx.tx_type == LEGACY or not tx.access_list:
        return NOTHING_EXPECTED
    slots = frozenset((address, STORAGE, slot) for address, keys in tx.access_list for slot in keys)
    return AccessSet(reads=slots, writes=slots)


def exact_sets(block: Block, pre_state: PreState) -> tuple[AccessSet, ...]:
    """Return what the block's maker emitted, or else what an untimed sequential run touches."""
    if block.access_sets is not None:
        return block.access_sets
    return observed_sets(execute_sequential(block, pre_state).transactions, pre_state)


def observed_sets(results: Sequence[TransactionResult], pre_state: PreState) -> tuple[AccessSet, ...]:
    """Return access sets for executed transactions, in block order.

    The sender's nonce is left out (it is assumed and checked). A bound is left out too, unless some order of
    the debits before it could leave less than it asks for: then the balance counts as read, which ties the
    transaction to the credits before it.
    """
    least: dict[Address, int] = {}
    sets = []
    for result in results:
        unmet = {(address, BALANCE, 0) for address in _unmet(result, least, pre_state)}
        sets.append(access_set(result, unmet))
        for address, delta in result.writes.deltas.items():
            if delta < 0:
                least[address] = _least(address, least, pre_state) + delta
    return tuple(sets)


def access_set(result: TransactionResult, more_reads: Iterable[Location] = ()) -> AccessSet:
    """Return what one execution touched, without its sender's nonce and its bounds."""
    own_nonce = (result.sender, NONCE, 0)
    return AccessSet(
        reads=frozenset(location for location in result.reads if location != own_nonce).union(more_reads),
        writes=frozenset(result.writes.values),
        deltas=frozenset(result.writes.deltas),
        clears=result.writes.clears,
    )


def _unmet(result: TransactionResult, least: dict[Address, int], pre_state: PreState) -> list[Address]:
    return [a for a, bound in result.bounds.items() if _least(a, least, pre_state) < bound]


def _least(address: Address, least: dict[Address, int], pre_state: PreState) -> int:
    """Return the balance with every earlier debit and no earlier credit taken in."""
    known = least.get(address)
    return pre_state.read((address, BALANCE, 0)) if known is None else known  # type: ignore[return-value]
