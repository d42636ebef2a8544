"""Which locations to make commutative: the fewest that raise a block's cap, found where nobody has named any."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import pairwise

from bench.explain.model import CAP_WORKERS
from bench.explain.names import Names
from bench.explain.what_if import commutative
from scheduler.access import BALANCE, STORAGE, AccessSet, Address, Location
from scheduler.graph import build

ROUNDS = 32
"""Critical paths that are looked at, each of the block in which the ones before are gone."""
WORTH_SUGGESTING = 1.1
"""The cap must become this many times as high."""
ENOUGH = 2 * max(CAP_WORKERS)
"""Caps above hold nobody back."""
KEPT = 0.98
"""A group of locations is left out where the cap without it is at least this share of the cap with all."""
MOST_NAMES = 12
Group = tuple[str, ...]


def suggestions(
    sets: Sequence[AccessSet], seconds: Sequence[float], senders: Sequence[Address], names: Names
) -> tuple[str, ...]:
    """Return changes as `what_if` reads them, at most one; none where no counters are to blame.

    Only locations that transactions of several senders both read and write come into question: what one sender alone
    changes is that sender's own business, and chains of one sender stay.
    """
    before = _cap(sets, seconds)
    if before >= ENOUGH:
        return ()
    chosen, cap = _greedy(sets, seconds, _shared_counters(sets, senders))
    if not chosen or cap < WORTH_SUGGESTING * before:
        return ()
    groups = _fewest(_groups(chosen, names), sets, seconds, cap)
    written = _written(groups, names)
    return (f"commutative={'+'.join(written)}",) if len(written) <= MOST_NAMES else ()


def _shared_counters(sets: Sequence[AccessSet], senders: Sequence[Address]) -> frozenset[Location]:
    users: defaultdict[Location, set[Address]] = defaultdict(set)
    for access, sender in zip(sets, senders, strict=True):
        for location in _counted(access):
            users[location].add(sender)
    return frozenset(location for location, group in users.items() if len(group) > 1)


def _counted(access: AccessSet) -> Iterable[Location]:
    """Return what a transaction both reads and changes, slots and balances."""
    slots = (location for location in access.reads & access.writes if location[1] == STORAGE)
    balances = (at for at in ((address, BALANCE, 0) for address in access.deltas) if at in access.reads)
    return (*slots, *balances)


def _greedy(
    sets: Sequence[AccessSet], seconds: Sequence[float], usable: frozenset[Location]
) -> tuple[list[Location], float]:
    """Return locations whose edges the critical paths hang on, in the order found, and the cap without them."""
    chosen: dict[Location, None] = {}
    best: tuple[list[Location], float] = ([], 0.0)
    for _ in range(ROUNDS):
        now = commutative(sets, chosen)
        span, path = build(now).critical_path(seconds)
        cap = sum(seconds) / span if span else 1.0
        if cap > best[1]:
            best = list(chosen), cap
        new = {at: None for before, after in pairwise(path) for at in _removable(now[before], now[after], usable)}
        if not new:
            break
        chosen |= new
    return best


def _removable(before: AccessSet, after: AccessSet, usable: frozenset[Location]) -> frozenset[Location]:
    """Return what ties two transactions, if all of it could be counters; else nothing, as the edge would stay."""
    changed = before.writes | {(address, BALANCE, 0) for address in before.deltas}
    ties = changed & after.reads
    cleared = any(location[0] in before.clears for location in after.reads)
    return ties if ties <= usable.intersection(_counted(after)) and not cleared else frozenset()


def _groups(locations: Iterable[Location], names: Names) -> dict[Group, list[Location]]:
    """Return the locations by what they are: one variable of one contract, or one holder's entry in several."""
    families: defaultdict[Group, list[Location]] = defaultdict(list)
    for location in locations:
        families[_family(location, names)].append(location)
    return dict(families)


def _family(location: Location, names: Names) -> Group:
    entry = names.entry(location)
    if entry is None or not entry.keys:
        return (names.of(location).name,)
    if entry.variable in {"balanceOf", "balances"}:  # of one holder, whatever the token
        return ("*", entry.variable, *(names.key_text(key) for key in entry.keys))
    return (names.label(location[0]), entry.variable, entry.shown, entry.member)


def _fewest(
    groups: dict[Group, list[Location]], sets: Sequence[AccessSet], seconds: Sequence[float], cap: float
) -> dict[Group, list[Location]]:
    """Return the groups without those that change little, the smallest looked at first."""
    kept = dict(groups)
    for family in sorted(groups, key=lambda one: (len(groups[one]), one)):
        rest = [at for other, locations in kept.items() if other != family for at in locations]
        if rest and _cap(commutative(sets, rest), seconds) >= KEPT * cap:
            del kept[family]
    return kept


def _written(groups: dict[Group, list[Location]], names: Names) -> list[str]:
    """Return the groups as patterns: with `*` for the keys, or for the token, where there are several."""
    return [
        _pattern(family, locations[0], names) if len(locations) > 1 else names.of(locations[0]).name
        for family, locations in groups.items()
    ]


def _pattern(family: Group, location: Location, names: Names) -> str:
    entry = names.entry(location)
    if entry is None or family[0] == "*":
        return f"*.{family[1]}" + "".join(f"[{key}]" for key in family[2:])
    keys = "[*]" * len(entry.keys)
    if entry.shown:
        return f"{family[0]}.{entry.shown}{keys}"
    return f"{family[0]}.{entry.variable}{keys}" + (f".{entry.member}" if entry.member else "")


def _cap(sets: Sequence[AccessSet], seconds: Sequence[float]) -> float:
    span = build(sets).critical_path(seconds)[0]
    return sum(seconds) / span if span else 1.0
