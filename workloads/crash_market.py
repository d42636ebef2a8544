"""The market of workload 2 before prices fall: leveraged borrowers, pairs to sell collateral on, a flash lender."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.access import STORAGE, Address
from workloads.accounts import KeyPair, make_address
from workloads.amm import ADDRESS_ZERO
from workloads.artefacts import load_contract
from workloads.distributions import draw_mix, log_normal
from workloads.flash_loans import open_lender
from workloads.lending.checks import StateStorage
from workloads.lending.market import (
    LIQUIDATOR_WALLET,
    MEDIAN_SUPPLY,
    WALLET,
    Market,
    balance_books,
    dollars,
    genesis_accounts,
    list_asset,
    seed_debt,
    seed_supply,
)
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import ASSETS, amount_of
from workloads.stage import Deployed, Stage
from workloads.storage_model import ModelStorage
from workloads.token_model import Token

LISTED = ASSETS[:7]
SYMBOLS = tuple(asset.symbol for asset in LISTED)
STEADY = frozenset(SYMBOLS.index(symbol) for symbol in ("USDC", "DAI", "USDT"))
COLLATERAL = {"WETH": 40.0, "wstETH": 19.0, "WBTC": 26.0, "LINK": 15.0}
DEBT = {"USDC": 60.0, "USDT": 25.0, "DAI": 13.5, "WETH": 1.5}
"""Shares of the positions; in the crash of 13 April 2024 59 % of the collateral was WETH or wstETH, and 98.5 % of the
debt stablecoins."""
QUOTE = SYMBOLS.index("USDC")
"""Collateral is sold for it; positions that owe it can be liquidated with borrowed tokens."""
MEDIAN_CUSHION, CUSHION_SIGMA = 0.2, 0.6
"""How far health factors lie above 1, log-normal."""
PAIR_DEPTH, LENT, WHALE_WALLET = 5e7, 1e8, 1e10
"""Dollars: on each side of a pair, in the flash lender, and of each asset in the whale's wallet."""


@dataclass(frozen=True)
class CrashMarket:
    """What takes part; `model` answers questions about the pool as the stage has it now."""

    stage: Stage
    model: Pool
    pool: Deployed
    oracle: Deployed
    tokens: tuple[Deployed, ...]
    pairs: dict[int, Deployed]
    """Asset index -> its pair with the quote token."""
    lender: Deployed
    flash_liquidator: Deployed
    users: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    whale: KeyPair
    borrowers: tuple[Address, ...]
    others: Address

    def holders(self) -> tuple[Address, ...]:
        """Return everybody who may have tokens."""
        people = (*self.users, *self.liquidators, self.whale, self.stage.owner)
        contracts = (self.pool, self.lender, self.flash_liquidator, *self.pairs.values())
        return (*(person.address for person in people), *(contract.address for contract in contracts))

    def members(self) -> tuple[Address, ...]:
        """Return everybody who may have a position in the pool."""
        return (*(user.address for user in self.users), *self.borrowers, self.others)

    def providers(self) -> tuple[Address, ...]:
        """Return who has shares of the pairs."""
        return self.stage.owner.address, ADDRESS_ZERO


