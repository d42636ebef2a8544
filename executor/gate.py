"""The gate: a block that would not be faster on the workers runs on the driver, and the result says why.

What a parallel run costs beside its executions is learned while running: per message and per transaction
(`scheduler.batching.MessageCost`), per piece of state, per conflict; `executor.pricing` makes seconds of it. A decision
must cost next to nothing where it says no, so a rough look at the gas comes before a close one at every transaction.
"""

from __future__ import annotations

from executor.costs import Forecast
from executor.pool import Pool
from executor.pricing import Chain, chain_messages, chain_seconds, heaviest_chain, shared_seconds
from executor.state import MemoryState, PreState
from executor.types import Block, BlockResult, GateDecision
from executor.versions import VersionedState
from scheduler.graph import DependencyGraph

WORKERS, DRIVER, REST = "workers", "driver", "rest on the driver"
UNDIVIDED = (
    GateDecision(DRIVER, "no transactions to execute"),
    GateDecision(DRIVER, "1 transaction to execute"),
)
"""What is said of blocks of no and of one transaction: there is nothing to weigh."""
_LEAST_GAIN = 0.95
"""Predicted parallel over sequential time up to which the workers get a block: both predictions err."""
_FOR_GUESSES = 0.05
"""What is taken off that where all is guessed: to lose is worse than to forgo a gain."""
_PER_ACCOUNT, _PER_SLOT, _PER_CODE_BYTE = 2e-6, 1e-6, 1e-9
"""Seconds of processor time to pack a state and unpack it again, the driver's and one worker's (DESIGN.md)."""
_FIXED_MESSAGES = 16
"""What a block costs on the workers beside messages and state, in messages, until it was measured."""
_SMALL_BLOCK = 0.2
"""Seconds of executions up to which what a run took beyond its parts says what a block costs in any case."""
_UNEVEN = 12
"""Transactions of which nobody knows the cost that together may take no longer than the longest of them.

Their times are very uneven (a mean of 3 ms, one in a hundred above 36): a few of them are no parallel work to count on.
Of 20 to 40 the longest takes a third of the work, of 10 all but a quarter.
"""
_SURE_MESSAGES = 500
"""The work, in the cost of so many messages, against which sending a state in vain is nothing."""
_NEW_SHARE = 0.3
_FADING = 0.05
"""What a block on the driver takes off: after fourteen of them half is left."""
_FIRST_SECONDS_PER_GAS = 2.5e-8
_SURPRISE = 3.0
"""A block's seconds per gas count at most as this multiple of what is usual, or this part: blocks made to be slow for
little gas came one by one, and what follows them is not like them."""
_FIRST_GAS_PER_TRANSACTION = 60_000.0
"""Where a header does not say yet what its block used."""
_FIRST_RERUNS = 0.1
"""Part of a block that runs again where nobody knows beforehand what touches what."""
_CONFLICTS_FOR_SURE = 8
"""Results after which a share of conflicts says something."""


