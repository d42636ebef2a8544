"""What a block's longest chain allows, and through which location its time waits."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from itertools import pairwise

from bench.compare.model import Chain
from bench.explain.causes import causes
from bench.explain.names import names_for
from bench.explain.paths import longest_path
from executor.access_lists import observed_sets
from executor.state import PreState
from executor.types import Block, BlockResult
from scheduler.access import Location


def chain_of(block: Block, result: BlockResult, pre_state: PreState, seconds: Sequence[float]) -> Chain:
    """Return the longest chain of a block that was executed sequentially, each transaction in these `seconds`.

    Edges are those that the executor runs by (key set D).
    """
    tied = causes(observed_sets(result.transactions, pre_state))
    work = sum(seconds)
    span, path = longest_path(tied.predecessors(), seconds)
    waits: dict[Location, float] = defaultdict(float)
    for before, after in pairwise(path):
        for location in tied.through(before, after):
            waits[location] += seconds[after]
    through = max(waits, key=lambda location: (waits[location], location)) if waits else None
    return Chain(
        transactions=len(path),
        share=span / work if work else 0.0,
        longest_transaction_share=max(seconds, default=0.0) / work if work else 0.0,
        levels=tied.graph().longest_chain(),
        through="" if through is None else names_for(block, pre_state, result.transactions).of(through).name,
    )
