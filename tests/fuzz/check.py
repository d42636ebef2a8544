"""Holds one block against EELS, and every schedule against sequential execution; says readably what differs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from executor.access_lists import observed_sets
from executor.block_executor import BlockExecutor
from executor.errors import InvalidBlock, InvalidInput
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.state import MemoryState
from executor.types import Block, BlockResult
from scheduler.access import AccessSet
from tests import eels
from tests.fuzz.compare import eels_lines, parallel_lines
from tests.fuzz.source import Source
from tests.oracle import Schedule, damaged

UNNAMED = {
    "InsufficientMaxFeePerGasError",
    "InvalidDepositLayoutError",
    "SystemContractCallFailedError",
    "SystemContractEmptyError",
}
"""Our names for what EELS calls InvalidBlock only."""
UNREADABLE = "DecodingError"
"""EELS cannot read the bytes, among them creations of types 3 and 4: it refuses, for a reason of its own."""
DAMAGED = "damaged"


class Difference(AssertionError):  # noqa: N818 - what it says
    """Two executions of one block disagree."""


@dataclass(frozen=True, slots=True)
class Rejection:
    """Why a block was refused, and because of which transaction (None: not because of one)."""

    name: str
    index: int | None
    message: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What one block came to: transactions by outcome, and the work of all schedules together."""

    transactions: int = 0
    succeeded: int = 0
    failed: int = 0
    rejected: str = ""
    schedules: int = 0
    executions: int = 0
    conflicts: int = 0

    def __add__(self, other: Checked) -> Checked:
        """Return both together."""
        return Checked(
            self.transactions + other.transactions,
            self.succeeded + other.succeeded,
            self.failed + other.failed,
            self.rejected or other.rejected,
            self.schedules + other.schedules,
            self.executions + other.executions,
            self.conflicts + other.conflicts,
        )


def draw_schedules(source: Source, count: int = 2) -> tuple[Schedule, ...]:
    """Return schedules of any strategy, source of lists, number of workers, completion order."""
    kinds = (
        ("optimistic", "none"), ("graph", "observed"), ("graph", "exact"), ("graph", DAMAGED), ("graph", "declared"),
        ("waves", "exact"), ("waves", DAMAGED),
    )  # fmt: skip
    return tuple((*source.pick(kinds), source.byte(), 1 + source.below(8), 1 + source.below(4)) for _ in range(count))


def check(block: Block, pre: MemoryState, schedules: Sequence[Schedule], *, against_eels: bool = True) -> Checked:
    """Return the counts of a block on which all agree; Difference where they do not.

    A block that we refuse has to be refused by EELS for the same reason, and its transactions before the
    refused one have to be a block on which all agree.
    """
    ours = run_ours(block, pre, None)
    if isinstance(ours, BlockResult):
        if against_eels:
            _same_as_eels(ours, eels.execute_block(block, pre), pre)
        done = _same_in_parallel(block, pre, ours, schedules)
        good = sum(receipt.status == 1 for receipt in ours.receipts)
        return replace(done, transactions=len(ours.receipts), succeeded=good, failed=len(ours.receipts) - good)
    done = _same_in_parallel(block, pre, ours, schedules)
    refused = Checked(transactions=1, rejected=ours.name) + done
    if ours.index is None:
        if against_eels:
            _refused_by_eels(block, pre, ours)
        return refused
    if against_eels:
        _refused_by_eels(_cut(block, ours.index + 1), pre, ours)
    return refused + check(_cut(block, ours.index), pre, schedules, against_eels=against_eels)


def _cut(block: Block, count: int) -> Block:
    return replace(block, transactions=block.transactions[:count])


# -- running ----------------------------------------------------------------------------------------------


def run_ours(
    block: Block, pre: MemoryState, executor: BlockExecutor | None, sets: object = None
) -> BlockResult | Rejection:
    """Return our result or the reason for none; what is neither (a fault of ours) is raised."""
    try:
        if executor is None:
            return execute_sequential(block, pre)
        if isinstance(sets, tuple):
            return executor.execute_with(block, pre, sets)
        return executor.execute(block, pre)
    except (InvalidBlock, InvalidInput) as error:
        return Rejection(type(error).__name__, getattr(error, "index", None), str(error))


def _same_in_parallel(
    block: Block, pre: MemoryState, expected: BlockResult | Rejection, schedules: Sequence[Schedule]
) -> Checked:
    done = Checked()
    for schedule in schedules:
        strategy, lists, seed, workers, limit = schedule
        sets, source = _sets(lists, seed, expected, pre)
        with BlockExecutor(strategy=strategy, access_lists=source, pool=InlinePool(workers, seed, limit)) as executor:
            result = run_ours(block, pre, executor, sets)
        _same(result, expected, schedule)
        if isinstance(result, BlockResult):
            stats = result.stats
            if stats.max_executions > 3:
                msg = f"{schedule}: a transaction ran {stats.max_executions} times"
                raise Difference(msg)
            done += Checked(executions=stats.executions, conflicts=stats.conflicts)
        done += Checked(schedules=1)
    return done


def _sets(
    lists: str, seed: int | None, expected: BlockResult | Rejection, pre: MemoryState
) -> tuple[tuple[AccessSet, ...] | None, str]:
    """Return access sets to execute with, and the name of their source; an invalid block has no exact ones."""
    if lists not in {"exact", DAMAGED}:
        return None, lists
    if isinstance(expected, Rejection):
        return None, "none"
    sets = observed_sets(expected.transactions, pre)
    return (damaged(sets, seed or 0) if lists == DAMAGED and sets else sets), "exact"


# -- comparing ------------------------------------------------------------------------------------------


def _same(result: BlockResult | Rejection, expected: BlockResult | Rejection, schedule: Schedule) -> None:
    if isinstance(expected, BlockResult) and isinstance(result, BlockResult):
        if result == expected and result_bytes(result) == result_bytes(expected):
            return
        lines = list(parallel_lines(result, expected))
    elif result == expected:
        return
    else:
        lines = [f"parallel {_told(result)}", f"sequential {_told(expected)}"]
    raise Difference("\n".join([f"{schedule}: parallel execution differs from sequential", *lines]))


def _told(outcome: BlockResult | Rejection) -> str:
    if isinstance(outcome, Rejection):
        return f"refuses transaction {outcome.index}: {outcome.name} ({outcome.message})"
    return f"accepts the block with {len(outcome.receipts)} transactions"


def _same_as_eels(ours: BlockResult, theirs: eels.EelsResult | eels.EelsRejection, pre: MemoryState) -> None:
    if isinstance(theirs, eels.EelsRejection):
        msg = f"EELS refuses a block that we accept: {theirs.name}: {theirs.message}"
        raise Difference(msg)
    lines = list(eels_lines(ours, theirs, pre))
    if lines:
        raise Difference("\n".join(["our execution differs from EELS'", *lines]))


def _refused_by_eels(block: Block, pre: MemoryState, ours: Rejection) -> None:
    theirs = eels.execute_block(block, pre)
    if isinstance(theirs, eels.EelsResult):
        msg = f"we refuse transaction {ours.index}, EELS does not: {ours.name}: {ours.message}"
        raise Difference(msg)
    unnamed = theirs.name == "InvalidBlock" and ours.name in UNNAMED
    if theirs.name not in {ours.name, UNREADABLE} and not unnamed:
        msg = f"transaction {ours.index}: we say {ours.name} ({ours.message}), EELS {theirs.name} ({theirs.message})"
        raise Difference(msg)
