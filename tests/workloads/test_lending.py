"""Lending blocks: access sets are exact, the model agrees with the contract, invariants hold and can fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

import pytest

from executor.state import MemoryState
from scheduler.access import NONCE, STORAGE, Location
from scheduler.graph import build
from tests.workloads.runs import Run, run_all, success_share, wrong_access_sets
from workloads.block_builder import BlockBuilder, block_time, genesis
from workloads.lending.actions import Action, liquidation, perform, pool_action
from workloads.lending.checks import PoolCheck
from workloads.lending.generator import SPEC
from workloads.lending.market import Market, genesis_accounts, make_market
from workloads.lending.terms import WAD, amount_of
from workloads.parameters import parse_parameters
from workloads.registry import generate
from workloads.token_model import UNLIMITED
from workloads.workload import Workload

CASES: list[dict[str, str]] = [
    {},
    {"rate": "eager"},
    {"shards": "5", "users": "60"},
    {"assets": "8", "failing": "0.3"},
    {"assets": "1"},
    {"blocks": "4", "declare": "exact"},
    {"blocks": "3", "keeper": "1"},
    {"mix": "liquidate:1,deposit:1", "unhealthy": "9"},
    {"users": "1", "zipf_users": "0"},
]


def make(params: dict[str, str] | None = None, transactions: int = 150, seed: int = 5) -> Workload:
    return generate("lending", transactions, seed, params or {})


@pytest.mark.parametrize("params", CASES, ids=str)
def test_the_access_sets_are_what_the_engine_touches(params: dict[str, str]) -> None:
    assert wrong_access_sets(make(params)) == []


@pytest.mark.parametrize("params", CASES, ids=str)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    for index, run in enumerate(run_all(workload)):
        assert workload.check(run.after, index, run.before) == []


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    assert make().blocks == make().blocks
    assert make().blocks != make(seed=6).blocks


def test_the_mix_is_the_calibrated_one_and_almost_all_succeed() -> None:
    workload = make(transactions=300)
    counts = Counter(name.removesuffix("-reverts") for name in workload.operations[0])
    assert counts["liquidate"] >= 1
    assert counts["deposit"] == pytest.approx(120, abs=12)
    assert counts["borrow"] == pytest.approx(80, abs=12)
    assert success_share(workload) > 0.95


def test_a_keeper_leaves_nobody_else_an_index_to_bring_up_to_now() -> None:
    workload = make({"keeper": "1", "blocks": "2"}, transactions=60)
    check = next(check for check in workload.checks if isinstance(check, PoolCheck))
    times = {listing.slots.updated_at for listing in check.pool.listings}
    for block, names in zip(workload.blocks, workload.operations, strict=True):
        assert names[:4] == ("accrue",) * 4
        written = [times & access.writes for access in block.access_sets or ()]
        assert [len(at) for at in written] == [1] * 4 + [0] * 26


def ideal_speed_up(**params: str) -> float:
    """Return transactions over the longest chain of dependencies."""
    sets = make(dict(params), 300).blocks[0].access_sets
    assert sets is not None
    return len(sets) / (max(build(sets).levels()) + 1)


def test_shards_run_apart_and_eager_rates_tie_together() -> None:
    eager, lazy, shards = ideal_speed_up(rate="eager"), ideal_speed_up(), ideal_speed_up(shards="16")
    assert 1.0 < eager < lazy < 2.5
    assert shards > 5


# -- the model against the contract, in a crash -----------------------------------------------------------


class Storm:
    """Random calls, prices that jump between blocks, and everything unhealthy liquidated: for the model to follow."""

    def __init__(self, seed: int, rate: str) -> None:
        texts = {"users": "12", "rate": rate, "unhealthy": "3", "shards": "2"}
        self.random = Random(seed)
        self.market: Market = make_market(parse_parameters(SPEC, texts), seed, self.random)
        self.state = genesis()
        genesis_accounts(self.market, self.state)
        for account in (*self.market.users, *self.market.liquidators):
            self.state.put(account.address, balance=10**24)
        self.builder = BlockBuilder()
        self.outcomes: Counter[str] = Counter()

    def block(self, index: int, transactions: int) -> Workload:
        """Return the next block, on the state so far."""
        self.move_prices()
        before = self.state.copy()
        for pool in self.market.pools:
            pool.now = block_time(index)
        for _ in range(transactions):
            call, _ = perform(self.action(), self.market.storage)
            self.outcomes[call.operation] += 1
            self.builder.add(call)
        self.builder.end_block()
        block, operations = self.builder.blocks[-1], self.builder.operations[-1]
        return Workload("storm", 0, {}, before, (block,), (operations,))

    def move_prices(self) -> None:
        """Change every price, in the model and in the state."""
        for listing in self.market.pools[0].listings:
            address, _, slot = listing.price_at
            price = int(listing.asset.price * self.random.uniform(0.3, 1.2))
            self.market.storage.values[listing.price_at] = price
            self.state.accounts[address].storage[slot] = price

    def action(self) -> Action:
        """Return a call with a random amount, sensible or not."""
        random, market = self.random, self.market
        index = random.randrange(len(market.users))
        user, pool = market.users[index], market.pool_of(index)
        listing, other = random.choice(pool.listings), random.choice(pool.listings)
        dollars = random.choice((0.0, 1e-6, 1.0, 500.0, 20_000.0, 10**9))
        amount = amount_of(dollars, listing.asset) + random.randrange(3)
        if random.random() < 0.4:
            people = market.members(market.pools.index(pool))
            unhealthy = [person for person in people if not pool.standing(person).healthy]
            victim = random.choice(unhealthy or people)
            if random.random() < 0.8:  # what the victim has, where it has anything
                listing = next((at for at in pool.listings if pool.owed(victim, at)), listing)
                other = next((at for at in pool.listings if pool.supplied(victim, at)), other)
            close = random.choice((amount, UNLIMITED))
            return liquidation(market.liquidators[0], pool, victim, listing, other, close)
        operation = random.choice(("deposit", "borrow", "withdraw", "repay"))
        everything = operation in {"withdraw", "repay"} and random.random() < 0.3
        return pool_action(operation, user, pool, listing, UNLIMITED if everything else amount)


def model_storage(market: Market) -> dict[Location, int]:
    """Return what the model holds, without zeros."""
    return {location: value for location, value in market.storage.values.items() if value}


def engine_storage(state: MemoryState, market: Market) -> dict[Location, int]:
    """Return what the engine left in the storage of the modelled contracts."""
    contracts = {location[0] for location in market.storage.values}
    return {
        (address, STORAGE, slot): value
        for address in contracts
        for slot, value in state.accounts[address].storage.items()
    }


@pytest.mark.parametrize("rate", ["lazy", "eager"])
@pytest.mark.parametrize("seed", [1, 2])
def test_the_model_follows_the_contract_through_crashes(seed: int, rate: str) -> None:
    storm = Storm(seed, rate)
    for index in range(4):
        workload = storm.block(index, 60)
        run = run_all(workload)[0]
        assert wrong_access_sets(workload, [run]) == []
        for operation, result in zip(workload.operations[0], run.result.transactions, strict=True):
            assert result.success != operation.endswith("-reverts"), operation
        storm.state = run.after
        assert engine_storage(run.after, storm.market) == model_storage(storm.market)
        for number, pool in enumerate(storm.market.pools):
            check = PoolCheck(pool, tuple(storm.market.members(number)), (frozenset(),) * 4)
            assert check.violations(run.before, run.after, index) == []
    assert storm.outcomes["liquidate"] > 5
    assert storm.outcomes["borrow"] > 1
    deficits = [listing.slots.deficit for pool in storm.market.pools for listing in pool.listings]
    assert any(storm.market.storage.values.get(location) for location in deficits)


# -- invariants can fail ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def executed() -> tuple[Workload, Run, PoolCheck]:
    """Return a block that is right, and the check that knows where things lie."""
    workload = make()
    run = run_all(workload)[0]
    check = next(check for check in workload.checks if isinstance(check, PoolCheck))
    return workload, run, check


def add(location_of: Callable[[PoolCheck], Location], amount: int) -> Callable[[PoolCheck, MemoryState], None]:
    """Return a fault: a slot that is off by `amount`."""

    def change(check: PoolCheck, state: MemoryState) -> None:
        address, _, slot = location_of(check)
        storage = state.accounts[address].storage
        storage[slot] = storage.get(slot, 0) + amount

    return change


FAULTS: dict[str, tuple[Callable[[PoolCheck], Location], int]] = {
    "cash is": (lambda c: c.pool.listings[0].slots.cash, 1),
    "insolvent by": (lambda c: c.pool.listings[1].slots.fees, 10**30),
    "scaled supply is": (lambda c: c.pool.listings[0].slots.scaled_supply, 1),
    "scaled debt is": (lambda c: c.pool.listings[0].slots.scaled_debt, 1),
    "supply index fell": (lambda c: c.pool.listings[0].slots.supply_index, -(10**26)),
    "borrow index fell": (lambda c: c.pool.listings[0].slots.accrual, -(10**26 << 128)),
    "time fell": (lambda c: c.pool.listings[0].slots.updated_at, -(10**6)),
    "health factor below 1": (lambda c: c.pool.listings[0].price_at, -2_999 * WAD),
    "has bitmap": (lambda c: c.pool.bitmap_at(c.members[0]), 1 << 14),
    "balances sum to": (lambda c: c.pool.listings[0].token.balance_at(c.members[0]), 1),
    "supply changed": (lambda c: c.pool.listings[0].token.supply_at, 1),
}


@pytest.mark.parametrize("line", FAULTS)
def test_each_broken_rule_is_found(executed: tuple[Workload, Run, PoolCheck], line: str) -> None:
    workload, run, check = executed
    spoilt = run.after.copy()
    add(*FAULTS[line])(check, spoilt)
    found = workload.check(spoilt, 0, run.before)
    assert any(line in violation for violation in found), found
    assert any("the model says" in violation for violation in found)


def test_a_wrong_nonce_is_found(executed: tuple[Workload, Run, PoolCheck]) -> None:
    workload, run, _ = executed
    spoilt = run.after.copy()
    sender = workload.blocks[0].transactions[0].sender_hint
    assert sender is not None
    spoilt.accounts[sender].nonce += 1
    assert spoilt.read((sender, NONCE, 0)) != run.after.read((sender, NONCE, 0))
    assert any("nonce" in violation for violation in workload.check(spoilt, 0, run.before))
