"""What-if: the rules on hand-made sets, and predictions for the lending pool held against runs that are so."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from statistics import geometric_mean

import pytest

from bench.explain.analyse import Executed, explain_executed
from bench.explain.model import Explanation, WhatIf
from bench.explain.names import Names, names_for
from bench.explain.suggest import suggestions
from bench.explain.what_if import commutative, shard_of, sharded, what_if
from executor.access_lists import observed_sets
from executor.errors import UsageError
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from scheduler.access import BALANCE, STORAGE, AccessSet, Location
from scheduler.graph import build
from tests.bench.explain.copies import on_copies, users
from workloads.registry import generate
from workloads.workload import Workload

POOL, USER, OTHER = b"\x01" * 20, b"\x02" * 20, b"\x04" * 20
SLOT: Location = (POOL, STORAGE, 5)
NOBODY = Names((), {}, {}, {})
COUNTERS = "pool.total_*+pool.cash[*]"
TOKENS = "*.balanceOf[pool]"
WITHIN = 0.15


def changes(*locations: Location) -> AccessSet:
    return AccessSet(reads=frozenset(locations), writes=frozenset(locations))


def reads(*locations: Location) -> AccessSet:
    return AccessSet(reads=frozenset(locations))


def predecessors(*sets: AccessSet) -> tuple[tuple[int, ...], ...]:
    return build(sets).predecessors


def test_changes_of_a_counter_have_no_edge_and_a_reader_waits_for_all_before_it() -> None:
    sets = (changes(SLOT), changes(SLOT), reads(SLOT), changes(SLOT), reads(SLOT))

    assert predecessors(*sets) == ((), (0,), (1,), (1,), (3,))
    assert predecessors(*commutative(sets, [SLOT])) == ((), (), (0, 1), (), (0, 1, 3))


def test_other_conflicts_of_the_same_transactions_stay() -> None:
    other: Location = (POOL, STORAGE, 6)
    sets = (changes(SLOT, other), changes(SLOT, other))

    assert predecessors(*commutative(sets, [SLOT])) == ((), (0,))
    assert predecessors(*commutative(sets, [SLOT, other])) == ((), ())


def test_a_balance_that_is_read_and_changed_can_be_commutative() -> None:
    balance: Location = (USER, BALANCE, 0)
    sweep = AccessSet(reads=frozenset({balance}), deltas=frozenset({USER}))
    sets = (sweep, sweep, reads(balance))

    assert predecessors(*sets) == ((), (0,), (1,))
    assert predecessors(*commutative(sets, [balance])) == ((), (), (0, 1))


def test_who_clears_the_account_changes_its_counters() -> None:
    cleared = AccessSet(clears=frozenset({POOL}))

    assert predecessors(*commutative((cleared, changes(SLOT), reads(SLOT)), [SLOT])) == ((), (), (0, 1))


def test_shards_part_senders_and_a_reader_waits_for_every_shard() -> None:
    assert shard_of(USER, 2) != shard_of(OTHER, 2)
    sets = (changes(SLOT), changes(SLOT), changes(SLOT), reads(SLOT))
    senders = (USER, OTHER, USER, OTHER)

    assert predecessors(*sharded(sets, senders, [SLOT], 2)) == ((), (), (0,), (1, 2))
    assert predecessors(*sharded(sets, senders, [SLOT], 1)) == predecessors(*sets)


@pytest.mark.parametrize(
    "change",
    [
        "",
        "commutative",
        "commutative=",
        "commutative=+",
        "sharded=,:2",
        "sharded=pool",
        "sharded=pool:0",
        "sharded=pool:x",
        "sharded=:4",
        "faster=1",
    ],
)
def test_a_change_that_cannot_be_read_is_a_usage_error(change: str) -> None:
    with pytest.raises(UsageError, match="--what-if"):
        what_if(change, (changes(SLOT),), (1,), (1.0,), (USER,), NOBODY)


def test_a_location_can_be_given_as_address_and_slot() -> None:
    sets = (changes(SLOT), changes(SLOT))
    answer = what_if(f"commutative=0x{POOL.hex()}:0x5", sets, (3, 3), (1.0, 1.0), (USER, OTHER), NOBODY)

    assert (answer.cap_before, answer.cap_after, answer.cap_before_gas, answer.cap_after_gas) == (1, 2, 1, 2)
    assert [location.slot for location in answer.locations] == ["0x5"]


def test_what_one_sender_alone_changes_is_not_suggested() -> None:
    sets = (changes(SLOT),) * 4

    assert suggestions(sets, (1.0,) * 4, (USER,) * 4, NOBODY) == ()
    assert len(suggestions(sets, (1.0,) * 4, (USER, OTHER) * 2, NOBODY)) == 1


# -- the lending pool ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Lending:
    """300 lending calls on one pool, executed; seconds are gas, so that no clock decides."""

    workload: Workload
    executed: Executed
    names: Names

    @property
    def sets(self) -> tuple[AccessSet, ...]:
        return observed_sets(self.executed.transactions, self.workload.pre_state)

    def ask(self, change: str) -> WhatIf:
        gas = self.executed.gas
        return what_if(change, self.sets, gas, gas, [one.sender for one in self.executed.transactions], self.names)


@cache
def lending(seed: int) -> Lending:
    workload = generate("lending", 300, seed)
    block = workload.blocks[0]
    transactions = execute_sequential(block, workload.pre_state).transactions
    gas = tuple(float(one.gas_used) for one in transactions)
    executed = Executed(block, workload.pre_state, transactions, gas)
    return Lending(workload, executed, names_for(block, workload.pre_state, transactions))


@cache
def explained(seed: int) -> Explanation:
    return explain_executed(lending(seed).executed, label="lending", names=lending(seed).names)


def cap_of_run(block: Block, state: MemoryState, like: Lending) -> float:
    """Return the cap by gas of a block that really runs; every call must do what it did on the one pool."""
    results = execute_sequential(block, state).transactions
    assert [one.success for one in results] == [one.success for one in like.executed.transactions]
    gas = [one.gas_used for one in results]
    return sum(gas) / build(observed_sets(results, state)).critical_path(gas)[0]


def test_explain_names_the_pool_totals_and_its_token_balance_as_the_cost() -> None:
    hottest = [hot.location.name for hot in explained(1).hot]

    assert set(hottest[:3]) == {"pool.cash[WETH]", "WETH.balanceOf[pool]", "pool.total_supply[WETH]"}
    assert "pool.cash[WETH]" in explained(1).verdict
    assert "WETH.balanceOf[pool]" in explained(1).verdict


def test_explain_suggests_to_make_both_commutative() -> None:
    (suggested,) = explained(1).what_if

    kind, _, patterns = suggested.change.partition("=")
    assert kind == "commutative"
    assert set(patterns.split("+")) == {
        "pool.cash[*]", "pool.total_supply[*]", "pool.total_debt[*]", "*.balanceOf[pool]",
    }  # fmt: skip
    assert suggested.cap_after_gas == lending(1).ask(f"commutative={COUNTERS}+{TOKENS}").cap_after_gas


def test_one_alone_gains_nothing() -> None:
    for one in (COUNTERS, TOKENS):
        answer = lending(1).ask(f"commutative={one}")

        assert answer.cap_after_gas == answer.cap_before_gas


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"pool\.cash\[WETH\]"):
        lending(1).ask("commutative=pool.cahs[WETH]")
    with pytest.raises(UsageError, match=r"nearest: .*pool"):
        lending(1).ask("sharded=pol:4")


def test_locations_can_be_written_in_several_ways() -> None:
    expected = lending(1).ask("commutative=pool.total_debt[*]").locations

    assert len(expected) == 4
    for spelling in ("pool.totaldebt[*]", "POOL.reserves[*].scaled_debt", "pool.total_debt[WETH]+pool.total_debt[*]"):
        assert set(lending(1).ask(f"commutative={spelling}").locations) == set(expected)


SEEDS = [1, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(2, 6))]


@pytest.mark.parametrize("seed", SEEDS)
def test_predicted_counters_are_confirmed_by_the_same_calls_on_sixteen_pools(seed: int) -> None:
    one = lending(seed)
    pool_of = {account.address: index % 16 for index, account in enumerate(users(one.workload))}

    predicted = one.ask(f"commutative={COUNTERS}+{TOKENS}")
    run = cap_of_run(*on_copies(one.workload, lambda sender: pool_of.get(sender, 0)), like=one)

    assert predicted.cap_before_gas < 2.2
    assert predicted.cap_after_gas == pytest.approx(run, rel=WITHIN)


@pytest.mark.parametrize("seed", SEEDS)
def test_predicted_shards_are_confirmed_by_the_same_calls_on_so_many_pools(seed: int) -> None:
    one = lending(seed)

    predicted = one.ask("sharded=pool:16").cap_after_gas
    run = cap_of_run(*on_copies(one.workload, lambda sender: shard_of(sender, 16)), like=one)

    assert predicted == pytest.approx(run, rel=WITHIN)


@pytest.mark.slow
def test_predictions_are_confirmed_by_the_workload_with_sixteen_shards() -> None:
    """Over seeds: a seed's calls differ with the number of shards, so that only means can be compared."""
    seeds = range(1, 11)
    counters = geometric_mean(lending(seed).ask(f"commutative={COUNTERS}+{TOKENS}").cap_after_gas for seed in seeds)
    shards = geometric_mean(lending(seed).ask("sharded=pool:16").cap_after_gas for seed in seeds)
    runs = []
    for seed in seeds:
        workload = generate("lending", 300, seed, {"shards": "16"})
        results = execute_sequential(workload.blocks[0], workload.pre_state).transactions
        gas = [one.gas_used for one in results]
        runs.append(sum(gas) / build(observed_sets(results, workload.pre_state)).critical_path(gas)[0])

    assert counters == pytest.approx(geometric_mean(runs), rel=WITHIN)
    assert shards == pytest.approx(geometric_mean(runs), rel=WITHIN)
