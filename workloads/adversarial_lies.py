"""Access lists that lie: EIP-2930 lists of wrong slots, and expected access sets that mislead a scheduler."""

from __future__ import annotations

from random import Random

from scheduler.access import NOTHING_EXPECTED, STORAGE, AccessSet, Address, Location
from workloads.accounts import KeyPair
from workloads.stage import Deployed


def wrong_slots(random: Random, arena: Deployed, users: tuple[KeyPair, ...], called: Address) -> frozenset[Location]:
    """Return slots that a transaction to `called` does not need: another's, a hot one, or one that nobody has."""
    victim = users[random.randrange(len(users))].address
    slots = (
        arena.at("visits", victim),
        arena.at("count"),
        (called, STORAGE, random.getrandbits(256)),
        (victim, STORAGE, 0),
    )
    return frozenset(random.sample(slots, random.randrange(1, len(slots) + 1)))


def lying_sets(random: Random, sets: tuple[AccessSet, ...], share: float) -> tuple[AccessSet, ...]:
    """Return the sets with a `share` of them replaced: empty, another's, half, or claiming what is not touched."""
    return tuple(_lie(random, sets, one) if random.random() < share else one for one in sets)


def _lie(random: Random, sets: tuple[AccessSet, ...], one: AccessSet) -> AccessSet:
    other = sets[random.randrange(len(sets))]
    half = AccessSet(frozenset(sorted(one.reads)[::2]), frozenset(sorted(one.writes)[1::2]))
    boast = AccessSet(one.reads | other.writes, one.writes | other.reads, one.deltas, one.clears | cleared(other))
    return random.choice((NOTHING_EXPECTED, other, half, boast))


def cleared(access: AccessSet) -> frozenset[Address]:
    """Return the accounts whose slots `access` writes: to claim that they are dropped whole."""
    return frozenset(address for address, kind, _ in access.writes if kind == STORAGE)
