"""Invariants of the adversarial workload: counters are what succeeded, chains unbroken, the dead leave nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeAlias

from executor.hashing import keccak256
from scheduler.access import BALANCE, CODE, EMPTY_CODE_HASH, NONCE, STORAGE, Address, Location
from workloads.artefacts import word
from workloads.stage import Deployed
from workloads.workload import Check, StateReader, read_int

Event: TypeAlias = tuple[int, str, int]
"""In which block, what, how many: something that succeeded."""
CHILD = bytes.fromhex("60168060095f395ff3366012575f54600101805f555f5260205ff35b5f35ff")
"""The creation code of the nursery's children, as its source has it."""
RUINS = 16  # more than the gas of a wasteful call could write


def child_of(nursery: Address, salt: int) -> Address:
    """Return where the nursery creates a child (EIP-1014)."""
    return keccak256(b"\xff" + nursery + word(salt) + keccak256(CHILD))[12:]


@dataclass(frozen=True)
class Books:
    """Who took part, and all that succeeded."""

    arena: Deployed
    nursery: Deployed
    users: tuple[Address, ...]
    ring: tuple[Address, ...]
    deployed: tuple[Deployed, ...]
    events: tuple[Event, ...]

    def until(self, what: str, blocks: int) -> tuple[int, ...]:
        """Return how many there were until the end of each block."""
        counts = [0] * blocks
        for block, name, amount in self.events:
            counts[block] += amount if name == what else 0
        return tuple(accumulate(counts))

    def salts(self, what: str) -> list[int]:
        """Return the salts of children with whom `what` succeeded."""
        names = dict.fromkeys(name for _, name, _ in self.events if name.startswith(f"{what} "))
        return [int(name.split()[1]) for name in names]


@dataclass(frozen=True)
class TallyCheck:
    """The sum of some slots or balances is as many as succeeded; `expected` per block."""

    label: str
    parts: tuple[Location, ...]
    expected: tuple[int, ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return the sum if it is another."""
        found, expected = sum(read_int(after, part) for part in self.parts), self.expected[block_index]
        return [] if found == expected else [f"{self.label}: {found} counted, {expected} succeeded"]


@dataclass(frozen=True)
class ChainCheck:
    """The cell at each place holds its place, as far as the chain goes, and nothing lies beyond."""

    arena: Deployed
    links: tuple[int, ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return the first place that is wrong."""
        links = self.links[block_index]
        for place in range(links + 2):
            found, expected = self.arena.read(after, "cells", place), place if place <= links else 0
            if found != expected:
                return [f"chain of {links}: the cell at {place} holds {found}, not {expected}"]
        return []


@dataclass(frozen=True)
class StakeCheck:
    """Exactly one of the ring has the stake (in wei): whose turn it is."""

    ring: tuple[Address, ...]
    stake: int
    passed: tuple[int, ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return who has it but should not, or the other way round."""
        holder = self.passed[block_index] % len(self.ring)
        return [
            f"number {place} of the ring has {wei} wei; the stake is with number {holder}"
            for place, address in enumerate(self.ring)
            if ((wei := read_int(after, (address, BALANCE, 0))) >= self.stake) != (place == holder)
        ]


@dataclass(frozen=True)
class GoneCheck:
    """Where a child was born and died, nothing is left: no code, nonce, ether or slot."""

    children: tuple[Address, ...]

    def violations(self, _before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return the children that left something."""
        return [
            f"0x{child.hex()} was destroyed, but has left something"
            for child in self.children
            if after.read((child, CODE, 0)) != EMPTY_CODE_HASH
            or any(read_int(after, (child, kind, 0)) for kind in (NONCE, BALANCE, STORAGE))
        ]


def checks_of(books: Books, blocks: int, stake: int) -> Iterator[Check]:
    """Yield what must hold after every block."""
    arena, users = books.arena, books.users

    def tally(label: str, what: str, *parts: Location) -> Check:
        return TallyCheck(label, parts, books.until(what, blocks))

    yield tally("counter", "bump", arena.at("count"))
    yield tally("bumps of the senders", "bump", *(arena.at("bumps", user) for user in users))
    yield tally("visits", "visit", *(arena.at("visits", user) for user in users))
    yield tally("works", "work", *(arena.at("works", user) for user in users))
    cells = range(8 * (books.until("bump", blocks)[-1] + 1))
    yield tally("rubbish", "rubbish", *(arena.at("rubbish", cell) for cell in cells))
    yield tally("ruins", "nothing", *(arena.at("ruins", place) for place in range(RUINS)))
    yield ChainCheck(arena, books.until("link", blocks))
    yield StakeCheck(books.ring, stake, books.until("pass", blocks))
    for place in books.deployed:
        yield tally(f"counter of 0x{place.address.hex()[:8]}", f"bump {place.address.hex()}", place.at("count"))
    yield from _births(books, blocks)


def _births(books: Books, blocks: int) -> Iterator[Check]:
    """Yield what must hold of the nursery: `lives` and `pokes` by salt, and its ether."""
    nursery = books.nursery
    children = {salt: child_of(nursery.address, salt) for what in ("home", "life") for salt in books.salts(what)}
    ether = tuple((address, BALANCE, 0) for address in (nursery.address, *children.values()))
    yield TallyCheck("ether of the nursery", ether, books.until("wei", blocks))
    for salt in books.salts("life"):
        yield TallyCheck(f"lives of {salt}", (nursery.at("lives", salt),), books.until(f"life {salt}", blocks))
    yield GoneCheck(tuple(children[salt] for salt in books.salts("life")))
    for salt in books.salts("home"):
        pokes = books.until(f"poke {salt}", blocks)
        yield TallyCheck(f"pokes of {salt}", (nursery.at("pokes", salt),), pokes)
        yield TallyCheck(f"calls that child {salt} counts", ((children[salt], STORAGE, 0),), pokes)
