"""The experiments by name, in the order in which `all` runs and RESULTS.md shows them; loaded when asked for."""

from __future__ import annotations

from importlib import import_module

from bench.experiments.model import Experiment
from executor.errors import UsageError

MODULES = (
    "keyset",
    "six_histograms",
    "two_phase",
    "chain_share",
    "worst_case",
    "ordered_scheduling",
    "lists",
    "list_damage",
    "contention",
    "lending",
    "engine_table",
    "honesty",
    "commutative",
)
"""Modules of this package that hold an EXPERIMENT; a name is its module's with hyphens."""


def names() -> list[str]:
    """Return the names of all experiments.

    >>> "worst-case" in names()
    True
    """
    return [module.replace("_", "-") for module in MODULES]


def experiment(name: str) -> Experiment:
    """Return the experiment of this name; UsageError names the known ones."""
    if name not in names():
        raise UsageError(f"no experiment {name!r}; known are all, {', '.join(names())}")
    module = import_module(f"bench.experiments.{name.replace('-', '_')}")
    found: Experiment = module.EXPERIMENT
    return found
