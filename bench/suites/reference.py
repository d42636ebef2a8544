"""The measure of the machine: a fixed load of pure Python and keccak, timed before and after every round.

Machines with neighbours change their speed by half within a minute. A round divided by the load beside it does not;
comparisons are of these quotients (`bench.suites.compare`). The load must never change: a change makes runs
before and after it incomparable, so it has a name that both runs must share.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from time import perf_counter

from executor.hashing import keccak256

NAME = "python-keccak/1"
PAIR = f"{NAME}, two at once"
_TURNS, _HASHES = 12_000, 2_000


def reference_load() -> int:
    """Run the load, some 10 ms; the number it returns is always the same."""
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


def seconds(timer: Callable[[], float]) -> float:
    """Return what the load takes by this clock."""
    started = timer()
    reference_load()
    return timer() - started


def pair_seconds(processes: Executor) -> float:
    """Return the seconds on the wall of two loads in two processes: what a neighbour leaves of both cores."""
    started = perf_counter()
    for load in [processes.submit(reference_load) for _ in range(2)]:
        load.result()
    return perf_counter() - started
