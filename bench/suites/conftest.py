"""What the suites share: rounds between two readings of the reference load, and executors with workers up."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from os import cpu_count, getloadavg
from time import perf_counter, thread_time
from typing import Any, Protocol, TypeVar

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from bench.suites import reference
from executor.block_executor import BlockExecutor

T = TypeVar("T")
WORKERS = 2
_SECONDS = 2.0
"""What a benchmark may take in all, reference loads included."""
_LEAST_ROUNDS, _MOST_ROUNDS = 5, 40


class Timed(Protocol):
    """Times `target`, which is given what `fresh` makes anew before every round; returns the last result.

    A round calls it `turns` times: it should take some 20 ms, longer than the blink of a neighbour.
    """

    def __call__(self, target: Callable[..., T], *, fresh: Callable[[], tuple[Any, ...]] = ..., turns: int = 1) -> T:
        """Run the rounds."""
        ...


@pytest.fixture
def timed(benchmark: BenchmarkFixture) -> Timed:
    """Return a timer by processor time of this thread, which load of others does not slow by waiting."""
    return partial(_rounds, benchmark, thread_time, partial(reference.seconds, thread_time), reference.NAME)


@pytest.fixture
def timed_by_wall(benchmark: BenchmarkFixture, two_processes: Executor) -> Timed:
    """Return a timer by the clock on the wall, for work on two cores; its reference load needs both of them too."""
    return partial(_rounds, benchmark, perf_counter, partial(reference.pair_seconds, two_processes), reference.PAIR)


@pytest.fixture(scope="session")
def two_processes() -> Iterator[Executor]:
    """Two processes, up and warm, for the reference load."""
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn"), initializer=gc.disable) as processes:
        for _ in range(2):
            reference.pair_seconds(processes)
        yield processes


def _nothing() -> tuple[Any, ...]:
    return ()


def _rounds(
    benchmark: BenchmarkFixture,
    timer: Callable[[], float],
    load: Callable[[], reference.Reading],
    name: str,
    target: Callable[..., T],
    *,
    fresh: Callable[[], tuple[Any, ...]] = _nothing,
    turns: int = 1,
) -> T:
    """Run the rounds; `reference_seconds` gets, per load and round, the mean of right before and after it."""
    benchmark._timer = timer  # noqa: SLF001 - a marker cannot say it for a fixture
    benchmark._disable_gc = True  # noqa: SLF001 - as above; the executor stops the collector too
    before: list[reference.Reading] = []
    references: list[list[float]] = [[] for _ in reference.LOADS]

    def set_up() -> tuple[tuple[Any, ...], dict[str, Any]]:
        arguments = fresh()
        before.append(load())
        return arguments, {}

    def one_round(*arguments: object) -> T:
        for _ in range(turns - 1):
            target(*arguments)
        return target(*arguments)

    def tear_down(*_: object) -> None:
        for values, first, last in zip(references, before.pop(), load(), strict=True):
            values.append((first + last) / 2)

    rounds = _affordable(one_round, fresh, load) if benchmark.enabled else 1
    busy = getloadavg()[0]
    result: T = benchmark.pedantic(  # type: ignore[no-untyped-call]
        one_round, setup=set_up, teardown=tear_down, rounds=rounds
    )
    benchmark.extra_info |= {
        "reference": name,
        "clock": timer.__name__,
        "turns": turns,
        "load": max(busy, getloadavg()[0]) / (cpu_count() or 1),
        "reference_seconds": references,
    }
    return result


def _affordable(target: Callable[..., Any], fresh: Callable[[], tuple[Any, ...]], load: Callable[[], object]) -> int:
    """Return how many rounds there is time for, by a second run: the first one fills caches."""
    target(*fresh())
    gc.collect()
    started = perf_counter()
    target(*fresh())
    load()
    load()
    one = perf_counter() - started
    return max(_LEAST_ROUNDS, min(_MOST_ROUNDS, int(_SECONDS / one)))


@pytest.fixture(scope="session")
def process_executor() -> Iterator[BlockExecutor]:
    """Two processes; without the gate, which would take the harder blocks away from them."""
    with BlockExecutor(backend="process", access_lists="exact", workers=WORKERS, gate=False) as executor:
        yield executor


@pytest.fixture(scope="session")
def ray_executor() -> Iterator[BlockExecutor]:
    """Two Ray workers, as above."""
    with BlockExecutor(backend="ray", access_lists="exact", workers=WORKERS, gate=False) as executor:
        yield executor
