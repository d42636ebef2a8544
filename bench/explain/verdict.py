"""What holds a block back, in one or two sentences of names and numbers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from bench.explain.model import ConflictMetrics, Explanation, PathStep

HALF = 0.5
"""A transaction with at least this share of its chain's seconds is named beside the chain."""
WORTH_NAMING = 1.5
"""Locations are named as the cure if without them the cap would be this many times as high."""
NAMED = 3
_LONG_ADDRESS = re.compile(r"(0x[0-9a-f]{6})[0-9a-f]{30}([0-9a-f]{4})")


def verdict(explanation: Explanation) -> Explanation:
    """Return the explanation with its verdict."""
    return replace(explanation, verdict=sentence(explanation))


def sentence(explanation: Explanation) -> str:
    """Return what holds the block back: who waits through what, and what would be possible."""
    count = explanation.transactions
    if count == 0:
        return "An empty block: there is nothing to run."
    if count == 1:
        return "One transaction: there is nothing to run beside it."
    metrics = next(one for one in explanation.key_sets if one.key_set == "D")
    if metrics.edges_last_writer == 0:
        longest = explanation.path[0]
        share = longest.seconds / explanation.work.seconds
        return (
            f"No transaction waits for another; the longest, {longest.index} ({_what(longest)}), takes {share:.1%} of"
            f" the block's time, {_limit(metrics)}."
        )
    if len(explanation.path) == 1:
        return f"{_alone(explanation, explanation.path[0])}, {_limit(metrics)}; {_independent(metrics, count)}."
    relief = _relief(explanation, metrics)
    return f"{_chain(explanation, metrics)}, {_limit(metrics)}; {_independent(metrics, count)}.{relief}"


def _alone(explanation: Explanation, step: PathStep) -> str:
    share = step.seconds / explanation.work.seconds
    return f"Transaction {step.index} ({_what(step)}) alone takes {share:.0%} of the block's time"


def _chain(explanation: Explanation, metrics: ConflictMetrics) -> str:
    share = metrics.span.seconds / explanation.work.seconds
    locations = [one.location.name for one in explanation.hot if one.path_steps]
    chain = (
        f"{len(explanation.path)} of {explanation.transactions} transactions form one chain through"
        f" {_listed(locations)} that takes {share:.0%} of the block's time"
    )
    longest = max(explanation.path, key=lambda step: step.seconds)
    if longest.seconds < HALF * metrics.span.seconds or len(explanation.path) == explanation.transactions:
        return chain
    part = longest.seconds / metrics.span.seconds
    return f"{chain} ({part:.0%} of that in transaction {longest.index}, {_what(longest)})"


def _limit(metrics: ConflictMetrics) -> str:
    return f"so no schedule is faster than {metrics.cap.seconds:.2f}x"


def _independent(metrics: ConflictMetrics, count: int) -> str:
    isolated = round(metrics.isolated_share * count)
    if isolated == 0:
        return "every transaction is tied to another"
    return f"{isolated} transactions are tied to no other" if isolated != 1 else "one transaction is tied to no other"


def _relief(explanation: Explanation, metrics: ConflictMetrics) -> str:
    """Return the fewest of the hottest locations without which the cap would be much higher."""
    hot = explanation.hot
    for position, one in enumerate(hot, 1):
        if one.cap_with_these >= WORTH_NAMING * metrics.cap.seconds:
            names = _listed([each.location.name for each in hot[:position]])
            return f" Without edges through {names} the cap would be {one.cap_with_these:.2f}x."
    last = hot[-1].cap_with_these
    if len(hot) <= NAMED:
        return f" Even without edges through {_listed([each.location.name for each in hot])} it would be {last:.2f}x."
    return f" No few places are to blame: without the {len(hot)} costliest locations the cap would be {last:.2f}x."


def _what(step: PathStep) -> str:
    contract = _LONG_ADDRESS.sub(r"\1…\2", step.contract)
    return f"{step.operation} on {contract}" if contract else step.operation


def _listed(names: Sequence[str]) -> str:
    """Return names as a list in a sentence, at most a few of them.

    >>> _listed(["a", "b", "c", "d", "e"])
    'a, b, c and 2 more'
    """
    more = len(names) - NAMED
    shown = [*names[:NAMED], f"{more} more"] if more > 0 else list(names)
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
