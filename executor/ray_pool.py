"""Workers as Ray actors: one blob of bytes each way, no retries by Ray, a lost actor replaced by a new one.

The only place that imports `ray`. Retries belong to the driver, as a batch is a pure function of what is in
its message and a fresh worker can be told everything again.
"""

from __future__ import annotations

import gc
import os
from collections import defaultdict
from time import monotonic
from typing import Any, NamedTuple

os.environ.setdefault("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")  # its `uv run` hook can hang without an error
os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

import ray
from ray import exceptions

from executor.collector import forget_start_up
from executor.errors import PoolError
from executor.evm import warm_up
from executor.pool import MOST_LOSSES, PATIENCE, Event, Lost, Pool, Reply
from executor.process_child import OUT_OF_MEMORY, ProcessWorker
from executor.ray_session import RaySession, one_line
from executor.state import PreState
from executor.types import Block
from executor.wire import pack_over

START_SECONDS = 60.0
"""How long workers may take to start. One that takes the place of a lost one then shares a CPU instead."""
LOOK_SECONDS = 1.0
"""How often it is looked whether there is still room for a worker that starts."""
INLINE_BYTES = 64 * 1024
"""Messages above this go through Ray's object store, which copies them once for all workers of a machine."""
GONE = (
    exceptions.RayActorError,
    exceptions.NodeDiedError,
    exceptions.WorkerCrashedError,
    exceptions.OutOfMemoryError,
    exceptions.ObjectLostError,  # a large reply went down with its node
)
"""Errors by which Ray says that a worker or what it held is gone, so that another may do its work."""
STORE_FULL = (exceptions.ObjectStoreFullError, exceptions.OutOfDiskError)

_SESSION = RaySession(ray)


