"""Workload 1, lending: users deposit, borrow, withdraw and repay in a multi-asset pool, some are liquidated."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from random import Random

from scheduler.access import Address, Location
from workloads.accounts import KeyPair, make_accounts
from workloads.block_builder import BlockBuilder, block_time, genesis
from workloads.checks import ModelCheck, NonceCheck, SupplyCheck
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE, FAILING, ZIPF_USERS, parse_mix
from workloads.distributions import Zipf, draw_mix, log_normal
from workloads.lending.actions import RISKY, Action, accrual, liquidation, perform, pool_action
from workloads.lending.checks import PoolCheck
from workloads.lending.market import Market, genesis_accounts, make_market
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import ALL_DEBTS, BPS, WAD, amount_of
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.token_model import UNLIMITED
from workloads.workload import Check, Workload

ETHER = 10**18
MIX = "deposit:40.2,borrow:26.8,withdraw:20.3,repay:12.6,liquidate:0.1"
"""Direct calls of Aave v2, December 2020 to June 2021, in per cent."""
MEDIAN_AMOUNT = 3_000.0
TRIES = 40
"""A user for whom an operation makes no sense is drawn again this often; then it becomes a deposit."""

PARAMETERS = {
    "users": Parameter(100, "users with wallets and positions", minimum=1, maximum=100_000),
    "assets": Parameter(4, "assets per pool", minimum=1, maximum=8),
    "shards": Parameter(1, "independent pools; each user belongs to one", minimum=1, maximum=1_000),
    "zipf_users": ZIPF_USERS,
    "zipf_assets": Parameter(1.0, "exponent over assets", minimum=0, maximum=3),
    "rate": Parameter(
        "lazy", "recompute the interest rate when time passes, or at every action", choices=("lazy", "eager")
    ),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "unhealthy": Parameter(4, "positions per pool that can be liquidated from the start", 0, 1_000),
    "liquidators": Parameter(4, "accounts that liquidate", minimum=1, maximum=1_000),
    "keeper": Parameter(0, "1: the first transactions of a block bring every asset's indexes up to now", 0, 1),
    "blocks": BLOCKS,
    "block_seconds": BLOCK_SECONDS,
    "declare": DECLARE,
}


@dataclass
class _Lending:
    """A generation in progress."""

    parameters: Parameters
    random: Random
    market: Market
    builder: BlockBuilder
    users: Zipf
    assets: Zipf
    block_start: dict[Location, int] | None = None
    risked: list[dict[Pool, set[Address]]] = field(default_factory=list)
    slots: list[dict[tuple[bytes, int, int], int]] = field(default_factory=list)
    nonces: list[dict[Address, int]] = field(default_factory=list)


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of lending calls, `transactions` in all."""
    random = Random(f"lending/{seed}")
    weights = parse_mix(parameters.text("mix"), MIX)
    market = make_market(parameters, seed, random)
    pre_state = genesis()
    genesis_accounts(market, pre_state)
    builder = BlockBuilder(parameters.text("declare"), parameters.integer("block_seconds"))
    users = Zipf(len(market.users), parameters.number("zipf_users"))
    assets = Zipf(len(market.tokens), parameters.number("zipf_assets"))
    keepers = make_accounts(seed, "keeper", parameters.integer("keeper"))
    work = _Lending(parameters, random, market, builder, users, assets)
    blocks = parameters.integer("blocks")
    upkeep = [
        accrual(keeper, pool, listing) for keeper in keepers for pool in market.pools for listing in pool.listings
    ]
    sizes = [(index + 1) * transactions // blocks - index * transactions // blocks for index in range(blocks)]
    operations = iter(draw_mix(random, weights, sum(max(size - len(upkeep), 0) for size in sizes)))
    for index, size in enumerate(sizes):
        _fill_block(work, index, upkeep[:size], list(islice(operations, max(size - len(upkeep), 0))))
    for account in (*market.users, *market.liquidators, *keepers):
        pre_state.put(account.address, balance=ETHER + builder.costs.get(account.address, 0))
    return Workload(
        name="lending",
        seed=seed,
        parameters=parameters.values,
        pre_state=pre_state,
        blocks=builder.blocks,
        operations=builder.operations,
        checks=_checks(work),
    )


def _fill_block(work: _Lending, index: int, upkeep: list[Action], operations: list[str]) -> None:
    for pool in work.market.pools:
        pool.now = block_time(index, work.builder.block_seconds)
    work.risked.append({pool: set() for pool in work.market.pools})
    if work.builder.declare == "stale":
        work.block_start = dict(work.market.storage.values)
    for action in upkeep:
        _emit(work, action)
    for operation in operations:
        if work.random.random() < work.parameters.number("failing"):
            _emit(work, _doomed(work))
        else:
            _emit(work, _sensible(work, operation))
    work.builder.end_block()
    work.slots.append(dict(work.market.storage.values))
    work.nonces.append(dict(work.builder.nonces))


def _emit(work: _Lending, action: Action) -> None:
    call, succeeds = perform(action, work.market.storage, work.block_start)
    work.builder.add(call)
    if succeeds and action.operation in RISKY:
        work.risked[-1][action.pool].add(action.sender.address)


# -- which action -----------------------------------------------------------------------------------------


def _sensible(work: _Lending, operation: str) -> Action:
    """Return an action that the state allows."""
    if operation == "liquidate":
        action = _liquidate(work)
        return action or _deposit(work)
    propose = {"deposit": _deposit, "borrow": _borrow, "withdraw": _withdraw, "repay": _repay}[operation]
    for _ in range(TRIES):
        action = propose(work)
        if action is not None:
            return action
    return _deposit(work)


def _someone(work: _Lending) -> tuple[KeyPair, Pool, Listing]:
    """Draw a user and an asset of the user's pool."""
    index = work.users.draw(work.random)
    pool = work.market.pool_of(index)
    return work.market.users[index], pool, pool.listings[work.assets.draw(work.random)]


def _amount(work: _Lending, listing: Listing) -> int:
    return amount_of(log_normal(work.random, MEDIAN_AMOUNT), listing.asset)


def _deposit(work: _Lending) -> Action:
    user, pool, listing = _someone(work)
    return pool_action("deposit", user, pool, listing, _amount(work, listing))


def _borrow(work: _Lending) -> Action | None:
    user, pool, listing = _someone(work)
    standing = pool.standing(user.address)
    room = amount_of((standing.limit // BPS - standing.debt) / WAD * 0.9, listing.asset)
    amount = min(_amount(work, listing), room)
    return pool_action("borrow", user, pool, listing, amount) if amount > 0 else None


def _withdraw(work: _Lending) -> Action | None:
    user, pool, listing = _someone(work)
    supplied = pool.supplied(user.address, listing)
    if not supplied:
        return None
    free = not work.market.storage.values.get(pool.bitmap_at(user.address), 0) & ALL_DEBTS
    if free and work.random.random() < 0.2:
        return pool_action("withdraw", user, pool, listing, UNLIMITED)
    standing = pool.standing(user.address)
    room = (standing.threshold - standing.debt * BPS) / listing.asset.risk.threshold / WAD
    safe = supplied if free else amount_of(max(room, 0.0) * 0.9, listing.asset)
    amount = min(_amount(work, listing), safe, supplied)
    return pool_action("withdraw", user, pool, listing, amount) if amount else None


def _repay(work: _Lending) -> Action | None:
    user, pool, listing = _someone(work)
    owed = pool.owed(user.address, listing)
    if not owed:
        return None
    everything = work.random.random() < 0.2
    return pool_action("repay", user, pool, listing, UNLIMITED if everything else min(_amount(work, listing), owed))


def _liquidate(work: _Lending) -> Action | None:
    candidates = [(p, v) for p, v in work.market.victims if not p.standing(v).healthy]
    if not candidates:
        return None
    pool, victim = work.random.choice(candidates)
    debts = [listing for listing in pool.listings if pool.owed(victim, listing)]
    supplies = [listing for listing in pool.listings if pool.supplied(victim, listing)]
    debt, collateral = work.random.choice(debts), work.random.choice(supplies)
    return liquidation(_liquidator(work), pool, victim, debt, collateral, UNLIMITED)


def _liquidator(work: _Lending) -> KeyPair:
    return work.random.choice(work.market.liquidators)


def _doomed(work: _Lending) -> Action:
    """Return an action that reverts: too much borrowed, too much withdrawn, a healthy user liquidated."""
    user, pool, listing = _someone(work)
    kind = work.random.choice(("borrow", "withdraw", "liquidate"))
    if kind == "liquidate" and pool.standing(user.address).healthy:
        return liquidation(_liquidator(work), pool, user.address, listing, pool.listings[0], UNLIMITED)
    if kind == "withdraw":
        return pool_action(kind, user, pool, listing, pool.supplied(user.address, listing) + 1)
    standing = pool.standing(user.address)
    return pool_action("borrow", user, pool, listing, amount_of(standing.limit / BPS / WAD + 1, listing.asset))


def _checks(work: _Lending) -> tuple[Check, ...]:
    market = work.market
    holders = market.holders()
    supplies = [
        SupplyCheck(listing.asset.symbol, token.supply_at, tuple(map(token.balance_at, holders)))
        for listing, token in zip(market.pools[0].listings, market.tokens, strict=True)
    ]
    pools = [
        PoolCheck(
            pool,
            tuple(market.members(index)),
            tuple(frozenset(risked[pool]) for risked in work.risked),
            work.builder.block_seconds,
        )
        for index, pool in enumerate(market.pools)
    ]
    return (NonceCheck(tuple(work.nonces)), *supplies, *pools, ModelCheck(tuple(work.slots)))


SPEC = WorkloadSpec(
    name="lending",
    description="a multi-asset lending pool: deposit, borrow, withdraw, repay, liquidate",
    parameters=PARAMETERS,
    generate=generate,
)