class Gate:
    """Decides where blocks run; lives as long as the executor and learns from every block."""

    def __init__(self) -> None:
        self.seconds_per_gas = _FIRST_SECONDS_PER_GAS
        self.gas_per_transaction = _FIRST_GAS_PER_TRANSACTION
        self.beyond = 0.0
        self.reruns = _FIRST_RERUNS
        self.shipping = 1.0

    # -- before a block

    def rough(self, block: Block, pre_state: PreState, pool: Pool) -> GateDecision | None:
        """Return the decision for blocks that would gain nothing by their gas; None asks for a closer look."""
        if pool.workers == 1:
            return GateDecision(DRIVER, "one worker can only be slower than the driver itself")
        sequential, message = self._by_gas(block), pool.message_cost
        messages = sequential / message.goal + pool.workers
        parallel = self._fixed(pool)
        parallel += shared_seconds(sequential, len(block.transactions), messages, message, pool.workers)
        if parallel < sequential:  # only now look at the state, which takes longest
            parallel += self._shipping(pre_state, pool)
        if parallel < sequential:
            return None
        return GateDecision(DRIVER, _small(sequential, parallel), sequential, parallel)

    def surely(self, block: Block, pool: Pool) -> bool:
        """Return whether a block is so large that its state may be sent before it is looked at closely."""
        return self._by_gas(block) > _SURE_MESSAGES * pool.message_cost.seconds

    def _by_gas(self, block: Block) -> float:
        """Return the seconds that a block's gas will take, one transaction after another."""
        gas = block.header.gas_used or len(block.transactions) * self.gas_per_transaction
        return self.seconds_per_gas * gas

    def close(
        self, block: Block, forecast: Forecast, chain: Chain | None, pre_state: PreState, pool: Pool
    ) -> GateDecision:
        """Return the decision by what is expected of every transaction.

        `chain` is the heaviest one of the forecast, None where no list says what waits for what.
        """
        count, scale = len(forecast.seconds), self._scale(block, forecast)
        work, message = forecast.work * scale, pool.message_cost
        serial = self.reruns * work if chain is None else 0.0
        seconds, length = chain or Chain(max(forecast.seconds, default=0.0), 1)
        chain = Chain(seconds * scale, length)
        chained = chain_seconds(chain, work, message, pool.workers)
        unknown = forecast.guessed * work * min(1.0, _UNEVEN / count)
        messages = work / message.goal + pool.workers
        shared = shared_seconds(work, count, messages, message, pool.workers)
        parallel = self._fixed(pool) + self._shipping(pre_state, pool) + max(chained, unknown, shared) + serial
        if parallel < (_LEAST_GAIN - _FOR_GUESSES * forecast.guessed) * work:
            return GateDecision(WORKERS, "", work, parallel)
        if chained > max(shared, unknown):
            reason = f"its longest chain is {chain.seconds / work:.0%} of the work, which nobody can run side by side"
            if chain.seconds < shared:
                sent = chain_messages(chain, work, message.goal, pool.workers)
                reason = f"its longest chain is {chain.seconds / work:.0%} of the work, in {sent} messages in turn"
        elif unknown > shared:
            reason = f"{count} transactions, most like none measured: one may take {unknown / work:.0%} of the work"
        elif serial > (work - parallel) / 2 and serial > shared - work / pool.workers:
            reason = f"without lists {self.reruns:.0%} of the work would run again, one after another"
        else:
            reason = _small(work, parallel)
        return GateDecision(DRIVER, reason, work, parallel)

    def _scale(self, block: Block, forecast: Forecast) -> float:
        """Return by what to correct predictions that rest on gas limits, where the header says what was used.

        Limits are wishes, so the gas used is the better guess for transactions like none that was measured.
        """
        if not (block.header.gas_used and forecast.work and forecast.guessed):
            return 1.0
        by_gas = self.seconds_per_gas * block.header.gas_used / forecast.work
        return 1.0 + forecast.guessed * (by_gas - 1.0)

    def _fixed(self, pool: Pool) -> float:
        return max(_FIXED_MESSAGES * pool.message_cost.seconds, self.beyond)

    def _shipping(self, pre_state: PreState, pool: Pool) -> float:
        held = isinstance(pre_state, VersionedState) and pool.holds_epoch(pre_state)
        return 0.0 if held else self.shipping * shipping_seconds(pre_state)

    # -- in the middle of one

    def hopeless(self, executed: int, conflicts: int, workers: int) -> GateDecision | None:
        """Return the decision to stop where so much runs again that one after another is faster."""
        share = conflicts / executed if executed else 0.0
        if executed < _CONFLICTS_FOR_SURE or share <= 1 - 1 / workers:
            return None
        reason = f"{conflicts} of the first {executed} results were stale: the workers' lead is lost in running again"
        return GateDecision(REST, reason)

    def rest(self, stale: float, span: float, chain: int, pool: Pool) -> GateDecision | None:
        """Return the decision for `stale` seconds to run again, whose longest chain takes `span` in `chain` steps."""
        if not stale:
            return None
        message = pool.message_cost
        parallel = max(span, stale / pool.workers) + chain * message.seconds
        if parallel < _LEAST_GAIN * stale:
            return None
        reason = f"what is left to run again is a chain: {span / stale:.0%} of {1e3 * stale:.1f} ms"
        return GateDecision(REST, reason, stale, parallel)

    # -- after one

    def learn(self, result: BlockResult) -> None:
        """Take in how long a block's executions took for its gas, wherever they ran."""
        seconds = _executing(result)
        if result.gas_used and seconds:
            # In the geometric mean, as blocks differ by a factor of a hundred: a slow one must not speak for all.
            surprise = seconds / result.gas_used / self.seconds_per_gas
            self.seconds_per_gas *= min(_SURPRISE, max(1 / _SURPRISE, surprise)) ** _NEW_SHARE
            each = result.gas_used / len(result.transactions)
            self.gas_per_transaction += _NEW_SHARE * (each - self.gas_per_transaction)

    def learn_parallel(self, result: BlockResult, pool: Pool, graph: DependencyGraph | None) -> None:
        """Take in what a block cost on the workers beside its parts, and without a graph how much of it ran again."""
        stats, seconds = result.stats, _executing(result)
        again = min(1.0, stats.conflicts / stats.transactions) if stats.transactions else 0.0
        if stats.batches and stats.gate is None and seconds < _SMALL_BLOCK:
            message = pool.message_cost
            parts = shared_seconds(seconds, stats.transactions, stats.batches, message, pool.workers)
            if graph is None:
                parts += again * seconds
            else:
                levels = graph.bottom_levels([transaction.seconds for transaction in result.transactions])
                chain = heaviest_chain(graph, levels)
                parts = max(parts, chain_seconds(chain, seconds, message, pool.workers))
            beyond = min(_SMALL_BLOCK, stats.seconds - parts)
            self.beyond = max(0.0, self.beyond + _NEW_SHARE * (beyond - self.beyond))
        if graph is None and stats.transactions:
            self.reruns += _NEW_SHARE * (again - self.reruns)

    def fade(self) -> None:
        """Forget a little of what speaks against the workers: a block on the driver tells nothing of them.

        Otherwise one bad block, or a busy minute, would keep all that follow on the driver for ever.
        """
        self.beyond *= 1 - _FADING
        self.reruns += _FADING * (min(self.reruns, _FIRST_RERUNS) - self.reruns)
        self.shipping += _FADING * (min(self.shipping, 1.0) - self.shipping)

    def learn_shipping(self, predicted: float, measured: float) -> None:
        """Take in what it cost the driver to send a state: half of what was predicted for both sides."""
        if predicted > 0:
            self.shipping += _NEW_SHARE * (min(4.0, 2 * measured / predicted) - self.shipping)


def _executing(result: BlockResult) -> float:
    return sum(transaction.seconds for transaction in result.transactions)


def shipping_seconds(pre_state: PreState) -> float:
    """Return the predicted processor time to send a state whole, on both sides."""
    if not isinstance(pre_state, MemoryState):
        return 0.0
    slots = sum(len(account.storage) for account in pre_state.accounts.values())
    code = sum(map(len, pre_state.codes.values()))
    return len(pre_state.accounts) * _PER_ACCOUNT + slots * _PER_SLOT + code * _PER_CODE_BYTE


def _small(sequential: float, parallel: float) -> str:
    what = "too little to gain" if parallel < sequential else "too small"
    return f"{what}: {1e3 * parallel:.1f} ms predicted on the workers, {1e3 * sequential:.1f} ms on the driver"
