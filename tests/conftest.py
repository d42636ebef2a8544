"""What several test files share: one Ray for the whole session, sequential results of recorded blocks."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import pytest

from executor.access_lists import observed_sets
from executor.capsule import Capsule, load_capsule
from executor.ray_pool import RayPool
from executor.sequential import execute_sequential
from executor.types import BlockResult
from scheduler.access import AccessSet
from tests.data import block_number, capsule_path, capsule_paths

SHARED = {"ray_pool", "each_block"}
"""Fixtures made once: the one Ray of the session, and recorded blocks with their sequential results."""


def pytest_configure() -> None:
    """Let Ctrl-C mean something: what a shell starts in the background, and all below it, ignores the signal."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep in one process of `make test` what shares such a fixture; of other tests, those of a file."""
    for item in items:
        shared = SHARED.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group("shared" if shared else str(item.path)))


@dataclass(frozen=True)
class Recorded:
    """A recorded block with its sequential result."""

    number: int
    capsule: Capsule
    expected: BlockResult

    @property
    def exact_sets(self) -> tuple[AccessSet, ...]:
        """What the sequential run touched."""
        return observed_sets(self.expected.transactions, self.capsule.pre_state)


@lru_cache(maxsize=8)
def recorded(number: int, kind: str = "blocks") -> Recorded:
    """Return a recorded block, executed once."""
    capsule = load_capsule(capsule_path(number, kind))
    return Recorded(number, capsule, execute_sequential(capsule.block, capsule.pre_state))


@pytest.fixture(scope="session", params=[block_number(path) for path in capsule_paths()])
def each_block(request: pytest.FixtureRequest) -> Recorded:
    """Every recorded block in turn; tests of one block run together, so that it is executed once."""
    return recorded(request.param)


@pytest.fixture(scope="session")
def ray_pool() -> Iterator[RayPool]:
    """Two Ray workers; Ray is started once, on first use."""
    pool = RayPool(workers=2)
    yield pool
    pool.close()
