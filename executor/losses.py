"""Executions of lost batches: what is sent again, in which pieces, and which transaction is to blame.

A worker executes its batches in the order in which it got them. So of those lost with it only the first is
*suspected*: it was being executed. Those queued behind it are sent again as they were. A batch suspected once is sent
again whole, as it was probably the machine; from the second time on it is halved, down to single transactions, so
that one that ends its worker is found out in a number of losses that grows with the logarithm of the batch.
Whoever sends orphans sends them to idle workers: only what is first in its queue can be suspected next.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from executor.errors import PoolError
from executor.hashing import keccak256
from executor.types import RawTransaction
from scheduler.execution import Execution

MOST_LOSSES_OF_ONE = 3
"""Workers that may be lost with an execution among the suspects, before it is to blame."""
LOSSES_ALONE = 2
"""How many of those it takes with that execution as the only suspect."""


class Losses:
    """What was lost in one block. `orphans` are the batches to be sent again, before all others and in this order."""

    def __init__(self, transactions: Sequence[RawTransaction]) -> None:
        self.orphans: list[list[Execution]] = []
        self._transactions = transactions
        self._suspected: Counter[Execution] = Counter()
        self._alone: Counter[Execution] = Counter()

    def lose(self, batches: Sequence[list[Execution]], reason: str) -> None:
        """Take in the batches lost with one worker, in the order in which it got them.

        Raises PoolError where the first of them is a transaction that was lost often enough by itself.
        """
        for place, batch in enumerate(batches):
            self.orphans += [batch] if place else self._pieces(batch, reason)

    def _pieces(self, batch: list[Execution], reason: str) -> list[list[Execution]]:
        """Suspect a batch; its members have been suspected together each time."""
        self._suspected.update(batch)
        times = self._suspected[batch[0]]
        if len(batch) == 1:
            self._check(batch[0], times, reason)
        if len(batch) == 1 or times == 1:
            return [batch]
        middle = len(batch) // 2
        return [batch[:middle], batch[middle:]]

    def _check(self, execution: Execution, times: int, reason: str) -> None:
        self._alone[execution] += 1
        if times < MOST_LOSSES_OF_ONE or self._alone[execution] < LOSSES_ALONE:
            return
        own_hash = keccak256(self._transactions[execution.index].raw).hex()
        why = " ".join(reason.split())
        msg = f"transaction {execution.index} (0x{own_hash}) ended {times} workers that executed it, the last: {why}"
        raise PoolError(msg)
