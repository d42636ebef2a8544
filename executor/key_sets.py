"""Five ways of counting conflicts (semantics.md, Key sets): executed transactions as access sets A, B, C, D, S.

From S to A more and more counts as a read that ties a transaction to earlier ones. The executor runs by D; the others
say what a plainer executor would have to wait for, and what published studies have counted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from executor.access_lists import observed_sets
from executor.state import PreState
from executor.types import TransactionResult
from scheduler.access import BALANCE, EXISTENCE, STORAGE, AccessSet, Address, Location

KEY_SET_NAMES = ("A", "B", "C", "D", "S")


def key_sets(
    results: Sequence[TransactionResult], coinbase: Address, pre_state: PreState
) -> dict[str, tuple[AccessSet, ...]]:
    """Return, by the name of the key set, one access set per executed transaction, in block order.

    S: storage slots, and clears of whole storages. D: what ties transactions that validate what they assume; the
    sender's nonce, blind changes of balances and bounds that every order satisfies make no edge. C: the sender's nonce
    and every balance that was compared are exact reads. B: every change of a balance reads it too, but for fees. A:
    fees too. Code, nonces of others and existence count in all but S; existence is the predicate, never its parts.
    """
    exact = tuple(_with_nonce_and_bounds(result) for result in results)
    own = [_changed_beside_fee(result, coinbase) for result in results]
    return {
        "A": tuple(_read_modify_write(access, access.deltas) for access in exact),
        "B": tuple(_read_modify_write(access, changed) for access, changed in zip(exact, own, strict=True)),
        "C": exact,
        "D": observed_sets(results, pre_state),
        "S": tuple(map(_storage_only, exact)),
    }


def _with_nonce_and_bounds(result: TransactionResult) -> AccessSet:
    return AccessSet(
        reads=frozenset(result.reads).union(map(_balance, result.bounds)),
        writes=frozenset(result.writes.values),
        deltas=frozenset(result.writes.deltas),
        clears=result.writes.clears,
    )


def _changed_beside_fee(result: TransactionResult, coinbase: Address) -> frozenset[Address]:
    """Return the accounts whose balance a transaction changed by more than paying its fee.

    The fee recipient counts if the transaction dealt with it in any other way: sent from it, called it, asked for its
    balance. Its existence alone does not tell: before EIP-161 paying a fee asks for that.
    """
    changed = frozenset(result.writes.deltas)
    if coinbase not in changed or coinbase in result.bounds:
        return changed
    dealt = any(address == coinbase and kind != EXISTENCE for address, kind, _ in result.reads)
    return changed if dealt else changed - {coinbase}


def _read_modify_write(access: AccessSet, changed: Iterable[Address]) -> AccessSet:
    return AccessSet(access.reads.union(map(_balance, changed)), access.writes, access.deltas, access.clears)


def _storage_only(access: AccessSet) -> AccessSet:
    return AccessSet(_only(access.reads, _is_slot), _only(access.writes, _is_slot), clears=access.clears)


def _only(locations: Iterable[Location], wanted: Callable[[Location], bool]) -> frozenset[Location]:
    return frozenset(filter(wanted, locations))


def _is_slot(location: Location) -> bool:
    return location[1] == STORAGE


def _balance(address: Address) -> Location:
    return address, BALANCE, 0
