"""The two waiting rooms of the block scheduler: what may start, and what waits for the frontier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush
from sys import maxsize

from scheduler.access import TxIndex

_BLOCK_ORDER = range(maxsize)
"""Every transaction has the rank of its index."""


class ReadyList:
    """Transactions that may start now, each once; `best` is the one of highest priority, else the lowest.

    Who is ready at first stands in a sorted list, who becomes so later in a heap; both may hold some who no longer are,
    to be dropped when they come up. So large blocks with few edges hardly pay for the heap.
    """

    __slots__ = ("_by_rank", "_first", "_later", "_members", "_rank", "discard")

    def __init__(self, indices: Iterable[TxIndex]) -> None:
        self._members = set(indices)
        self.discard = self._members.discard
        """Take an index out if it is there; the set's own, as each transaction is taken out once or twice."""
        self.prioritise(None)

    def __contains__(self, index: TxIndex) -> bool:
        return index in self._members

    @property
    def indices(self) -> list[TxIndex]:
        """The members, in block order."""
        return sorted(self._members)

    def prioritise(self, priorities: Sequence[float] | None) -> None:
        """Let the highest priority go first, of equal ones the lower transaction; None: block order."""
        members = self._members
        self._rank: Sequence[int] = _BLOCK_ORDER
        self._by_rank: Sequence[TxIndex] = _BLOCK_ORDER
        self._first = sorted(members, reverse=True)
        self._later: list[int] = []
        if priorities is not None:
            self._by_rank = sorted(range(len(priorities)), key=priorities.__getitem__, reverse=True)
            self._rank = rank = [0] * len(priorities)
            for place, index in enumerate(self._by_rank):
                rank[index] = place
            self._first = [index for index in reversed(self._by_rank) if index in members]

    def best(self) -> TxIndex | None:
        """Return the member that goes first, None if there is none."""
        members, by_rank, first, later = self._members, self._by_rank, self._first, self._later
        while first and first[-1] not in members:
            first.pop()
        while later and by_rank[later[0]] not in members:
            heappop(later)
        if later and not (first and self._rank[first[-1]] < later[0]):
            return by_rank[later[0]]
        return first[-1] if first else None

    def add(self, index: TxIndex) -> None:
        """Let `index` in unless it is there."""
        if index not in self._members:
            self._members.add(index)
            heappush(self._later, self._rank[index])


class Frontier:
    """The lowest transaction that has not run yet, and the stale ones behind it.

    Before all its predecessors have run once, nobody knows what a stale transaction will read: to run it again
    then would waste its one speculative re-run. With a barrier nobody runs again before all have run once.
    """

    __slots__ = ("_barrier", "_has_run", "_held", "_lowest")

    def __init__(self, count: int, *, barrier: bool) -> None:
        self._has_run = [False] * count
        self._held: list[TxIndex] = []
        self._lowest = 0
        self._barrier = barrier

    def holds(self, index: TxIndex) -> bool:
        """Return whether `index` may not run again yet."""
        return self._lowest < (len(self._has_run) if self._barrier else index)

    def hold(self, index: TxIndex) -> None:
        """Keep `index` until `passed` returns it."""
        heappush(self._held, index)

    def passed(self, index: TxIndex) -> list[TxIndex]:
        """Take in that `index` has run; return whom the frontier no longer holds, in block order."""
        self._has_run[index] = True
        while self._lowest < len(self._has_run) and self._has_run[self._lowest]:
            self._lowest += 1
        released = []
        while self._held and not self.holds(self._held[0]):
            released.append(heappop(self._held))
        return released
