"""One sentence per block, from the numbers alone: which combination won, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from bench.compare.model import Comparison, Row

CLOSE = 0.03
"""Rows whose times differ by less than this share are as good as each other."""
_MANY_AGAIN = 0.05
"""A share of transactions executed again that is worth a word."""
_SOME_OVERHEAD = 0.1
"""A share of the processors' time beside executions that keeps a combination from what is possible."""
_TIED = 0.9
"""A chain of this share of the block's time leaves nothing to win."""


def verdict(block: Comparison) -> str:
    """Return the sentence about a block."""
    different = [row for row in block.rows if not row.equal]
    winner = block.winner
    if different:
        names = ", ".join(row.combination.name for row in different)
        return f"No winner: {names} gave another result than sequential execution."
    if winner is None:
        return _only_counts(block)
    if winner.sequential:
        return _joined(_sequential_won(block))
    return _joined([_head(block, winner), *_why(block, winner)])


def again(row: Row, transactions: int) -> float:
    """Return the executions beyond the first of each transaction, as a share of the transactions."""
    return max(0, row.executions - transactions) / transactions if transactions else 0.0


def _joined(clauses: Sequence[str]) -> str:
    words = "; ".join(clause for clause in clauses if clause)
    return f"{words[0].upper()}{words[1:]}."


# -- a combination on workers won


def _head(block: Comparison, winner: Row) -> str:
    assert winner.bound is not None, "one thread cannot win"
    head = f"{winner.combination.name} won: {winner.speedup:.2f}x"
    if winner.speedup > winner.bound * (1 + CLOSE):
        return f"{head}, which cannot be, as {winner.bound:.2f}x is possible: the machine changed its speed in between"
    head += f" of {winner.bound:.2f}x possible"
    if min(block.sequential.times) <= max(winner.times) and len(winner.times) > 1:
        head += ", a lead on sequential no larger than what its own repetitions differ by"
    return head


def _why(block: Comparison, winner: Row) -> list[str]:
    return [
        _own_work(block, winner),
        *(_other_strategy(block, winner, name) for name in ("graph", "waves", "optimistic")),
        _other_backend(block, winner),
        _limit(block, winner),
    ]


def _own_work(block: Comparison, winner: Row) -> str:
    share = again(winner, block.transactions)
    if share == 0:
        return "no transaction ran twice"
    return f"{_percent(share)} of the transactions ran again"


def _other_strategy(block: Comparison, winner: Row, strategy: str) -> str:
    """Say by what the best of another strategy on the same backend fell behind."""
    others = [
        row
        for row in block.contenders
        if row.combination.strategy == strategy and row.combination.backend == winner.combination.backend
    ]
    if strategy == winner.combination.strategy or not others:
        return ""
    best = min(others, key=lambda row: row.seconds)
    behind = best.seconds / winner.seconds - 1
    more = again(best, block.transactions) - again(winner, block.transactions)
    name = best.combination.method
    if behind < CLOSE:
        return f"{name} was as fast ({best.speedup:.2f}x)"
    if more >= _MANY_AGAIN:
        return f"{name} ran {_percent(again(best, block.transactions))} of the transactions again ({best.speedup:.2f}x)"
    if strategy == "waves" and block.chain.levels > 1:
        return f"{name} waited at the end of {block.chain.levels} waves ({best.speedup:.2f}x)"
    return f"{name} took {_percent(behind)} longer"


def _other_backend(block: Comparison, winner: Row) -> str:
    """Say how the same combination did elsewhere."""
    same = [
        row
        for row in block.contenders
        if row is not winner and row.combination.method == winner.combination.method and not row.sequential
    ]
    words = []
    for row in same:
        behind = row.seconds / winner.seconds - 1
        words.append(
            f"{row.combination.backend} was as fast" if behind < CLOSE
            else f"{row.combination.backend} took {_percent(behind)} longer for the same"
        )  # fmt: skip
    return ", ".join(words)


def _limit(block: Comparison, winner: Row) -> str:
    """Say what bounds the speed-up: the chain, or the number of workers."""
    chain = block.chain
    if chain.share * winner.workers <= 1:
        words = f"{winner.workers} workers are the limit, not its longest chain ({_percent(chain.share)} of the time)"
        beside = _overhead(winner)
        return f"{words}; {beside}" if beside else words
    return f"{_chain(block)} and allows no more than {1 / chain.share:.2f}x"


def _overhead(row: Row) -> str:
    """Say what the processors did beside executing, where it is worth a word."""
    if row.overhead_share < _SOME_OVERHEAD:
        return ""
    return f"messages, state and the driver's work took {_percent(row.overhead_share)} of the processors' time"


def _chain(block: Comparison) -> str:
    chain = block.chain
    if chain.transactions == 1:
        return f"one transaction is {_percent(chain.share)} of the time"
    through = f" through {chain.through}" if chain.through else ""
    return f"a chain of {chain.transactions} transactions{through} is {_percent(chain.share)} of the time"


# -- sequential execution won


def _sequential_won(block: Comparison) -> list[str]:
    ran = [row for row in block.contenders if not row.sequential]
    kept = [row for row in block.rows if row.kept]
    first, *others = filter(None, (_nothing_to_win(block), _gate(kept, ran), _lost(block, ran)))
    return [f"sequential won: {first}", *others]


def _nothing_to_win(block: Comparison) -> str:
    """Say what in the block itself speaks against workers, nothing where there is work to share."""
    if block.transactions < 2:
        return f"{block.transactions or 'no'} transaction{'' if block.transactions == 1 else 's'} to execute"
    return _chain(block) if block.chain.share >= _TIED else ""


def _gate(kept: Sequence[Row], ran: Sequence[Row]) -> str:
    """Say how often the gate kept the block on the driver, and the reason that it gave most often."""
    if not kept:
        return ""
    reason, _ = Counter(row.gate_reason for row in kept).most_common(1)[0]
    often = "every time" if not ran else f"for {len(kept)} of {len(kept) + len(ran)} combinations"
    return f"the gate kept it on the driver {often}" + (f" ({reason})" if reason else "")


def _lost(block: Comparison, ran: Sequence[Row]) -> str:
    """Say why the best of those that ran on workers lost."""
    if not ran:
        return ""
    best = min(ran, key=lambda row: row.seconds)
    share = again(best, block.transactions)
    reasons = [f"{_percent(share)} of the transactions ran again" if share >= _MANY_AGAIN else "", _overhead(best)]
    if _TIED > block.chain.share > 1 / best.workers:
        reasons.append(f"{_chain(block)}, so {1 / block.chain.share:.2f}x was the most")
    words = " and ".join(filter(None, reasons))
    return f"on the workers, {best.combination.name} was best with {best.speedup:.2f}x{words and f', as {words}'}"


# -- only one thread was asked for


def _only_counts(block: Comparison) -> str:
    rows = [row for row in block.rows if not row.sequential]
    least, most = (pick(rows, key=lambda row: row.executions) for pick in (min, max))
    words = f"No winner: inline has one thread and only counts; {least.combination.method} took the fewest executions"
    words += f" ({_each(least, block)})"
    return f"{words}, {most.combination.method} the most ({_each(most, block)})." if most is not least else f"{words}."


def _each(row: Row, block: Comparison) -> str:
    return f"{row.executions / max(1, block.transactions):.2f} a transaction"


def _percent(share: float) -> str:
    return f"{share:.1%}" if share < 0.02 else f"{share:.0%}"