def open_market(stage: Stage, users: int, liquidators: int, borrowers: int) -> CrashMarket:
    """Put everything into the genesis of the stage."""
    seed = stage.seed
    storage = ModelStorage()
    oracle = make_address(seed, "crash/oracle")
    market = Market(
        storage=storage,
        oracle=oracle,
        owner=stage.owner.address,
        tokens=[Token(storage, make_address(seed, "crash/token", index)) for index in range(len(LISTED))],
        pools=[Pool(storage, make_address(seed, "crash/pool"), oracle)],
        users=stage.accounts("user", users),
        liquidators=stage.accounts("liquidator", liquidators),
    )
    (whale,) = stage.accounts("whale", 1)
    (model,) = market.pools
    _list_all(stage, market)
    _fill_wallets(market, whale)
    passive = tuple(make_address(seed, "crash/borrower", index) for index in range(borrowers))
    _open_positions(stage, market, passive)
    others = make_address(seed, "crash/others")
    for listing in model.listings:
        balance_books(market, model, listing, others)
    genesis_accounts(market, stage.state)
    tokens = tuple(Deployed(token.address, token.contract) for token in market.tokens)
    lender = open_lender(stage, [(tokens[QUOTE], amount_of(LENT, LISTED[QUOTE]))])
    return CrashMarket(
        stage=stage,
        model=model.on(StateStorage(stage), stage.now),
        pool=Deployed(model.address, model.contract),
        oracle=Deployed(oracle, load_contract("Oracle")),
        tokens=tokens,
        pairs={index: _open_pair(stage, tokens, whale, index) for index in range(len(LISTED)) if index not in STEADY},
        lender=lender,
        flash_liquidator=stage.deploy("FlashLiquidator", lender.address, model.address),
        users=market.users,
        liquidators=market.liquidators,
        whale=whale,
        borrowers=passive,
        others=others,
    )


def _list_all(stage: Stage, market: Market) -> None:
    owner_at = load_contract("Oracle").layout["owner"]
    market.storage.values[market.oracle, STORAGE, owner_at] = int.from_bytes(market.owner, "big")
    for asset, token in zip(LISTED, market.tokens, strict=True):
        token.deploy(asset.symbol, asset.symbol, asset.decimals, market.owner)
        list_asset(market, market.pools[0], asset, token, stage.random, eager=False)


def _fill_wallets(market: Market, whale: KeyPair) -> None:
    wallets = dict.fromkeys(market.users, WALLET) | dict.fromkeys(market.liquidators, LIQUIDATOR_WALLET)
    for asset, token in zip(LISTED, market.tokens, strict=True):
        token.seed(whale.address, amount_of(WHALE_WALLET, asset))
        for account, wallet in wallets.items():
            token.seed(account.address, amount_of(wallet, asset))
            token.seed_allowance(account.address, market.pools[0].address)


def _open_positions(stage: Stage, market: Market, borrowers: tuple[Address, ...]) -> None:
    """Give each borrower one collateral and one debt, healthy by a cushion; give each user something supplied."""
    random, (pool,) = stage.random, market.pools
    listings = {listing.asset.symbol: listing for listing in pool.listings}
    collaterals = draw_mix(random, COLLATERAL, len(borrowers))
    debts = draw_mix(random, DEBT, len(borrowers))
    for borrower, owned, owed in zip(borrowers, collaterals, debts, strict=True):
        collateral = listings[owned]
        debt = listings[owed if owed != owned else SYMBOLS[QUOTE]]
        seed_supply(market, pool, collateral, borrower, _amount(stage, collateral))
        health = 1 + log_normal(random, MEDIAN_CUSHION, CUSHION_SIGMA)
        limit = dollars(pool.standing(borrower).threshold) / health
        seed_debt(market, pool, debt, borrower, amount_of(limit, debt.asset))
    for user in market.users:
        listing = random.choice(pool.listings)
        seed_supply(market, pool, listing, user.address, _amount(stage, listing))


def _amount(stage: Stage, listing: Listing) -> int:
    return amount_of(log_normal(stage.random, MEDIAN_SUPPLY), listing.asset)


def _open_pair(stage: Stage, tokens: tuple[Deployed, ...], whale: KeyPair, index: int) -> Deployed:
    """Deploy the pair of an asset and the quote token, deep enough for what a crash sells."""
    sides = (index, QUOTE)
    pair = stage.deploy("Pair", *(tokens[side].address for side in sides))
    amounts = [amount_of(PAIR_DEPTH, LISTED[side]) for side in sides]
    for side, amount in zip(sides, amounts, strict=True):
        stage.mint(tokens[side], stage.owner.address, amount)
        stage.allow(tokens[side], (stage.owner, whale), pair.address)
    stage.setup(stage.owner, pair, "add", *amounts)
    return pair
