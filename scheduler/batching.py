"""Ready executions and predicted costs to batches: fuse chains, fill to a target duration, heaviest first."""

from __future__ import annotations

from collections.abc import Sequence

from scheduler.access import TxIndex
from scheduler.block_scheduler import BlockScheduler
from scheduler.execution import Execution

MESSAGE_SHARE = 0.03
"""Part of a batch's time that its message may cost."""
_LEAST_SHARE = 2 * MESSAGE_SHARE
"""The least of a goal that makes a batch, twice what its message costs: a more even end is not worth more messages."""
_CRITICAL_SHARE = 0.02
"""Part of the time that the block takes at best, from which on a path goes by its length.

At a half, block 17666333 (one transaction is 63 %) took 8 % longer on processes, simulated and measured: what led to
its second longest paths came too late.
"""
_WIDE_SHARE = 0.5
"""Part of the time that the block takes at best, below which its longest path leaves room for large messages.

From 0.7 on blocks of one long path took up to 7 % longer: what leads to it waits behind what fills up its batch.
"""
_LARGEST = 0.032
"""Seconds that go into one message of a wide block, at most, where the goal is less; a pipe's costs 1 % of that."""
_EVEN_PARTS = 16
"""Messages per worker into which the work that is left would go, so that they end together all the same."""
_MEMORY = 0.97
"""What is left of a measurement's weight when the next one comes."""
_LEAST_SPREAD = 0.1
"""Variance of batch sizes, in squares of their mean, below which a message's cost and its transactions' look alike."""


class MessageCost:
    """What a message costs in processor seconds on both sides, and each transaction in it beside its execution.

    A line fitted to (transactions in a batch, seconds beside their executions), recent batches counting most. Neither
    falls below a quarter of what is expected at `first`, or rises above twice that: measured times are those of a busy
    machine, and batches too large for a block leave workers idle at its end.

    >>> cost = MessageCost(first=0.0003, per_transaction=0.0001)
    >>> round(cost.goal, 4)
    0.01
    >>> for size in [1, 9, 5] * 50:
    ...     cost.learn(size, 0.0006 + 0.00005 * size)
    >>> round(cost.seconds, 6), round(cost.per_transaction, 6)
    (0.0006, 5e-05)
    """

    __slots__ = ("_first", "_first_each", "_sums", "per_transaction", "seconds")

    def __init__(self, first: float, per_transaction: float = 1e-4) -> None:
        self._first, self._first_each = first, per_transaction
        self.seconds, self.per_transaction = first, per_transaction
        self._sums = [0.0] * 5

    def learn(self, transactions: int, seconds: float) -> None:
        """Take in what one message cost; a pause counts as four times what is usual at most."""
        y = min(seconds, 4 * (self.seconds + self.per_transaction * transactions))
        sample = (1.0, transactions, y, transactions * transactions, transactions * y)
        self._sums = [_MEMORY * old + new for old, new in zip(self._sums, sample, strict=True)]
        weight, x, y, xx, xy = self._sums
        spread = xx / weight - (x / weight) ** 2
        if spread > _LEAST_SPREAD * (x / weight) ** 2:
            slope = (xy / weight - x * y / weight**2) / spread
            self.per_transaction = _near(slope, self._first_each)
        self.seconds = _near((y - self.per_transaction * x) / weight, self._first)

    @property
    def goal(self) -> float:
        """Seconds of predicted work worth one message."""
        return self.seconds / MESSAGE_SHARE


def _near(value: float, expected: float) -> float:
    return min(2 * expected, max(expected / 4, value))


def target(remaining_seconds: float, workers: int, goal: float, *, wide: bool = False) -> float:
    """Return the seconds to put into the next batch: the goal, tapered so that all workers end together.

    Of a wide block much goes into one message while much is left: then nobody waits for what is in it, and each message
    costs more than its own time, as driver and worker push each other's data out of the processor's caches.

    >>> [round(target(remaining, workers=4, goal=0.015), 4) for remaining in (10.0, 0.08, 0.004)]
    [0.015, 0.01, 0.0009]
    >>> [round(target(remaining, workers=4, goal=0.015, wide=True), 4) for remaining in (10.0, 1.6, 0.08)]
    [0.032, 0.025, 0.01]
    """
    most = max(goal, min(_LARGEST, remaining_seconds / (_EVEN_PARTS * workers))) if wide else goal
    return min(most, max(_LEAST_SHARE * goal, remaining_seconds / (2 * workers)))


def is_wide(levels: Sequence[float], work: float, workers: int) -> bool:
    """Return whether no path is long, as measured by what the workers take at best for so much work.

    `levels` are the seconds of the heaviest path that starts with each transaction.

    >>> is_wide([0.2, 0.1, 0.1, 0.2], work=1.0, workers=2), is_wide([0.4, 0.3, 0.1, 0.2], work=1.0, workers=2)
    (True, False)
    """
    return max(levels, default=0.0) < _WIDE_SHARE * work / workers


def critical(levels: Sequence[float], work: float, workers: int) -> list[float]:
    """Return priorities: long paths go first, by the seconds still ahead on them, all else in block order.

    `levels` are the seconds of the heaviest path that starts with each transaction, `work` those of all. In block order
    results settle while others still execute; by level alone most of them would when the last one is there, and the
    workers would have nothing to do meanwhile.

    >>> critical([3.0, 0.05, 2.0, 0.05], work=6.0, workers=2)
    [3.0, 0.0, 2.0, 0.0]
    """
    least = _CRITICAL_SHARE * work / workers
    return [level if level >= least else 0.0 for level in levels]


def fill_batch(
    scheduler: BlockScheduler, costs: Sequence[float], target_seconds: float, *, limit: int, chain_seconds: float = 0.0
) -> list[Execution]:
    """Start ready executions until their seconds reach the target or their number the limit; return them.

    Each is followed at once by those that only wait for members of the batch: a chain stays on one worker.
    A re-run of the head goes first and takes only its followers along. At least one is taken if any is ready. Where
    nothing but one chain could go on, it does so up to `chain_seconds`: nobody else could run it meanwhile.
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
    chain: list[TxIndex] = []
    leads, watchers = scheduler.leads, scheduler.watchers
    while candidate is not None:
        if candidate not in taken:
            batch.append(scheduler.start(candidate))
            taken.add(candidate)
            seconds += costs[candidate]
            if leads[candidate] or watchers:
                chain += reversed(scheduler.follow(candidate, taken, awaited))
            if len(batch) >= limit:
                break
            if seconds >= target_seconds:
                lone = len(chain) == 1 and scheduler.best_ready() is None
                if not lone or seconds >= chain_seconds:
                    break
        candidate = chain.pop() if chain else None if alone else scheduler.best_ready()
    return batch
