"""The critical path as a list: which transaction waited for which, and through what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import accumulate

from bench.explain.causes import Causes
from bench.explain.facts import Facts
from bench.explain.model import NamedLocation, PathStep
from scheduler.access import Location, TxIndex

Namer = Callable[[Location], NamedLocation]


def longest_path(
    predecessors: Sequence[Sequence[TxIndex]], weights: Sequence[float]
) -> tuple[float, tuple[TxIndex, ...]]:
    """Return the weight of the heaviest path and the path, ascending; (0.0, ()) without transactions."""
    finish: list[float] = []
    came_from: list[TxIndex] = []
    for index, before in enumerate(predecessors):
        latest = max(before, key=finish.__getitem__, default=-1)
        came_from.append(latest)
        finish.append(weights[index] + (finish[latest] if latest >= 0 else 0.0))
    if not finish:
        return 0.0, ()
    path = [max(range(len(finish)), key=finish.__getitem__)]
    while came_from[path[-1]] >= 0:
        path.append(came_from[path[-1]])
    return finish[path[0]], tuple(reversed(path))


def critical_path(tied: Causes, facts: Sequence[Facts], name: Namer) -> tuple[PathStep, ...]:
    """Return the path that takes the most seconds, step by step."""
    _, path = longest_path(tied.predecessors(), [one.seconds for one in facts])
    gas_until = accumulate(facts[index].gas for index in path)
    seconds_until = accumulate(facts[index].seconds for index in path)
    before: list[TxIndex | None] = [None, *path[:-1]]
    return tuple(
        _step(facts[index], waits_for, tied, name, gas, seconds)
        for index, waits_for, gas, seconds in zip(path, before, gas_until, seconds_until, strict=False)
    )


def _step(
    fact: Facts, waits_for: TxIndex | None, tied: Causes, name: Namer, until_gas: int, until_seconds: float
) -> PathStep:
    through = () if waits_for is None else tied.through(waits_for, fact.index)
    return PathStep(
        index=fact.index,
        hash=fact.hash,
        sender=fact.sender,
        to=fact.to,
        contract=fact.contract,
        operation=fact.operation,
        gas=fact.gas,
        seconds=fact.seconds,
        waits_for=waits_for,
        through=tuple(map(name, through)),
        until_gas=until_gas,
        until_seconds=until_seconds,
    )
