"""The order just observed: on whom a result depends, by what was really read and really written."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice

from scheduler.access import BALANCE, CODE, EXISTENCE, NONCE, Bounds, Location, ReadSet, TxIndex
from scheduler.multi_version import MultiVersionState


def sources(
    state: MultiVersionState,
    reads: ReadSet,
    bounds: Bounds,
    index: TxIndex,
    since: TxIndex,
    counts: Callable[[TxIndex], bool],
) -> set[TxIndex]:
    """Return whose writes `index` would read if it ran now: per location the latest of those that `counts` names.

    Nobody before `since` is asked about. Stale results are: what a transaction wrote once it will probably write
    again.
    """
    found: set[TxIndex] = set()
    for location in reads:
        for writer in _writers(state, location, index, since):
            if writer >= since and counts(writer):
                found.add(writer)
                break
    for address, bound in bounds.items():
        if state.balance(address, index) < bound:
            found.update(islice(filter(counts, reversed(state.changers(address, index, since))), 1))
    return found


def _writers(state: MultiVersionState, location: Location, index: TxIndex, since: TxIndex) -> Iterable[TxIndex]:
    """Return who may have made the value of `location`, the latest first."""
    address, kind, _ = location
    if kind == BALANCE:
        return reversed(state.changers(address, index, since))
    if kind == EXISTENCE and state.derived_existence:
        makers = [state.writer((address, part, 0), index) for part in (NONCE, CODE, EXISTENCE)]
        if not state.exists(address, -1) and not state.proven(address, index):
            makers += state.changers(address, index, since)[-1:]
        return sorted(makers, reverse=True)
    return (state.writer(location, index),)