class RayWorker(ProcessWorker):
    """A worker in a process of its own, which pauses the collector between blocks' beginnings."""

    def __init__(self) -> None:
        super().__init__()
        forget_start_up()
        gc.disable()

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message; between blocks what the last one left in cycles is freed.

        Memory that ran out ends the process: what it would report next could be wrong in any way, and whether a
        transaction fits in memory is no fact about the transaction.
        """
        try:
            answer = super().handle(blob)
        except MemoryError:
            raise SystemExit(OUT_OF_MEMORY) from None
        if answer is None:
            gc.collect(0)
        return answer

    def take(self, *blobs: bytes) -> bytes | None:
        """Take in messages in their order; the answer to the last."""
        return [self.handle(blob) for blob in blobs][-1]

    def warm_up(self) -> None:
        """Load now what the first use would wait for in the middle of a block; a replacement has no time for that."""
        warm_up()

    def where(self) -> tuple[int, str]:
        """Return the process and the node that this worker lives in."""
        return self.pid(), ray.get_runtime_context().get_node_id()


class _Batch(NamedTuple):
    worker: int
    ticket: int
    blob: bytes


class RayPool(Pool):
    """`workers` actors of one CPU each, on a local Ray unless `address` names a cluster.

    A worker that has work and has not answered for `patience` seconds is given up. Raises PoolError where there
    is no Ray, no room for the workers in it, or they do not start.
    """

    name = "ray"
    goal_seconds = 0.015
    batch_limit = 200
    worker_class: type[RayWorker] = RayWorker

    def __init__(self, workers: int, address: str | None = None, *, patience: float = PATIENCE) -> None:
        self.workers = workers
        self.patience = patience
        self._owner = os.getpid()
        self._shared: dict[int, tuple[bytes, Any]] = {}
        self._told: defaultdict[int, list[Any]] = defaultdict(list)
        self._in_flight: dict[Any, _Batch] = {}
        self._since = [0.0] * workers
        self._starting: dict[int, Any] = {}
        self._sharing: set[int] = set()
        self._losses = 0
        self._actors: list[Any] = [None] * workers
        self.forget_states()
        _SESSION.enter(self, workers, address)
        try:
            self._start_all()
        except BaseException:
            self.close()
            raise

    def _start_all(self) -> None:
        for worker in range(self.workers):
            self._start(worker)
        hellos = [actor.warm_up.remote() for actor in self._actors]
        up, missing = ray.wait(hellos, num_returns=len(hellos), timeout=START_SECONDS)
        if missing:
            msg = (
                f"{len(missing)} of {self.workers} Ray workers did not start in {START_SECONDS:g} s: {_SESSION.room()}"
            )
            raise PoolError(msg)
        try:
            ray.get(up)
        except exceptions.RayError as error:
            lacking = "ModuleNotFoundError" in str(error) or "ImportError" in str(error)
            advice = "; every node needs this version of parallel-evm installed" if lacking else ""
            msg = f"Ray workers did not start: {one_line(error)}{advice}"
            raise PoolError(msg) from error
        self._starting.clear()

    def _start(self, worker: int, *, shares: bool = False) -> None:
        """Put a fresh actor in a worker's place, on a CPU of its own or one it shares; Ray starts it when it can."""
        options = {
            "num_cpus": 0 if shares else 1,
            "max_restarts": 0,
            "max_task_retries": 0,
            "enable_task_events": False,
        }
        (self._sharing.add if shares else self._sharing.discard)(worker)
        self._actors[worker] = ray.remote(self.worker_class).options(**options).remote()
        self._told.pop(worker, None)
        self._starting[worker] = self._actors[worker].pid.remote()
        self._since[worker] = monotonic()

    def pids(self) -> list[int]:
        """Return the processes of the workers, once all are up."""
        return [pid for pid, _ in self._where()]

    def nodes(self) -> list[str]:
        """Return the nodes of the workers, as Ray names them, once all are up."""
        return [node for _, node in self._where()]

    def _where(self) -> list[tuple[int, str]]:
        return list(ray.get([actor.where.remote() for actor in self._actors], timeout=START_SECONDS))

    # -- messages

    def begin(self, block: Block, pre_state: PreState) -> None:
        """Give every worker the block, and its pre-state as far as the worker does not hold it."""
        self._check_process()
        if not _SESSION.alive(self):
            msg = "Ray was shut down under this pool; make another"
            raise PoolError(msg)
        self._losses = 0
        self._shared.clear()
        super().begin(block, pre_state)
        self._flush()

    def reopen(self, worker: int) -> None:
        """Give a worker the current block and its whole pre-state, put into Ray's store again: it may be lost too."""
        self._shared.clear()
        super().reopen(worker)
        self._flush()

    def tell(self, worker: int, blob: bytes) -> None:
        """Give a worker a message; one that several get is put into Ray's store once.

        What is told in one go is sent in one call, which costs a millisecond of processor time whatever is in it.
        """
        if len(blob) > INLINE_BYTES and id(blob) not in self._shared:
            self._shared[id(blob)] = blob, self._put(blob)
        _, argument = self._shared.get(id(blob), (blob, blob))
        self._told[worker].append(argument)

    def block_over(self) -> None:
        """Let workers free what they kept of the block while they have nothing to do; they owe nothing any more."""
        for worker in range(self.workers):
            self.tell(worker, pack_over())
        self._flush()

    def _put(self, blob: bytes) -> Any:
        try:
            return ray.put(blob)
        except STORE_FULL as error:
            raise _no_room(len(blob), error) from error

    def _call(self, worker: int, *arguments: Any) -> Any:
        """Return the reference to the answer to the last of some messages or references to messages."""
        try:
            return self._actors[worker].take.remote(*arguments)
        except STORE_FULL as error:  # Ray puts large messages into the store by itself
            raise _no_room(len(arguments[-1]), error) from error

    def _flush(self) -> None:
        while self._told:
            worker, told = self._told.popitem()
            self._call(worker, *told)

    def submit(self, worker: int, ticket: int, blob: bytes) -> None:
        """Send a batch to a worker."""
        self._check_process()
        if not any(batch.worker == worker for batch in self._in_flight.values()):
            self._since[worker] = monotonic()
        self._send(_Batch(worker, ticket, blob))

    def _send(self, batch: _Batch) -> None:
        told = self._told.pop(batch.worker, ())
        self._in_flight[self._call(batch.worker, *told, batch.blob)] = batch

    def next_event(self) -> Event:
        """Wait for one reply, or for the news that a worker is gone."""
        while True:
            ready, _ = ray.wait(list(self._in_flight), num_returns=1, timeout=self._time_left())
            if ready:
                return self._event(ready[0])
            for worker in sorted({batch.worker for batch in self._in_flight.values()}):
                if worker in self._starting:
                    self._see_to_start(worker)
                elif monotonic() >= self._since[worker] + self.patience:
                    return self._replace(worker, f"no answer for {self.patience:g} s")

    def _time_left(self) -> float:
        """Return the seconds until a worker's time is up, or one that starts is to be looked after."""
        if self._starting:
            return LOOK_SECONDS
        oldest = min(self._since[batch.worker] for batch in self._in_flight.values())
        return max(0.0, oldest + self.patience - monotonic())

    def _event(self, ref: Any) -> Event:
        worker, ticket, _ = self._in_flight[ref]
        try:
            blob = ray.get(ref)
        except GONE as error:
            return self._replace(worker, _reason(error))
        except exceptions.RayError as error:
            msg = f"a worker failed: {one_line(error)}"
            raise PoolError(msg) from error
        del self._in_flight[ref]
        self._starting.pop(worker, None)
        self._since[worker] = monotonic()
        return Reply(worker, ticket, blob)

    # -- losses

    def _replace(self, worker: int, reason: str) -> Lost:
        """Put a fresh actor in the place of one that is gone."""
        tickets = tuple(sorted(batch.ticket for batch in self._take_back(worker)))
        self._start_again(worker, shares=_SESSION.crowded())
        self._losses += 1
        if self._losses > MOST_LOSSES:
            msg = f"{self._losses} workers were lost in one block, the last: {reason}"
            raise PoolError(msg)
        self.reopen(worker)
        return Lost(worker, tickets, reason)

    def _see_to_start(self, worker: int) -> None:
        """Let a worker that does not start share a CPU: the node of its predecessor is gone, and the others are full.

        It has executed nothing, so what was sent to it is sent again, and nobody need know.
        """
        waiting = monotonic() - self._since[worker]
        if ray.wait([self._starting[worker]], timeout=0)[0]:  # up, and busy
            del self._starting[worker]
            self._since[worker] = monotonic()
        elif worker in self._sharing and waiting > START_SECONDS:
            msg = f"a lost worker could not be replaced in {START_SECONDS:g} s: {_SESSION.room()}"
            raise PoolError(msg)
        elif worker not in self._sharing and (waiting > START_SECONDS or _SESSION.crowded()):
            batches = self._take_back(worker)
            self._start_again(worker, shares=True)
            self.reopen(worker)
            for batch in batches:
                self._send(batch)

    def _take_back(self, worker: int) -> list[_Batch]:
        """Return what is in flight with a worker, in the order in which it got it; no reply is returned any more."""
        refs = [ref for ref, batch in self._in_flight.items() if batch.worker == worker]
        return [self._in_flight.pop(ref) for ref in refs]

    def _start_again(self, worker: int, *, shares: bool) -> None:
        ray.kill(self._actors[worker])
        self.forget_state(worker)
        self._start(worker, shares=shares)

    # -- the end

    def abandon(self) -> None:
        """Forget what is in flight: the block has failed. Late replies are never asked for."""
        self._in_flight.clear()

    def close(self) -> None:
        """Stop the actors, and Ray after the last pool if it was started here; nothing in a forked child."""
        if os.getpid() != self._owner:
            return
        self._in_flight.clear()
        self._shared.clear()
        self._starting.clear()
        if _SESSION.alive(self):
            for actor in self._actors:
                if actor is not None:
                    ray.kill(actor)
        self._actors = []
        _SESSION.leave(self)

    def _check_process(self) -> None:
        if os.getpid() != self._owner:
            msg = "this pool belongs to the process that made it; Ray hangs in a forked child, make a pool there"
            raise PoolError(msg)
        if not self._actors:
            msg = "this pool is closed; make another"
            raise PoolError(msg)


def _no_room(size: int, error: BaseException) -> PoolError:
    return PoolError(
        f"a message of {size / 1e6:.1f} MB does not fit into Ray's object store ({type(error).__name__});"
        " free disk under its temporary folder, or give it more with `ray start --object-store-memory`"
    )


def _reason(error: BaseException) -> str:
    text = one_line(error)
    if f"exit code {OUT_OF_MEMORY}." in text or isinstance(error, exceptions.OutOfMemoryError):
        return "out of memory"
    _, _, detail = text.partition(" Worker exit detail: ")  # Ray goes on with advice
    return f"{type(error).__name__}: {detail.partition(' Some common causes')[0]}" if detail else text
