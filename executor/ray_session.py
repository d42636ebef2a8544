"""This process's part in Ray: started or joined by its first pool, shared by all, left with its last.

Takes the module `ray` as an argument, which only `executor.ray_pool` imports.
"""

from __future__ import annotations

import logging
import os
import socket
import tempfile
from pathlib import Path
from time import monotonic, sleep
from typing import Any
from weakref import WeakKeyDictionary

from executor.errors import PoolError

FREE_SECONDS = 10.0
"""How long to wait for CPUs that another pool is giving back."""
CONNECT_SECONDS = 5.0
"""How long a cluster's address may take to accept a connection; Ray itself tries for many minutes."""


class RaySession:
    """The pools of this process that use Ray, each with its number of workers; one that is forgotten falls out.

    Ray is shut down after the last of them, and only where it was started or joined here.
    """

    def __init__(self, ray: Any) -> None:
        self._ray = ray
        self._owner = os.getpid()
        self._pools: WeakKeyDictionary[object, int] = WeakKeyDictionary()
        self._ours = False

    def enter(self, pool: object, workers: int, address: str | None) -> None:
        """Start or join Ray for a pool once there is room for its workers.

        Raises PoolError where Ray is not to be had or too small.
        """
        if self._owner != os.getpid():  # the parent's Ray is of no use in a forked child
            msg = "Ray hangs in a child forked from a process that uses it; make the pool before forking, or spawn"
            raise PoolError(msg)
        fresh = not self._ray.is_initialized()
        if fresh:
            self._pools.clear()  # somebody shut Ray down under them
            self._ours = True
            self._init(workers, address)
        else:
            self._same(address)
        try:
            self._wait_for_room(workers)
        except BaseException:
            self._shut_down_if_unused()
            raise
        self._pools[pool] = workers

    def leave(self, pool: object) -> None:
        """Take a pool out; the last one shuts down what was started here."""
        if self._pools.pop(pool, None) is not None:
            self._shut_down_if_unused()

    def alive(self, pool: object) -> bool:
        """Return whether the Ray that a pool entered still runs."""
        return pool in self._pools and bool(self._ray.is_initialized())

    def crowded(self) -> bool:
        """Return whether the machines that are left have fewer CPUs than the pools of this process have workers."""
        return self._cpus()[0] < sum(self._pools.values())

    def room(self) -> str:
        """Say how large the cluster is and how much of it is free."""
        cpus, nodes = self._cpus()
        return f"Ray has {_count(cpus, 'CPU')} on {_count(nodes, 'node')}, {min(cpus, self._free())} of them free"

    def _init(self, workers: int, address: str | None) -> None:
        local: dict[str, Any] = {}
        if address is None:
            local = {"num_cpus": max(workers, os.cpu_count() or 1)}
        else:
            address = _reachable(address)
        try:
            self._ray.init(
                address=address or "local",  # and not None, which RAY_ADDRESS would capture
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
                **local,
            )
        except (self._ray.exceptions.RayError, OSError, RuntimeError, ValueError) as error:
            why = " ".join(str(error).split())[:300]
            msg = f"Ray could not be {'joined at ' + address if address else 'started'}: {why}"
            raise PoolError(msg) from error

    def _same(self, address: str | None) -> None:
        """Refuse an address other than that of the Ray this process is part of."""
        if address in {None, "auto", "local"}:
            return
        here = str(self._ray.get_runtime_context().gcs_address)
        if address != here:
            msg = f"this process is part of the Ray at {here}; close what uses it before joining {address}"
            raise PoolError(msg)

    def _wait_for_room(self, workers: int) -> None:
        """Wait for free CPUs: an actor that does not fit hangs without a word."""
        deadline = monotonic() + FREE_SECONDS
        while not (fits := workers <= self._cpus()[0]) or self._free() < workers:
            if not fits or monotonic() > deadline:
                msg = (
                    f"{_count(workers, 'worker')} need {_count(workers, 'free CPU')}: {self.room()};"
                    " ask for fewer with --workers, close another executor, or let nodes join"
                )
                raise PoolError(msg)
            sleep(0.1)

    def _cpus(self) -> tuple[int, int]:
        """Return (CPUs that whole workers fit on, nodes)."""
        nodes = [node for node in self._ray.nodes() if node["Alive"]]
        return sum(int(node["Resources"].get("CPU", 0)) for node in nodes), len(nodes)

    def _free(self) -> int:
        return int(self._ray.available_resources().get("CPU", 0))

    def _shut_down_if_unused(self) -> None:
        if self._ours and not self._pools:
            self._ours = False
            self._ray.shutdown()


def one_line(error: BaseException) -> str:
    """Return the last line of an error, which is where Ray puts the cause, with the error's name."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return f"{type(error).__name__}: {lines[-1] if lines else ''}"[:300]


def _reachable(address: str) -> str:
    """Return the address to join, once something accepts connections there; `auto` as `ray start` noted it."""
    if address.startswith("ray://"):
        msg = f"{address}: Ray Client is not supported; run on a node of the cluster and name it as host:6379"
        raise PoolError(msg)
    if address == "auto":
        noted = Path(tempfile.gettempdir()) / "ray" / "ray_current_cluster"
        address = os.environ.get("RAY_ADDRESS") or (noted.read_text() if noted.is_file() else address)
    host, _, port = address.strip().rpartition(":")
    if not (host and port.isdigit()):
        return address  # Ray says what is wrong with it
    try:
        socket.create_connection((host.strip("[]"), int(port)), CONNECT_SECONDS).close()
    except OSError as error:
        msg = f"no Ray answers at {address} ({error}); `ray start --head` starts a cluster, `ray status` shows one"
        raise PoolError(msg) from error
    return address


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
