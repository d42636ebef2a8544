"""The genesis of workload neutral: tokens, pairs, futures, speculators, and everybody's strategy."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.amm import Market
from workloads.distributions import Zipf, log_normal
from workloads.neutral_checks import Strategy
from workloads.parameters import Parameters
from workloads.perp_exchange import (
    DECIMALS,
    FEE,
    LOT,
    NO_LIMIT,
    SCALE,
    UNIT,
    WAD,
    Exchange,
    give_collateral,
    open_exchange,
)
from workloads.stage import Stage

WALLET = 10**9
"""What people have of each token, in whole units."""
DEPTH = 20_000_000 * UNIT
"""What a pair holds of the money at genesis; of the asset, as much as that is worth."""
START_PRICES = (60_000, 3_000, 150, 40)
MEDIAN_STAKE, SIGMA = 20_000.0, 0.6
GENESIS_LONG = 150_000 * UNIT
STRATEGY_GAS = 1_500_000
SPECULATORS = 4
"""Per asset: they are long, and pay funding to the shorts."""


@dataclass
class Work:
    """A generation in progress; `last` is what each strategy's last transaction was, in which block."""

    stage: Stage
    parameters: Parameters
    venue: Exchange
    markets: tuple[Market, ...]
    users: tuple[KeyPair, ...]
    speculators: tuple[KeyPair, ...]
    ranks: Zipf
    strategies: list[Strategy] = field(default_factory=list)
    last: dict[tuple[int, Address], str] = field(default_factory=dict)
    posted: list[tuple[int, Address, int]] = field(default_factory=list)

    def price(self, asset: Address) -> int:
        """Return the oracle's price now, with 18 decimals."""
        return self.stage.get(self.venue.oracle, "prices", asset)

    def is_open(self, strategy: Strategy) -> bool:
        """Return whether a strategy holds anything."""
        return self.stage.get(strategy.contract, "held") != 0

    def draw(self) -> int:
        """Draw the number of a strategy, which is its owner's."""
        return self.ranks.draw(self.stage.random)

    def amount(self, median: float) -> int:
        """Draw an amount of money."""
        return int(log_normal(self.stage.random, median, SIGMA) * UNIT)

    def send(self, operation: str, sender: KeyPair, strategy: Strategy, *arguments: int) -> None:
        """Call a strategy, and note what was done with it."""
        if self.stage.send(operation, sender, strategy.contract, operation, *arguments, gas=STRATEGY_GAS):
            self.last[len(self.stage.blocks), strategy.contract.address] = operation


def open_markets(stage: Stage, parameters: Parameters) -> Work:
    """Set up tokens, pairs, futures and speculators; the owner provides the pairs' depth."""
    users, count = stage.accounts("user", parameters.integer("users")), parameters.integer("assets")
    speculators = stage.accounts("speculator", SPECULATORS * count)
    people = (*users, *speculators, stage.owner)
    money = stage.token("USD", {person.address: WALLET * UNIT for person in people}, DECIMALS)
    assets = [stage.token(f"A{index}", {person.address: WALLET * WAD for person in people}) for index in range(count)]
    prices = {asset.address: START_PRICES[index % len(START_PRICES)] * WAD for index, asset in enumerate(assets)}
    venue = open_exchange(stage, money, prices, leverage=10)
    markets = []
    for asset in assets:
        pair = stage.deploy("Pair", asset.address, money.address)
        for token in (asset, money):
            stage.allow(token, people, pair.address)
        stage.setup(stage.owner, pair, "add", DEPTH * SCALE // prices[asset.address], DEPTH)
        markets.append(Market(pair, (asset, money)))
    work = Work(
        stage,
        parameters,
        venue,
        tuple(markets),
        users,
        speculators,
        Zipf(len(users), parameters.number("zipf_users")),
    )
    for index, speculator in enumerate(speculators):
        give_collateral(stage, venue, speculator.address, WALLET * UNIT)
        order = long_order(work, markets[index % count], GENESIS_LONG)
        stage.setup(speculator, venue.perp, "open", *order)
    return work


def deploy_strategy(work: Work, index: int) -> None:
    """Deploy a user's strategy; three in four open it at once."""
    stage, user, market = work.stage, work.users[index], work.markets[index % len(work.markets)]
    asset, money = market.tokens
    places = (asset.address, market.pair.address, work.venue.perp.address)
    contract = stage.deploy("Neutral", user.address, *places)
    work.strategies.append(Strategy(contract, asset))
    for token in (asset, money):
        stage.allow(token, [user], contract.address)
    if index % 4 != 3:
        stage.setup(user, contract, "open", work.amount(MEDIAN_STAKE), 0)


def long_order(work: Work, market: Market, amount: int) -> tuple[int | bytes, ...]:
    """Return the arguments that buy futures for `amount`, at a leverage of 3."""
    asset = market.tokens[0].address
    price = work.price(asset)
    size = max(amount * SCALE // price // LOT, 1) * LOT
    value = -(-size * price // SCALE)
    return asset, 1, size, value // 3 + value * FEE // 10_000 + 3, NO_LIMIT[True]
