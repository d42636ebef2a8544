"""Workload 2, crash: prices fall, and liquidators race for the same borrowers until nobody can be liquidated.

A block begins with its prices: the market is sold down to them, then the oracle says so. Then liquidations, largest
debts first, with own capital or with borrowed tokens; some are sent twice, and the second one reverts. What nobody
needs for that is deposits and withdrawals of bystanders. `workloads.crash_checks.summary` reports round by round.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from math import isqrt

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.amm import Market, PairCheck
from workloads.checks import SupplyCheck
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE
from workloads.crash_checks import CascadeCheck, summary
from workloads.crash_market import LISTED, QUOTE, STEADY, SYMBOLS, CrashMarket, open_market
from workloads.distributions import Zipf, log_normal
from workloads.flash_loans import FLASH_GAS, LenderCheck, NothingLeftCheck, loan_fee
from workloads.lending.checks import PoolCheck
from workloads.lending.pool_slots import Listing
from workloads.lending.terms import WAD, amount_of, ceil_div
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.prices import PricePath, price_parameters, price_path
from workloads.stage import Stage
from workloads.token_model import UNLIMITED
from workloads.workload import Check, Workload

LIQUIDATE_GAS = 800_000
MEDIAN_AMOUNT = 3_000.0
WORTH_TRADING = 1_000
"""Only a trade of more than one in so many of a pair's reserve moves its price by more than the fee takes."""
PER_BORROWER = 3
"""Transactions for each borrower where `borrowers` is 0: enough for the cascade to end."""

PARAMETERS = {
    "borrowers": Parameter(0, "leveraged borrowers; 0: one for every three transactions", minimum=0, maximum=10_000),
    "liquidators": Parameter(70, "accounts that liquidate", minimum=2, maximum=10_000),
    "zipf_liquidators": Parameter(1.0, "exponent over liquidators: few are hot", minimum=0, maximum=3),
    "users": Parameter(40, "bystanders who deposit and withdraw", minimum=1, maximum=100_000),
    **price_parameters("crash"),
    "race": Parameter(0.25, "share of liquidations that another liquidator sends too, and too late", 0, 1),
    "flash": Parameter(0.3, "share of liquidations tried with borrowed tokens, where the debt is USDC", 0, 1),
    "background": Parameter(0.15, "share of bystanders' transactions while there is somebody to liquidate", 0, 1),
    "blocks": BLOCKS,
    "block_seconds": BLOCK_SECONDS,
    "declare": DECLARE,
}


