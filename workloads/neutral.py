"""Workload 15, neutral: spot bought on a pair and sold short as futures, rebalanced as prices move."""

from __future__ import annotations

from math import isqrt

from scheduler.access import Address
from workloads.amm import ADDRESS_ZERO, Market, PairCheck
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import log_normal
from workloads.neutral_checks import NeutralCheck
from workloads.neutral_setup import MEDIAN_STAKE, Work, deploy_strategy, long_order, open_markets
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.perp_checks import checks_of as futures_checks
from workloads.perp_exchange import SCALE, UNIT, WAD, prices_by_block
from workloads.stage import Deployed, Stage
from workloads.workload import Check, Workload

MEDIAN_SWAP, MEDIAN_LONG, MEDIAN_HARVEST = 3_000.0, 4_000.0, 150.0
TRIES = 12
MIX = "rebalance:36,harvest:16,post:13,arbitrage:13,swap:8,long:6,open:4,close:4"

PARAMETERS = {
    "users": Parameter(48, "owners of one position each; three in four are open at genesis", minimum=1, maximum=5_000),
    "assets": Parameter(4, "assets with a pair and a market", minimum=1, maximum=100),
    "zipf_users": ZIPF_USERS,
    "volatility": Parameter(0.01, "spread of a new price around the last", minimum=0.001, maximum=0.5),
    "block_seconds": Parameter(600, "seconds between blocks, for which funding is due", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of rebalances, harvests and trades, `transactions` in all."""
    stage = Stage(
        "neutral", seed, declare=parameters.text("declare"), block_seconds=parameters.integer("block_seconds")
    )
    work = open_markets(stage, parameters)
    for index in range(len(work.users)):
        deploy_strategy(work, index)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work))


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: Work, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _open(work, greed=2)
    else:
        _STEPS[operation](work)


def _rebalance(work: Work) -> None:
    """Let a user, not always the owner, rebalance a strategy that is due; if none is found, a price moves."""
    for _ in range(TRIES):
        strategy = work.strategies[work.draw()]
        if work.stage.ask(strategy.contract, "due"):
            work.send("rebalance", work.users[work.draw()], strategy)
            return
    _post(work)


def _harvest(work: Work) -> None:
    """Bring in some of the asset, as staking it would."""
    for _ in range(TRIES):
        index = work.draw()
        strategy = work.strategies[index]
        if work.is_open(strategy):
            amount = work.amount(MEDIAN_HARVEST) * SCALE // work.price(strategy.asset.address)
            work.send("harvest", work.users[index], strategy, amount)
            return
    _swap(work)


def _post(work: Work) -> None:
    """Let the oracle's owner post a new price."""
    stage = work.stage
    asset = work.venue.assets[stage.random.randrange(len(work.venue.assets))]
    last, spread = work.price(asset) / WAD, work.parameters.number("volatility")
    price = int(log_normal(stage.random, last, spread) * 10**9) * 10**9
    stage.send("post", stage.owner, work.venue.oracle, "set_price", asset, price)
    work.posted.append((len(stage.blocks), asset, price))


def _reserves(work: Work, market: Market) -> tuple[int, int]:
    return work.stage.get(market.pair, "reserve0"), work.stage.get(market.pair, "reserve1")


def _arbitrage(work: Work) -> None:
    """Bring the pair that is farthest from its oracle's price to it."""

    def wanted(market: Market) -> tuple[int, int]:
        """Return the reserve of the asset at the oracle's price, and how far it is off in millionths."""
        x, y = _reserves(work, market)
        target = isqrt(x * y * SCALE // work.price(market.tokens[0].address))
        return target, abs(target - x) * 10**6 // x

    market = max(work.markets, key=lambda market: wanted(market)[1])
    (asset, money), (x, y), (target, _) = market.tokens, _reserves(work, market), wanted(market)
    token, amount = (asset, target - x) if target > x else (money, x * y // target - y)
    user = work.users[work.draw()]
    work.stage.send("arbitrage", user, market.pair, "swap", token.address, max(amount, UNIT), 0)


def _swap(work: Work) -> None:
    """Let a user trade some of the asset or of the money on a pair."""
    market = work.markets[work.stage.random.randrange(len(work.markets))]
    (asset, money), amount = market.tokens, work.amount(MEDIAN_SWAP)
    user = work.users[work.draw()]
    if work.stage.random.random() < 0.5:
        work.stage.send("swap", user, market.pair, "swap", money.address, amount, 0)
    else:
        sold = amount * SCALE // work.price(asset.address)
        work.stage.send("swap", user, market.pair, "swap", asset.address, sold, 0)


def _longer(work: Work) -> None:
    """Let a speculator add to a position."""
    index = work.stage.random.randrange(len(work.speculators))
    order = long_order(work, work.markets[index % len(work.markets)], work.amount(MEDIAN_LONG))
    work.stage.send("long", work.speculators[index], work.venue.perp, "increase", *order)


def _open(work: Work, greed: int = 0) -> None:
    """Open a strategy that is closed; with greed for so many times what the pair gives, it reverts there."""
    index = next((index for index, strategy in enumerate(work.strategies) if not work.is_open(strategy)), None)
    if index is None and not greed:
        _rebalance(work)
        return
    strategy, user = work.strategies[index or 0], work.users[index or 0]
    amount = work.amount(MEDIAN_STAKE)
    work.send("open", user, strategy, amount, greed * amount * SCALE // work.price(strategy.asset.address))


def _close(work: Work) -> None:
    """Let an owner close a strategy."""
    for _ in range(TRIES):
        index = work.draw()
        if work.is_open(work.strategies[index]):
            work.send("close", work.users[index], work.strategies[index])
            return
    _open(work)


_STEPS = {
    "rebalance": _rebalance,
    "harvest": _harvest,
    "post": _post,
    "arbitrage": _arbitrage,
    "swap": _swap,
    "long": _longer,
    "open": _open,
    "close": _close,
}


# -- invariants -------------------------------------------------------------------------------------------


def _checks(work: Work) -> list[Check]:
    """Return what must hold of the strategies, and of the protocols under them."""
    blocks, venue = work.stage.blocks, work.venue
    addresses = [strategy.contract.address for strategy in work.strategies]
    traders = [*addresses, *(speculator.address for speculator in work.speculators)]
    holders = [*traders, *(user.address for user in work.users), work.stage.owner.address, venue.perp.address]
    holders += [market.pair.address for market in work.markets]
    shorts = [(strategy.contract.address, strategy.asset.address, False) for strategy in work.strategies]
    longs = [
        (speculator.address, venue.assets[index % len(venue.assets)], True)
        for index, speculator in enumerate(work.speculators)
    ]
    hedged: tuple[tuple[Address, ...], ...] = tuple(
        tuple(address for address in addresses if work.last.get((index, address)) in ("open", "rebalance"))
        for index in range(len(blocks))
    )
    sent = [len(block.transactions) for block in blocks]
    supplies = [_supply(token, holders) for token in (venue.token, *(market.tokens[0] for market in work.markets))]
    pairs = [PairCheck(market, (work.stage.owner.address, ADDRESS_ZERO)) for market in work.markets]
    futures = futures_checks(venue, traders, shorts + longs, prices_by_block(work.posted, len(blocks)), sent)
    return [NeutralCheck(venue, tuple(work.strategies), hedged), *pairs, *futures, *supplies]


def _supply(token: Deployed, holders: list[Address]) -> SupplyCheck:
    balances = tuple(token.at("balanceOf", holder) for holder in holders)
    return SupplyCheck(f"0x{token.address.hex()[:8]}", token.at("totalSupply"), balances)


SPEC = WorkloadSpec(
    name="neutral",
    description="delta-neutral positions, spot against short futures: long edges across pair, futures and oracle",
    parameters=PARAMETERS,
    generate=generate,
)
