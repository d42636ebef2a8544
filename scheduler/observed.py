"""The order just observed: on whom a result depends, by what was really read and really written."""

from __future__ import annotations

from scheduler.access import BALANCE, CODE, EXISTENCE, NONCE, Address, Bounds, ReadSet, TxIndex
from scheduler.multi_version import MultiVersionState


def observed_writers(
    state: MultiVersionState, reads: ReadSet, bounds: Bounds, index: TxIndex, since: TxIndex
) -> set[TxIndex]:
    """Return the transactions from `since` on whose writes `index` would read if it ran now.

    Stale results count too: what a transaction wrote once it will probably write again.
    """
    writers: set[TxIndex] = set()
    for location in reads:
        address, kind, _ = location
        if kind == BALANCE:
            writers.update(state.changers(address, index, since))
        elif kind == EXISTENCE and state.derived_existence:
            writers.update(_makers(state, address, index))
        else:
            writers.add(state.writer(location, index))
    for address, bound in bounds.items():
        if state.balance(address, index) < bound:
            writers.update(state.changers(address, index, since))
    return {writer for writer in writers if writer >= since}


def _makers(state: MultiVersionState, address: Address, index: TxIndex) -> list[TxIndex]:
    """Return who may have made `address` exist or vanish."""
    makers = [state.writer((address, kind, 0), index) for kind in (NONCE, CODE, EXISTENCE)]
    if not state.exists(address, -1) and not state.proven(address, index):
        makers += state.changers(address, index, 0)[-1:]
    return makers
