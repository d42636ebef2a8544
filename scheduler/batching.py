"""Ready executions and predicted costs to batches: fuse chains, fill to a target duration, heaviest first."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.access import TxIndex
from scheduler.block_scheduler import BlockScheduler, Execution

MESSAGE_SHARE = 0.03
"""Part of a batch's time that its message may cost."""
_NEW_SHARE = 0.1
"""Weight of a new measurement of a message's cost."""
_LEAST, _MOST = 0.002, 0.030
"""Bounds of the goal in seconds: below, messages crowd the driver; above, a worker idles at the end of the block."""


class MessageCost:
    """What a message costs in processor seconds, measured while running, and the work that is worth one.

    >>> cost = MessageCost(first=0.0003)
    >>> round(cost.goal, 4)
    0.01
    """

    __slots__ = ("seconds",)

    def __init__(self, first: float) -> None:
        self.seconds = first

    def learn(self, seconds: float) -> None:
        """Take in what one message cost; a pause counts as four times what is usual at most."""
        self.seconds += _NEW_SHARE * (min(max(seconds, 0.0), 4 * self.seconds) - self.seconds)

    @property
    def goal(self) -> float:
        """Seconds of predicted work worth one message."""
        return min(_MOST, max(_LEAST, self.seconds / MESSAGE_SHARE))


def target(remaining_seconds: float, workers: int, goal: float) -> float:
    """Return the seconds to put into the next batch: the goal, tapered so that all workers end together.

    >>> target(remaining_seconds=10.0, workers=4, goal=0.015)
    0.015
    >>> target(remaining_seconds=0.08, workers=4, goal=0.015)
    0.01
    """
    return min(goal, remaining_seconds / (2 * workers))


def fill_batch(
    scheduler: BlockScheduler, costs: Sequence[float], target_seconds: float, *, limit: int
) -> list[Execution]:
    """Start ready executions until their seconds reach the target or their number the limit; return them.

    Each is followed at once by those that only wait for members of the batch: a chain stays on one worker.
    A re-run of the head goes first and takes only its followers along. At least one is taken if any is ready.
    `costs` go by transaction; whom the scheduler's priorities put first goes first.
    """
    batch: list[Execution] = []
    taken: set[TxIndex] = set()
    awaited: dict[TxIndex, int] = {}
    seconds = 0.0
    candidate = scheduler.rerun_of_head()
    alone = candidate is not None
    if candidate is None:
        candidate = scheduler.best_ready()
    while candidate is not None:
        chain = [candidate]
        while chain and len(batch) < limit and (seconds < target_seconds or not batch):
            index = chain.pop()
            if index in taken:
                continue
            batch.append(scheduler.start(index))
            taken.add(index)
            seconds += costs[index]
            followers = scheduler.follow(index, taken, awaited)
            if followers:
                chain += reversed(followers)
        if alone or len(batch) >= limit or seconds >= target_seconds:
            break
        candidate = scheduler.best_ready()
    return batch
