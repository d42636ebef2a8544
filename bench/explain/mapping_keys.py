"""Slots of contracts whose source is not at hand: which mapping, which key, by trying the hashes that compilers use.

A hash that matches is proof of mapping and key; what the mapping means is taken from Transfer events, which name the
holders whose balances move, or stays open (`mapping7`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence

from bench.explain.entries import Entry, Key, solidity_slot, vyper_slot
from bench.explain.known_contracts import ERC20_TRANSFER
from bench.explain.touched import Touched
from executor.receipts import decode_logs
from executor.types import TransactionResult
from scheduler.access import STORAGE, Address, Location

MAPPINGS = range(31)
"""Slots at which mappings are looked for."""
MEMBERS = range(8)
"""Slots of an entry, where it is a struct."""
MOST_PEOPLE = 12
"""Addresses of one transaction that are paired with each other: for allowances and the like."""
PARTIES = 2
"""Who takes part in a Transfer: sender and receiver."""
NEVER = 1 << 64
"""Slots below are no hashes."""


class MappingKeys:
    """Preimages for one block; tables are made when first asked for and kept."""

    def __init__(self, touched: Sequence[Touched]) -> None:
        self._touched = touched
        self._single: dict[int, tuple[int, Key]] | None = None
        self._by_transaction: dict[int, dict[int, tuple[int, tuple[Key, ...]]]] = {}

    def entry(self, slot: int, transactions: Sequence[int]) -> Entry | None:
        """Return what `slot` is an entry of, given who touched it; None where no preimage is found."""
        if slot < NEVER:
            return None
        for member in MEMBERS:
            found = self._preimage(slot - member, transactions)
            if found:
                mapping, keys = found
                return Entry(f"mapping{mapping}", keys, f"word{member}" if member else "")
        return None

    def _preimage(self, base: int, transactions: Sequence[int]) -> tuple[int, tuple[Key, ...]] | None:
        if self._single is None:
            self._single = {
                slot_of(mapping, address): (mapping, address)
                for address in dict.fromkeys(address for one in self._touched for address in one.addresses)
                for mapping in MAPPINGS
                for slot_of in (solidity_slot, vyper_slot)
            }
        if base in self._single:
            mapping, key = self._single[base]
            return mapping, (key,)
        for index in transactions[:2]:
            if base in self._of(index):
                return self._of(index)[base]
        return None

    def _of(self, index: int) -> dict[int, tuple[int, tuple[Key, ...]]]:
        """Return slot -> (mapping, keys) for the keys of one transaction: words, and pairs of addresses."""
        table = self._by_transaction.get(index)
        if table is None:
            table = self._by_transaction[index] = dict(_preimages(self._touched[index]))
        return table


def _preimages(touched: Touched) -> Iterator[tuple[int, tuple[int, tuple[Key, ...]]]]:
    for mapping in MAPPINGS:
        for word in touched.words:
            yield solidity_slot(mapping, word), (mapping, (word,))
        people = touched.people[:MOST_PEOPLE]
        for owner in people:
            inner = solidity_slot(mapping, owner)
            for spender in people:
                yield solidity_slot(inner, spender), (mapping, (owner, spender))


def balance_mappings(results: Sequence[TransactionResult]) -> dict[Address, int]:
    """Return token -> slot of the mapping that holds balances, where Transfer events of the block show it.

    In each transaction in which Transfers of the token moved something between holders, some mappings changed for all
    of these holders; the one that did so every time, where there is just one, holds balances.
    """
    left: dict[Address, set[int]] = {}
    for result in results:
        for token, holders in _moves(result).items():
            written = result.writes.values
            changed = {m for m in MAPPINGS if all(_changed(written, token, m, holder) for holder in holders)}
            if changed:  # holders who end with what they had change nothing
                left[token] = left.get(token, changed) & changed
    return {token: mappings.pop() for token, mappings in left.items() if len(mappings) == 1}


def _changed(written: Container[Location], token: Address, mapping: int, holder: Address) -> bool:
    return any((token, STORAGE, slot_of(mapping, holder)) in written for slot_of in (solidity_slot, vyper_slot))


def _moves(result: TransactionResult) -> dict[Address, set[Address]]:
    """Return token -> holders for the Transfers of an amount between two in one transaction."""
    found: dict[Address, set[Address]] = {}
    for log in decode_logs(result.logs_rlp):
        holders = {topic[12:] for topic in log.topics[1:]}
        if log.topics[:1] == (ERC20_TRANSFER,) and len(holders) == PARTIES and all(map(any, holders)) and any(log.data):
            found.setdefault(log.address, set()).update(holders)
    return found
