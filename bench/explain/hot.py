"""The locations that cost most: ranked by the time of the critical path that waits through them."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bench.explain.causes import Causes
from bench.explain.facts import Facts
from bench.explain.model import HotLocation
from bench.explain.paths import Namer, longest_path
from scheduler.access import BALANCE, STORAGE, AccessSet, Location, TxIndex

SHOWN = 12


@dataclass(frozen=True, slots=True)
class _Waits:
    """What waits through a location on one critical path."""

    steps: int = 0
    seconds: float = 0.0
    gas: int = 0


def rank(tied: Causes, facts: Sequence[Facts], shown: int = SHOWN) -> list[Location]:
    """Return at most `shown` locations, the one that costs most first.

    First those of the critical path, by the seconds of its steps that wait through them. Where these are not enough,
    those of the path that would be the longest without them follow, and so on: each is what to look at next.
    """
    seconds = [one.seconds for one in facts]
    ranked: list[Location] = []
    while len(ranked) < shown:
        _, path = longest_path(tied.predecessors(frozenset(ranked)), seconds)
        waits = _waits(tied, facts, path, set(ranked))
        if not waits:
            break
        ranked += sorted(waits, key=lambda at: (-waits[at].seconds, -waits[at].steps, at))
    return ranked[:shown]


def hot_locations(
    sets: Sequence[AccessSet], tied: Causes, facts: Sequence[Facts], name: Namer, shown: int = SHOWN
) -> tuple[HotLocation, ...]:
    """Return the locations that cost most, in the order of `rank`; `sets` are those that `tied` was made from."""
    seconds = [one.seconds for one in facts]
    ranked = rank(tied, facts, shown)
    path = longest_path(tied.predecessors(), seconds)[1]
    waits = _waits(tied, facts, path, set())
    edges = Counter(location for ties in tied.ties for _, location in ties)
    users = _users(sets, ranked)
    found = []
    for position, location in enumerate(ranked, 1):
        alone = longest_path(tied.predecessors({location}), seconds)[0]
        together = longest_path(tied.predecessors(frozenset(ranked[:position])), seconds)[0]
        waiting = waits.get(location, _Waits())
        writers, readers = users[location]
        found.append(
            HotLocation(
                location=name(location),
                writers=writers,
                readers=readers,
                edges=edges[location],
                path_steps=waiting.steps,
                path_seconds=waiting.seconds,
                path_gas=waiting.gas,
                span_without_seconds=alone,
                cap_with_these=sum(seconds) / together if together else 1.0,
            )
        )
    return tuple(found)


def _waits(
    tied: Causes, facts: Sequence[Facts], path: Sequence[TxIndex], without: set[Location]
) -> dict[Location, _Waits]:
    found: defaultdict[Location, _Waits] = defaultdict(_Waits)
    for before, after in pairwise(path):
        for location in set(tied.through(before, after)) - without:
            known, fact = found[location], facts[after]
            found[location] = _Waits(known.steps + 1, known.seconds + fact.seconds, known.gas + fact.gas)
    return dict(found)


def _users(sets: Sequence[AccessSet], locations: Iterable[Location]) -> dict[Location, tuple[int, int]]:
    """Return (writers, readers) of some locations; who clears an account's storage writes its slots."""
    return {
        location: (
            sum(_writes(access, location) for access in sets),
            sum(location in access.reads for access in sets),
        )
        for location in locations
    }


def _writes(access: AccessSet, location: Location) -> bool:
    address, kind, _ = location
    return (
        location in access.writes
        or (kind == BALANCE and address in access.deltas)
        or (kind == STORAGE and address in access.clears)
    )
