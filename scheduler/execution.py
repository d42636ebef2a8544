"""What goes between scheduler and workers: executions there, observations back."""

from __future__ import annotations

from collections.abc import Collection
from functools import partial
from typing import NamedTuple

from scheduler.access import Bounds, Location, ReadSet, TxIndex, WriteSet, describe


class Execution(NamedTuple):
    """One run of one transaction; `at_head` runs on settled state and may assume nothing."""

    index: TxIndex  # type: ignore[assignment] # hides tuple.index, which nobody calls
    incarnation: int
    at_head: bool


execution_of = partial(tuple.__new__, Execution)
"""Makes one from a tuple of its fields: every transaction has one, and to call `Execution` takes twice as long."""


class Observation(NamedTuple):
    """What an execution saw and did; values of `assumed` locations are checked at the head only."""

    reads: ReadSet
    bounds: Bounds
    writes: WriteSet
    assumed: Collection[Location] = ()

    def checked(self) -> tuple[ReadSet, Bounds]:
        """Return the reads without what was assumed, and the bounds: what can be asked before the head is there."""
        if not self.assumed:
            return self.reads, self.bounds
        reads = self.reads.copy()
        for location in self.assumed:
            reads.pop(location, None)
        return reads, self.bounds


observation_of = partial(tuple.__new__, Observation)
"""Makes one from a tuple of all its fields, like `execution_of`."""


class SchedulerFault(AssertionError):  # noqa: N818 - says whose fault it is
    """A result made on settled state contradicts it: a fault of worker or scheduler, never of the block."""

    def __init__(self, index: TxIndex, location: Location) -> None:
        super().__init__(f"transaction {index} ran on settled state, yet saw another {describe(location)}")
        self.index = index
        self.location = location
