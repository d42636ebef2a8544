"""Starting a worker's process: by fork where this process has one thread, otherwise through a fork server.

A lock that another thread holds at the time of a fork stays held in the child for ever; a fork server has one thread.
"""

from __future__ import annotations

import fcntl
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from selectors import BaseSelector
from types import ModuleType
from typing import Protocol

from executor import process_child
from executor.errors import PoolError
from executor.worker import Worker

_THREADS = Path("/proc/self/task")
_PAUSE = 0.001
_PIPE_BYTES = 1024 * 1024
"""Room in a pipe, where the system grants it: most messages then leave at once, read or not."""
_ours: set[int] = set()
"""The driver's ends of all pipes of this process: no child may hold them, or workers outlive their driver."""


class Child(Protocol):
    """A worker's process."""

    pid: int

    def exit_code(self) -> int | None:
        """Return the code, minus the signal where one ended it, None while it runs."""
        ...

    def kill(self) -> None:
        """End it at once."""
        ...


class ForkedChild:
    """A child of this process."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None

    def exit_code(self) -> int | None:
        """Return the code, None while it runs; 0 where somebody else in this process took it."""
        if self._code is None:
            try:
                pid, status = os.waitpid(self.pid, os.WNOHANG)
            except ChildProcessError:
                self._code = 0
            else:
                self._code = os.waitstatus_to_exitcode(status) if pid else None
        return self._code

    def kill(self) -> None:
        """End it at once; its number is its own until its code is taken."""
        if self.exit_code() is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)


class SpawnedChild:
    """A process that `multiprocessing` started."""

    def __init__(self, process: BaseProcess) -> None:
        self.pid = process.pid or 0
        self._process = process

    def exit_code(self) -> int | None:
        """Return the code, None while it runs."""
        return self._process.exitcode

    def kill(self) -> None:
        """End it at once; once the fork server has seen its end, its number may be another's."""
        if self._process.exitcode is None:
            self._process.kill()


def start(make: Callable[[], Worker], memory_limit: int | None) -> tuple[Child, int, int]:
    """Start a worker; return its process and this side's ends of its pipes: one to read, one to write, not blocking.

    `make` builds the worker in the child; it is called there as it is after a fork, and otherwise travels by pickle.
    """
    read_here, write_there = os.pipe()
    read_there, write_here = os.pipe()
    ours, theirs = (read_here, write_here), (read_there, write_there)
    _ours.update(ours)
    try:
        begin = _fork if can_fork() else _spawn
        child = begin(*theirs, make, memory_limit)
    except BaseException:
        close(*ours)
        raise
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    for descriptor in ours:
        os.set_blocking(descriptor, False)
        with suppress(AttributeError, OSError):  # not Linux, or more pipes than a user may enlarge
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
    return child, read_here, write_here


def close(*descriptors: int) -> None:
    """Close ends of pipes of this process."""
    for descriptor in descriptors:
        _ours.discard(descriptor)
        os.close(descriptor)


def keep_from_children(selector: BaseSelector) -> None:
    """Have every forked child close a selector, if it is one that a fork inherits, until it is given to `let_go`."""
    _ours.add(_descriptor(selector))


def let_go(selector: BaseSelector) -> None:
    """Close a selector of this process."""
    _ours.discard(_descriptor(selector))
    selector.close()


def _descriptor(selector: BaseSelector) -> int:
    fileno = getattr(selector, "fileno", None)  # `select` and `poll` have none
    return -1 if fileno is None else fileno()


def can_fork() -> bool:
    """Return whether this process has one thread, so that a child is as sound as itself."""
    try:
        return len(os.listdir(_THREADS)) == 1  # noqa: PTH208 - asked before every fork
    except OSError:
        return False


def wait_for_exit(child: Child, seconds: float) -> int | None:
    """Return the exit code of a child that is about to end; None where it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while (code := child.exit_code()) is None and time.monotonic() < deadline:
        time.sleep(_PAUSE)
    return code


def _fork(read: int, write: int, make: Callable[[], Worker], memory_limit: int | None) -> Child:
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            stream.flush()
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        pid = os.fork()
        if pid == 0:
            process_child.serve_forked(read, write, make, memory_limit)  # does not return
    except OSError as error:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        msg = f"a worker could not be started: {error}"
        raise PoolError(msg) from error
    child = ForkedChild(pid)
    try:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)  # here Ctrl-C strikes that came meanwhile
    except BaseException:
        child.kill()
        wait_for_exit(child, 1.0)
        raise
    return child


def _spawn(read: int, write: int, make: Callable[[], Worker], memory_limit: int | None) -> Child:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([process_child.__name__])
    ends = Connection(os.dup(read), writable=False), Connection(os.dup(write), readable=False)
    process = context.Process(target=process_child.start_spawned, args=(*ends, make, memory_limit), daemon=True)
    try:
        with _no_main():
            process.start()
    except (OSError, AssertionError, EOFError) as error:
        msg = f"a worker could not be started: {type(error).__name__}: {error}"
        raise PoolError(msg) from error
    finally:
        for end in ends:
            end.close()
    return SpawnedChild(process)


@contextmanager
def _no_main() -> Iterator[None]:
    """Hide the script that runs: `multiprocessing` would run it in the child again, or fail where it is no file."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = main


def _close_inherited() -> None:
    for descriptor in _ours:
        with suppress(OSError):
            os.close(descriptor)
    _ours.clear()


os.register_at_fork(after_in_child=_close_inherited)
