"""Workload 13, oracle: reporters post prices, the median is stored, and buyers everywhere pay by it."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.block_builder import GENESIS_TIME
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.oracle_checks import Answers, Bazaar, MedianCheck, SalesCheck
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Deployed, Stage
from workloads.workload import Workload

WAD, UNIT = 10**18, 10**6
"""A whole unit of an asset or a price, and of the money."""
MAX_AGE = 3_600
STOCK, WALLET = 10**9 * WAD, 10**9 * UNIT
OFFERED = 10**6 * WAD
START_PRICES = (60_000, 3_000, 150, 40, 8, 1)
"""In whole units of the money; assets take them in turn."""
MEDIAN_SALE = 500.0
NOISE, DRIFT = 0.001, 0.004
"""Spread of the reporters around the price, and of the price from post to post."""
MIX = "post:28,take:64,offer:8"

PARAMETERS = {
    "users": Parameter(200, "buyers", minimum=1, maximum=100_000),
    "makers": Parameter(20, "sellers, with offers in every asset", minimum=1, maximum=1_000),
    "assets": Parameter(16, "assets with a price", minimum=1, maximum=1_000),
    "reporters": Parameter(7, "reporters of each asset", minimum=1, maximum=15),
    "silent": Parameter(1, "more assets, whose reporters stopped: nobody can buy them", minimum=1, maximum=100),
    "zipf_users": ZIPF_USERS,
    "zipf_makers": Parameter(0.3, "exponent over makers", minimum=0, maximum=3),
    "zipf_assets": Parameter(0.8, "exponent over assets", minimum=0, maximum=3),
    "block_seconds": Parameter(60, "seconds between blocks; reports count for an hour", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Trading:
    """A generation in progress; `worth` are the prices, 18 decimals, that reporters see."""

    stage: Stage
    parameters: Parameters
    bazaar: Bazaar
    reporters: tuple[KeyPair, ...]
    makers: tuple[KeyPair, ...]
    users: tuple[KeyPair, ...]
    ranks: dict[str, Zipf]
    worth: dict[Address, int]
    answers: list[tuple[int, Address, int]] = field(default_factory=list)

    def draw(self, whom: str) -> int:
        """Draw a rank among users, makers or assets."""
        return self.ranks[whom].draw(self.stage.random)

    def maker_and_asset(self) -> tuple[KeyPair, Deployed]:
        """Draw a maker, and an asset that has reports."""
        return self.makers[self.draw("makers")], self.bazaar.assets[self.draw("assets")]


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of posts and sales, `transactions` in all."""
    stage = Stage("oracle", seed, declare=parameters.text("declare"), block_seconds=parameters.integer("block_seconds"))
    work = _open(stage, parameters)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    bazaar = work.bazaar
    holders = [account.address for account in (*work.users, *work.makers)]
    supplies = [
        SupplyCheck(
            f"0x{token.address.hex()[:8]}",
            token.at("totalSupply"),
            tuple(token.at("balanceOf", holder) for holder in holders),
        )
        for token in (*bazaar.assets, bazaar.money)
    ]
    sent = tuple(len(block.transactions) for block in stage.blocks)
    sales = SalesCheck(bazaar, tuple(maker.address for maker in work.makers), _by_block(work.answers, len(sent)), sent)
    return stage.finish(parameters.values, (MedianCheck(bazaar), sales, *supplies))


def _by_block(answers: list[tuple[int, Address, int]], blocks: int) -> Answers:
    found: list[dict[Address, tuple[int, ...]]] = [{} for _ in range(blocks)]
    for block, asset, price in answers:
        found[block][asset] = (*found[block].get(asset, ()), price)
    return tuple(found)


# -- genesis ----------------------------------------------------------------------------------------------


def _open(stage: Stage, parameters: Parameters) -> _Trading:
    """Deploy all, give everybody tokens, and let reporters and makers begin."""
    users, makers = (stage.accounts(name, parameters.integer(f"{name}s")) for name in ("user", "maker"))
    reporters = stage.accounts("reporter", parameters.integer("reporters"))
    money = stage.token("USD", {account.address: WALLET for account in (*users, *makers)}, 6)
    alive = parameters.integer("assets")
    stock = {maker.address: STOCK for maker in makers}
    assets = tuple(stage.token(f"A{index}", stock) for index in range(alive + parameters.integer("silent")))
    quorum = len(reporters) // 2 + 1
    oracle = stage.deploy("MedianOracle", MAX_AGE, quorum)
    offers = stage.deploy("PeggedOffers", oracle.address, money.address)
    bazaar = Bazaar(oracle, offers, money, assets, MAX_AGE, quorum)
    stage.allow(money, users, offers.address)
    ranks = {
        name: Zipf(count, parameters.number(f"zipf_{name}"))
        for name, count in (("users", len(users)), ("makers", len(makers)), ("assets", alive))
    }
    work = _Trading(stage, parameters, bazaar, reporters, makers, users, ranks, {})
    for index, asset in enumerate(assets):
        work.worth[asset.address] = START_PRICES[index % len(START_PRICES)] * WAD
        _appoint(work, asset)
        _stock(work, asset)
    for asset in assets[alive:]:  # as if nobody had reported for more than an hour
        for number in range(1, len(reporters) + 1):
            place = oracle.at("reports", asset.address, number, member="at", struct="Report")
            stage.seed_slot(place, GENESIS_TIME - MAX_AGE - 1)
        place = oracle.at("answers", asset.address, member="at", struct="Answer")
        stage.seed_slot(place, GENESIS_TIME - MAX_AGE - 1)
    return work


