"""When a first execution may start: after its predecessors in the graph, after all lower waves."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.access import TxIndex
from scheduler.graph import DependencyGraph


class StartOrder:
    """Counts what each transaction still waits for; told who is done (and who no longer is).

    Without graph and waves everything may start at once. `successors` are those of the graph; `leads` is true of whom
    somebody waits for, there or behind its wave; `waiting_for` counts the predecessors that have no result that stands.
    """

    __slots__ = ("_predecessors", "_waves", "leads", "successors", "waiting_for")

    def __init__(self, count: int, graph: DependencyGraph | None, waves: Sequence[int] | None) -> None:
        nobody: tuple[TxIndex, ...] = ()
        self._predecessors = (nobody,) * count if graph is None else graph.predecessors
        self.successors = (nobody,) * count if graph is None else graph.successors
        self.waiting_for = [len(predecessors) for predecessors in self._predecessors]
        self._waves = None if waves is None else _Waves(waves)
        self.leads: Sequence[object] = self.successors if waves is None else (True,) * count

    def startable(self) -> list[TxIndex]:
        """Return what may start before anything is done, in block order."""
        waiting = enumerate(self.waiting_for)
        return [index for index, count in waiting if not count and self.in_open_wave(index)]

    def done(self, index: TxIndex) -> list[TxIndex]:
        """Take in that `index` has a result that stands; return what may start now."""
        released: list[TxIndex] = []
        for after in self.successors[index]:
            self.waiting_for[after] -= 1
            if not self.waiting_for[after] and self.in_open_wave(after):
                released.append(after)
        if self._waves is not None:
            released += [after for after in self._waves.done(index) if not self.waiting_for[after]]
        return released

    def undone(self, index: TxIndex) -> list[TxIndex]:
        """Take in that the result of `index` no longer stands; return what must wait again."""
        held = list(self.successors[index])
        for after in held:
            self.waiting_for[after] += 1
        return held if self._waves is None else held + self._waves.undone(index)

    def predecessors(self, index: TxIndex) -> tuple[TxIndex, ...]:
        """Return whom `index` waits for."""
        return self._predecessors[index]

    def in_open_wave(self, index: TxIndex) -> bool:
        """Return whether `index` waits for no wave."""
        return self._waves is None or self._waves.is_open(index)


class _Waves:
    """Levels with a barrier between them: one opens when all lower ones are done."""

    __slots__ = ("_left", "_members", "_open", "_rank")

    def __init__(self, waves: Sequence[int]) -> None:
        ranks = {wave: rank for rank, wave in enumerate(sorted(set(waves)))}
        self._rank = [ranks[wave] for wave in waves]
        self._members: list[list[TxIndex]] = [[] for _ in ranks]
        for index, rank in enumerate(self._rank):
            self._members[rank].append(index)
        self._left = [len(members) for members in self._members]
        self._open = 0

    def is_open(self, index: TxIndex) -> bool:
        return self._rank[index] <= self._open

    def done(self, index: TxIndex) -> list[TxIndex]:
        """Return the members of the waves that open."""
        self._left[self._rank[index]] -= 1
        opened: list[TxIndex] = []
        while not self._left[self._open] and self._open + 1 < len(self._left):
            self._open += 1
            opened += self._members[self._open]
        return opened

    def undone(self, index: TxIndex) -> list[TxIndex]:
        """Return the members of the waves that close again."""
        rank = self._rank[index]
        self._left[rank] += 1
        closed = [member for wave in self._members[rank + 1 : self._open + 1] for member in wave]
        self._open = min(self._open, rank)
        return closed
