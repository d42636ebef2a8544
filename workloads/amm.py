"""Workload 4, amm: swaps, liquidity added and removed, on pairs at a constant product."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import sqrt

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.checks import SupplyCheck
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Deployed, Stage
from workloads.workload import Check, StateReader, Workload

UNIT = 10**18
WALLET = 10**9 * UNIT
DEPTH = 1_000_000 * UNIT
"""What a pair holds of each token at genesis."""
MEDIAN_SWAP, MEDIAN_LIQUIDITY = 200.0, 1_000.0
ADDRESS_ZERO = bytes(20)
MIX = "swap:90,add:6,remove:4"

PARAMETERS = {
    "users": Parameter(200, "traders and providers", minimum=2, maximum=100_000),
    "pairs": Parameter(64, "pairs; each has two tokens of its own", minimum=1, maximum=1_000),
    "zipf_users": ZIPF_USERS,
    "zipf_pairs": Parameter(0.8, "exponent over pairs", minimum=0, maximum=3),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "block_seconds": BLOCK_SECONDS,
    "declare": DECLARE,
}


@dataclass(frozen=True)
class Market:
    """One pair with its two tokens."""

    pair: Deployed
    tokens: tuple[Deployed, Deployed]


@dataclass
class _Trading:
    """A generation in progress."""

    stage: Stage
    parameters: Parameters
    users: tuple[KeyPair, ...]
    markets: list[Market]
    user_ranks: Zipf
    pair_ranks: Zipf

    def someone(self) -> tuple[KeyPair, Market]:
        """Draw a user and a market."""
        random = self.stage.random
        return self.users[self.user_ranks.draw(random)], self.markets[self.pair_ranks.draw(random)]


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of trades, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("amm", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    markets = [open_market(stage, users, index) for index in range(parameters.integer("pairs"))]
    work = _Trading(
        stage,
        parameters,
        users,
        markets,
        Zipf(len(users), parameters.number("zipf_users")),
        Zipf(len(markets), parameters.number("zipf_pairs")),
    )
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    members = (stage.owner.address, ADDRESS_ZERO, *(user.address for user in users))
    return stage.finish(parameters.values, [check for market in markets for check in checks_of(market, members)])


def open_market(stage: Stage, users: tuple[KeyPair, ...], index: int) -> Market:
    """Deploy a pair and its tokens, give users what they may sell, and let the owner provide the depth."""
    wallets = {account.address: WALLET for account in (*users, stage.owner)}
    tokens = stage.token(f"A{index}", wallets), stage.token(f"B{index}", wallets)
    pair = stage.deploy("Pair", tokens[0].address, tokens[1].address)
    for token in tokens:
        stage.allow(token, (*users, stage.owner), pair.address)
    price = 1 + index % 7
    stage.setup(stage.owner, pair, "add", DEPTH, DEPTH * price)
    return Market(pair, tokens)


def _step(work: _Trading, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _swap(work, greed=2.0)
    else:
        {"swap": _swap, "add": _add, "remove": _remove}[operation](work)


def _swap(work: _Trading, greed: float = 0.97) -> None:
    """Sell one token of a pair for at least `greed` of what it gives now: above 1 the swap reverts."""
    user, market = work.someone()
    token = market.tokens[work.stage.random.randrange(2)]
    amount = int(log_normal(work.stage.random, MEDIAN_SWAP) * UNIT)
    least = int((work.stage.ask(market.pair, "quote", token.address, amount) or 0) * greed)
    work.stage.send("swap", user, market.pair, "swap", token.address, amount, least)


def _add(work: _Trading) -> None:
    user, market = work.someone()
    most0 = int(log_normal(work.stage.random, MEDIAN_LIQUIDITY) * UNIT)
    get = work.stage.get
    most1 = most0 * get(market.pair, "reserve1") // get(market.pair, "reserve0")
    work.stage.send("add", user, market.pair, "add", most0, most1)


def _remove(work: _Trading) -> None:
    """Give back half of the shares of somebody who has some; the first who adds if nobody has."""
    user, market = work.someone()
    held = work.stage.get(market.pair, "shares", user.address)
    if held > 1:
        work.stage.send("remove", user, market.pair, "remove", held // 2)
    else:
        _add(work)


# -- invariants -------------------------------------------------------------------------------------------


def checks_of(market: Market, members: tuple[Address, ...]) -> Iterator[Check]:
    """Yield what must hold of a market; `members` are all who may have its tokens or shares."""
    holders = (*members, market.pair.address)
    for token in market.tokens:
        balances = tuple(token.at("balanceOf", holder) for holder in holders)
        yield SupplyCheck(f"0x{token.address.hex()[:8]}", token.at("totalSupply"), balances)
    yield PairCheck(market, members)


@dataclass(frozen=True)
class PairCheck:
    """A pair's product per share does not fall, its shares and reserves add up, providers lose as the formula says."""

    market: Market
    members: tuple[Address, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        pair = self.market.pair
        lines = [*self._books(after), *self._growth(before, after), *self._average(before, after)]
        return [f"pair 0x{pair.address.hex()[:8]}: {line}" for line in lines]

    def _books(self, after: StateReader) -> Iterator[str]:
        pair = self.market.pair
        for token, name in zip(self.market.tokens, ("reserve0", "reserve1"), strict=True):
            reserve, held = pair.read(after, name), token.read(after, "balanceOf", pair.address)
            if reserve != held:
                yield f"{name} is {reserve}, the token balance {held}"
        total, summed = pair.read(after, "total_shares"), sum(pair.read(after, "shares", m) for m in self.members)
        if total != summed:
            yield f"{total} shares, the providers have {summed}"

    def _growth(self, before: StateReader, after: StateReader) -> Iterator[str]:
        """Compare reserves per share: their product grows by fees, and holding instead was at most that much better."""
        (x, y, shares), (x2, y2, shares2) = self._reserves(before), self._reserves(after)
        if x2 * y2 * shares**2 < x * y * shares2**2:
            yield f"the product per share fell: {x} x {y} / {shares}^2 before, {x2} x {y2} / {shares2}^2 after"
        price, price2 = y / x, y2 / x2
        kept = (x2 * price2 + y2) / shares2 / ((x * price2 + y) / shares)
        formula = 2 * sqrt(price2 / price) / (1 + price2 / price)
        if kept < formula * (1 - 1e-9):
            yield f"providers keep {kept:.9f} of what holding gave, the impermanent loss allows {formula:.9f}"

    def _reserves(self, state: StateReader) -> tuple[int, int, int]:
        pair = self.market.pair
        return pair.read(state, "reserve0"), pair.read(state, "reserve1"), pair.read(state, "total_shares")

    def _average(self, before: StateReader, after: StateReader) -> Iterator[str]:
        """Compare the cumulative price with the price that stood before the block, over the time that passed."""
        pair = self.market.pair
        elapsed = pair.read(after, "updated_at") - pair.read(before, "updated_at")
        x, y, _ = self._reserves(before)
        expected = (pair.read(before, "cumulative0") + y * 2**112 // x * elapsed) % 2**256
        found = pair.read(after, "cumulative0")
        if found != expected:
            yield f"cumulative price is {found}, the price before the block makes it {expected}"


SPEC = WorkloadSpec(
    name="amm",
    description="swaps and liquidity on constant-product pairs: serial per pair, parallel across pairs",
    parameters=PARAMETERS,
    generate=generate,
)
