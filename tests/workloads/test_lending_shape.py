"""What ties lending transactions together: the totals and the token balance of a pool, and only both of them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scheduler.access import Location
from scheduler.graph import build
from workloads.lending.checks import PoolCheck
from workloads.registry import generate
from workloads.workload import Workload


def hubs(workload: Workload, *, totals: bool, balances: bool) -> frozenset[Location]:
    """Return where the pools keep cash, supply and debt in total, and where the tokens keep the pools' balances."""
    found: set[Location] = set()
    pools = [check.pool for check in workload.checks if isinstance(check, PoolCheck)]
    for pool in pools:
        for listing in pool.listings:
            at = listing.slots
            found |= {at.cash, at.scaled_supply, at.scaled_debt} if totals else set()
            found |= {listing.token.balance_at(pool.address)} if balances else set()
    return frozenset(found)


def ideal_speed_up(params: dict[str, str], *, totals: bool = False, balances: bool = False) -> float:
    """Return transactions over the longest chain, as if hubs were deltas that make no edge."""
    workload = generate("lending", 300, 1, params)
    free = hubs(workload, totals=totals, balances=balances)
    sets = [
        replace(one, reads=one.reads - free, writes=one.writes - free) for one in workload.blocks[0].access_sets or ()
    ]
    return len(sets) / build(sets).longest_chain()


def test_totals_and_balances_as_deltas_free_a_pool_and_one_alone_does_not() -> None:
    usual = ideal_speed_up({})
    assert 1.5 < usual < 2.5
    assert ideal_speed_up({}, totals=True) == pytest.approx(usual, rel=0.05)
    assert ideal_speed_up({}, balances=True) == pytest.approx(usual, rel=0.05)
    assert ideal_speed_up({}, totals=True, balances=True) > 3 * usual


def test_hot_users_tie_shards_together() -> None:
    speed_ups = [ideal_speed_up({"shards": "16", "zipf_users": zipf}) for zipf in ("0", "0.8", "1.2")]
    assert speed_ups == sorted(speed_ups, reverse=True)
    assert speed_ups[0] > 3 * speed_ups[2]


def test_an_eager_rate_ties_assets_together_through_health_checks() -> None:
    risky = {"mix": "borrow:57,withdraw:43"}
    eager, eager_risky = ideal_speed_up({"rate": "eager"}), ideal_speed_up({"rate": "eager"} | risky)
    assert eager < ideal_speed_up({})
    assert eager_risky < eager
    assert eager_risky == pytest.approx(1.3, abs=0.15)
    assert ideal_speed_up({"rate": "eager"}, totals=True, balances=True) == pytest.approx(eager, rel=0.05)
