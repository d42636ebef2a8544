"""Drivers as people run them: scripts without a file, killed, interrupted, never closed, piped into something."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from executor.block_executor import BlockExecutor
from executor.process_pool import ProcessPool
from tests.executor.process_runs import alive, assert_runs, await_end, counting, started_by

ROOT = Path(__file__).parents[2]
HEAD = """
import sys, warnings
warnings.simplefilter("error")
from executor.block_executor import BlockExecutor
from executor.process_pool import ProcessPool
from tests.executor.process_faults import Talker
from tests.executor.process_runs import assert_runs, counting
builder = counting()
block, state = builder.block(), builder.state
"""


@contextmanager
def script(text: str) -> Iterator[subprocess.Popen[str]]:
    """Start a script from standard input, in a session of its own."""
    with subprocess.Popen(
        [sys.executable, "-"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as driver:
        assert driver.stdin is not None
        driver.stdin.write(HEAD + text)
        driver.stdin.close()
        driver.stdin = None
        try:
            yield driver
        finally:
            driver.kill()


def pids_told(driver: subprocess.Popen[str]) -> list[int]:
    """Return the workers' processes, which the script prints first."""
    assert driver.stdout is not None
    pids = [int(word) for word in driver.stdout.readline().split()]
    assert pids, driver.communicate()
    assert all(alive(pid) for pid in pids)
    return pids


ENDLESS = """
pool = ProcessPool(2)
print(*pool.pids(), flush=True)
with BlockExecutor(pool=pool, gate=False) as executor:
    while True:
        executor.execute(block, state)
"""


def test_a_script_from_standard_input_forks_and_its_workers_write_nothing_to_its_output() -> None:
    with script(
        """
pool = ProcessPool(2, make_worker=Talker)
assert_runs(pool, block, state, lost=0)
print(type(pool._links[0].child).__name__)
"""
    ) as driver:  # which forgets to close its pool
        output, errors = driver.communicate(timeout=60)
    assert (driver.returncode, output) == (0, "ForkedChild\n"), errors
    assert "noise" in errors
    assert not errors.replace("noise", "").split()


@pytest.mark.slow
def test_a_script_from_standard_input_with_threads_uses_a_fork_server() -> None:
    with script(
        """
import threading
release = threading.Event()
threading.Thread(target=release.wait).start()
try:
    pool = ProcessPool(2, make_worker=Talker)
    assert_runs(pool, block, state, lost=0)
    print(type(pool._links[0].child).__name__, *pool.pids())
finally:
    release.set()
"""
    ) as driver:
        output, errors = driver.communicate(timeout=60)
    assert driver.returncode == 0, errors
    name, *pids = output.split()
    assert name == "SpawnedChild"
    assert "noise" in errors
    assert not errors.replace("noise", "").split()
    await_end(*map(int, pids))


def test_workers_end_with_a_driver_that_is_killed() -> None:
    with script(ENDLESS) as driver:
        pids = pids_told(driver)
        driver.kill()
        await_end(*pids)


@pytest.mark.slow
def test_a_worker_that_hangs_ends_with_a_driver_that_is_killed() -> None:
    with script(
        """
from tests.executor.process_faults import Echo
pool = ProcessPool(2, make_worker=Echo)
pool.begin(block, state)
pool.submit(0, 1, b"~")
pool.submit(1, 2, b"?  99999999")
print(*pool.pids(), flush=True)
pool.next_event()
pool.next_event()
"""
    ) as driver:
        pids = pids_told(driver)
        driver.kill()
        await_end(*pids)


def test_ctrl_c_ends_driver_and_workers_with_one_traceback() -> None:
    with script(ENDLESS) as driver:
        pids = pids_told(driver)
        os.killpg(driver.pid, signal.SIGINT)
        _, errors = driver.communicate(timeout=60)
    assert driver.returncode == -signal.SIGINT
    assert errors.count("Traceback") == errors.count("KeyboardInterrupt") == 1
    await_end(*pids)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # it may land in an at-fork callback
def test_a_block_interrupted_anywhere_leaves_a_pool_that_works() -> None:
    builder = counting()
    block, state = builder.block(), builder.state

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    interrupted = 0
    with started_by("fork"):
        pool = ProcessPool(2)
        before = signal.signal(signal.SIGALRM, interrupt)
        try:
            for turn in range(40):
                executor = BlockExecutor(strategy="optimistic", access_lists="none", pool=pool, gate=False)
                try:
                    signal.setitimer(signal.ITIMER_REAL, 0.0005 * (1 + turn))
                    executor.execute(block, state)
                    signal.setitimer(signal.ITIMER_REAL, 0)
                except KeyboardInterrupt:
                    interrupted += 1
                if turn % 10 == 9:
                    assert_runs(pool, block, state, lost=0)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)
            pool.close()
    assert interrupted
