"""Workload 10, rwa: fractions of real-world assets, held by listed persons, with dividends and loans against them."""

from __future__ import annotations

from dataclasses import dataclass, field

from workloads.accounts import KeyPair
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.rwa_checks import checks_of
from workloads.rwa_estate import (
    BPS,
    FIRST_DIVIDEND,
    LTV,
    MONEY_SCALE,
    UNIT,
    WAD,
    Estate,
    Key,
    open_estate,
    seed_holdings,
)
from workloads.stage import Deployed, Stage
from workloads.workload import Workload

MEDIAN_TRADE, MEDIAN_DIVIDEND = 20.0, 50_000.0
"""In fractions, and in money."""
LIQUIDATORS = 4
TRIES = 30
MIX = "transfer:34,claim:20,dividend:4,borrow:14,repay:12,list:6,delist:3,post:4,liquidate:3"

PARAMETERS = {
    "users": Parameter(200, "listed holders; each third has a loan at genesis", minimum=2, maximum=10_000),
    "applicants": Parameter(40, "persons who are listed, and delisted, in the blocks", minimum=1, maximum=100_000),
    "assets": Parameter(12, "assets with fractions", minimum=1, maximum=32),
    "zipf_users": ZIPF_USERS,
    "zipf_assets": Parameter(0.8, "exponent over assets", minimum=0, maximum=3),
    "volatility": Parameter(0.02, "spread of a new valuation around the last", minimum=0.001, maximum=0.5),
    "shock": Parameter(0.1, "fall of every other valuation before the first block", 0, 0.5),
    "racing": Parameter(2, "liquidators who try each victim", minimum=1, maximum=100),
    "block_seconds": Parameter(86_400, "seconds between blocks, for which interest is due", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Trading:
    """A generation in progress; `live` are open loans, `entries` per block who took a risk at what price."""

    stage: Stage
    parameters: Parameters
    estate: Estate
    users: tuple[KeyPair, ...]
    applicants: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    user_ranks: Zipf
    asset_ranks: Zipf
    entries: list[dict[Key, int]]
    live: dict[Key, KeyPair] = field(default_factory=dict)
    ever: dict[Key, None] = field(default_factory=dict)
    victim: tuple[Key, int] | None = None

    def someone(self) -> KeyPair:
        """Draw a listed user."""
        return self.users[self.user_ranks.draw(self.stage.random)]

    def token(self) -> Deployed:
        """Draw an asset."""
        return self.estate.tokens[self.asset_ranks.draw(self.stage.random)]

    def holder(self) -> tuple[KeyPair, Deployed, int]:
        """Draw a holder, one of its assets, and how many fractions are free; the owner has some of everything."""
        for _ in range(TRIES):
            user, token = self.someone(), self.token()
            if free := self.free(user, token):
                return user, token, free
        token = self.token()
        return self.stage.owner, token, self.free(self.stage.owner, token)

    def free(self, user: KeyPair, token: Deployed) -> int:
        """Return how many fractions somebody has that are not frozen."""
        return self.stage.get(token, "balanceOf", user.address) - self.stage.get(token, "frozen", user.address)

    def owed(self, key: Key) -> int:
        """Return what a loan comes to now."""
        return self.stage.ask(self.estate.loans, "owed", *key) or 0

    def risked(self, user: KeyPair, token: Deployed) -> None:
        """Note who has a loan that must be covered after the block."""
        key = user.address, token.address
        self.live[key], self.ever[key] = user, None
        self.entries[len(self.stage.blocks)][key] = self.estate.price(self.stage, token)


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of transfers, dividends and loans, `transactions` in all."""
    stage = Stage("rwa", seed, declare=parameters.text("declare"), block_seconds=parameters.integer("block_seconds"))
    users, applicants = (stage.accounts(name, parameters.integer(f"{name}s")) for name in ("user", "applicant"))
    liquidators = stage.accounts("liquidator", LIQUIDATORS)
    estate = open_estate(stage, parameters.integer("assets"), (*users, *liquidators), applicants)
    user_ranks, asset_ranks = (
        Zipf(count, parameters.number(f"zipf_{name}"))
        for name, count in (("users", len(users)), ("assets", len(estate.tokens)))
    )
    entries: list[dict[Key, int]] = [{} for _ in range(parameters.integer("blocks"))]
    work = _Trading(stage, parameters, estate, users, applicants, liquidators, user_ranks, asset_ranks, entries)
    _populate(work)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    people = tuple(account.address for account in (*users, *applicants, *liquidators, stage.owner))
    return stage.finish(parameters.values, checks_of(estate, people, work.ever, work.entries))


def _populate(work: _Trading) -> None:
    """Seed holdings and loans; then comes a dividend each, and valuations fall: some loans can be liquidated."""
    stage, estate = work.stage, work.estate
    work.live = seed_holdings(stage, estate, work.users)
    work.ever = dict.fromkeys(work.live)
    for index, token in enumerate(estate.tokens):
        stage.setup(stage.owner, token, "deposit_dividend", FIRST_DIVIDEND)
        if index % 2 == 0:
            price = int(estate.price(stage, token) * (1 - work.parameters.number("shock")))
            stage.setup(stage.owner, estate.oracle, "set_price", token.address, price)


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Trading, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _transfer_outside(work)
    else:
        _STEPS[operation](work)


def _count(work: _Trading, most: int) -> int:
    return max(1, min(int(log_normal(work.stage.random, MEDIAN_TRADE, 0.8)), most))


def _transfer(work: _Trading) -> None:
    """Move fractions to another holder, now and then to one who was listed in these blocks."""
    user, token, free = work.holder()
    new = [one for one in work.applicants if work.estate.listed(work.stage, one.address)]
    receiver = work.stage.random.choice(new) if new and work.stage.random.random() < 0.2 else work.someone()
    work.stage.send("transfer", user, token, "transfer", receiver.address, _count(work, free))


def _transfer_outside(work: _Trading) -> None:
    """Try to move fractions to somebody who is not listed, which reverts: nobody ever lists the oracle."""
    user, token, free = work.holder()
    work.stage.send("transfer", user, token, "transfer", work.estate.oracle.address, _count(work, free))


def _claim(work: _Trading) -> None:
    for _ in range(TRIES):
        user, token, _ = work.holder()
        if work.stage.ask(token, "claimable", user.address):
            work.stage.send("claim", user, token, "claim")
            return
    _dividend(work)


def _dividend(work: _Trading) -> None:
    amount = int(log_normal(work.stage.random, MEDIAN_DIVIDEND, 0.5) * UNIT)
    work.stage.send("dividend", work.stage.owner, work.token(), "deposit_dividend", amount)


def _borrow(work: _Trading) -> None:
    """Borrow against free fractions, with a tenth to two thirds of what they are worth within the loan-to-value."""
    user, token, free = work.holder()
    key, fractions = (user.address, token.address), max(1, free // 2)
    if work.stage.ask(work.estate.loans, "liquidatable", *key):
        _transfer(work)
        return
    worth = (fractions + work.estate.loan(work.stage, key, "fractions")) * work.estate.price(work.stage, token)
    room = worth * LTV // (BPS * MONEY_SCALE) - work.owed(key)
    amount = room * work.stage.random.randint(10, 66) // 100
    if amount <= 0:
        _transfer(work)
    elif work.stage.send("borrow", user, work.estate.loans, "borrow", token.address, fractions, amount):
        work.risked(user, token)


def _repay(work: _Trading) -> None:
    """Repay a loan or half of it; then a tenth of the fractions is released if what is left allows it."""
    keys = list(work.live)
    if not keys:
        _borrow(work)
        return
    key = keys[work.user_ranks.draw(work.stage.random) % len(keys)]
    user, owed = work.live[key], work.owed(key)
    if work.stage.random.random() < 0.4:
        if work.stage.send("repay", user, work.estate.loans, "repay", key[1], 2**256 - 1, 0):
            del work.live[key]
            work.entries[len(work.stage.blocks)].pop(key, None)
        return
    token = next(token for token in work.estate.tokens if token.address == key[1])
    fractions = work.estate.loan(work.stage, key, "fractions")
    worth = (fractions - fractions // 10) * work.estate.price(work.stage, token) // MONEY_SCALE
    released = fractions // 10 if (owed - owed // 2) * BPS <= worth * LTV else 0
    if work.stage.send("repay", user, work.estate.loans, "repay", key[1], owed // 2, released) and released:
        work.risked(user, token)


def _list(work: _Trading) -> None:
    """List somebody who applied; if all are listed, fractions move."""
    registry = work.estate.registry
    outside = [one for one in work.applicants if not work.estate.listed(work.stage, one.address)]
    if outside:
        holder = work.stage.random.choice(outside)
        work.stage.send("list", work.stage.owner, registry, "list_holder", holder.address)
    else:
        _transfer(work)


def _delist(work: _Trading) -> None:
    """Take somebody off the list who has nothing (any more); if there is nobody, list one."""
    stage, estate = work.stage, work.estate
    for one in work.applicants:
        held = sum(stage.get(token, "balanceOf", one.address) for token in estate.tokens)
        if held == 0 and estate.listed(stage, one.address):
            stage.send("delist", stage.owner, estate.registry, "delist_holder", one.address)
            return
    _list(work)


def _post(work: _Trading) -> None:
    """Let the oracle's owner post a new valuation."""
    stage, token = work.stage, work.token()
    last = work.estate.price(stage, token) / WAD
    price = int(log_normal(stage.random, last, work.parameters.number("volatility")) * 10**9) * 10**9
    stage.send("post", stage.owner, work.estate.oracle, "set_price", token.address, price)


def _liquidate(work: _Trading) -> None:
    """Let liquidators try a victim, one after the other: only the first succeeds. Without victims prices move on."""
    key, left = work.victim or (_find_victim(work), work.parameters.integer("racing"))
    if key is None:
        _post(work)
        return
    liquidator = work.liquidators[left % LIQUIDATORS]
    if work.stage.send("liquidate", liquidator, work.estate.loans, "liquidate", *key):
        del work.live[key]
        work.entries[len(work.stage.blocks)].pop(key, None)
    work.victim = (key, left - 1) if left > 1 else None


def _find_victim(work: _Trading) -> Key | None:
    return next((key for key in work.live if work.stage.ask(work.estate.loans, "liquidatable", *key)), None)


_STEPS = {
    "transfer": _transfer,
    "claim": _claim,
    "dividend": _dividend,
    "borrow": _borrow,
    "repay": _repay,
    "list": _list,
    "delist": _delist,
    "post": _post,
    "liquidate": _liquidate,
}

SPEC = WorkloadSpec(
    name="rwa",
    description="fractions of assets: a registry that all read, dividends by accumulator, loans nearly independent",
    parameters=PARAMETERS,
    generate=generate,
)