@dataclass
class _Crash:
    """A generation in progress; `left` is how many transactions this block still takes."""

    stage: Stage
    parameters: Parameters
    market: CrashMarket
    path: PricePath
    ranks: Zipf
    left: int = 0
    open: list[Address] = field(default_factory=list)
    open_after: list[int] = field(default_factory=list)
    risked: list[set[Address]] = field(default_factory=list)
    earned: list[int] = field(default_factory=list)

    def unhealthy(self, borrower: Address) -> bool:
        """Return whether the borrower can be liquidated now."""
        return not self.market.model.standing(borrower).healthy

    def liquidator(self) -> KeyPair:
        """Draw one; the first ones are hot."""
        return self.market.liquidators[self.ranks.draw(self.stage.random)]

    def chance(self, parameter: str) -> bool:
        """Draw with the probability of a parameter."""
        return self.stage.random.random() < self.parameters.number(parameter)


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of a cascade, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("crash", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users, liquidators = parameters.integer("users"), parameters.integer("liquidators")
    borrowers = parameters.integer("borrowers") or transactions // PER_BORROWER
    path = price_path(parameters, seed, SYMBOLS, tuple(asset.price for asset in LISTED), STEADY)
    market = open_market(stage, users, liquidators, borrowers)
    work = _Crash(stage, parameters, market, path, Zipf(liquidators, parameters.number("zipf_liquidators")))
    blocks = parameters.integer("blocks")
    for index in range(blocks):
        work.left = (index + 1) * transactions // blocks - index * transactions // blocks
        _fill_block(work, index)
    return replace(stage.finish(parameters.values, _checks(work)), summary=summary)


def _fill_block(work: _Crash, index: int) -> None:
    stage, model = work.stage, work.market.model
    stage.begin_block()
    model.now = stage.now
    work.risked.append(set())
    work.earned.append(0)
    _move_prices(work, index)
    owed = {one: model.standing(one).debt for one in work.market.borrowers if work.unhealthy(one)}
    work.open = sorted(owed, key=lambda one: (-owed[one], one))
    while work.left:
        if not work.open or work.chance("background"):
            _stand_by(work)
        else:
            _liquidate(work)
    work.open_after.append(sum(map(work.unhealthy, work.market.borrowers)))
    stage.end_block()


def _move_prices(work: _Crash, step: int) -> None:
    """Bring oracle and pairs to the prices of this step; what does not fit into the block comes with the next."""
    stage, market = work.stage, work.market
    for index, token in enumerate(market.tokens):
        price = work.path.price(index, step)
        if price == stage.get(market.oracle, "prices", token.address):
            continue
        if index in market.pairs and work.left:
            _trade_to(work, index, price)
        if work.left:
            work.left -= 1
            stage.send("oracle", stage.owner, market.oracle, "set_price", token.address, price)


def _trade_to(work: _Crash, index: int, price: int) -> None:
    """Let the whale sell or buy on the pair until it stands at `price`, but for the fee."""
    stage, market = work.stage, work.market
    pair = market.pairs[index]
    held, quoted = stage.get(pair, "reserve0"), stage.get(pair, "reserve1")
    wanted = isqrt(held * quoted * LISTED[index].unit * WAD // (price * LISTED[QUOTE].unit))
    if wanted > held:
        token, amount, reserve = index, wanted - held, held
    else:
        token, amount, reserve = QUOTE, held * quoted // wanted - quoted, quoted
    if amount * WORTH_TRADING > reserve:
        work.left -= 1
        stage.send("trade", market.whale, pair, "swap", market.tokens[token].address, amount, 1)


def _liquidate(work: _Crash) -> None:
    """Liquidate one of the largest, now and then in a race."""
    victim = work.open[min(work.stage.random.randrange(4), len(work.open) - 1)]
    model = work.market.model
    debt = max(model.listings, key=lambda at: model.owed(victim, at) * at.asset.price // at.asset.unit)
    collateral = max(model.listings, key=lambda at: model.supplied(victim, at) * at.asset.price // at.asset.unit)
    if not (work.chance("flash") and _flash(work, victim, debt, collateral)):
        _send(work, victim, debt, collateral)
    if work.unhealthy(victim):
        return
    work.open.remove(victim)
    if work.left and work.chance("race"):
        _send(work, victim, debt, collateral)


def _send(work: _Crash, victim: Address, debt: Listing, collateral: Listing) -> None:
    terms = (victim, debt.token.address, collateral.token.address, UNLIMITED)
    work.left -= 1
    work.stage.send("liquidate", work.liquidator(), work.market.pool, "liquidate", *terms, gas=LIQUIDATE_GAS)


def _flash(work: _Crash, victim: Address, debt: Listing, collateral: Listing) -> bool:
    """Liquidate with borrowed tokens, if the debt is lent and the collateral sells for enough."""
    market = work.market
    if debt.index != QUOTE or collateral.index not in market.pairs:
        return False
    amount = ceil_div(market.model.owed(victim, debt), 2)
    terms = (victim, debt.token.address, collateral.token.address, amount, market.pairs[collateral.index].address, 1)
    place, liquidator = market.flash_liquidator, work.liquidator()
    if not work.stage.succeeds(liquidator, place, "liquidate", *terms, gas=FLASH_GAS):
        return False
    work.left -= 1
    work.earned[-1] += loan_fee(amount)
    return work.stage.send("flash-liquidate", liquidator, place, "liquidate", *terms, gas=FLASH_GAS)


def _stand_by(work: _Crash) -> None:
    """Deposit, or withdraw half of what somebody supplies."""
    stage, market = work.stage, work.market
    user, listing = stage.random.choice(market.users), stage.random.choice(market.model.listings)
    supplied = market.model.supplied(user.address, listing)
    work.left -= 1
    if supplied > 1 and stage.random.random() < 0.5:
        work.risked[-1].add(user.address)
        stage.send("withdraw", user, market.pool, "withdraw", listing.token.address, supplied // 2)
    else:
        amount = amount_of(log_normal(stage.random, MEDIAN_AMOUNT), listing.asset)
        stage.send("deposit", user, market.pool, "deposit", listing.token.address, amount)


def _checks(work: _Crash) -> Iterator[Check]:
    market, seconds = work.market, work.parameters.integer("block_seconds")
    holders = market.holders()
    for asset, token in zip(LISTED, market.tokens, strict=True):
        balances = tuple(token.at("balanceOf", holder) for holder in holders)
        yield SupplyCheck(asset.symbol, token.at("totalSupply"), balances)
    yield PoolCheck(market.model, market.members(), tuple(map(frozenset, work.risked)), seconds)
    yield CascadeCheck(market.model, market.borrowers, tuple(work.open_after), seconds)
    for index, pair in market.pairs.items():
        yield PairCheck(Market(pair, (market.tokens[index], market.tokens[QUOTE])), market.providers())
    yield LenderCheck(market.lender, market.tokens[QUOTE], tuple(work.earned))
    yield NothingLeftCheck(market.flash_liquidator, market.tokens)


SPEC = WorkloadSpec(
    name="crash",
    description="prices fall, then few hot liquidators race for the same borrowers; the second one reverts",
    parameters=PARAMETERS,
    generate=generate,
)
