"""What the measured experiments share: sequential and parallel runs in turn, held against each other byte by byte."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from executor.access_lists import observed_sets
from executor.block_executor import BlockExecutor
from executor.errors import ParallelEvmError
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState
from executor.types import Block, BlockResult
from scheduler.access import AccessSet
from scheduler.graph import build
from workloads.registry import generate

WORKERS = 2
ROUNDS = 3
SEED = 1
Sets = Sequence[AccessSet]


@dataclass(frozen=True)
class Input:
    """A block with its state, its sequential result, its exact sets, and the caps that follow for some workers."""

    label: str
    block: Block
    pre_state: MemoryState
    sequential: BlockResult
    sets: tuple[AccessSet, ...]

    @property
    def seconds(self) -> list[float]:
        """Measured seconds per transaction."""
        return [transaction.seconds for transaction in self.sequential.transactions]

    @property
    def gas(self) -> list[int]:
        """Gas used per transaction."""
        return [transaction.gas_used for transaction in self.sequential.transactions]

    def cap(self, workers: float) -> float:
        """Return min(workers, work / span) by seconds, key set D; 1 for an empty block."""
        span = build(self.sets).critical_path(self.seconds)[0]
        return min(workers, sum(self.seconds) / span) if span else 1.0


@dataclass(frozen=True, slots=True)
class Measured:
    """Runs of one block: the median of the speed-ups of pairs, medians of seconds, and the last run's counts."""

    speedup: float
    sequential_seconds: float
    seconds: float
    executions: int
    conflicts: int
    ran_on: str
    result: BlockResult


def input_of(label: str, block: Block, pre_state: MemoryState, sequential: BlockResult | None = None) -> Input:
    """Return a block as input, executed sequentially unless that was done before."""
    result = execute_sequential(block, pre_state) if sequential is None else sequential
    return Input(label, block, pre_state, result, observed_sets(result.transactions, pre_state))


def workload_input(name: str, transactions: int, **parameters: object) -> Input:
    """Return the first block of a workload with these parameters."""
    given = {key: str(value) for key, value in parameters.items()}
    workload = generate(name, transactions, SEED, given)
    label = " ".join([name, *(f"{key}={value}" for key, value in given.items())])
    return input_of(label, workload.blocks[0], workload.pre_state)


def processes(workers: int = WORKERS, *, access_lists: str = "exact", gate: bool = False) -> BlockExecutor:
    """Return an executor over processes; without the gate every block goes to them, also where they lose."""
    return BlockExecutor(backend="process", access_lists=access_lists, workers=workers, gate=gate)


def in_turn(given: Input, executor: BlockExecutor, sets: Sets | None = None, rounds: int = ROUNDS) -> Measured:
    """Run a block sequentially and in parallel in turn, so that a change of the machine's speed meets both.

    `sets` are what the scheduler expects; without them the exact ones for an executor of exact lists, and nothing for
    others. Every round ships the whole state and knows of costs what blocks before this one have taught.
    ParallelEvmError where a result is not the sequential one to the last byte.
    """
    own = given.sets if executor.access_lists == "exact" else None
    expected = own if sets is None else tuple(sets)
    known, wanted = executor.experience, result_bytes(given.sequential)
    sequential, parallel = [], []
    for _ in range(rounds):
        sequential.append(execute_sequential(given.block, given.pre_state).stats.seconds)
        executor.experience = known.copy()
        executor.forget_states()
        result = executor.execute_with(given.block, given.pre_state, expected)
        if result_bytes(result) != wanted:
            raise ParallelEvmError(f"{given.label}: the parallel result is not the sequential one")
        parallel.append(result)
    seconds = [result.stats.seconds for result in parallel]
    decision = result.stats.gate
    return Measured(
        speedup=median(one / other for one, other in zip(sequential, seconds, strict=True)),
        sequential_seconds=median(sequential),
        seconds=median(seconds),
        executions=result.stats.executions,
        conflicts=result.stats.conflicts,
        ran_on="workers" if decision is None else decision.where,
        result=result,
    )
