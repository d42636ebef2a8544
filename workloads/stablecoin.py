"""Workload 8, stablecoin: coins minted against collateral, a fee that grows, prices that fall, liquidators."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stablecoin_checks import checks_of
from workloads.stablecoin_issuer import BPS, LEAST_DEBT, WAD, Issuer, Key, open_issuer, seed_position
from workloads.stage import Stage
from workloads.workload import Workload

MEDIAN_DEBT, MEDIAN_MINT, MEDIAN_PAYMENT = 10_000.0, 1_000.0, 200.0
LIQUIDATORS, LIQUIDATOR_DEBT = 4, 10**6 * WAD
TIGHT, USUAL = (101, 108), (120, 300)
"""Collateral at genesis, in percent of what a position needs at least."""
TRIES = 20
LEAST_PART = 10**12
"""Of coins, in their smallest units: less may be rounded to nothing."""
MIX = "open:8,deposit:12,mint:18,repay:16,withdraw:10,pay:20,post:6,liquidate:8,collect:2"

PARAMETERS = {
    "users": Parameter(200, "users; each has a position at genesis", minimum=2, maximum=100_000),
    "collaterals": Parameter(4, "tokens that are taken as collateral", minimum=1, maximum=64),
    "zipf_users": ZIPF_USERS,
    "zipf_collaterals": Parameter(0.6, "exponent over collaterals", minimum=0, maximum=3),
    "volatility": Parameter(0.02, "spread of a new price around the last", minimum=0.001, maximum=0.5),
    "shock": Parameter(0.12, "fall of every other price before the first block", 0, 0.5),
    "racing": Parameter(2, "liquidators who try each victim", minimum=1, maximum=100),
    "block_seconds": Parameter(3_600, "seconds between blocks, for which the fee is due", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Minting:
    """A generation in progress; `live` are positions with debts, `entries` per block who took a risk at what price."""

    stage: Stage
    parameters: Parameters
    issuer: Issuer
    users: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    user_ranks: Zipf
    kind_ranks: Zipf
    live: dict[Key, KeyPair] = field(default_factory=dict)
    ever: dict[Key, None] = field(default_factory=dict)
    entries: list[dict[Key, int]] = field(default_factory=list)
    victim: tuple[Key, int] | None = None

    def someone(self) -> KeyPair:
        """Draw a user."""
        return self.users[self.user_ranks.draw(self.stage.random)]

    def position(self) -> tuple[Key, KeyPair] | None:
        """Draw a position with debts that is not about to be liquidated; None if there is hardly one."""
        keys = list(self.live)
        for _ in range(TRIES if keys else 0):
            key = keys[self.user_ranks.draw(self.stage.random) % len(keys)]
            if not self.stage.ask(self.issuer.positions, "liquidatable", *key):
                return key, self.live[key]
        return None

    def debt(self, key: Key) -> int:
        """Return what a position owes now."""
        return self.stage.ask(self.issuer.positions, "owed", *key) or 0

    def send(self, operation: str, user: KeyPair, asset: Address, *arguments: int) -> bool:
        """Send a call to the contract of the name of the operation; note those that take a risk."""
        done = self.stage.send(operation, user, self.issuer.positions, operation, asset, *arguments)
        if done and operation in ("open", "mint", "withdraw"):
            key = (user.address, asset)
            self.live[key], self.ever[key] = user, None
            self.block_entries()[key] = self.issuer.price(self.stage, asset)
        return done

    def block_entries(self) -> dict[Key, int]:
        """Return the entries of the block in the making."""
        while len(self.entries) <= len(self.stage.blocks):
            self.entries.append({})
        return self.entries[len(self.stage.blocks)]


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of minting, paying and liquidating, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("stablecoin", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    liquidators = stage.accounts("liquidator", LIQUIDATORS)
    issuer = open_issuer(stage, parameters.integer("collaterals"), (*users, *liquidators))
    work = _Minting(
        stage,
        parameters,
        issuer,
        users,
        liquidators,
        Zipf(len(users), parameters.number("zipf_users")),
        Zipf(len(issuer.tokens), parameters.number("zipf_collaterals")),
    )
    _populate(work)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    while len(work.entries) < len(stage.blocks):
        work.entries.append({})
    members = [account.address for account in (*users, *liquidators, stage.owner)]
    sent = tuple(len(block.transactions) for block in stage.blocks)
    return stage.finish(parameters.values, checks_of(issuer, members, work.ever, work.entries, sent))


# -- genesis ----------------------------------------------------------------------------------------------


def _populate(work: _Minting) -> None:
    """Seed a position for everybody, each tenth of them tight; then prices fall, and some are below the ratio."""
    stage, issuer = work.stage, work.issuer
    for index, user in enumerate((*work.users, *work.liquidators)):
        debt = max(_coins(work, MEDIAN_DEBT), LEAST_DEBT)
        token, cover = (
            issuer.tokens[index % len(issuer.tokens)],
            stage.random.randint(*(TIGHT if index % 10 == 0 else USUAL)),
        )
        if index >= len(work.users):
            debt, cover = LIQUIDATOR_DEBT, 500
        key = seed_position(stage, issuer, user.address, token, debt, cover)
        work.live[key], work.ever[key] = user, None
    for token in issuer.tokens[::2]:
        price = int(issuer.price(stage, token.address) * (1 - work.parameters.number("shock")))
        stage.setup(stage.owner, issuer.oracle, "set_price", token.address, price)


def _coins(work: _Minting, median: float) -> int:
    return int(log_normal(work.stage.random, median, 0.8) * 10**6) * 10**12


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Minting, operation: str) -> None:
    failing = work.stage.random.random() < work.parameters.number("failing")
    if operation in _STEPS and not failing:
        _STEPS[operation](work)
    elif drawn := work.position():
        if failing:
            _mint(work, *drawn, greed=3)
        else:
            _ON_POSITIONS[operation](work, *drawn)
    else:
        _open(work)


def _open(work: _Minting) -> None:
    """Open a position, or add to the one there is, with 1.1 to 3 times the collateral that the coins need."""
    user, asset = work.someone(), work.issuer.tokens[work.kind_ranks.draw(work.stage.random)].address
    coins = max(_coins(work, MEDIAN_MINT), 2 * LEAST_DEBT)
    work.send("open", user, asset, _collateral(work, asset, coins) * work.stage.random.randint(110, 300) // 100, coins)


def _collateral(work: _Minting, asset: Address, coins: int) -> int:
    """Return what collateral is worth the minimum ratio of so many coins, and a little more."""
    unit, ratio = (work.issuer.terms(work.stage, asset, name) for name in ("unit", "ratio"))
    return coins * ratio * unit // (work.issuer.price(work.stage, asset) * BPS) + 1


def _deposit(work: _Minting, key: Key, user: KeyPair) -> None:
    _, asset = key
    work.send("deposit", user, asset, _collateral(work, asset, _coins(work, MEDIAN_MINT)))


def _mint(work: _Minting, key: Key, user: KeyPair, greed: int = 0) -> None:
    """Mint up to nine tenths of what the collateral allows; with greed more than it allows, which reverts."""
    most, owed = work.stage.ask(work.issuer.positions, "most", *key) or 0, work.debt(key)
    free = (most - owed) * 9 // 10
    if greed:
        work.send("mint", user, key[1], most * greed)
    elif free > 0:
        work.send("mint", user, key[1], min(_coins(work, MEDIAN_MINT), free))
    else:
        _deposit(work, key, user)


def _repay(work: _Minting, key: Key, user: KeyPair) -> None:
    """Repay all now and then, if there are the coins; otherwise a part that leaves no dust."""
    owed, held = work.debt(key), work.stage.get(work.issuer.coin, "balanceOf", user.address)
    if held >= owed and work.stage.random.random() < 0.2:
        if work.send("repay", user, key[1], 2**256 - 1):
            del work.live[key]
        return
    part = min(_coins(work, MEDIAN_MINT), held, owed - LEAST_DEBT - 1)
    if part > LEAST_PART:
        work.send("repay", user, key[1], part)
    else:
        _deposit(work, key, user)


def _withdraw(work: _Minting, key: Key, user: KeyPair) -> None:
    """Take out a part of the collateral that the debt does not need."""
    spare = work.issuer.position(work.stage, key, "collateral") - _collateral(work, key[1], work.debt(key))
    if spare > 100:
        work.send("withdraw", user, key[1], spare * work.stage.random.randint(5, 60) // 100)
    else:
        _deposit(work, key, user)


def _pay(work: _Minting) -> None:
    """Pay somebody with coins."""
    user, other = work.someone(), work.someone()
    amount = min(_coins(work, MEDIAN_PAYMENT), work.stage.get(work.issuer.coin, "balanceOf", user.address))
    work.stage.send("pay", user, work.issuer.coin, "transfer", other.address, amount)


def _post(work: _Minting) -> None:
    """Let the oracle's owner post a new price."""
    stage, issuer = work.stage, work.issuer
    asset = issuer.tokens[work.kind_ranks.draw(stage.random)].address
    last = issuer.price(stage, asset) / WAD
    price = int(log_normal(stage.random, last, work.parameters.number("volatility")) * 10**9) * 10**9
    stage.send("post", stage.owner, issuer.oracle, "set_price", asset, price)


