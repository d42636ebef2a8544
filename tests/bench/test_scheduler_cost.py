"""The scheduler's own cost: the load is what it says, all of it is scheduled once, and a stale result fails."""

from __future__ import annotations

import json
from typing import Any

import pytest
import typer

from bench import scheduler_cost
from bench.scheduler_cost import PARTS, bench_scheduler, schedule, scheduler_costs, synthetic_load
from scheduler.access import BALANCE, NONCE, STORAGE, AccessSet, touched
from scheduler.graph import DependencyGraph, build

QUICK = ("--transactions", "150", "--transactions", "40", "--hot", "0.5", "--hot-slots", "4", "--repeat", "2")


def command(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(bench_scheduler)
    try:
        code = app(list(arguments), standalone_mode=False) or 0
    except typer.Exit as stop:
        code = stop.exit_code
    return code, *capfd.readouterr()


def without_edges(sets: list[AccessSet]) -> DependencyGraph:
    """Stand in for a graph that misses every dependency."""
    return DependencyGraph(((),) * len(sets), ((),) * len(sets))


def test_a_transaction_touches_ten_locations() -> None:
    load = synthetic_load(50, 0.0, hot_slots=4)
    for access, seen in zip(load.sets, load.observations, strict=True):
        (nonce,) = seen.assumed
        assert len(touched(access)) == 10
        assert (len(seen.reads), len(seen.writes.values), len(seen.writes.deltas), len(seen.bounds)) == (6, 3, 2, 1)
        assert access.reads == seen.reads.keys() - {nonce}
        assert access.writes == seen.writes.values.keys()
        assert nonce in access.writes
        assert {kind for _, kind, _ in touched(access)} == {NONCE, BALANCE, STORAGE}
    assert build(load.sets).edge_count() == 0


def test_observations_are_those_of_sequential_execution() -> None:
    load, values = synthetic_load(300, 0.5, hot_slots=3), dict[Any, Any]()
    met = 0
    for seen, writer in zip(load.observations, load.writers, strict=True):
        assert all(values.get(location, 0) == value for location, value in seen.reads.items())
        met += any(seen.reads.values())
        before = {values[location] - 1 for location in seen.reads if values.get(location)}
        assert before == ({writer} if writer is not None else set())
        values.update(seen.writes.values)
    # Each hot one but the first of its slot reads what another wrote, and none else.
    hot = sum(bool(seen.reads.keys() & seen.writes.values.keys() - seen.assumed) for seen in load.observations)
    assert met == hot - 3
    assert 100 < hot < 200
    assert build(load.sets).edge_count() == hot - 3


def test_the_same_seed_gives_the_same_load() -> None:
    assert synthetic_load(20, 0.5, 2) == synthetic_load(20, 0.5, 2) != synthetic_load(20, 0.5, 2, seed=9)


@pytest.mark.parametrize("workers", [1, 3, 16])
@pytest.mark.parametrize("share", [0.0, 0.1, 1.0])
@pytest.mark.parametrize("trusting", [True, False])
def test_every_transaction_runs_once(workers: int, share: float, trusting: bool) -> None:
    row = schedule(synthetic_load(200, share, hot_slots=2), share, workers, trusting=trusting)
    assert (row.transactions, row.executions, row.stale, row.early, row.ok) == (200, 200, 0, 0, True)
    assert row.edges == (198 if share == 1.0 else row.edges)
    assert 1 < row.batches <= 200
    assert row.microseconds == pytest.approx(sum(row.parts.values()))


def test_rows_grow_from_the_smallest_size() -> None:
    rows = scheduler_costs((120, 30), (0.0, 1.0), workers=2, hot_slots=1, repeat=2)
    assert [(row.hot_share, row.transactions) for row in rows] == [(0.0, 30), (0.0, 120), (1.0, 30), (1.0, 120)]
    assert [row.growth == 1.0 for row in rows[::2]] == [True, True]
    assert rows[1].growth == rows[1].microseconds / rows[0].microseconds
    assert [(row.edges, row.longest_chain) for row in rows] == [(0, 1), (0, 1), (29, 30), (119, 120)]
    assert all(row.parts.keys() == set(PARTS) and min(row.parts.values()) > 0 for row in rows)


def test_one_json_document(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capfd, *QUICK, "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["workers"]) == (0, True, 8)
    assert [(row["transactions"], row["executions"], row["stale"]) for row in document["rows"]] == [
        (40, 40, 0),
        (150, 150, 0),
    ]
    assert document["rows"][0]["growth"] == 1.0
    assert "python" in document["machine"]


def test_rows_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capfd, *QUICK)
    assert code == 0
    assert all(heading in out for heading in (*PARTS, "growth", "in order"))
    assert out.count("50%") == out.count("yes") == 2


@pytest.mark.parametrize("watching", [(), ("--watching",)])
def test_results_that_come_too_early_fail(
    watching: tuple[str, ...], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(scheduler_cost, "build", without_edges)
    code, out, err = command(capfd, *QUICK, *watching, "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["trusting"]) == (1, False, not watching)
    assert document["rows"][1]["early"] > 0
    assert (document["rows"][1]["stale"] > 0) == bool(watching)
    assert document["rows"][1]["edges"] == 0
    assert "a check failed" in err
