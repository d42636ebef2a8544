"""Executes generated workloads with the sequential engine, and compares access sets."""

from __future__ import annotations

from dataclasses import dataclass

from executor import BlockExecutor
from executor.access_lists import observed_sets
from executor.state import MemoryState
from executor.types import BlockResult
from scheduler.access import BALANCE, STORAGE, AccessSet, describe
from workloads.block_builder import COINBASE
from workloads.workload import Workload


@dataclass(frozen=True)
class Run:
    """One block executed: the state before and after it, and its result."""

    before: MemoryState
    after: MemoryState
    result: BlockResult


def run_all(workload: Workload) -> list[Run]:
    """Execute every block in order."""
    runs, state = [], workload.pre_state
    with BlockExecutor(backend="inline", strategy="sequential") as executor:
        for block in workload.blocks:
            result = executor.execute(block, state)
            after = state.copy()
            after.apply(result.state_diff)
            runs.append(Run(state, after, result))
            state = after
    return runs


def violations(workload: Workload, runs: list[Run] | None = None) -> list[str]:
    """Return what its blocks, executed in order, violate."""
    executed = enumerate(run_all(workload) if runs is None else runs)
    return [line for index, run in executed for line in workload.check(run.after, index, run.before)]


def assert_sound(workload: Workload) -> list[Run]:
    """Demand that every invariant holds after every block and that access sets are exact; return the runs."""
    runs = run_all(workload)
    assert violations(workload, runs) == []
    assert wrong_access_sets(workload, runs) == []
    return runs


def comparable(access: AccessSet) -> AccessSet:
    """Return what a generator vouches for: slots and balances read, everything written, no fee recipient."""
    reads = frozenset(location for location in access.reads if location[1] in (STORAGE, BALANCE))
    return AccessSet(reads, access.writes, access.deltas - {COINBASE}, access.clears)


def wrong_access_sets(workload: Workload, runs: list[Run] | None = None) -> list[str]:
    """Return every difference between the sets that were emitted and the accesses that were made.

    Compared is what a generator vouches for; sets that a stage recorded hold more.
    """
    lines = []
    for index, (block, run) in enumerate(zip(workload.blocks, runs or run_all(workload), strict=True)):
        observed = observed_sets(run.result.transactions, run.before)
        for at, (mine, theirs) in enumerate(zip(block.access_sets or (), observed, strict=True)):
            where = f"block {index}, transaction {at} ({workload.operations[index][at]})"
            lines += [f"{where}: {line}" for line in _differences(comparable(mine), comparable(theirs))]
    return lines


def _differences(mine: AccessSet, theirs: AccessSet) -> list[str]:
    lines = []
    for name in ("reads", "writes"):
        emitted, made = getattr(mine, name), getattr(theirs, name)
        lines += [f"{name} too much: {describe(location)}" for location in emitted - made]
        lines += [f"{name} too little: {describe(location)}" for location in made - emitted]
    if (mine.deltas, mine.clears) != (theirs.deltas, theirs.clears):
        lines.append("deltas or clears differ")
    return lines


def success_share(workload: Workload) -> float:
    """Return the share of transactions that succeed."""
    outcomes = [tx.success for run in run_all(workload) for tx in run.result.transactions]
    return sum(outcomes) / len(outcomes)
