"""The reference: one plain loop over the block, each transaction on what the one before it left."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

from executor.context import block_context
from executor.evm import Engine, run_prologue
from executor.merge import BlockMerger
from executor.settled import SettledState
from executor.state import PreState, sweepable_accounts
from executor.types import Block, BlockResult, BlockStats, TransactionResult


def execute_sequential(
    block: Block, pre_state: PreState
) -> tuple[BlockResult, tuple[TransactionResult, ...]]:
    """Return the block's result, and every transaction's with what it read and wrote.

    Raises InvalidBlock where the block breaks a rule, ExecutionFailed where the engine fails.
    """
    started = perf_counter()
    context = block_context(block)
    settled = SettledState(pre_state, empty_removed=context.rules.empty_accounts_removed)
    engine = Engine(context, settled, sweepable_accounts(pre_state, context.rules))
    merger = BlockMerger(block, engine, settled)
    merger.start(run_prologue(engine, block, settled))
    results = []
    for index, transaction in enumerate(block.transactions):
        result = engine.execute(transaction.raw, settled, index, assume_nonce=False)
        merger.add(result)
        results.append(result)
    result = merger.finish()
    stats = sequential_stats(results, perf_counter() - started)
    return replace(result, stats=stats), tuple(results)


def sequential_stats(results: list[TransactionResult], seconds: float) -> BlockStats:
    """Return the stats of a run in which every transaction was executed once."""
    count = len(results)
    return BlockStats(
        transactions=count,
        executions=count,
        max_executions=min(count, 1),
        seconds=seconds,
        executions_by_tx=(1,) * count,
        tx_seconds=tuple(result.seconds for result in results),
        tx_gas=tuple(result.gas_used for result in results),
    )