def _liquidate(work: _Minting) -> None:
    """Let liquidators try a victim, one after the other: only the first succeeds. Without victims prices move on."""
    stage, positions = work.stage, work.issuer.positions
    key, left = work.victim or (_find_victim(work), work.parameters.integer("racing"))
    if key is None:
        _post(work)
        return
    liquidator = work.liquidators[left % LIQUIDATORS]
    if stage.send("liquidate", liquidator, positions, "liquidate", *key, 2**256 - 1):
        del work.live[key]
        work.block_entries().pop(key, None)
    work.victim = (key, left - 1) if left > 1 else None


def _find_victim(work: _Minting) -> Key | None:
    return next((key for key in work.live if work.stage.ask(work.issuer.positions, "liquidatable", *key)), None)


def _collect(work: _Minting) -> None:
    """Let the owner collect the fees of a collateral."""
    stage, issuer = work.stage, work.issuer
    asset = issuer.tokens[work.kind_ranks.draw(stage.random)].address
    stage.send("collect", stage.owner, issuer.positions, "collect_fees", asset, stage.owner.address)


_STEPS = {"open": _open, "pay": _pay, "post": _post, "liquidate": _liquidate, "collect": _collect}
_ON_POSITIONS = {"deposit": _deposit, "mint": _mint, "repay": _repay, "withdraw": _withdraw}

SPEC = WorkloadSpec(
    name="stablecoin",
    description="coins minted against collateral: the coin's supply and each collateral's book are hot",
    parameters=PARAMETERS,
    generate=generate,
)
