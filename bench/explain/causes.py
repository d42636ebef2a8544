"""Why one transaction waits for another: the locations that tie each pair, by access sets."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from scheduler.access import BALANCE, STORAGE, AccessSet, Address, Location, TxIndex
from scheduler.graph import DependencyGraph

Tie = tuple[TxIndex, Location]
"""(the last writer, the location through which one waits for it)."""


@dataclass(frozen=True, slots=True)
class Causes:
    """Per transaction its ties, ascending; `all_pairs` counts distinct (writer, later reader) pairs.

    A balance ties its reader to everybody who changed it since somebody both read and changed it, as in
    `scheduler.graph`; other locations to their last writer, a slot also to the last who cleared its account.
    """

    ties: tuple[tuple[Tie, ...], ...]
    all_pairs: int

    def predecessors(self, without: Collection[Location] = frozenset()) -> list[tuple[TxIndex, ...]]:
        """Return whom each transaction waits for, ascending, if the locations `without` made no edge."""
        return [tuple(sorted({before for before, at in own if at not in without})) for own in self.ties]

    def graph(self, without: Collection[Location] = frozenset()) -> DependencyGraph:
        """Return the dependency graph; without removed locations that of `scheduler.graph.build`."""
        return graph_of(self.predecessors(without))

    def through(self, before: TxIndex, after: TxIndex) -> tuple[Location, ...]:
        """Return the locations that tie two transactions; empty where they have no edge."""
        return tuple(location for writer, location in self.ties[after] if writer == before)


def causes(sets: Iterable[AccessSet]) -> Causes:
    """Return who is tied to whom through what."""
    writers = _Writers()
    ties: list[tuple[Tie, ...]] = []
    pairs = 0
    for index, access in enumerate(sets):
        own, earlier = writers.ties(access)
        ties.append(tuple(sorted(own)))
        pairs += earlier.bit_count()
        writers.add(index, access)
    return Causes(tuple(ties), pairs)


def graph_of(predecessors: Sequence[tuple[TxIndex, ...]]) -> DependencyGraph:
    """Return a graph by its predecessors."""
    successors: list[list[TxIndex]] = [[] for _ in predecessors]
    for index, before in enumerate(predecessors):
        for writer in before:
            successors[writer].append(index)
    return DependencyGraph(tuple(predecessors), tuple(map(tuple, successors)))


class _Writers:
    """Who wrote what so far: the last writers for ties, and all of them as bits of an int for pairs."""

    def __init__(self) -> None:
        self._last: dict[Location, TxIndex] = {}
        self._clearers: dict[Address, TxIndex] = {}
        self._changers: dict[Address, list[TxIndex]] = {}
        self._all: defaultdict[Location, int] = defaultdict(int)
        self._all_clearers: defaultdict[Address, int] = defaultdict(int)

    def ties(self, access: AccessSet) -> tuple[list[Tie], int]:
        """Return the ties of a transaction, and everybody who wrote what it reads as the bits of an int."""
        found: list[Tie] = []
        earlier = 0
        for location in access.reads:
            address, kind, _ = location
            earlier |= self._all.get(location, 0)
            if kind == BALANCE:
                found += [(changer, location) for changer in self._changers.get(address, ())]
                continue
            writer = self._last.get(location, -1)
            if kind == STORAGE and address in self._clearers:
                writer = max(writer, self._clearers[address])
                earlier |= self._all_clearers[address]
            if writer >= 0:
                found.append((writer, location))
        return found, earlier

    def add(self, index: TxIndex, access: AccessSet) -> None:
        """Note what `index` changes."""
        bit = 1 << index
        changed = {location[0] for location in access.writes if location[1] == BALANCE} | access.deltas
        for address in changed:
            balance = (address, BALANCE, 0)
            self._all[balance] |= bit
            if balance in access.reads:
                self._changers[address] = [index]
            else:
                self._changers.setdefault(address, []).append(index)
        for location in access.writes:
            if location[1] != BALANCE:
                self._last[location] = index
                self._all[location] |= bit
        for address in access.clears:
            self._clearers[address] = index
            self._all_clearers[address] |= bit
