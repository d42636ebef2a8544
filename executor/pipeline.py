"""The next block is prepared while this one runs: workers that would idle recover the senders of its transactions."""

from __future__ import annotations

from itertools import count

from executor.pool import IN_FLIGHT, Lost, Pool, Reply
from executor.types import Block
from executor.wire import pack_prepare, unpack_senders
from scheduler.access import Address

CHUNK = 64
"""Transactions per message: 3 ms of recovering and decoding."""


class Preparation:
    """Who signed the transactions of a block that is still to come, as far as workers have found out.

    Tickets are negative and never come twice, as replies may arrive in the middle of a later block.
    """

    _tickets = count(-1, -1)

    def __init__(self, block: Block) -> None:
        self.block = block
        self.senders: dict[bytes, Address] = {}
        raws = [transaction.raw for transaction in block.transactions]
        self._chunks = [raws[start : start + CHUNK] for start in range(0, len(raws), CHUNK)]
        self._asked: dict[int, tuple[int, list[bytes]]] = {}

    def ask(self, pool: Pool, worker: int) -> bool:
        """Give a worker the next chunk; return whether there was one left."""
        if not self._chunks:
            return False
        ticket, raws = next(self._tickets), self._chunks.pop(0)
        self._asked[ticket] = worker, raws
        pool.submit(worker, ticket, pack_prepare(ticket, raws))
        return True

    def take(self, reply: Reply) -> bool:
        """Take in an answer; return whether it was to this preparation."""
        ticket, senders = unpack_senders(reply.blob)
        asked = self._asked.pop(ticket, None)
        if asked is None:
            return False
        found = zip(asked[1], senders, strict=True)
        self.senders.update((raw, sender) for raw, sender in found if sender is not None)
        return True

    def lost(self, worker: int) -> None:
        """Take it that a worker will not answer: whoever executes these transactions recovers their senders itself."""
        for ticket in [ticket for ticket, (owner, _) in self._asked.items() if owner == worker]:
            del self._asked[ticket]

    # -- where the workers have nothing else to do

    def begin(self, pool: Pool) -> None:
        """Ask as much as fits in front of every worker."""
        for worker in [*range(pool.workers)] * IN_FLIGHT:
            self.ask(pool, worker)

    def finish(self, pool: Pool) -> None:
        """Wait for all that was asked, and ask what is left."""
        while self._asked:
            event = pool.next_event()
            if isinstance(event, Lost):
                self.lost(event.worker)
            elif event.ticket < 0 and self.take(event):
                self.ask(pool, event.worker)
