"""Slots of contracts whose source is not at hand: which mapping, which key, by trying the hashes that compilers use.

A hash that matches is proof of mapping and key; what the mapping means is taken from Transfer events, which name the
holders whose balances move, or stays open (`mapping7`).
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TypeAlias

from bench.explain.entries import Entry, Key, solidity_slot, vyper_slot
from bench.explain.known_contracts import ERC20_TRANSFER
from bench.explain.touched import Touched
from executor.hashing import keccak256
from executor.receipts import decode_logs
from executor.types import TransactionResult
from scheduler.access import STORAGE, Address, Location
from workloads.artefacts import word

MAPPINGS = range(31)
"""Slots at which mappings are looked for."""
MEMBERS = range(8)
"""Slots of an entry, where it is a struct."""
MOST_PEOPLE = 12
"""Addresses of one transaction that are paired with each other: for allowances and the like."""
ASKED = 2
"""Of the transactions that touched a slot, those whose own keys are tried."""
PARTIES = 2
"""Who takes part in a Transfer: sender and receiver."""
LEAST_HASH = 1 << 64
"""Slots below are no hashes."""
LONGEST_ARRAY = 1 << 40
"""Slots of an array that are taken for its elements'."""
Preimage: TypeAlias = tuple[int, tuple[Key, ...]]
"""(slot of the mapping, keys)."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a slot lies: word number `word` of the entry for `keys` of the mapping at `slot`, or of an array there."""

    slot: int
    keys: tuple[Key, ...]
    word: int

    def entry(self, variable: str | None) -> Entry:
        """Return the entry, under the variable's name where it is known."""
        shape = f"mapping{self.slot}" if self.keys else f"array{self.slot}"
        return Entry(variable or shape, self.keys, f"word{self.word}" if self.word or not self.keys else "")


class MappingKeys:
    """Preimages for one block; tables are made when first asked for and kept."""

    def __init__(self, touched: Sequence[Touched]) -> None:
        self._touched = touched
        self._single: dict[int, Preimage] | None = None
        self._by_transaction: dict[int, dict[int, Preimage]] = {}

    def place(self, slot: int, transactions: Sequence[int]) -> Place | None:
        """Return where `slot` lies, given who touched it; None where no preimage is found."""
        if slot < LEAST_HASH:
            return None
        for member in MEMBERS:
            found = self._preimage(slot - member, transactions)
            if found:
                return Place(*found, member)
        return next((Place(at, (), slot - start) for at, start in _arrays() if 0 <= slot - start < LONGEST_ARRAY), None)

    def _preimage(self, base: int, transactions: Sequence[int]) -> Preimage | None:
        if self._single is None:
            self._single = {
                slot_of(mapping, address): (mapping, (address,))
                for address in dict.fromkeys(address for one in self._touched for address in one.addresses)
                for mapping in MAPPINGS
                for slot_of in (solidity_slot, vyper_slot)
            }
        found = self._single.get(base)
        for index in transactions[:ASKED]:
            found = found or self._of(index).get(base)
        return found

    def _of(self, index: int) -> dict[int, Preimage]:
        """Return slot -> (mapping, keys) for the keys of one transaction: words, and pairs of addresses."""
        table = self._by_transaction.get(index)
        if table is None:
            table = self._by_transaction[index] = dict(_preimages(self._touched[index]))
        return table


@cache
def _arrays() -> tuple[tuple[int, int], ...]:
    """Return (slot, where Solidity keeps the elements of a dynamic array there)."""
    return tuple((slot, int.from_bytes(keccak256(word(slot)), "big")) for slot in MAPPINGS)


def _preimages(touched: Touched) -> Iterator[tuple[int, Preimage]]:
    for mapping in MAPPINGS:
        for key in touched.words:
            yield solidity_slot(mapping, key), (mapping, (key,))
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
