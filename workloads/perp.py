"""Workload 5, perp: perpetual futures with margin, funding, moving prices, and liquidators who race."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair, make_address
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.perp_checks import checks_of
from workloads.perp_exchange import (
    BPS,
    DECIMALS,
    FEE,
    LOT,
    NO_LIMIT,
    SCALE,
    UNIT,
    WAD,
    Exchange,
    Key,
    give_collateral,
    open_exchange,
    prices_by_block,
    signed,
)
from workloads.stage import Stage
from workloads.workload import Workload

WALLET, COLLATERAL = 1_000_000 * UNIT, 1_000_000 * UNIT
"""What a trader has outside and inside."""
START_PRICES = (60_000, 3_000, 150, 40, 8, 1)
"""In whole units of the margin token; markets take them in turn."""
MEDIAN_TRADE, MEDIAN_TRANSFER, SIGMA = 5_000.0, 1_000.0, 0.8
LIQUIDATORS = 4
TRIES = 20
MIX = "open:27,increase:16,close:22,deposit:9,withdraw:8,post:8,liquidate:10"

PARAMETERS = {
    "users": Parameter(200, "traders; each has a position at genesis", minimum=2, maximum=10_000),
    "markets": Parameter(8, "assets with a market", minimum=1, maximum=1_000),
    "zipf_users": ZIPF_USERS,
    "zipf_markets": Parameter(0.8, "exponent over markets", minimum=0, maximum=3),
    "leverage": Parameter(10, "highest leverage", minimum=2, maximum=19),
    "volatility": Parameter(0.03, "spread of a new price around the last", minimum=0.001, maximum=0.5),
    "shock": Parameter(0.07, "fall of every other price, rise of the others, before the first block", 0, 0.5),
    "racing": Parameter(2, "liquidators who try each victim", minimum=1, maximum=100),
    "block_seconds": Parameter(600, "seconds between blocks, for which funding is due", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Trading:
    """A generation in progress; `live` are the open positions, `ever` all that there have been."""

    stage: Stage
    parameters: Parameters
    venue: Exchange
    users: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    user_ranks: Zipf
    market_ranks: Zipf
    live: dict[Key, KeyPair] = field(default_factory=dict)
    ever: dict[Key, None] = field(default_factory=dict)
    posted: list[tuple[int, Address, int]] = field(default_factory=list)
    victim: tuple[Key, int] | None = None

    def price(self, asset: Address) -> int:
        """Return the oracle's price now, with 18 decimals."""
        return self.stage.get(self.venue.oracle, "prices", asset)

    def opened(self, user: KeyPair, key: Key) -> None:
        """Note a position."""
        self.live[key] = user
        self.ever[key] = None

    def draw(self) -> tuple[Key, int]:
        """Draw an open position; return it and its size."""
        key = list(self.live)[self.stage.random.randrange(len(self.live))]
        return key, self.stage.get(self.venue.perp, "positions", *key, member="size", struct="Position")


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of trades, `transactions` in all."""
    stage = Stage("perp", seed, declare=parameters.text("declare"), block_seconds=parameters.integer("block_seconds"))
    users = stage.accounts("user", parameters.integer("users"))
    assets = tuple(make_address(seed, "perp/asset", index) for index in range(parameters.integer("markets")))
    token = stage.token("USD", {account.address: WALLET for account in (*users, stage.owner)}, DECIMALS)
    prices = {asset: START_PRICES[index % len(START_PRICES)] * WAD for index, asset in enumerate(assets)}
    venue = open_exchange(stage, token, prices, parameters.integer("leverage"))
    work = _Trading(
        stage,
        parameters,
        venue,
        users,
        stage.accounts("liquidator", LIQUIDATORS),
        Zipf(len(users), parameters.number("zipf_users")),
        Zipf(len(assets), parameters.number("zipf_markets")),
    )
    _populate(work)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    traders = [account.address for account in (*users, *work.liquidators)]
    holders = (*traders, stage.owner.address, venue.perp.address)
    supply = SupplyCheck("USD", token.at("totalSupply"), tuple(token.at("balanceOf", holder) for holder in holders))
    sent = [len(block.transactions) for block in stage.blocks]
    checks = checks_of(venue, traders, work.ever, prices_by_block(work.posted, len(sent)), sent)
    return stage.finish(parameters.values, (supply, *checks))


def _populate(work: _Trading) -> None:
    """Give everybody collateral and a position; then prices move, and some are below maintenance."""
    stage, venue = work.stage, work.venue
    for index, user in enumerate(work.users):
        give_collateral(stage, venue, user.address, COLLATERAL)
        stage.allow(venue.token, [user], venue.perp.address)
        asset, long = venue.assets[index % len(venue.assets)], stage.random.random() < 0.55
        stage.setup(user, venue.perp, "open", asset, int(long), *_order(work, asset), NO_LIMIT[long])
        work.opened(user, (user.address, asset, long))
    shock = work.parameters.number("shock")
    for index, asset in enumerate(venue.assets):
        price = int(work.price(asset) * (1 + shock if index % 2 else 1 - shock))
        stage.setup(stage.owner, venue.oracle, "set_price", asset, price)


def _order(work: _Trading, asset: Address, leverage: int = 0) -> tuple[int, int]:
    """Return size and margin of a trade of the usual size, at a leverage from 2 to the highest unless given."""
    random, price = work.stage.random, work.price(asset)
    amount = int(log_normal(random, MEDIAN_TRADE, SIGMA) * UNIT)
    size = max(amount * SCALE // price // LOT, 1) * LOT
    value = -(-size * price // SCALE)
    leverage = leverage or random.randint(2, work.parameters.integer("leverage"))
    # The fee comes out of the margin, and margin over cost may not be rounded below the cap.
    return size, value // leverage + value * FEE // BPS + 3


def _step(work: _Trading, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _open(work, leverage=work.parameters.integer("leverage") + 2)
    else:
        _STEPS[operation](work)


def _open(work: _Trading, leverage: int = 0) -> None:
    """Open a position where a user has none yet; with too much leverage it reverts."""
    stage, random = work.stage, work.stage.random
    for _ in range(TRIES):
        user = work.users[work.user_ranks.draw(random)]
        asset = work.venue.assets[work.market_ranks.draw(random)]
        long = random.random() < 0.5
        key = (user.address, asset, long)
        if key not in work.live:
            order = _order(work, asset, leverage)
            if stage.send("open", user, work.venue.perp, "open", asset, int(long), *order, NO_LIMIT[long]):
                work.opened(user, key)
            return
    _increase(work)


def _increase(work: _Trading) -> None:
    """Grow a position, with as much margin as half of the highest leverage asks for."""
    stage, venue = work.stage, work.venue
    if not work.live:
        _open(work)
        return
    key, held = work.draw()
    _, asset, long = key
    size, _ = _order(work, asset)
    value = (held + size) * work.price(asset) // SCALE
    least = value * 2 // work.parameters.integer("leverage") + value * FEE // BPS + 3
    margin = max(least - _equity(work, key), 0)
    stage.send("increase", work.live[key], venue.perp, "increase", asset, int(long), size, margin, NO_LIMIT[long])


def _close(work: _Trading) -> None:
    """Close a position, or half of it, of somebody who is above water."""
    stage, venue = work.stage, work.venue
    for _ in range(TRIES):
        if not work.live:
            break
        key, held = work.draw()
        _, asset, long = key
        if _equity(work, key) > held * work.price(asset) // SCALE // 100:
            part = held if stage.random.random() < 0.6 else max(held // LOT // 2, 1) * LOT
            limit = NO_LIMIT[not long]
            if stage.send("close", work.live[key], venue.perp, "close", asset, int(long), part, limit) and part == held:
                del work.live[key]
            return
    _open(work)


def _deposit(work: _Trading) -> None:
    amount = int(log_normal(work.stage.random, MEDIAN_TRANSFER) * UNIT)
    work.stage.send("deposit", work.users[work.user_ranks.draw(work.stage.random)], work.venue.perp, "deposit", amount)


def _withdraw(work: _Trading) -> None:
    user = work.users[work.user_ranks.draw(work.stage.random)]
    free = work.stage.get(work.venue.perp, "collateral", user.address)
    amount = min(int(log_normal(work.stage.random, MEDIAN_TRANSFER) * UNIT), free)
    work.stage.send("withdraw", user, work.venue.perp, "withdraw", amount)


def _post(work: _Trading) -> None:
    """Let the oracle's owner post a new price."""
    stage = work.stage
    asset = work.venue.assets[work.market_ranks.draw(stage.random)]
    last = work.price(asset) / WAD
    price = int(log_normal(stage.random, last, work.parameters.number("volatility")) * 10**9) * 10**9
    stage.send("post", stage.owner, work.venue.oracle, "set_price", asset, price)
    work.posted.append((len(stage.blocks), asset, price))


