"""Which combinations there are: those of the same plan are one."""

from __future__ import annotations

from collections.abc import Sequence

from bench.compare.model import Combination
from executor.errors import UsageError
from executor.strategies import SEQUENTIAL, Planner

UNPLANNED = ("observed", "none")
"""Sources that know nothing before the first execution."""


def combinations(strategies: Sequence[str], lists: Sequence[str], backends: Sequence[str]) -> tuple[Combination, ...]:
    """Return what to run, grouped by backend; sequential execution runs in any case and is not among them.

    Optimistic has no use for lists. Where nothing is known before the first execution, strategies may start from the
    same plan: then the one named first stands for all, or optimistic where it is among them.
    UsageError where nothing is left to compare.
    """
    methods = _methods([name for name in strategies if name != SEQUENTIAL], lists)
    if not (methods and backends):
        raise UsageError("nothing to compare with sequential; name a strategy, lists and a backend")
    return tuple(
        Combination(strategy, source, backend, same_as) for backend in backends for strategy, source, same_as in methods
    )


def _methods(strategies: Sequence[str], lists: Sequence[str]) -> list[tuple[str, str, tuple[str, ...]]]:
    planned: list[tuple[str, str, tuple[str, ...]]] = []
    by_plan: dict[str, list[tuple[str, str]]] = {}
    for strategy in strategies:
        sources = ("",) if strategy == "optimistic" else lists
        for source in sources:
            if source in ("", *UNPLANNED):
                by_plan.setdefault(repr(Planner(strategy, source, None).whole), []).append((strategy, source))
            else:
                planned.append((strategy, source, ()))
    shared = []
    for same in by_plan.values():
        first, *others = sorted(same, key=lambda method: method[0] != "optimistic")
        shared.append((*first, tuple(Combination(*other).method for other in others)))
    return sorted(planned + shared, key=lambda method: (strategies.index(method[0]), ("", *lists).index(method[1])))
