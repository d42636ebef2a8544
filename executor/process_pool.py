"""Workers in processes of their own on this machine, one pipe each: Ray's protocol at a fraction of its cost.

A message is its length and its bytes. Workers are forked where this process has one thread, which shares all that it
has imported; otherwise they come from a fork server, as a lock held by another thread would stay held in the child.
"""

from __future__ import annotations

import gc
import os
import signal
from collections import deque
from multiprocessing import connection, context, get_context
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path

from executor.collector import forget_start_up
from executor.pool import Event, Pool, Reply
from executor.worker import Worker

MOST_LOSSES = 8
"""Workers lost in one block after which something else is wrong."""


class ProcessPool(Pool):
    """`workers` child processes, each behind a pipe."""

    name = "process"
    goal_seconds = 0.004
    batch_limit = 200

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._owner = os.getpid()
        self._context = _context()
        self._processes: list[BaseProcess] = []
        self._pipes: list[Connection] = []
        self._in_flight: list[deque[int]] = []
        self._dropped = [0] * workers
        for _ in range(workers):
            self._start()

    def _start(self) -> None:
        ours, theirs = self._context.Pipe()
        process = self._context.Process(target=_serve, args=(theirs, [ours, *self._pipes]), daemon=True)
        process.start()
        theirs.close()
        self._processes.append(process)
        self._pipes.append(ours)
        self._in_flight.append(deque())

    def pids(self) -> list[int]:
        """Return the processes of the workers."""
        return [process.pid or 0 for process in self._processes]

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message that is not answered."""
        self._pipes[worker].send_bytes(blob)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Hand a batch to a worker."""
        self._in_flight[worker].append(ticket)
        self._pipes[worker].send_bytes(blob)

    def next_event(self) -> Event:
        """Wait for a reply."""
        waiting = {self._pipes[worker]: worker for worker in range(self.workers)}
        while True:
            for pipe in connection.wait(list(waiting)):
                worker = waiting[pipe]  # type: ignore[index]
                blob = self._pipes[worker].recv_bytes()
                if self._dropped[worker]:
                    self._dropped[worker] -= 1
                    continue
                return Reply(worker, self._in_flight[worker].popleft(), blob)

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed."""
        for worker, tickets in enumerate(self._in_flight):
            self._dropped[worker] += len(tickets)
            tickets.clear()

    def close(self) -> None:
        """Stop the workers."""
        for pipe in self._pipes:
            pipe.close()
        for process in self._processes:
            process.join(1)
            process.kill()


def _context() -> context.ForkContext | context.ForkServerContext:
    threads = Path("/proc/self/task")
    if threads.is_dir() and len(list(threads.iterdir())) == 1:
        return get_context("fork")
    return get_context("forkserver")


def _serve(pipe: Connection, inherited: list[Connection]) -> None:
    for other in inherited:
        other.close()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    forget_start_up()
    gc.disable()
    worker = Worker()
    while True:
        try:
            blob = pipe.recv_bytes()
        except EOFError:
            return
        answer = worker.handle(blob)
        if answer is None:
            gc.collect(0)
        else:
            pipe.send_bytes(answer)
