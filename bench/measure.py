"""Executes blocks sequentially and in parallel in one run, compares them, and says what it took."""

from __future__ import annotations

import os
import platform
from collections.abc import Callable, Iterable, Iterator, Sized
from dataclasses import asdict, dataclass, field
from importlib.metadata import version
from statistics import median
from typing import Any, Protocol

from bench.bound import Bound, block_bound
from executor.block_executor import BlockExecutor
from executor.errors import ParallelEvmError
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState, state_after
from executor.state_trie import StateTrie
from executor.strategies import SEQUENTIAL, expected_sets
from executor.types import Block, BlockResult, Witness
from executor.validation import check_header, describe_failure


@dataclass(frozen=True, slots=True)
class Case:
    """A block to measure; `recorded` says that its header holds expected values.

    `check` takes the complete state after the block and returns a line per broken invariant. `pre_trie` is the trie
    of a complete pre-state, kept from the block before; `done` is told the result that the next block builds on.
    """

    block: Block
    pre_state: MemoryState
    witness: Witness | None = None
    recorded: bool = True
    label: str = ""
    check: Callable[[MemoryState], list[str]] | None = None
    pre_trie: StateTrie | None = None
    done: Callable[[BlockResult], None] | None = None


class Cases(Sized, Iterable[Case], Protocol):
    """Cases whose number is known before they are made."""


@dataclass(frozen=True, slots=True)
class BlockReport:
    """What one block came to; the fields of `--json` (seconds are medians over the repetitions)."""

    number: int
    fork: str
    transactions: int
    gas_used: int
    header_ok: bool | None
    equal_to_sequential: bool | None
    state_root: str | None
    receipts_root: str
    checks: dict[str, bool | None]
    strategy: str
    access_lists: str
    backend: str
    workers: int
    seconds: float
    sequential_seconds: float | None
    speedup: float | None
    bound: Bound
    executions: int
    conflicts: int
    overhead: dict[str, float]
    gate: dict[str, Any] | None
    traffic: dict[str, Any]
    max_executions: int = 0
    lost_workers: int = 0
    repetitions: int = 1
    batches: int = 0
    plan_seconds: float = 0.0
    sequential_execution_seconds: float | None = None
    failed_transactions: int | None = None
    label: str = ""
    problems: tuple[str, ...] = field(default=())

    @property
    def ok(self) -> bool:
        """Whether nothing that could be compared differs."""
        comparable = (self.header_ok, self.equal_to_sequential, *self.checks.values())
        return not any(value is False for value in comparable) and not self.problems


def measure(
    case: Case, executor: BlockExecutor, *, compare: bool = True, repeat: int = 1
) -> tuple[BlockReport, BlockResult]:
    """Execute a case sequentially (unless `compare` is off) and with `executor`, and compare.

    Both are timed over the same span with the same engine; exact access sets are made before the clock starts. Every
    repetition ships the whole pre-state and knows of costs what blocks before this one have taught.
    """
    block, pre_state, trie = case.block, case.pre_state, case.pre_trie
    sequential = executor.strategy == SEQUENTIAL
    sets = None if sequential else expected_sets(executor.access_lists, block, pre_state)
    runs, results = [], []
    known = executor.experience
    for _ in range(repeat):  # in turn, so that a change of the machine's speed meets both
        if compare:
            runs.append(execute_sequential(block, pre_state, trie))
        executor.experience = known.copy()
        if repeat > 1:
            executor.forget_states()
        results.append(
            execute_sequential(block, pre_state, trie)
            if sequential
            else executor.execute_with(block, pre_state, sets, trie)
        )
    return _report(case, executor, runs, results), results[-1]


