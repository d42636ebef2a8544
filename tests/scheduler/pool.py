"""A fake pool for the toy machine: replicas fed by a log, batches that come back in random order."""

from __future__ import annotations

import random
from collections.abc import Sequence

from scheduler.access import TxIndex, WriteSet
from scheduler.batching import fill_batch
from scheduler.block_scheduler import BlockScheduler
from scheduler.execution import Execution, Observation
from scheduler.multi_version import MultiVersionState
from tests.scheduler.toy import PlainState, Program, assumed_nonces, execute

Reply = tuple[int, Execution, Observation]


class Simulation:
    """One block of programs under a scheduler; `settled` is the order in which transactions were settled."""

    def __init__(
        self, programs: Sequence[Program], base: PlainState, scheduler: BlockScheduler, chance: random.Random
    ) -> None:
        self.programs, self.scheduler, self.chance = programs, scheduler, chance
        self.nonces = assumed_nonces(programs, base)
        self.results: dict[TxIndex, Observation] = {}
        self.settled: list[TxIndex] = []
        self.executed: list[Execution] = []
        self._log: list[tuple[int, TxIndex, WriteSet]] = []
        self._replicas = [MultiVersionState(base, derived_existence=base.derived_existence) for _ in range(3)]
        self._known = [0] * len(self._replicas)
        self._in_flight: list[list[Reply]] = []

    def run(self) -> None:
        """Go on until everything is settled; in-flight batches are bounded as the driver's are."""
        while not self.scheduler.done:
            batch = self._next_batch() if len(self._in_flight) < 2 * len(self._replicas) else []
            if batch:
                self._in_flight.append(self._execute(batch))
            if self._in_flight and (not batch or self.chance.random() < 1 / 2):
                self._receive(self._in_flight.pop(self.chance.randrange(len(self._in_flight))))
            elif not batch:
                msg = "nothing runs and nothing may start"
                raise AssertionError(msg)

    def _next_batch(self) -> list[Execution]:
        count = len(self.programs)
        priorities = self.chance.choice([None, [self.chance.random() for _ in range(count)]])
        limit = self.chance.randint(1, 4)
        self.scheduler.prioritise(priorities)
        return fill_batch(self.scheduler, [1.0] * count, 3.0, limit=limit)

    def _execute(self, batch: list[Execution]) -> list[Reply]:
        worker = self.chance.randrange(len(self._replicas))
        replica = self._replicas[worker]
        for origin, index, writes in self._log[self._known[worker] :]:
            if origin != worker:
                replica.record(index, writes)
        self._known[worker] = len(self._log)
        replies = []
        for execution in batch:
            index = execution.index
            nonce = None if execution.at_head else self.nonces[index]
            seen = execute(self.programs[index], replica, index, nonce)
            replica.record(index, seen.writes)
            replies.append((worker, execution, seen))
        return replies

    def _receive(self, replies: list[Reply]) -> None:
        for worker, execution, seen in replies:
            self.executed.append(execution)
            self.results[execution.index] = seen
            self._log.append((worker, execution.index, seen.writes))
        self.settled += self.scheduler.finish_all((execution.index, seen) for _, execution, seen in replies)


def final_state(base: PlainState, simulation: Simulation) -> PlainState:
    """Return the state after applying the settled results in block order."""
    state = base.copy()
    for index in simulation.settled:
        state.apply(simulation.results[index].writes)
    return state
