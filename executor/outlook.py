"""What is expected of a block once its graph is known: who should go first, and whether the workers are worth it."""

from __future__ import annotations

from typing import NamedTuple

from executor.costs import BlockCosts, Forecast
from executor.gate import Gate
from executor.pool import Pool
from executor.pricing import heaviest_chain
from executor.state import PreState
from executor.strategies import Plan, Planner
from executor.types import Block, GateDecision
from scheduler.batching import critical, is_wide


class Outlook(NamedTuple):
    """The plan, priorities by transaction (None: block order), and what the gate says (None where it was not asked).

    `wide` says that no path is long, as far as the access sets can be trusted.
    """

    plan: Plan
    priorities: list[float] | None = None
    decision: GateDecision | None = None
    wide: bool = False


def look_ahead(
    block: Block,
    pre_state: PreState,
    pool: Pool,
    planner: Planner,
    costs: BlockCosts,
    gate: Gate | None,
    forecast: Forecast | None = None,
) -> Outlook:
    """Return what is expected of a block on a pool whose messages cost something; the forecast if it is there yet."""
    plan, chain, priorities, wide = planner.whole, None, None, False
    forecast = forecast or costs.forecast()
    if plan.graph is not None:
        levels = plan.graph.bottom_levels(forecast.seconds)
        chain = heaviest_chain(plan.graph, levels)
        priorities = critical(levels, forecast.work, pool.workers)
        wide = plan.trusting and is_wide(levels, forecast.work, pool.workers)
    decision = None if gate is None else gate.close(block, forecast, chain, pre_state, pool)
    return Outlook(plan, priorities, decision, wide)
