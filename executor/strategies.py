"""Strategies: what they know before the first execution, over one and the same loop.

A new one is a function from (expected access sets, their source) to a `Plan`, and a line in `STRATEGIES`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from executor.access_lists import declared_sets, exact_sets
from executor.errors import UsageError
from executor.state import PreState
from executor.types import Block
from scheduler.access import AccessSet
from scheduler.graph import DependencyGraph, build

SEQUENTIAL = "sequential"


@dataclass(frozen=True, slots=True)
class Plan:
    """What the block scheduler starts from.

    `graph` decides when a first execution may start, `waves` puts a barrier between levels, `barrier` lets
    every transaction run once before any runs again; `trusting` takes the graph to be complete until a result proves
    it wrong.
    """

    graph: DependencyGraph | None = None
    waves: Sequence[int] | None = None
    barrier: bool = False
    trusting: bool = False


def _graph(sets: tuple[AccessSet, ...] | None, source: str) -> Plan:
    if sets is None:
        return Plan(barrier=source == "observed")
    return Plan(graph=build(sets), trusting=source == "exact")


def _optimistic(_sets: tuple[AccessSet, ...] | None, source: str) -> Plan:  # noqa: ARG001 - no lists here
    return Plan()


def _waves(sets: tuple[AccessSet, ...] | None, source: str) -> Plan:
    if sets is None:
        return Plan(barrier=source == "observed")
    graph = build(sets)
    return Plan(graph=graph, waves=graph.levels(), trusting=source == "exact")


STRATEGIES: dict[str, Callable[..., Plan]] = {"graph": _graph, "optimistic": _optimistic, "waves": _waves}
STRATEGY_NAMES = (SEQUENTIAL, *STRATEGIES)


def expected_sets(source: str, block: Block, pre_state: PreState) -> tuple[AccessSet, ...] | None:
    """Return the access sets of a source, None where it knows nothing before the first execution."""
    if source == "declared":
        return declared_sets(block)
    if source == "exact":
        return exact_sets(block, pre_state)
    if source in {"observed", "none"}:
        return None
    msg = f"unknown access lists {source!r}; choose declared, observed, exact or none"
    raise UsageError(msg)


@dataclass(frozen=True)
class Planner:
    """Makes the plan of a block, within the timed span, from expected access sets and their source."""

    strategy: str
    source: str
    sets: tuple[AccessSet, ...] | None

    @cached_property
    def whole(self) -> Plan:
        """The plan of all transactions."""
        return STRATEGIES[self.strategy](self.sets, self.source)

    def first(self, count: int) -> Plan:
        """Return the plan of the first `count` transactions: no later one changes it; of all if there are no more."""
        if self.sets is None or count >= len(self.sets):
            return self.whole
        return STRATEGIES[self.strategy](self.sets[:count], self.source)
