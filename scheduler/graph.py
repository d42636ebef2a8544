"""Expected access sets to a dependency graph: what should wait for what, what stays parallel."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from scheduler.access import BALANCE, STORAGE, AccessSet, Address, Location, TxIndex


@dataclass(frozen=True, slots=True)
class DependencyGraph:
    """Who waits for whom: `predecessors[i]` are the transactions before i whose writes i reads, ascending.

    Edges are reduced where another edge implies them; `successors` are the same edges turned round.
    """

    predecessors: tuple[tuple[TxIndex, ...], ...] = ()
    successors: tuple[tuple[TxIndex, ...], ...] = ()

    def critical_path(self, weights: Sequence[float]) -> tuple[float, tuple[TxIndex, ...]]:
        """Return the weight of the heaviest path and the path itself; (0.0, ()) for no transactions."""
        if not self.predecessors:
            return 0.0, ()
        finish: list[float] = []
        came_from: list[TxIndex] = []
        for index, predecessors in enumerate(self.predecessors):
            latest = max(predecessors, key=finish.__getitem__, default=-1)
            came_from.append(latest)
            finish.append(weights[index] + (finish[latest] if latest >= 0 else 0.0))
        last = max(range(len(finish)), key=finish.__getitem__)
        path = [last]
        while came_from[path[-1]] >= 0:
            path.append(came_from[path[-1]])
        return finish[last], tuple(reversed(path))

    def bottom_levels(self, weights: Sequence[float]) -> list[float]:
        """Return for each transaction the weight of the heaviest path that starts with it."""
        levels = [0.0] * len(self.successors)
        for index in range(len(levels) - 1, -1, -1):
            successors = self.successors[index]
            levels[index] = weights[index] + (max([levels[after] for after in successors]) if successors else 0.0)
        return levels

    def levels(self) -> list[int]:
        """Return for each transaction the number of edges on the longest path that leads to it."""
        levels: list[int] = []
        for predecessors in self.predecessors:
            levels.append(1 + max((levels[before] for before in predecessors), default=-1))
        return levels

    def longest_chain(self) -> int:
        """Return the number of transactions on the longest path.

        >>> DependencyGraph(predecessors=((), (0,), (1,)), successors=((1,), (2,), ())).longest_chain()
        3
        """
        return 1 + max(self.levels(), default=-1)

    def components(self) -> list[tuple[TxIndex, ...]]:
        """Return the groups of transactions that no edge connects, each ascending, ordered by their first.

        >>> DependencyGraph(predecessors=((), (), (0,)), successors=((2,), (), ())).components()
        [(0, 2), (1,)]
        """
        root = list(range(len(self.predecessors)))

        def find(index: TxIndex) -> TxIndex:
            while root[index] != index:
                root[index] = root[root[index]]
                index = root[index]
            return index

        for index, predecessors in enumerate(self.predecessors):
            for before in predecessors:
                low, high = sorted((find(before), find(index)))
                root[high] = low
        groups: dict[TxIndex, list[TxIndex]] = {}
        for index in range(len(root)):
            groups.setdefault(find(index), []).append(index)
        return [tuple(group) for group in groups.values()]

    def edge_count(self) -> int:
        """Return the number of edges."""
        return sum(map(len, self.predecessors))


def build(access_sets: Iterable[AccessSet]) -> DependencyGraph:
    """Return the graph of read-after-write edges; private snapshots remove every other kind of conflict.

    >>> from scheduler.access import AccessSet
    >>> slot = (b"token", STORAGE, 1)
    >>> build([AccessSet(writes=frozenset({slot})), AccessSet(reads=frozenset({slot}))]).predecessors
    ((), (0,))
    """
    return _Writers(list(access_sets)).graph()


_kind = itemgetter(1)


class _Writers:
    """The last writer of each location, the last clearer of each account, the changers of each balance.

    An exact balance read depends on every earlier change. Once a reader changes the balance too, those who
    come later reach all earlier ones through it, so only it is kept: few edges where all read and change.
    """

    __slots__ = ("_changers", "_clearers", "_sets", "_writers")

    def __init__(self, sets: Sequence[AccessSet]) -> None:
        self._sets = sets
        self._writers: dict[Location, TxIndex] = {}
        self._clearers: dict[Address, TxIndex] = {}
        self._changers: dict[Address, list[TxIndex]] | None = None
        """None until somebody reads a balance: in most blocks nobody does."""

    def graph(self) -> DependencyGraph:
        """Return who wrote what each transaction reads."""
        predecessors: list[tuple[TxIndex, ...]] = [()] * len(self._sets)
        followers: list[Sequence[TxIndex]] = [()] * len(self._sets)
        writers, clearers = self._writers, self._clearers
        for index, access in enumerate(self._sets):  # in one piece, as it runs for all locations of the block
            reads = access.reads
            needed: set[Any]
            if clearers or BALANCE in map(_kind, reads):
                needed = self._looked_through(index, access)
            else:
                needed = set(map(writers.get, reads))
                needed.discard(None)
            if needed:
                predecessors[index] = tuple(sorted(needed))
                for writer in needed:
                    after = followers[writer]
                    if isinstance(after, list):
                        after.append(index)
                    else:
                        followers[writer] = [index]
            for location in access.writes:
                writers[location] = index
            if self._changers is not None:
                self._note_changes(self._changers, index, access)
            if access.clears:
                clearers.update(dict.fromkeys(access.clears, index))
        return DependencyGraph(tuple(predecessors), tuple(map(tuple, followers)))

    def _looked_through(self, index: TxIndex, access: AccessSet) -> set[TxIndex]:
        """Return whom `access` needs where balances are read, or slots after a clear."""
        needed: set[TxIndex] = set()
        for location in access.reads:
            address, kind, _ = location
            if kind == BALANCE:
                changers = self._balance_changers(index)
                needed.update(changers.get(address, ()))
                if address in access.deltas or location in access.writes:
                    changers[address] = [index]
                continue
            writer = self._writers.get(location, -1)
            if kind == STORAGE and address in self._clearers:
                writer = max(writer, self._clearers[address])
            if writer >= 0:
                needed.add(writer)
        return needed

    def _balance_changers(self, index: TxIndex) -> dict[Address, list[TxIndex]]:
        """Return the changers of balances before `index`, from now on kept up to date."""
        if self._changers is None:
            self._changers = {}
            for before in range(index):
                self._note_changes(self._changers, before, self._sets[before])
        return self._changers

    @staticmethod
    def _note_changes(changers: dict[Address, list[TxIndex]], index: TxIndex, access: AccessSet) -> None:
        written = {location[0] for location in access.writes if location[1] == BALANCE}
        for address in access.deltas | written:
            found = changers.setdefault(address, [])
            if found[-1:] != [index]:
                found.append(index)
