"""Parameters and loops that generators on a stage share."""

from __future__ import annotations

from collections.abc import Callable

from executor.errors import UsageError
from workloads.block_builder import BLOCK_TIME
from workloads.declared import DECLARE_HELP, DECLARE_MODES
from workloads.distributions import draw_mix
from workloads.parameters import Parameter
from workloads.stage import Stage

ZIPF_USERS = Parameter(0.8, "exponent over users", minimum=0, maximum=3)
FAILING = Parameter(0.02, "share of transactions that are meant to revert", minimum=0, maximum=1)
BLOCKS = Parameter(1, "blocks over which the transactions are spread", minimum=1, maximum=10_000)
BLOCK_SECONDS = Parameter(BLOCK_TIME, "seconds between blocks", minimum=1, maximum=10**6)
DECLARE = Parameter("none", DECLARE_HELP, choices=DECLARE_MODES)


def parse_mix(text: str, default: str) -> dict[str, float]:
    """Return operation -> weight of a text like `swap:90,add:10`; `default` names the operations there are."""
    known = [part.partition(":")[0] for part in default.split(",")]
    weights: dict[str, float] = {}
    for part in text.split(","):
        name, _, weight = part.partition(":")
        if name not in known:
            raise UsageError(f"mix={text}: unknown operation {name!r}; known are {', '.join(known)}")
        try:
            weights[name] = float(weight)
        except ValueError:
            raise UsageError(f"mix={text}: the weight of {name!r} is not a number") from None
        if not 0 <= weights[name] < float("inf"):
            raise UsageError(f"mix={text}: the weight of {name!r} must be at least 0")
    if not sum(weights.values()):
        raise UsageError(f"mix={text}: at least one weight must be positive")
    return weights


def fill_blocks(
    stage: Stage,
    weights: dict[str, float],
    transactions: int,
    blocks: int,
    step: Callable[[str], object],
    first: str = "",
) -> None:
    """Call `step` with the operation of each transaction; `step` sends exactly one.

    Operations of the name `first` open each block, as what pays most for its place does.
    """
    names = draw_mix(stage.random, weights, transactions)
    for index in range(blocks):
        stage.begin_block()
        mine = names[index * transactions // blocks : (index + 1) * transactions // blocks]
        for name in sorted(mine, key=lambda name: name != first):
            step(name)
        stage.end_block()
