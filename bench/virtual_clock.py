"""Virtual time: parties that work, wait and share processors, without threads and always the same.

A *party* is a generator: it yields the processor seconds that it works next, or None to wait until it is woken.
Processors are shared evenly: while more parties are busy than there are processors, each progresses that much slower.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from typing import TypeAlias

Life: TypeAlias = Iterator[float | None]
"""What a party does: seconds of work, None for waiting."""


@dataclass(slots=True)
class Party:
    """One that works or waits; `occupied` is the virtual time in which it had work, slowed by others or not.

    `worked` is its processor seconds so far.
    """

    life: Life
    waiting: bool = False
    ended: bool = False
    since: float = 0.0
    occupied: float = 0.0
    worked: float = 0.0


class VirtualClock:
    """Parties and timers on so many processors; None: everybody has one of their own."""

    def __init__(self, cores: float | None = None) -> None:
        self.now = 0.0
        self._cores = float("inf") if cores is None else float(cores)
        self._done = 0.0
        """Processor seconds that a party which was always busy would have had so far."""
        self._working: list[tuple[float, int, Party]] = []
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0

    def spawn(self, life: Life) -> Party:
        """Let a party begin now."""
        party = Party(life)
        self._go_on(party)
        return party

    def wake(self, party: Party) -> None:
        """Let a party go on if it waits."""
        if party.waiting:
            self._go_on(party)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call `action` in so many seconds; takes no processor."""
        self._order += 1
        heappush(self._timers, (self.now + seconds, self._order, action))

    def run_until(self, party: Party) -> None:
        """Let time pass until `party` has ended; RuntimeError if nothing is left that could happen."""
        while not party.ended:
            if not self._working and not self._timers:
                raise RuntimeError("everybody waits and nobody works")
            self._step()

    def _step(self) -> None:
        """Go to the next moment at which something happens; work that ends then goes before timers."""
        rate = min(1.0, self._cores / len(self._working)) if self._working else 1.0
        ready = self.now + (self._working[0][0] - self._done) / rate if self._working else float("inf")
        if self._timers and self._timers[0][0] < ready:
            moment, _, action = heappop(self._timers)
            self._done += (moment - self.now) * rate
            self.now = moment
            action()
        else:
            self._done, _, party = heappop(self._working)
            self.now = max(self.now, ready)
            party.occupied += self.now - party.since
            self._go_on(party)

    def _go_on(self, party: Party) -> None:
        party.waiting = False
        try:
            work = next(party.life)
        except StopIteration:
            party.ended = True
            return
        if work is None:
            party.waiting = True
            return
        party.since = self.now
        party.worked += work
        self._order += 1
        heappush(self._working, (self._done + work, self._order, party))