def _liquidate(work: _Trading) -> None:
    """Let liquidators try a victim, one after the other: only the first succeeds. Without victims prices move on."""
    stage, venue = work.stage, work.venue
    key, left = work.victim or (_find_victim(work), work.parameters.integer("racing"))
    if key is None:
        _post(work)
        return
    liquidator = work.liquidators[left % LIQUIDATORS]
    trader, asset, long = key
    if stage.send("liquidate", liquidator, venue.perp, "liquidate", trader, asset, int(long)):
        del work.live[key]
    work.victim = (key, left - 1) if left > 1 else None


def _find_victim(work: _Trading) -> Key | None:
    ask, perp = work.stage.ask, work.venue.perp
    return next((key for key in work.live if ask(perp, "liquidatable", key[0], key[1], int(key[2]))), None)


def _equity(work: _Trading, key: Key) -> int:
    return signed(work.stage.ask(work.venue.perp, "equity", key[0], key[1], int(key[2])) or 0)


_STEPS = {
    "open": _open,
    "increase": _increase,
    "close": _close,
    "deposit": _deposit,
    "withdraw": _withdraw,
    "post": _post,
    "liquidate": _liquidate,
}

SPEC = WorkloadSpec(
    name="perp",
    description="perpetual futures: open interest and funding of each market are hot, liquidators race",
    parameters=PARAMETERS,
    generate=generate,
)
