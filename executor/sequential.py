"""The reference: one plain loop over the block, each transaction on what the one before it left."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from time import perf_counter

from executor.collector import collector_paused
from executor.context import block_context
from executor.evm import Engine, run_prologue
from executor.merge import BlockMerger
from executor.settled import SettledState
from executor.state import PreState, sweepable_accounts
from executor.state_trie import StateTrie
from executor.types import Block, BlockResult, BlockStats, TransactionResult
from scheduler.access import Address


def execute_sequential(block: Block, pre_state: PreState, pre_trie: StateTrie | None = None) -> BlockResult:
    """Return the block's result; `seconds` are from block and pre-state in memory to the receipts root.

    `pre_trie`, the trie of a complete pre-state, saves building it for receipts that hold state roots.
    Raises InvalidBlock where the block breaks a rule, ExecutionFailed where the engine fails.
    """
    with collector_paused():
        return execute_in_order(block, pre_state, pre_trie, perf_counter())


def execute_in_order(
    block: Block,
    pre_state: PreState,
    pre_trie: StateTrie | None,
    started: float,
    senders: Mapping[bytes, Address] | None = None,
) -> BlockResult:
    """Return the block's result, timed from `started` (of `perf_counter`); the collector is the caller's to pause.

    `senders` are those recovered before, by signed transaction.
    """
    context = block_context(block)
    settled = SettledState(pre_state, empty_removed=context.rules.empty_accounts_removed)
    engine = Engine(context, settled, sweepable_accounts(pre_state, context.rules), senders)
    merger = BlockMerger(block, engine, settled, pre_state, pre_trie)
    merger.start(run_prologue(engine, block, settled))
    results: list[TransactionResult] = []
    for index, transaction in enumerate(block.transactions):
        results.append(engine.execute(transaction.raw, settled, index, assume_nonce=False))
        merger.add(results[-1])
    result = merger.finish()
    stats = _stats(len(results), perf_counter() - started)
    return replace(result, transactions=tuple(results), stats=stats)


def _stats(count: int, seconds: float) -> BlockStats:
    return BlockStats(
        transactions=count,
        executions=count,
        max_executions=min(count, 1),
        seconds=seconds,
        executions_by_tx=(1,) * count,
    )
