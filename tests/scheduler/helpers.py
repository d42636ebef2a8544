"""Small constructors for scheduler tests."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from scheduler.access import Address, Location, Value, WriteSet
from scheduler.execution import Observation


def observe(
    reads: dict[Location, Value] | None = None,
    writes: dict[Location, Value] | None = None,
    *,
    deltas: dict[Address, int] | None = None,
    clears: Iterable[Address] = (),
    bounds: dict[Address, int] | None = None,
    assumed: Collection[Location] = (),
) -> Observation:
    """Return an observation of only what is named."""
    return Observation(reads or {}, bounds or {}, WriteSet(writes or {}, deltas or {}, frozenset(clears)), assumed)
