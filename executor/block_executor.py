"""The embedding API: an executor that owns its workers for as long as a `with` block lasts."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from types import TracebackType
from typing import Self

from executor.access_lists import SOURCES
from executor.dispatch import Experience, execute_parallel
from executor.errors import UsageError
from executor.pipeline import Preparation
from executor.pool import PATIENCE, InlinePool, Pool
from executor.process_pool import ProcessPool
from executor.replay_pool import ReplayPool
from executor.schedule import ScheduleRecorder
from executor.sequential import execute_sequential
from executor.state import MemoryState, PreState
from executor.state_trie import StateTrie
from executor.strategies import SEQUENTIAL, STRATEGY_NAMES, expected_sets
from executor.timeline import Timeline
from executor.types import Block, BlockResult
from executor.versions import VersionedState
from scheduler.access import AccessSet

BACKENDS = ("inline", "process", "ray")


class BlockExecutor:
    """Executes blocks in parallel; the result is that of sequential execution, to the last byte.

    `strategy` is sequential, graph, optimistic or waves; `access_lists` declared, observed, exact or none;
    `backend` inline (deterministic, in this process), process or ray. `workers` defaults to the number of cores, `seed`
    shuffles the completion order of the inline backend, `address` names a Ray cluster to join. A `pool` made
    elsewhere is used and left open; a `recorder` notes every run, which a `ReplayPool` runs again, a `timeline` when
    each part of it took place. Without `gate` every block goes to the workers, also where they lose; what it said is in
    `result.stats.gate`. `patience` is how many seconds a worker may take for a batch before it is taken to hang.
    `experience` is what the executor has learned of costs. Raises UsageError for names that do not exist, PoolError
    where workers cannot be had.
    """

    def __init__(
        self,
        *,
        strategy: str = "graph",
        access_lists: str = "observed",
        backend: str = "ray",
        workers: int | None = None,
        seed: int | None = None,
        address: str | None = None,
        pool: Pool | None = None,
        recorder: ScheduleRecorder | None = None,
        gate: bool = True,
        patience: float = PATIENCE,
        timeline: Timeline | None = None,
    ) -> None:
        self.strategy = _one_of("strategy", strategy, STRATEGY_NAMES)
        self.access_lists = _one_of("access lists", access_lists, SOURCES)
        self.backend = _one_of("backend", backend, BACKENDS) if pool is None else pool.name
        self.workers = (workers or os.cpu_count() or 1) if pool is None else pool.workers
        if self.workers < 1:
            msg = f"{self.workers} workers cannot execute anything; ask for at least one"
            raise UsageError(msg)
        if recorder is not None and strategy == SEQUENTIAL:
            msg = "sequential execution has no schedule to record; choose another strategy"
            raise UsageError(msg)
        if isinstance(pool, ReplayPool):
            pool.expect(strategy, access_lists)
        self._recorder, self._timeline = recorder, timeline
        self.gate = gate
        self.experience = Experience()
        self._prepared: Preparation | None = None
        self._owns_pool = pool is None
        self._pool = None if strategy == SEQUENTIAL else pool
        if pool is None and strategy != SEQUENTIAL:
            self._pool = make_pool(self.backend, self.workers, seed=seed, address=address, patience=patience)

    def execute(
        self,
        block: Block,
        pre_state: PreState,
        pre_trie: StateTrie | None = None,
        *,
        upcoming: Block | None = None,
    ) -> BlockResult:
        """Execute `block` on `pre_state`, which is not changed; `pre_trie` is its trie, where there is one.

        `upcoming` is the block that will be executed next, if it is known already: workers that would idle recover
        the senders of its transactions meanwhile. Where `pre_state` is a `VersionedState` of the chain that the
        workers hold, they are sent only what changed.
        Raises InvalidBlock (InvalidTransaction with its index) where the block breaks a rule,
        ExecutionFailed where the engine fails, PoolError where workers are lost for good.
        """
        if self._pool is None:
            return execute_sequential(block, pre_state, pre_trie)
        return self.execute_with(
            block, pre_state, expected_sets(self.access_lists, block, pre_state), pre_trie, upcoming
        )

    def execute_with(
        self,
        block: Block,
        pre_state: PreState,
        sets: tuple[AccessSet, ...] | None,
        pre_trie: StateTrie | None = None,
        upcoming: Block | None = None,
    ) -> BlockResult:
        """Execute `block` with these expected access sets, one per transaction, right or wrong."""
        assert self._pool is not None, "a sequential executor has no scheduler"  # noqa: S101
        prepared, self._prepared = self._prepared, None
        if prepared is not None and prepared.block is not block:
            prepared = None
        if upcoming is not None and self._recorder is None and not isinstance(self._pool, ReplayPool):
            self._prepared = Preparation(upcoming)
        return execute_parallel(
            block,
            pre_state,
            self._pool,
            self.strategy,
            self.access_lists,
            sets,
            self.experience,
            gate=self.gate,
            prepared=prepared,
            upcoming=self._prepared,
            recorder=self._recorder,
            pre_trie=pre_trie,
            timeline=self._timeline,
        )

    def execute_chain(self, blocks: Iterable[Block], pre_state: MemoryState) -> Iterator[BlockResult]:
        """Execute consecutive blocks, each on the state that the one before it left; yield each result as it is there.

        `pre_state` must not be changed any more. Workers get it once, then what each block changed; while a block runs
        they prepare the next one. Raises what `execute` raises, at the block that breaks a rule.
        """
        state = VersionedState.of(pre_state)
        ahead = iter(blocks)
        block = next(ahead, None)
        while block is not None:
            upcoming = next(ahead, None)
            result = self.execute(block, state, upcoming=upcoming)
            yield result
            state, block = state.after(result.state_diff), upcoming

    def forget_states(self) -> None:
        """Take it that no worker holds any state: the next block ships its pre-state whole, as the first one did."""
        if self._pool is not None:
            self._pool.forget_states()

    def close(self) -> None:
        """Give the workers back, unless the pool came from elsewhere."""
        if self._owns_pool and self._pool is not None:
            self._pool.close()

    def __enter__(self) -> Self:
        """Return this executor, whose workers are already up."""
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        self.close()


def make_pool(
    backend: str, workers: int, *, seed: int | None = None, address: str | None = None, patience: float = PATIENCE
) -> Pool:
    """Return a pool whose workers are up."""
    if backend == "inline":
        return InlinePool(workers, seed)
    if backend == "process":
        return ProcessPool(workers, patience=patience)
    from executor.ray_pool import RayPool  # noqa: PLC0415 - importing Ray takes seconds

    return RayPool(workers, address, patience=patience)


def _one_of(what: str, name: str, known: tuple[str, ...]) -> str:
    if name not in known:
        msg = f"unknown {what} {name!r}; choose one of {', '.join(known)}"
        raise UsageError(msg)
    return name
