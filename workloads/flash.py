"""Workload 3, flash: a flash loan, two swaps and its repayment in one transaction, wherever two pairs differ."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from math import isqrt

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.amm import ADDRESS_ZERO, Market, PairCheck
from workloads.checks import SupplyCheck
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.flash_loans import BPS, FEE_BPS, FLASH_GAS, LenderCheck, NothingLeftCheck, loan_fee, open_lender
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Deployed, Stage
from workloads.workload import Check, Workload

UNIT = 10**18
WALLET = 10**9 * UNIT
DEPTH = 1_000_000 * UNIT
"""What each pair holds of its base token at genesis."""
GAP_BPS = 150
"""By how much the two pairs of a base token differ at genesis."""
LENT = 10**8 * UNIT
MEDIAN_SWAP = 5_000.0
KEPT = 9_970
"""What a pair's fee leaves of an amount, in basis points."""
MIX = "swap:70,arbitrage:30"

PARAMETERS = {
    "users": Parameter(100, "traders, whose swaps open the gaps", minimum=1, maximum=100_000),
    "searchers": Parameter(20, "accounts that close the gaps", minimum=2, maximum=10_000),
    "markets": Parameter(16, "base tokens; each trades on two pairs", minimum=1, maximum=500),
    "quotes": Parameter(4, "quote tokens that the markets share, each lent by the one lender", minimum=1, maximum=500),
    "zipf_users": ZIPF_USERS,
    "zipf_markets": Parameter(0.8, "exponent over markets", minimum=0, maximum=3),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "block_seconds": BLOCK_SECONDS,
    "declare": DECLARE,
}


@dataclass(frozen=True)
class Chance:
    """An arbitrage: borrow `amount` of the quote token, buy on `first`, sell on `second`, for `profit` by reckoning."""

    first: Market
    second: Market
    amount: int
    profit: int


@dataclass
class _Flash:
    """A generation in progress; each of `markets` is two pairs of the same (base, quote)."""

    stage: Stage
    parameters: Parameters
    users: tuple[KeyPair, ...]
    searchers: tuple[KeyPair, ...]
    markets: list[tuple[Market, Market]]
    lender: Deployed
    arbitrageur: Deployed
    user_ranks: Zipf
    market_ranks: Zipf
    last: Chance | None = None
    earned: Counter[tuple[int, Address]] = field(default_factory=Counter)

    def market(self) -> tuple[Market, Market]:
        """Draw a base token's pairs."""
        return self.markets[self.market_ranks.draw(self.stage.random)]


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of swaps and arbitrages, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("flash", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    searchers = stage.accounts("searcher", parameters.integer("searchers"))
    wallets = {account.address: WALLET for account in (*users, stage.owner)}
    quotes = [stage.token(f"Q{index}", wallets) for index in range(parameters.integer("quotes"))]
    markets = [
        _open_market(stage, users, quotes[index % len(quotes)], index) for index in range(parameters.integer("markets"))
    ]
    lender = open_lender(stage, [(quote, LENT) for quote in quotes])
    work = _Flash(
        stage,
        parameters,
        users,
        searchers,
        markets,
        lender,
        stage.deploy("Arbitrageur", lender.address),
        Zipf(len(users), parameters.number("zipf_users")),
        Zipf(len(markets), parameters.number("zipf_markets")),
    )
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work, quotes))