def _appoint(work: _Trading, asset: Deployed) -> None:
    """Seed the reporters and their reports; the last report comes as a call, and makes the answer."""
    stage, oracle = work.stage, work.bazaar.oracle
    stage.seed_slot(oracle.at("reporter_count", asset.address), len(work.reporters))
    for number, reporter in enumerate(work.reporters, start=1):
        stage.seed_slot(oracle.at("reporter_number", asset.address, reporter.address), number)
        place = oracle.at("reporters", asset.address, number)
        stage.seed_slot(place, int.from_bytes(reporter.address, "big"))
        for member, value in (("price", _seen(work, asset)), ("at", GENESIS_TIME)):
            stage.seed_slot(oracle.at("reports", asset.address, number, member=member, struct="Report"), value)
    stage.setup(work.reporters[-1], oracle, "post", asset.address, _seen(work, asset))


def _stock(work: _Trading, asset: Deployed) -> None:
    """Let every maker offer the asset, with a spread of its own."""
    offers = work.bazaar.offers
    work.stage.allow(asset, work.makers, offers.address)
    for maker in work.makers:
        for member, value in (("left", OFFERED), ("spread", _spread(work, maker))):
            place = offers.at("offers", maker.address, asset.address, member=member, struct="Offer")
            work.stage.seed_slot(place, value)


def _spread(work: _Trading, maker: KeyPair) -> int:
    return 5 + work.makers.index(maker) % 20


def _seen(work: _Trading, asset: Deployed) -> int:
    """Return the asset's price as a reporter sees it."""
    return _around(work, work.worth[asset.address], NOISE)


def _around(work: _Trading, price: int, spread: float) -> int:
    return int(log_normal(work.stage.random, price / WAD, spread) * 10**9) * 10**9


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Trading, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _take_stale(work)
    else:
        {"post": _post, "take": _take, "offer": _offer}[operation](work)


def _post(work: _Trading) -> None:
    """Let the price drift, and a reporter say what it sees."""
    stage, oracle = work.stage, work.bazaar.oracle
    asset = work.bazaar.assets[work.draw("assets")]
    work.worth[asset.address] = _around(work, work.worth[asset.address], DRIFT)
    reporter = work.reporters[stage.random.randrange(len(work.reporters))]
    stage.send("post", reporter, oracle, "post", asset.address, _seen(work, asset))
    answer = stage.get(oracle, "answers", asset.address, member="price", struct="Answer")
    work.answers.append((len(stage.blocks), asset.address, answer))


def _take(work: _Trading) -> None:
    """Buy from a maker, for at most 2 % above what it costs now."""
    maker, asset = work.maker_and_asset()
    amount = int(log_normal(work.stage.random, MEDIAN_SALE) * 10**9) * WAD**2 // work.worth[asset.address] // 10**9
    cost = work.stage.ask(work.bazaar.offers, "quote", maker.address, asset.address, amount) or 0
    _buy(work, maker, asset, amount, cost * 102 // 100)


def _take_stale(work: _Trading) -> None:
    """Try to buy an asset whose price is too old."""
    silent = work.bazaar.assets[work.parameters.integer("assets") :]
    _buy(work, work.makers[work.draw("makers")], silent[work.stage.random.randrange(len(silent))], WAD, WALLET)


def _buy(work: _Trading, maker: KeyPair, asset: Deployed, amount: int, most: int) -> None:
    user = work.users[work.draw("users")]
    work.stage.send("take", user, work.bazaar.offers, "take", maker.address, asset.address, amount, most)


def _offer(work: _Trading) -> None:
    maker, asset = work.maker_and_asset()
    left = int(log_normal(work.stage.random, 1.0)) * OFFERED // 2 + OFFERED
    work.stage.send("offer", maker, work.bazaar.offers, "offer", asset.address, left, _spread(work, maker))


SPEC = WorkloadSpec(
    name="oracle",
    description="medians of reporters: serial per asset, and a wide fan of buyers who read each price",
    parameters=PARAMETERS,
    generate=generate,
)
