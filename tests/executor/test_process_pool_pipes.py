"""Pipes and processes: no deadlock, nothing inherited, nothing left behind."""

from __future__ import annotations

import os
import random
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest

from executor.errors import PoolError
from executor.pool import IN_FLIGHT, Reply
from executor.process_frames import FAULT, HEADER, Frames, write_some
from executor.process_link import describe_exit
from executor.process_pool import ProcessPool
from executor.process_start import ForkedChild, SpawnedChild, can_fork
from executor.ray_pool import RayPool
from tests.executor import process_faults as faults
from tests.executor.process_faults import Echo, Faulty
from tests.executor.process_runs import METHODS, alive, assert_runs, await_end, counting, exists, started_by

MEGABYTE = 1 << 20


@pytest.fixture
def forked() -> Iterator[None]:
    """Workers are forked."""
    with started_by("fork"):
        yield


@pytest.fixture
def alarm() -> Iterator[None]:
    """A driver that blocks for ever fails its test."""

    def ring(*_: object) -> None:
        pytest.fail("blocked")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, 60)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def question(size: int, fill: str, weight: int) -> bytes:
    """Return a message of `weight` bytes that an echo answers with `size` bytes of `fill`."""
    return f"?{size:>10}{fill}".encode().ljust(weight, b"-")


def answer(size: int, fill: str) -> bytes:
    """Return what it answers."""
    return f"{size:>10}".encode().ljust(size, fill.encode())