def _open_market(stage: Stage, users: tuple[KeyPair, ...], quote: Deployed, index: int) -> tuple[Market, Market]:
    """Deploy a base token and its two pairs, a gap apart."""
    base = stage.token(f"B{index}", {account.address: WALLET for account in (*users, stage.owner)})
    price = 1 + index % 7
    markets = []
    for gap in (0, GAP_BPS):
        pair = stage.deploy("Pair", base.address, quote.address)
        for token in (base, quote):
            stage.allow(token, (*users, stage.owner), pair.address)
        stage.setup(stage.owner, pair, "add", DEPTH, DEPTH * price * (BPS + gap) // BPS)
        markets.append(Market(pair, (base, quote)))
    return markets[0], markets[1]


def _step(work: _Flash, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _late(work)
    else:
        {"swap": _swap, "arbitrage": _arbitrage}[operation](work)


def _swap(work: _Flash) -> None:
    """Sell one token on one of a market's pairs: this is what opens a gap."""
    random = work.stage.random
    user = work.users[work.user_ranks.draw(random)]
    market = work.market()[random.randrange(2)]
    token = market.tokens[random.randrange(2)]
    amount = int(log_normal(random, MEDIAN_SWAP) * UNIT)
    work.stage.send("swap", user, market.pair, "swap", token.address, amount, 1)


def _arbitrage(work: _Flash) -> None:
    """Close the gap of a drawn market, of the best one where it has none; without any, there is only a swap."""
    chance = find_chance(work.stage, work.market())
    if chance is None:
        chances = [found for market in work.markets if (found := find_chance(work.stage, market))]
        chance = max(chances, key=lambda found: found.profit, default=None)
    if chance is None:
        _swap(work)
    else:
        work.last = chance
        _send(work, chance)


def _late(work: _Flash) -> None:
    """Try the last arbitrage once more, as a searcher who comes too late; before the first, one that never paid."""
    market = work.market()
    _send(work, work.last or Chance(market[1], market[0], UNIT, UNIT))


def _send(work: _Flash, chance: Chance) -> None:
    """Borrow for at least half of the reckoned profit."""
    searcher = work.stage.random.choice(work.searchers)
    quote = chance.first.tokens[1].address
    pairs = chance.first.pair.address, chance.second.pair.address
    terms = (quote, chance.amount, *pairs, max(1, chance.profit // 2))
    if work.stage.send("arbitrage", searcher, work.arbitrageur, "arbitrage", *terms, gas=FLASH_GAS):
        work.earned[len(work.stage.blocks), quote] += loan_fee(chance.amount)


def find_chance(stage: Stage, market: tuple[Market, Market]) -> Chance | None:
    """Return the arbitrage of most profit between two pairs, None if none pays for its fees."""
    for first, second in (market, market[::-1]):
        (base1, quote1), (base2, quote2) = ((_reserve(stage, at, 0), _reserve(stage, at, 1)) for at in (first, second))
        # Both swaps in exact numbers give p a / (q + r a) for an amount a; its derivative is 1 + fee at the best one.
        p, q = KEPT**2 * base1 * quote2, BPS**2 * quote1 * base2
        r = KEPT * (BPS * base2 + KEPT * base1)
        amount = (isqrt(p * q * BPS // (BPS + FEE_BPS)) - q) // r
        profit = p * amount // (q + r * amount) - amount - loan_fee(amount) if amount > 0 else 0
        if profit > 0:
            return Chance(first, second, amount, profit)
    return None


def _reserve(stage: Stage, market: Market, side: int) -> int:
    return stage.get(market.pair, f"reserve{side}")


def _checks(work: _Flash, quotes: list[Deployed]) -> Iterator[Check]:
    people = (work.stage.owner, *work.users, *work.searchers)
    members = (ADDRESS_ZERO, *(account.address for account in people))
    tokens = (*quotes, *(market[0].tokens[0] for market in work.markets))
    contracts = (work.lender, work.arbitrageur, *(at.pair for market in work.markets for at in market))
    holders = (*members, *(contract.address for contract in contracts))
    for token in tokens:
        balances = tuple(token.at("balanceOf", holder) for holder in holders)
        yield SupplyCheck(f"0x{token.address.hex()[:8]}", token.at("totalSupply"), balances)
    for market in work.markets:
        yield from (PairCheck(at, members) for at in market)
    for quote in quotes:
        earned = tuple(work.earned[index, quote.address] for index in range(len(work.stage.blocks)))
        yield LenderCheck(work.lender, quote, earned)
    yield NothingLeftCheck(work.arbitrageur, tokens)


SPEC = WorkloadSpec(
    name="flash",
    description="flash-loan arbitrage between pairs: hubs of some twenty slots; late and unprofitable ones revert",
    parameters=PARAMETERS,
    generate=generate,
)
