"""What is run: every combination, each plan once."""

from __future__ import annotations

import pytest

from bench.compare.combinations import combinations
from bench.compare.command import ALL_BACKENDS, ALL_LISTS, ALL_STRATEGIES, chosen
from bench.options import Backend
from executor.errors import UsageError


def names(strategies: str, lists: str, backends: str = "process") -> list[str]:
    return [one.name for one in combinations(strategies.split(","), lists.split(","), backends.split(","))]


def test_all_of_them() -> None:
    every = combinations(ALL_STRATEGIES.split(","), ALL_LISTS.split(","), ALL_BACKENDS.split(","))
    assert [one.method for one in every[:6]] == [
        "graph with declared lists",
        "graph with observed lists",
        "graph with exact lists",
        "optimistic",
        "waves with declared lists",
        "waves with exact lists",
    ]
    assert [one.backend for one in every] == ["inline"] * 6 + ["process"] * 6 + ["ray"] * 6
    assert {one.method: one.same_as for one in every if one.same_as} == {
        "graph with observed lists": ("waves with observed lists",),
        "optimistic": ("graph without lists", "waves without lists"),
    }


def test_what_is_asked_for_runs_under_its_own_name() -> None:
    assert names("waves", "observed,none") == ["waves with observed lists on process", "waves without lists on process"]
    assert names("graph,waves", "none") == ["graph without lists on process"]
    assert names("sequential,optimistic", "exact") == ["optimistic on process"]


def test_nothing_to_compare() -> None:
    with pytest.raises(UsageError, match="nothing to compare"):
        names("sequential", "exact")


def test_names_with_commas() -> None:
    assert chosen("ray, inline,ray,", Backend) == ["ray", "inline"]
    with pytest.raises(UsageError, match="unknown name 'rai'; choose of inline, process, ray"):
        chosen("ray,rai", Backend)