def _report(case: Case, executor: BlockExecutor, runs: list[BlockResult], results: list[BlockResult]) -> BlockReport:
    result, block = results[-1], case.block
    seconds = median(one.stats.seconds for one in results)
    reference = median(one.stats.seconds for one in runs) if runs else None
    header_ok, root, checks, problems = check_case(case, result, runs[-1] if runs else None)
    return BlockReport(
        number=block.header.number,
        fork=block.fork,
        transactions=len(block.transactions),
        gas_used=result.gas_used,
        header_ok=header_ok,
        equal_to_sequential=_equal(runs, results),
        state_root=None if root is None else f"0x{root.hex()}",
        receipts_root=f"0x{result.receipts_root.hex()}",
        checks=checks,
        strategy=executor.strategy,
        access_lists=executor.access_lists,
        backend=executor.backend,
        workers=executor.workers,
        seconds=seconds,
        sequential_seconds=reference,
        speedup=reference / seconds if reference and seconds else None,
        bound=block_bound(runs[-1] if runs else result, case.pre_state, executor.workers),
        executions=result.stats.executions,
        conflicts=result.stats.conflicts,
        overhead=_overhead(result),
        gate=None if result.stats.gate is None else asdict(result.stats.gate),
        traffic=asdict(result.stats.traffic),
        max_executions=result.stats.max_executions,
        lost_workers=sum(one.stats.lost_workers for one in results),
        repetitions=len(results),
        batches=result.stats.batches,
        plan_seconds=result.stats.plan_seconds,
        sequential_execution_seconds=_execution_seconds(runs),
        failed_transactions=_failed(result),
        label=case.label,
        problems=problems,
    )


def _execution_seconds(runs: list[BlockResult]) -> float | None:
    """Return the seconds inside executions of a sequential run, the median of several."""
    totals = [sum(transaction.seconds for transaction in run.transactions) for run in runs]
    return median(totals) if totals else None


def _failed(result: BlockResult) -> int | None:
    """Return how many transactions reverted or failed, None before receipts have a status (Byzantium)."""
    statuses = [receipt.status for receipt in result.receipts]
    return None if None in statuses else statuses.count(0)


def _equal(runs: list[BlockResult], results: list[BlockResult]) -> bool | None:
    if not runs:
        return None
    expected = result_bytes(runs[0])
    return all(result_bytes(result) == expected for result in results)


def check_case(
    case: Case, result: BlockResult, reference: BlockResult | None
) -> tuple[bool | None, bytes | None, dict[str, bool | None], tuple[str, ...]]:
    """Return (header agrees, state root, checks by name, problems) of a result; None is what cannot be said.

    A recorded block is compared with its header; of others, the state root with that of `reference`, a sequential
    result, and the complete state after the block with the invariants of the case.
    """
    if case.recorded:
        check = check_header(case.block, result, case.pre_state, case.witness, case.pre_trie)
        failure = describe_failure(check)
        return check.ok, check.state_root, check.checks, () if failure is None else (failure,)
    if not case.pre_state.complete:
        return None, None, {}, ()
    trie = case.pre_trie or StateTrie.of(case.pre_state)
    root = trie.updated(result.state_diff).root
    same = trie.updated(reference.state_diff).root == root if reference else None
    checks: dict[str, bool | None] = {"state_root": same}
    broken = [] if case.check is None else case.check(state_after(case.pre_state, result.state_diff))
    if case.check is not None:
        checks["invariants"] = not broken
    return None, root, checks, tuple(broken)


def _overhead(result: BlockResult) -> dict[str, float]:
    stats = result.stats
    parts = {
        "dispatch": stats.dispatch_seconds,
        "settle": stats.settle_seconds,
        "merge": stats.merge_seconds,
    }
    return {name: seconds / stats.seconds if stats.seconds else 0.0 for name, seconds in parts.items()}


def measure_all(
    cases: Iterable[Case], executor: BlockExecutor, *, compare: bool = True, repeat: int = 1
) -> Iterator[tuple[BlockReport, BlockResult]]:
    """Measure one case after another, each as soon as it is asked for."""
    for case in cases:
        try:
            measured = measure(case, executor, compare=compare, repeat=repeat)
        except ParallelEvmError as error:
            error.where = case.label or f"block {case.block.header.number}"
            raise
        if case.done is not None:
            case.done(measured[1])
        yield measured


def machine() -> dict[str, Any]:
    """Return what a figure depends on: processors, interpreter, and the versions of what does the work."""
    packages = ("parallel-evm", "py-evm", "ray", "coincurve", "eth-hash", "rlp")
    return {
        "cpus": os.cpu_count(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "keccak": os.environ.get("ETH_HASH_BACKEND", "auto"),
        "packages": {name: version(name) for name in packages},
    }


def document(reports: list[BlockReport]) -> dict[str, Any]:
    """Return what `--json` prints."""
    blocks = [{key: value for key, value in asdict(report).items() if key != "label"} for report in reports]
    return {"ok": all(report.ok for report in reports), "blocks": blocks, "machine": machine()}