@pytest.mark.parametrize("workers", [1, 3])
@pytest.mark.usefixtures("forked", "alarm")
def test_large_messages_both_ways_do_not_block_each_other(workers: int) -> None:
    """Both pipes of a worker are full at once: it writes megabytes while the driver does."""
    builder = counting(1, 1)
    pool = ProcessPool(workers, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    for worker in range(workers):
        pool.tell(worker, bytes(3 * MEGABYTE))
    sizes = {ticket: (2 * MEGABYTE + ticket, "abcdefghijkl"[ticket % 12]) for ticket in range(4 * workers)}
    waiting, load = list(sizes), [0] * workers
    answers: dict[int, bytes] = {}
    while len(answers) < len(sizes):
        for worker in range(workers):
            while waiting and load[worker] < IN_FLIGHT:
                ticket = waiting.pop()
                pool.submit(worker, ticket, question(*sizes[ticket], 3 * MEGABYTE))
                load[worker] += 1
        event = pool.next_event()
        assert isinstance(event, Reply)
        load[event.worker] -= 1
        answers[event.ticket] = event.blob
    assert answers == {ticket: answer(*size) for ticket, size in sizes.items()}
    pool.close()


@pytest.mark.usefixtures("forked", "alarm")
def test_a_large_state_and_a_large_block_go_through_the_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.process_pool.LARGE_STATE", 10**9)
    builder = counting()
    builder.state.put(b"\x77" * 20, storage={slot: slot << 200 for slot in range(1, 80_000)})
    builder.state.complete = False  # its root would take seconds
    pool = ProcessPool(2)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert pool.shipped > 2 * 2 * MEGABYTE
    pool.close()


@pytest.mark.usefixtures("forked", "alarm")
def test_a_worker_that_dies_with_half_a_message_in_its_pipe_is_lost() -> None:
    builder = counting(1, 1)
    pool = ProcessPool(1, make_worker=Echo)
    pool.begin(builder.block(), builder.state)
    pool.submit(0, 1, question(10, "x", 12))
    assert isinstance(pool.next_event(), Reply)
    pool.submit(0, 2, b"!")
    pool.submit(0, 3, question(10, "x", 9 * MEGABYTE))
    event = pool.next_event()
    assert (event.worker, getattr(event, "tickets", None)) == (0, (2, 3))
    pool.submit(0, 4, question(3 * MEGABYTE, "y", 12))
    assert pool.next_event() == Reply(0, 4, answer(3 * MEGABYTE, "y"))
    pool.close()


@pytest.mark.usefixtures("forked", "alarm")
def test_replies_to_an_abandoned_block_are_dropped_whatever_their_size() -> None:
    builder = counting(1, 1)
    pool = ProcessPool(2, make_worker=Echo)
    for ticket in range(0, 40, 4):
        pool.begin(builder.block(), builder.state)
        for number in range(4):
            pool.submit(number % 2, ticket + number, question(MEGABYTE + ticket, "z", 2 * MEGABYTE))
        event = pool.next_event()
        assert isinstance(event, Reply)
        assert ticket <= event.ticket < ticket + 4
        assert len(event.blob) == MEGABYTE + ticket
        pool.abandon()
    pool.close()


@pytest.mark.usefixtures("forked", "alarm")
def test_an_interruption_in_the_middle_of_a_message_costs_the_worker_and_nothing_else(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    builder = counting()
    pool = ProcessPool(2)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    pids = pool.pids()

    def half(descriptor: int, blob: bytes) -> None:
        os.write(descriptor, HEADER.pack(len(blob)) + blob[: len(blob) // 2])
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("executor.process_link.write_some", half)
        with pytest.raises(KeyboardInterrupt):
            pool.begin(builder.block(), builder.state)
    pool.abandon()
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert pool.pids()[0] != pids[0]
    assert pool.pids()[1] == pids[1]
    pool.close()


@pytest.mark.parametrize("seed", range(20))
def test_messages_come_whole_however_they_are_cut(seed: int) -> None:
    draw = random.Random(seed)
    messages = [draw.randbytes(draw.choice([0, 1, 7, 8, 9, 300, 70_000, 200_000])) for _ in range(20)]
    stream = b"".join(HEADER.pack(len(message)) + message for message in messages)
    incoming, outgoing = os.pipe()
    os.set_blocking(incoming, False)
    frames, seen = Frames(incoming), []
    while stream:
        cut = draw.choice([1, 3, 8, 20, 4000, 60_000])
        os.write(outgoing, stream[:cut])
        stream = stream[cut:]
        seen += frames.read()
        while frames.arrived:
            seen += frames.read()
    os.close(outgoing)
    assert seen == messages
    assert not frames.cut_short
    assert frames.read() == []
    assert frames.ended
    os.close(incoming)


def test_a_pipe_that_is_full_takes_nothing_and_a_fault_is_an_error() -> None:
    incoming, outgoing = os.pipe()
    os.set_blocking(outgoing, False)
    assert write_some(outgoing, b"ValueError: planted", FAULT) is None
    with pytest.raises(PoolError, match="ValueError: planted"):
        Frames(incoming).read()
    rest = write_some(outgoing, bytes(10 * MEGABYTE))
    assert rest is not None
    assert 0 < len(rest) < 10 * MEGABYTE
    assert bytes(write_some(outgoing, b"more") or b"") == HEADER.pack(4) + b"more"
    os.close(incoming)
    os.close(outgoing)


def pipe_ends(process: int | str) -> set[str]:
    """Return the pipes that a process has an end of."""
    folder = Path(f"/proc/{process}/fd")
    names = [os.readlink(folder / entry) for entry in os.listdir(folder) if (folder / entry).is_symlink()]  # noqa: PTH115, PTH208
    return {name for name in names if name.startswith("pipe:")}


@pytest.mark.parametrize("method", METHODS)
def test_a_worker_holds_its_own_pipes_and_no_other_worker_s(method: str) -> None:
    with started_by(method):
        pools = [ProcessPool(2, make_worker=Echo), ProcessPool(2, make_worker=Echo)]
        builder = counting(1, 1)
        links = [link for pool in pools for link in pool._links if link is not None]
        ends = {}
        for pool in pools:
            pool.begin(builder.block(), builder.state)
            for worker in range(2):
                pool.submit(worker, worker, question(10, "x", 12))
            assert {pool.next_event().worker, pool.next_event().worker} == {0, 1}  # all are up
        for link in links:
            ends[link] = {os.readlink(f"/proc/self/fd/{number}") for number in (link.incoming, link.outgoing)}  # noqa: PTH115
        for link in links:
            held = pipe_ends(link.child.pid)
            assert {other for other in links if held & ends[other]} == {link}
        for pool in pools:
            pool.close()


@pytest.mark.usefixtures("forked")
def test_a_forked_worker_keeps_nothing_open_that_is_its_driver_s() -> None:
    builder = counting(1, 1)
    with socket.socket() as listener:
        listener.listen()
        pool = ProcessPool(1, make_worker=Echo)
        pool.begin(builder.block(), builder.state)
        pool.submit(0, 1, question(10, "x", 12))
        pool.next_event()
        assert len(os.listdir(f"/proc/{pool.pids()[0]}/fd")) == 5  # noqa: PTH208 - three standard ones, two pipes
    pool.close()


@pytest.mark.parametrize("method", METHODS)
def test_ctrl_c_is_none_of_a_worker_s_business(method: str) -> None:
    builder = counting()
    with started_by(method):
        pool = ProcessPool(2)
        assert_runs(pool, builder.block(), builder.state, lost=0)
        pids = pool.pids()
        for pid in pids:
            os.kill(pid, signal.SIGINT)
        assert_runs(pool, builder.block(), builder.state, lost=0)
        assert pool.pids() == pids
        pool.close()


@pytest.mark.parametrize("method", METHODS)
def test_two_pools_work_side_by_side_and_closing_one_leaves_the_other(method: str) -> None:
    builder = counting()
    with started_by(method):
        first, second = ProcessPool(2), ProcessPool(1)
        assert_runs(first, builder.block(), builder.state, lost=0)
        assert_runs(second, builder.block(), builder.state, lost=0)
        pids = first.pids()
        first.close()
        await_end(*pids, seconds=10)
        assert_runs(second, builder.block(), builder.state, lost=0)
        second.close()


@pytest.mark.usefixtures("forked")
def test_a_pool_is_of_no_use_in_a_forked_child_and_comes_to_no_harm_there() -> None:
    builder = counting()
    pool = ProcessPool(2)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    child = os.fork()
    if child == 0:
        os._exit(use_in_child(pool))
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    pids = pool.pids()
    assert_runs(pool, builder.block(), builder.state, lost=0)
    assert pool.pids() == pids
    pool.close()


def held(descriptor: int) -> bool:
    """Return whether a descriptor is open."""
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def use_in_child(pool: ProcessPool) -> int:
    """Return how many of the uses of a foreign pool were not refused in one line, or did not end."""
    builder = counting()
    uses: list[Callable[[], object]] = [
        lambda: pool.begin(builder.block(), builder.state),
        lambda: pool.submit(0, 1, b""),
        pool.next_event,
    ]
    wrong = sum(held(link.incoming) or held(link.outgoing) for link in pool._links if link)
    for use in uses:
        try:
            use()
        except PoolError as error:
            wrong += "forked child" not in str(error) or "\n" in str(error)
        else:
            wrong += 1
    pool.abandon()
    pool.close()
    return wrong


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.usefixtures("alarm")
def test_closing_ends_workers_that_hang_and_can_be_done_twice(method: str) -> None:
    builder = counting(1, 1)
    with started_by(method):
        pool = ProcessPool(2, make_worker=Echo)
        pool.begin(builder.block(), builder.state)
        pool.submit(0, 1, b"~")
        pool.submit(1, 2, question(8 * MEGABYTE, "x", 12))  # nobody will read this
        pids = pool.pids()
        pool.close()
        pool.close()
    assert not any(alive(pid) for pid in pids)
    assert method != "fork" or not any(exists(pid) for pid in pids)
    with pytest.raises(PoolError, match="closed"):
        pool.begin(builder.block(), builder.state)


@pytest.mark.usefixtures("forked", "alarm")
def test_closing_ends_workers_that_hang_though_they_owe_nothing() -> None:
    pool = ProcessPool(1, make_worker=Echo)
    pool.tell(0, b"~")
    (pid,) = pool.pids()
    pool.close()
    assert not exists(pid)


@pytest.mark.usefixtures("forked")
def test_no_descriptor_and_no_zombie_is_left_behind(tmp_path: Path) -> None:
    builder = counting()
    before = set(os.listdir("/proc/self/fd"))  # noqa: PTH208
    pool = ProcessPool(2, make_worker=partial(Faulty, tmp_path, faults.kill, "before", 2))
    pids = set(pool.pids())
    assert_runs(pool, builder.block(), builder.state, lost=2)
    pids |= set(pool.pids())
    pool.close()
    assert set(os.listdir("/proc/self/fd")) == before  # noqa: PTH208
    assert not any(exists(pid) for pid in pids)


def test_a_process_with_threads_does_not_fork() -> None:
    release = threading.Event()
    thread = threading.Thread(target=release.wait)
    thread.start()
    try:
        assert not can_fork()
        pool = ProcessPool(1, make_worker=Echo)
    finally:
        release.set()
        thread.join()
    assert [type(link.child) for link in pool._links if link] == [SpawnedChild]
    pool.close()


@pytest.mark.usefixtures("forked")
def test_a_process_without_threads_forks() -> None:
    pool = ProcessPool(1, make_worker=Echo)
    assert [type(link.child) for link in pool._links if link] == [ForkedChild]
    pool.close()


@pytest.mark.slow
def test_beside_ray_in_one_process(ray_pool: RayPool) -> None:
    assert ray_pool.pids()
    builder = counting()
    pool = ProcessPool(2)
    assert all(isinstance(link.child, SpawnedChild) for link in pool._links if link)
    assert_runs(pool, builder.block(), builder.state, lost=0)
    os.kill(pool.pids()[0], signal.SIGKILL)
    await_end(pool.pids()[0])
    assert_runs(pool, builder.block(), builder.state, lost=0)
    pool.close()


def test_exits_are_told_in_words() -> None:
    assert describe_exit(86) == "out of memory"
    assert describe_exit(-signal.SIGSEGV) == "killed by SIGSEGV"
    assert describe_exit(-40) == "killed by signal 40"
    assert describe_exit(0) == "exited with code 0"
