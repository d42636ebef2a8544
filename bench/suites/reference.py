"""The measure of the machine: two fixed loads, timed before and after every round.

Machines with neighbours change their speed by half within a minute, and not for all code alike: what fits into the
caches (arithmetic, keccak) loses less than what allocates and looks up megabytes. So there is a load of each kind, and
a benchmark counts as slower only if neither explains it (`bench.suites.comparison`). The loads must never change: a
change makes runs before and after it incomparable, so they have a name that both runs must share.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from time import perf_counter
from typing import TypeAlias

from executor.collector import collector_paused
from executor.hashing import keccak256

NAME = "keccak+memory/2"
PAIR = f"{NAME}, two at once"
Reading: TypeAlias = tuple[float, ...]
"""Seconds of each load, in the order of LOADS."""
_TURNS, _HASHES, _KEYS = 12_000, 2_000, 6_000


def compute_load() -> int:
    """Do arithmetic and hash, some 10 ms within the caches; the number it returns is always the same."""
    slots: dict[int, int] = {}
    stack: list[int] = []
    value = 1
    for turn in range(_TURNS):
        value = (value * 0x5DEECE66D + turn) % (1 << 256)
        stack.append(value & 0xFFFF)
        if len(stack) > 16:
            slots[stack.pop(0)] = stack.pop()
    digest = b"parallel-evm"
    for _ in range(_HASHES):
        digest = keccak256(digest * 4)
    return (len(slots) ^ value ^ int.from_bytes(digest, "big")) % (1 << 64)


def memory_load() -> int:
    """Fill a dictionary with small objects and look them up in another order: some 10 ms over a few megabytes."""
    keys = [(number * 2_654_435_761 % (1 << 32), number & 3, number) for number in range(_KEYS)]
    table = {key: frozenset((key, (number,))) for number, key in enumerate(keys)}
    found = 0
    for number in range(_KEYS):
        found += len(table[keys[number * 4_999 % _KEYS]]) + keys[number][2]
    return found


LOADS: tuple[Callable[[], int], ...] = (compute_load, memory_load)


def seconds(timer: Callable[[], float]) -> Reading:
    """Return what each load takes by this clock."""
    return tuple(_seconds(timer, load) for load in LOADS)


def _seconds(timer: Callable[[], float], load: Callable[[], int]) -> float:
    with collector_paused():
        started = timer()
        load()
        return timer() - started


def pair_seconds(processes: Executor) -> Reading:
    """Return the seconds on the wall of each load in two processes at once: what a neighbour leaves of both cores."""
    readings = []
    for load in LOADS:
        started = perf_counter()
        for one in [processes.submit(load) for _ in range(2)]:
            one.result()
        readings.append(perf_counter() - started)
    return tuple(readings)
