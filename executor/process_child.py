"""What runs in a worker's process: messages from one pipe, answers into another, until the driver is gone."""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from executor.evm import Engine
from executor.process_frames import FAULT, Frames, write_whole
from executor.types import TransactionResult
from executor.worker import Worker

OUT_OF_MEMORY = 86
"""Exit code of a worker that could not get the memory it asked for."""
_LOOK_SECONDS = 2.0
"""How often a worker in the middle of a batch looks whether its driver is still there."""
_STANDARD_ERROR = 2


class StrictEngine(Engine):
    """An engine for which want of memory is no result: on another worker the transaction may well run."""

    def execute(self, *arguments: Any, **options: Any) -> TransactionResult:
        """Execute a transaction; MemoryError where the process is out of memory."""
        result = super().execute(*arguments, **options)
        if result.failure is not None and result.failure.startswith(MemoryError.__name__):
            raise MemoryError
        return result


class ProcessWorker(Worker):
    """A worker alone in its process."""

    _engine = StrictEngine


def start_spawned(
    incoming: Connection, outgoing: Connection, make: Callable[[], Worker], memory_limit: int | None
) -> None:
    """Be a worker; for processes that a fork server or a fresh interpreter starts."""
    serve(incoming.fileno(), outgoing.fileno(), make, memory_limit)


def serve_forked(incoming: int, outgoing: int, make: Callable[[], Worker], memory_limit: int | None) -> None:
    """Be a worker; for a fork of the driver."""
    with suppress(OSError):
        _close_all_but(incoming, outgoing)
    serve(incoming, outgoing, make, memory_limit)


def serve(incoming: int, outgoing: int, make: Callable[[], Worker], memory_limit: int | None) -> None:
    """Be a worker and end the process: 0 once the driver is gone, OUT_OF_MEMORY, or 1 after a fault, which is sent."""
    code = 1
    try:
        _settle_in(memory_limit)
        _leave_with_driver(incoming)
        _answer_all(incoming, outgoing, make())
        code = 0
    except MemoryError:
        code = OUT_OF_MEMORY
    except BrokenPipeError:
        code = 0
    except BaseException as error:  # noqa: BLE001 - whatever it is, the driver must hear of it
        code = _confess(outgoing, error)
    finally:
        os._exit(code)  # no exit handlers: they belong to the process that this one was forked from


def _answer_all(incoming: int, outgoing: int, worker: Worker) -> None:
    frames = Frames(incoming)
    while not frames.ended:
        for blob in frames.read():
            answer = worker.handle(blob)
            if answer is None:
                gc.collect(0)  # what the last block left in cycles, now that the rest of it is gone
            else:
                send_answer(outgoing, answer)


def send_answer(outgoing: int, answer: bytes) -> None:
    """Write an answer; tests plant faults here."""
    write_whole(outgoing, answer)


def _settle_in(memory_limit: int | None) -> None:
    """Leave behind what the process has from where it was forked: signal handlers, output, the collector's heap."""
    signal.set_wakeup_fd(-1)
    for number in signal.valid_signals():
        if callable(signal.getsignal(number)):
            signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the driver's, which closes the pipe
    signal.pthread_sigmask(signal.SIG_UNBLOCK, signal.valid_signals())
    _leave_standard_output()
    gc.freeze()  # without a collection, which would touch, and so copy, every page that is shared with the driver
    gc.disable()
    if memory_limit is not None:
        _limit_memory(memory_limit)


def _leave_with_driver(incoming: int) -> None:
    """See to it that a worker that hangs does not outlive its driver."""
    driver = select.poll()
    driver.register(incoming, 0)  # of its own accord, poll tells of the hang-up alone

    def look(*_: object) -> None:
        if driver.poll(0):
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.setitimer(signal.ITIMER_REAL, _LOOK_SECONDS, _LOOK_SECONDS)


def _close_all_but(*kept: int) -> None:
    """Close what a fork inherited: another pool's pipes, the caller's files and sockets, a copy of its output."""
    for descriptor in map(int, os.listdir("/proc/self/fd")):  # noqa: PTH208 - names are all that is wanted
        if descriptor > _STANDARD_ERROR and descriptor not in kept:
            with suppress(OSError):
                os.close(descriptor)


def _leave_standard_output() -> None:
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    try:
        os.dup2(_STANDARD_ERROR, 1)
    except OSError:  # closed
        os.dup2(null, 1)
    os.close(null)
    sys.stdout = sys.stderr


def _limit_memory(limit: int) -> None:
    """Allow `limit` bytes more than the process has, its share of the driver's pages not counted again.

    RLIMIT_DATA counts private writable memory, whether touched or not; where the system does not tell how much
    there is, nothing is limited.
    """
    try:
        lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    except OSError:
        return
    (held,) = [int(line.split()[1]) * 1024 for line in lines if line.startswith("VmData:")]
    _, most = resource.getrlimit(resource.RLIMIT_DATA)
    wanted = held + limit
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most))


def _confess(outgoing: int, error: BaseException) -> int:
    """Tell the driver in one line what went wrong and where; return the exit code."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    line = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}{place}"
    try:
        write_whole(outgoing, line.encode(), FAULT)
    except OSError:
        return 0
    return 1
