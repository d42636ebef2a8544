"""The two waiting rooms of the block scheduler: what may start, and what waits for the frontier."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from heapq import heapify, heappop, heappush

from scheduler.access import TxIndex


class ReadyList:
    """Transactions that may start now, each once; `best` is the one of highest priority, else the lowest.

    A heap with entries that are dropped when they come up: adding and taking cost the logarithm of the length.
    """

    __slots__ = ("_by_rank", "_heap", "_members", "_rank")

    def __init__(self, indices: Iterable[TxIndex]) -> None:
        self._members = set(indices)
        self._rank: Sequence[int] | None = None
        self._by_rank: Sequence[TxIndex] = ()
        self._heap = sorted(self._members)

    def __contains__(self, index: TxIndex) -> bool:
        return index in self._members

    @property
    def indices(self) -> list[TxIndex]:
        """The members, in block order."""
        return sorted(self._members)

    def prioritise(self, priorities: Sequence[float] | None) -> None:
        """Let the highest priority go first, of equal ones the lower transaction; None: block order."""
        if priorities is None:
            self._rank, self._by_rank = None, ()
            self._heap = sorted(self._members)
            return
        order = sorted(range(len(priorities)), key=priorities.__getitem__, reverse=True)
        rank = [0] * len(order)
        for place, index in enumerate(order):
            rank[index] = place
        self._rank, self._by_rank = rank, order
        self._heap = [rank[index] for index in self._members]
        heapify(self._heap)

    def best(self) -> TxIndex | None:
        """Return the member that goes first, None if there is none."""
        heap, members = self._heap, self._members
        while heap:
            index = heap[0] if self._rank is None else self._by_rank[heap[0]]
            if index in members:
                return index
            heappop(heap)
        return None

    def add(self, index: TxIndex) -> None:
        """Let `index` in unless it is there."""
        if index not in self._members:
            self._members.add(index)
            heappush(self._heap, index if self._rank is None else self._rank[index])

    def discard(self, index: TxIndex) -> None:
        """Take `index` out if it is there."""
        self._members.discard(index)


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
