"""The two waiting rooms of the block scheduler: what may start, and what waits for the frontier."""

from __future__ import annotations

from bisect import bisect_left
from heapq import heappop, heappush

from scheduler.access import TxIndex


class ReadyList:
    """Transactions that may start now, each once, in block order."""

    __slots__ = ("indices",)

    def __init__(self, indices: list[TxIndex]) -> None:
        self.indices = indices

    def __contains__(self, index: TxIndex) -> bool:
        position = bisect_left(self.indices, index)
        return position < len(self.indices) and self.indices[position] == index

    def add(self, index: TxIndex) -> None:
        """Put `index` in its place unless it is there."""
        position = bisect_left(self.indices, index)
        if position == len(self.indices) or self.indices[position] != index:
            self.indices.insert(position, index)

    def discard(self, index: TxIndex) -> None:
        """Take `index` out if it is there."""
        position = bisect_left(self.indices, index)
        if position < len(self.indices) and self.indices[position] == index:
            del self.indices[position]


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
