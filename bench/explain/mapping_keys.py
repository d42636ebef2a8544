"""Slots of contracts whose source is not at hand: which mapping, which key, by trying the hashes that Solidity uses.

A hash that matches is proof of mapping and key; what the mapping means is taken from Transfer events, which name the
holders whose balances move, or stays open (`mapping7`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from bench.explain.entries import Entry, Key, solidity_slot
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
                return Entry(f"mapping{mapping}", keys, f"+{member}" if member else "")
        return None

    def _preimage(self, base: int, transactions: Sequence[int]) -> tuple[int, tuple[Key, ...]] | None:
        if self._single is None:
            self._single = {
                solidity_slot(mapping, address): (mapping, address)
                for address in dict.fromkeys(address for one in self._touched for address in one.addresses)
                for mapping in MAPPINGS
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

    The mapping must have changed for both holders in every transaction in which the token's one Transfer moved
    something between two, and no other may have done so.
    """
    votes: dict[Address, Counter[int]] = {}
    for result in results:
        for token, holders in _moves(result):
            changed = [
                m for m in MAPPINGS if all(_entry(token, m, holder) in result.writes.values for holder in holders)
            ]
            votes.setdefault(token, Counter()).update(changed or [-1])
    return {token: count.most_common(1)[0][0] for token, count in votes.items() if len(count) == 1 and -1 not in count}


def _entry(token: Address, mapping: int, holder: Address) -> Location:
    return token, STORAGE, solidity_slot(mapping, holder)


def _moves(result: TransactionResult) -> Iterator[tuple[Address, tuple[Address, Address]]]:
    """Yield (token, (sender, receiver)) for each token with exactly one Transfer of an amount between two holders."""
    logs = [log for log in decode_logs(result.logs_rlp) if log.topics[:1] == (ERC20_TRANSFER,)]
    times = Counter(log.address for log in logs)
    for log in logs:
        holders = tuple(topic[12:] for topic in log.topics[1:])
        if times[log.address] == 1 and len(holders) == 2 and any(log.data):  # noqa: PLR2004 - from and to
            sender, receiver = holders
            if sender != receiver and any(sender) and any(receiver):
                yield log.address, (sender, receiver)
