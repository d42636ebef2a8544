"""What goes between driver and workers in one block, counted, and what it costs, learned."""

from __future__ import annotations

from collections.abc import Mapping
from time import process_time

from executor.gate import Gate, shipping_seconds
from executor.pool import Pool
from executor.state import PreState
from executor.types import Block, Traffic
from executor.wire import BatchReply
from scheduler.access import Address

_ALL_OF = 8
"""Turns at the beginning of a block that all are timed; of those after it one in so many."""


class TrafficCount:
    """The traffic of one block on a pool; what its messages cost is the pool's to remember.

    Between `mark` and `learn` lies one turn of the driver: its processor time there, and the worker's beside the
    executions, are the price of a message. Not all turns are timed: what is done once per message runs out of cold
    caches and takes ten times as long as in a loop.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._begun = False
        self._before = pool.shipped
        self._started = self._marked = process_time()
        self._timed = True
        self._sent = self._received = self._turns = 0
        self._executing = self._overhead = 0.0
        self._memory: dict[int, int] = {}

    def begin(self, block: Block, pre_state: PreState, senders: Mapping[bytes, Address], gate: Gate | None) -> None:
        """Begin a block on the pool, once, and let the gate learn what it cost to send a state whole."""
        if self._begun or not block.transactions:
            return
        self._begun = True
        clock = process_time()
        self._pool.know_senders(senders)
        self._pool.begin(block, pre_state)
        if gate is not None and self._pool.sent_whole:
            gate.learn_shipping(shipping_seconds(pre_state), process_time() - clock)
        self.mark()

    def mark(self) -> None:
        """Begin a turn of the driver."""
        self._turns += 1
        self._timed = self._turns <= _ALL_OF or not self._turns % _ALL_OF
        if self._timed:
            self._marked = process_time()

    def sent(self, blob: bytes) -> None:
        """Count a batch."""
        self._sent += len(blob)

    def received(self, worker: int, blob: bytes, answer: BatchReply) -> None:
        """Count a reply."""
        self._received += len(blob)
        self._overhead += answer.overhead
        self._executing += answer.executing
        if answer.memory:
            self._memory[worker] = answer.memory

    def learn(self, transactions: int, overhead: float) -> None:
        """Take in the end of a turn that brought in a reply; inline pools have no messages to pay for."""
        if self._timed and self._pool.goal_seconds is not None:
            self._pool.message_cost.learn(transactions, process_time() - self._marked + overhead)

    def total(self) -> Traffic:
        """Return what it came to."""
        cost = self._pool.message_cost
        return Traffic(
            bytes_sent=self._sent,
            bytes_received=self._received,
            state_bytes=self._pool.shipped - self._before,
            driver_seconds=process_time() - self._started,
            worker_seconds=self._executing + self._overhead,
            execution_seconds=self._executing,
            message_seconds=cost.seconds,
            transaction_seconds=cost.per_transaction,
            goal_seconds=cost.goal,
            memory=tuple(self._memory[worker] for worker in sorted(self._memory)),
        )
