"""Ready executions and predicted costs to batches: fuse chains, fill to a target duration, heaviest first."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.access import TxIndex
from scheduler.block_scheduler import BlockScheduler, Execution


def target(remaining_seconds: float, workers: int, goal: float) -> float:
    """Return the seconds to put into the next batch: the goal, tapered so that all workers end together.

    >>> target(remaining_seconds=10.0, workers=4, goal=0.015)
    0.015
    >>> target(remaining_seconds=0.08, workers=4, goal=0.015)
    0.01
    """
    return min(goal, remaining_seconds / (2 * workers))


def fill_batch(
    scheduler: BlockScheduler,
    costs: Sequence[float],
    target_seconds: float,
    *,
    limit: int,
    priorities: Sequence[float] | None = None,
) -> list[Execution]:
    """Start ready executions until their seconds reach the target or their number the limit; return them.

    Each is followed at once by those that only wait for members of the batch: a chain stays on one worker.
    A re-run of the head goes first and takes only its followers along. At least one is taken if any is ready.
    `costs` and `priorities` go by transaction; the highest priority goes first, without them block order.
    """
    batch: list[Execution] = []
    taken: set[TxIndex] = set()
    seconds = 0.0
    for candidate in _candidates(scheduler, priorities):
        chain = [candidate]
        while chain and len(batch) < limit and (seconds < target_seconds or not batch):
            index = chain.pop()
            if index in taken:
                continue
            batch.append(scheduler.start(index))
            taken.add(index)
            seconds += costs[index]
            chain += reversed(scheduler.follow(index, taken))
        if len(batch) >= limit or seconds >= target_seconds:
            break
    return batch


def _candidates(scheduler: BlockScheduler, priorities: Sequence[float] | None) -> list[TxIndex]:
    ready = list(scheduler.ready_indices)
    if ready and scheduler.execution(ready[0]).at_head:
        return ready[:1]
    if priorities is not None:
        ready.sort(key=priorities.__getitem__, reverse=True)
    return ready
