"""Workers as Ray actors: one blob of bytes each way, no retries by Ray, a lost actor replaced by a new one.

The only place that imports `ray`. Retries belong to the driver, as a batch is a pure function of what is in
its message and a fresh worker can be told everything again.
"""

from __future__ import annotations

import gc
import logging
import os
from time import monotonic, sleep
from typing import Any

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # its `uv run` hook can hang without an error
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray.exceptions import RayActorError, RayError

from executor.collector import forget_start_up
from executor.errors import PoolError
from executor.pool import Event, Lost, Pool, Reply
from executor.state import PreState
from executor.types import Block
from executor.worker import Worker

PATIENCE_SECONDS = 10.0
INLINE_BYTES = 64 * 1024
"""Messages above this go through Ray's object store, which copies them once for all workers of a machine."""
MOST_LOSSES = 8
"""Workers lost in one block after which something else is wrong."""


class RayWorker(Worker):
    """A worker in a process of its own, which pauses the collector between blocks' beginnings."""

    def __init__(self) -> None:
        forget_start_up()
        gc.disable()

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message; between blocks what the last one left in cycles is freed."""
        answer = super().handle(blob)
        if answer is None:
            gc.collect(0)
        return answer


class RayPool(Pool):
    """`workers` actors of one CPU each, on a local Ray unless `address` names a cluster."""

    name = "ray"
    goal_seconds = 0.015
    batch_limit = 200

    def __init__(self, workers: int, address: str | None = None) -> None:
        self.workers = workers
        self._owner = os.getpid()
        self._started_ray = _join(workers, address)
        self._actors: list[Any] = [None] * workers
        self._shared: dict[int, tuple[bytes, Any]] = {}
        self._in_flight: dict[Any, tuple[int, int]] = {}
        self._losses = 0
        for worker in range(workers):
            self._actors[worker] = _actor()
        try:
            self.pids()
        except RayError as error:
            msg = f"Ray workers did not start: {_one_line(error)}"
            raise PoolError(msg) from error

    def pids(self) -> list[int]:
        """Return the processes of the workers, once all are up."""
        return list(ray.get([actor.pid.remote() for actor in self._actors]))

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block, and its pre-state as far as the worker does not hold it."""
        self._check_process()
        self._losses = 0
        self._shared.clear()
        super().begin(block, pre_state)

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message; one that several get is put into Ray's store once."""
        if len(blob) > INLINE_BYTES and id(blob) not in self._shared:
            self._shared[id(blob)] = blob, ray.put(blob)
        _, argument = self._shared.get(id(blob), (blob, blob))
        self._actors[worker].handle.remote(argument)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Send a batch to a worker."""
        self._check_process()
        self._in_flight[self._actors[worker].handle.remote(blob)] = (worker, ticket)

    def next_event(self) -> Event:
        """Wait for one reply, or for the news that a worker is gone."""
        (ref,), _ = ray.wait(list(self._in_flight), num_returns=1)
        try:
            blob = ray.get(ref)
        except RayActorError as error:
            return self._replace(self._in_flight[ref][0], _one_line(error))
        except RayError as error:
            msg = f"a worker failed: {_one_line(error)}"
            raise PoolError(msg) from error
        worker, ticket = self._in_flight.pop(ref)
        return Reply(worker, ticket, blob)

    def _replace(self, worker: int, reason: str) -> Lost:
        self._losses += 1
        if self._losses > MOST_LOSSES:
            msg = f"{self._losses} workers were lost in one block, the last: {reason}"
            raise PoolError(msg)
        lost = [ref for ref, (owner, _) in self._in_flight.items() if owner == worker]
        tickets = tuple(sorted(self._in_flight.pop(ref)[1] for ref in lost))
        ray.kill(self._actors[worker])
        self._actors[worker] = _actor()
        self.reopen(worker)
        return Lost(worker, tickets, reason)

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed. Late replies are never asked for."""
        self._in_flight.clear()

    def close(self) -> None:
        """Stop the actors, and Ray if this pool started it."""
        if os.getpid() != self._owner:
            return
        for actor in self._actors:
            ray.kill(actor)
        self._in_flight.clear()
        if self._started_ray:
            ray.shutdown()

    def _check_process(self) -> None:
        if os.getpid() != self._owner:
            msg = "this pool belongs to the process that made it; Ray hangs in a forked child, make a pool there"
            raise PoolError(msg)


def _join(workers: int, address: str | None) -> bool:
    """Start or join Ray; return whether it was started here."""
    started = not ray.is_initialized()
    if started:
        local: dict[str, Any] = {"num_cpus": max(workers, os.cpu_count() or 1)} if address is None else {}
        try:
            ray.init(
                address=address or "local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **local,
            )
        except (RayError, ConnectionError, RuntimeError, ValueError) as error:
            msg = f"Ray could not be started or joined: {_one_line(error)}"
            raise PoolError(msg) from error
    cpus = int(ray.cluster_resources().get("CPU", 0))
    if cpus < workers:
        if started:
            ray.shutdown()
        msg = f"{workers} workers need {workers} CPUs, the Ray cluster has {cpus}; ask for fewer with --workers"
        raise PoolError(msg)
    if not started:
        _wait_for_free(workers)
    return started


def _wait_for_free(workers: int) -> None:
    """Wait until another pool's processors are given back: an actor that does not fit hangs without a word."""
    deadline = monotonic() + PATIENCE_SECONDS
    while int(ray.available_resources().get("CPU", 0)) < workers:
        if monotonic() > deadline:
            msg = f"{workers} workers need {workers} free CPUs of this Ray; close another executor or ask for fewer"
            raise PoolError(msg)
        sleep(0.1)


def _actor() -> Any:
    options = {"num_cpus": 1, "max_restarts": 0, "max_task_retries": 0}
    return ray.remote(RayWorker).options(**options).remote()


def _one_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]
