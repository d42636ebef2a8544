"""The state before the first block: tokens, oracle, pools with users' positions, and a few unhealthy ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from random import Random

from executor.state import MemoryState
from scheduler.access import STORAGE, Address
from workloads.accounts import KeyPair, make_accounts, make_address
from workloads.artefacts import load_contract
from workloads.block_builder import BLOCK_TIME, block_time
from workloads.distributions import Zipf, log_normal
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import (
    ASSETS,
    BPS,
    RAY,
    Asset,
    amount_of,
    borrow_rate,
    ceil_div,
    pack_accrual,
    pack_config,
    pack_curve,
    unpack_accrual,
)
from workloads.parameters import Parameters
from workloads.storage_model import ModelStorage
from workloads.token_model import Token

WALLET = 2e6
LIQUIDATOR_WALLET = 5e7
DEPTH = 5e6
MEDIAN_SUPPLY = 20_000.0
"""Dollars: what a user and a liquidator hold of each asset, what others at least supply of it to a pool, and
what a user supplies."""
UTILISATION = 0.6
SUPPLIERS_SHARE, BORROWERS_SHARE = 0.8, 0.6
OVERDRAWN = 1.03
"""Debt of an unhealthy position over what its liquidation threshold allows."""


@dataclass
class Market:
    """Tokens and pools; user i has its positions in pool i modulo the number of pools.

    `victims` can be liquidated; `passive` are they and one large supplier per pool, who send nothing.
    """

    storage: ModelStorage
    oracle: Address
    owner: Address
    tokens: list[Token]
    pools: list[Pool]
    users: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    victims: list[tuple[Pool, Address]] = field(default_factory=list)
    passive: dict[Pool, list[Address]] = field(default_factory=dict)

    def pool_of(self, user: int) -> Pool:
        """Return the pool in which user number `user` acts."""
        return self.pools[user % len(self.pools)]

    def members(self, index: int) -> list[Address]:
        """Return everybody who may have a position in pool number `index`."""
        users = [user.address for user in self.users[index :: len(self.pools)]]
        return users + self.passive[self.pools[index]]

    def holders(self) -> list[Address]:
        """Return everybody who may have tokens."""
        people = [account.address for account in (*self.users, *self.liquidators)]
        return people + [pool.address for pool in self.pools]


def make_market(parameters: Parameters, seed: int, random: Random) -> Market:
    """Return a market whose storage is the genesis."""
    storage = ModelStorage()
    oracle = make_address(seed, "oracle")
    assets = ASSETS[: parameters.integer("assets")]
    shards = parameters.integer("shards")
    market = Market(
        storage=storage,
        oracle=oracle,
        owner=make_address(seed, "owner"),
        tokens=[Token(storage, make_address(seed, "token", index)) for index in range(len(assets))],
        pools=[Pool(storage, make_address(seed, "pool", index), oracle) for index in range(shards)],
        users=make_accounts(seed, "lending", parameters.integer("users")),
        liquidators=make_accounts(seed, "liquidators", parameters.integer("liquidators")),
    )
    owner_at = load_contract("Oracle").layout["owner"]
    storage.values[oracle, STORAGE, owner_at] = int.from_bytes(market.owner, "big")
    eager = parameters.text("rate") == "eager"
    for asset, token in zip(assets, market.tokens, strict=True):
        token.deploy(asset.symbol, asset.symbol, asset.decimals, market.owner)
        for pool in market.pools:
            list_asset(market, pool, asset, token, random, eager=eager)
    _fill_wallets(market, assets)
    _open_positions(market, parameters, random)
    _add_victims(market, parameters.integer("unhealthy"), seed, random)
    for index, pool in enumerate(market.pools):
        other = make_address(seed, "others", index)
        market.passive.setdefault(pool, []).append(other)
        for listing in pool.listings:
            balance_books(market, pool, listing, other)
    return market


def genesis_accounts(market: Market, state: MemoryState) -> None:
    """Put the contracts into the genesis state."""
    storage = market.storage.by_account()
    codes = {token.address: token.contract.runtime for token in market.tokens}
    codes |= {pool.address: pool.contract.runtime for pool in market.pools}
    codes[market.oracle] = load_contract("Oracle").runtime
    for address, code in codes.items():
        state.put(address, nonce=1, code=code, storage=storage[address])


def list_asset(market: Market, pool: Pool, asset: Asset, token: Token, random: Random, *, eager: bool) -> None:
    """List an asset with its usual limits, with a past: odd indexes, brought up to date some blocks ago."""
    listing = pool.list_asset(asset, token)
    values, at = market.storage.values, listing.slots
    values[listing.price_at] = asset.price
    values[pool.oracle_at] = int.from_bytes(market.oracle, "big")
    values[pool.address, STORAGE, pool.contract.layout["owner"]] = int.from_bytes(market.owner, "big")
    values[pool.address, STORAGE, pool.contract.layout["asset_count"]] = len(pool.listings)
    values[pool.asset_at(listing.index)] = int.from_bytes(token.address, "big")
    values[at.config] = pack_config(listing.index, asset, eager=eager)
    values[at.curve] = pack_curve(asset.curve)
    values[at.supply_index] = RAY + random.randrange(RAY // 50)
    values[at.accrual] = pack_accrual(RAY + random.randrange(RAY // 20), 0)
    values[at.updated_at] = pool.now = block_time(0)
    values[at.updated_at] -= BLOCK_TIME * random.randrange(1, 50)


def _fill_wallets(market: Market, assets: tuple[Asset, ...]) -> None:
    for asset, token in zip(assets, market.tokens, strict=True):
        for index, user in enumerate(market.users):
            token.seed(user.address, amount_of(WALLET, asset))
            token.seed_allowance(user.address, market.pool_of(index).address)
        for liquidator in market.liquidators:
            token.seed(liquidator.address, amount_of(LIQUIDATOR_WALLET, asset))
            for pool in market.pools:
                token.seed_allowance(liquidator.address, pool.address)


def _open_positions(market: Market, parameters: Parameters, random: Random) -> None:
    """Give most users collateral, and many of those a debt well within it."""
    zipf = Zipf(len(market.tokens), parameters.number("zipf_assets"))
    for index, user in enumerate(market.users):
        pool = market.pool_of(index)
        if random.random() >= SUPPLIERS_SHARE:
            continue
        for _ in range(random.choice((1, 1, 2))):
            listing = pool.listings[zipf.draw(random)]
            amount = amount_of(log_normal(random, MEDIAN_SUPPLY), listing.asset)
            seed_supply(market, pool, listing, user.address, amount)
        if random.random() < BORROWERS_SHARE:
            limit = dollars(pool.standing(user.address).limit) * random.uniform(0.3, 0.8)
            listing = pool.listings[zipf.draw(random)]
            seed_debt(market, pool, listing, user.address, amount_of(limit, listing.asset))


def _add_victims(market: Market, count: int, seed: int, random: Random) -> None:
    """Add positions, of users who do nothing, that can be liquidated at the genesis prices."""
    for number, pool in enumerate(market.pools):
        for index in range(count):
            victim = make_address(seed, f"victim/{number}", index)
            collateral, debt = (pool.listings[at % len(pool.listings)] for at in (index, index + 1))
            amount = amount_of(log_normal(random, MEDIAN_SUPPLY), collateral.asset)
            seed_supply(market, pool, collateral, victim, amount)
            owed = dollars(pool.standing(victim).threshold) * OVERDRAWN
            seed_debt(market, pool, debt, victim, amount_of(owed, debt.asset))
            market.victims.append((pool, victim))
            market.passive.setdefault(pool, []).append(victim)


def dollars(weighted: int) -> float:
    """Return whole dollars of a value with 18 decimals that is weighted in basis points."""
    return weighted / BPS / 10**18


def seed_supply(market: Market, pool: Pool, listing: Listing, user: Address, amount: int) -> None:
    """Add to what a user supplies; the cash for it is for `balance_books`."""
    values, at = market.storage.values, listing.slots
    scaled = amount * RAY // values[at.supply_index]
    if not scaled:
        return
    for location in (at.scaled_supply, pool.position_at(user, listing)[0]):
        values[location] = values.get(location, 0) + scaled
    values[pool.bitmap_at(user)] = values.get(pool.bitmap_at(user), 0) | listing.supply_bit


def seed_debt(market: Market, pool: Pool, listing: Listing, user: Address, amount: int) -> None:
    """Add to what a user owes."""
    values, at = market.storage.values, listing.slots
    index, _ = unpack_accrual(values[at.accrual])
    scaled = ceil_div(amount * RAY, index)
    if not scaled:
        return
    for location in (at.scaled_debt, pool.position_at(user, listing)[1]):
        values[location] = values.get(location, 0) + scaled
    values[pool.bitmap_at(user)] = values.get(pool.bitmap_at(user), 0) | listing.supply_bit << 1


def balance_books(market: Market, pool: Pool, listing: Listing, other: Address) -> None:
    """Let somebody supply what keeps the utilisation moderate; then cash is what makes the books balance."""
    values, at = market.storage.values, listing.slots
    index, _ = unpack_accrual(values[at.accrual])
    debt = ceil_div(values.get(at.scaled_debt, 0) * index, RAY)
    supplied = values.get(at.scaled_supply, 0) * values[at.supply_index] // RAY
    wanted = max(int(debt / UTILISATION), debt + amount_of(DEPTH, listing.asset))
    seed_supply(market, pool, listing, other, max(wanted - supplied, 0))
    fees = debt // 1_000
    owned = values[at.scaled_supply] * values[at.supply_index]
    lent = values.get(at.scaled_debt, 0) * index
    values[at.fees] = fees
    values[at.cash] = ceil_div(owned - lent, RAY) + fees
    listing.token.seed(pool.address, values[at.cash])
    values[at.accrual] = pack_accrual(index, borrow_rate(listing.asset.curve, debt, values[at.cash]))
