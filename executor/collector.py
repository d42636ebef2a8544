"""Python's cycle collector waits while a block runs: its passes over the whole heap cost more than they free."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cycle collector off for the length of a `with` block, unless it is off already.

    A pass in the middle of a block takes 50 to 100 ms where the heap is large. Reference counting goes on; what a block
    leaves in cycles (failed frames, mostly) is found by the next pass after it.
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def forget_start_up() -> None:
    """Take everything alive out of the collector's sight; for processes that are ours alone."""
    gc.collect()
    gc.freeze()
