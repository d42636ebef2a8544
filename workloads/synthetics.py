"""Workload 9, synthetics: tokens minted against ether, whose minters owe all of them together."""

from __future__ import annotations

from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.common import BLOCK_SECONDS, BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import ETHER, Deployed, Stage
from workloads.synthetics_checks import BlockNotes, DebtCheck, RegisterCheck
from workloads.synthetics_pool import BPS, ISSUE_RATIO, NATIVE, WAD, SynthPool, open_pool, seed_debtor
from workloads.workload import Workload

MEDIAN_DEBT, MEDIAN_TRADE, MEDIAN_DEPOSIT = 5_000.0, 500.0, 1.0
"""Values in the oracle's unit; the last in ether."""
LIQUIDATORS, LIQUIDATOR_DEBT = 4, 10**6 * WAD
TIGHT, USUAL = (68, 74), (105, 300)
"""Collateral at genesis, in percent of what issuing takes: two thirds of it is where liquidation begins."""
TRIES = 20
LEAST_VALUE = 10**12
"""Smaller amounts may be rounded to nothing."""
MIX = "deposit:14,withdraw:8,issue:22,burn:16,exchange:22,pay:10,post:4,liquidate:4"

PARAMETERS = {
    "users": Parameter(200, "users; each has a debt at genesis", minimum=2, maximum=100_000),
    "synths": Parameter(4, "synthetic tokens, of which every call reads the price", minimum=2, maximum=8),
    "zipf_users": ZIPF_USERS,
    "zipf_synths": Parameter(0.6, "exponent over tokens", minimum=0, maximum=3),
    "volatility": Parameter(0.01, "spread of a new price around the last", minimum=0.001, maximum=0.5),
    "shock": Parameter(0.08, "fall of the price of ether before the first block", 0, 0.5),
    "racing": Parameter(2, "liquidators who try each victim", minimum=1, maximum=100),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "block_seconds": BLOCK_SECONDS,
    "declare": DECLARE,
}


@dataclass
class _Note:
    """What is noted of the block in the making."""

    issuers: dict[Address, None] = field(default_factory=dict)
    marked: bool = False
    written_off: bool = False


@dataclass
class _Issuing:
    """A generation in progress."""

    stage: Stage
    parameters: Parameters
    pool: SynthPool
    users: tuple[KeyPair, ...]
    liquidators: tuple[KeyPair, ...]
    user_ranks: Zipf
    synth_ranks: Zipf
    notes: list[_Note]
    victim: tuple[Address, int] | None = None

    @property
    def note(self) -> _Note:
        """Return what is noted of this block."""
        return self.notes[len(self.stage.blocks)]

    def someone(self) -> KeyPair:
        """Draw a user who need not fear a liquidator, if there is one."""
        user = self.users[self.user_ranks.draw(self.stage.random)]
        for _ in range(TRIES):
            if not self.ask("liquidatable", user.address):
                break
            user = self.users[self.user_ranks.draw(self.stage.random)]
        return user

    def token(self) -> Deployed:
        """Draw a synthetic token."""
        return self.pool.tokens[self.synth_ranks.draw(self.stage.random)]

    def amount(self, token: Deployed, value: int) -> int:
        """Return how much of a token is worth `value`."""
        return value * WAD // self.pool.price(self.stage, token.address)

    def ask(self, function: str, user: Address) -> int:
        """Return what a view answers about a user."""
        return self.stage.ask(self.pool.synthetics, function, user) or 0

    def balance(self, token: Deployed, user: KeyPair) -> int:
        """Return how much of a token somebody has."""
        return self.stage.get(token, "balanceOf", user.address)

    def send(self, operation: str, user: KeyPair, *arguments: int | bytes) -> bool:
        """Send a call to the pool of the name of the operation, which marks the register; note what it means."""
        done = self.stage.send(operation, user, self.pool.synthetics, operation, *arguments)
        owes = self.pool.of(self.stage, "shares", user.address) != 0
        self.note.marked |= done and (operation != "withdraw" or owes)
        if done and operation in ("issue", "withdraw") and owes:
            self.note.issuers[user.address] = None
        return done


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of minting, exchanging and liquidating, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("synthetics", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    liquidators = stage.accounts("liquidator", LIQUIDATORS)
    pool, blocks = open_pool(stage, parameters.integer("synths")), parameters.integer("blocks")
    user_ranks, synth_ranks = (
        Zipf(count, parameters.number(f"zipf_{name}"))
        for name, count in (("users", len(users)), ("synths", len(pool.tokens)))
    )
    notes = [_Note() for _ in range(blocks)]
    work = _Issuing(stage, parameters, pool, users, liquidators, user_ranks, synth_ranks, notes)
    _populate(work)
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, blocks, lambda name: _step(work, name), first="post")
    frozen = tuple(BlockNotes(tuple(note.issuers), note.marked, note.written_off) for note in work.notes)
    members = tuple(account.address for account in (*users, *liquidators))
    return stage.finish(parameters.values, (RegisterCheck(pool, members, frozen), DebtCheck(pool, frozen)))


def _populate(work: _Issuing) -> None:
    """Seed a debt for everybody, each tenth of them tight; then ether falls, and these can be liquidated."""
    stage, pool, random = work.stage, work.pool, work.stage.random
    for index, user in enumerate(work.users):
        value = int(log_normal(random, MEDIAN_DEBT, 0.8) * 10**6) * 10**12
        cover = random.randint(*(TIGHT if index % 10 == 0 else USUAL))
        seed_debtor(stage, pool, user.address, index % len(pool.tokens) + 1, value, cover)
    for index, liquidator in enumerate(work.liquidators):
        seed_debtor(stage, pool, liquidator.address, index % len(pool.tokens) + 1, LIQUIDATOR_DEBT, 400)
    price = int(pool.price(stage, NATIVE) * (1 - work.parameters.number("shock")))
    stage.setup(stage.owner, pool.oracle, "set_price", NATIVE, price)


def _value(work: _Issuing) -> int:
    return int(log_normal(work.stage.random, MEDIAN_TRADE, 0.8) * 10**6) * 10**12


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Issuing, operation: str) -> None:
    # A post is never replaced: prices move at the beginning of a block and nowhere else.
    if operation != "post" and work.stage.random.random() < work.parameters.number("failing"):
        _issue(work, greed=3)
    else:
        _STEPS[operation](work)


def _deposit(work: _Issuing) -> None:
    user = work.someone()
    wanted = int(log_normal(work.stage.random, MEDIAN_DEPOSIT, 0.8) * 10**6) * 10**12
    most = work.stage.balance(user.address) - ETHER  # something is left for fees
    work.stage.send("deposit", user, work.pool.synthetics, "deposit", value=min(wanted, most))


def _withdraw(work: _Issuing) -> None:
    """Take out a part of the ether that the debt does not need."""
    user, pool = work.someone(), work.pool
    needed = work.ask("debt_of", user.address) * ISSUE_RATIO * WAD // (pool.price(work.stage, NATIVE) * BPS)
    spare = pool.of(work.stage, "collateral", user.address) - needed
    if spare > LEAST_VALUE:
        work.send("withdraw", user, spare * work.stage.random.randint(5, 60) // 100)
    else:
        _deposit(work)


def _issue(work: _Issuing, greed: int = 0) -> None:
    """Mint up to nine tenths of what the collateral allows; with greed more than it allows, which reverts."""
    user, token = work.someone(), work.token()
    limit = work.ask("limit_of", user.address)
    room = (limit - work.ask("debt_of", user.address)) * 9 // 10
    value = limit * greed + WAD if greed else min(_value(work), room)
    if greed or room > LEAST_VALUE:
        work.send("issue", user, token.address, work.amount(token, value))
    else:
        _deposit(work)


def _burn(work: _Issuing) -> None:
    """Give back a part of a debt, or all of it, in whatever the user has most of."""
    user = work.someone()
    token = _richest(work, user)
    held, owed = work.balance(token, user), work.ask("debt_of", user.address)
    amount = min(held, work.amount(token, _value(work)))
    if owed > LEAST_VALUE and work.amount(token, owed) < held and work.stage.random.random() < 0.2:
        amount = held
    if owed > LEAST_VALUE and amount > LEAST_VALUE:
        work.send("burn", user, token.address, amount)
    else:
        _issue(work)


def _richest(work: _Issuing, user: KeyPair) -> Deployed:
    """Return the token of which the user has the greatest value."""
    prices = work.pool.prices(work.stage)
    worth = [work.balance(token, user) * price for token, price in zip(work.pool.tokens, prices, strict=True)]
    return work.pool.tokens[worth.index(max(worth))]


def _exchange(work: _Issuing) -> None:
    """Turn some of what the user has most of into another token, with 1 % of leeway."""
    user, least = work.someone(), 99
    sold, bought = _richest(work, user), work.token()
    if bought == sold:
        bought = next(token for token in work.pool.tokens if token != sold)
    amount = min(work.balance(sold, user), work.amount(sold, _value(work)))
    if amount <= LEAST_VALUE:
        _issue(work)
        return
    value = amount * work.pool.price(work.stage, sold.address) // WAD
    work.send("exchange", user, sold.address, amount, bought.address, work.amount(bought, value) * least // 100)


def _pay(work: _Issuing) -> None:
    """Pay somebody with a synthetic token."""
    user, other = work.someone(), work.someone()
    token = _richest(work, user)
    amount = min(work.balance(token, user), work.amount(token, _value(work)))
    work.stage.send("pay", user, token, "transfer", other.address, amount)


def _post(work: _Issuing) -> None:
    """Let the oracle's owner post a new price, of ether or of a token other than the first."""
    stage, pool = work.stage, work.pool
    rank = work.synth_ranks.draw(stage.random)
    asset = pool.tokens[rank].address if rank else NATIVE
    last = pool.price(stage, asset) / WAD
    price = int(log_normal(stage.random, last, work.parameters.number("volatility")) * 10**9) * 10**9
    stage.send("post", stage.owner, pool.oracle, "set_price", asset, price)


def _liquidate(work: _Issuing) -> None:
    """Let liquidators try a victim, one after the other: only the first succeeds. Without victims somebody burns."""
    user, left = work.victim or (_find_victim(work), work.parameters.integer("racing"))
    if user is None:
        _burn(work)
        return
    liquidator = work.liquidators[left % LIQUIDATORS]
    token = _richest(work, liquidator)
    if work.send("liquidate", liquidator, user, token.address, work.balance(token, liquidator)):
        work.note.issuers.pop(user, None)
        if work.pool.of(work.stage, "collateral", user) == 0:
            work.note.written_off = True
            work.note.issuers.clear()
    work.victim = (user, left - 1) if left > 1 else None


def _find_victim(work: _Issuing) -> Address | None:
    return next((user.address for user in work.users if work.ask("liquidatable", user.address)), None)


_STEPS = {
    "deposit": _deposit,
    "withdraw": _withdraw,
    "issue": _issue,
    "burn": _burn,
    "exchange": _exchange,
    "pay": _pay,
    "post": _post,
    "liquidate": _liquidate,
}

SPEC = WorkloadSpec(
    name="synthetics",
    description="tokens minted against ether, debts are shares of one register: very hot",
    parameters=PARAMETERS,
    generate=generate,
)
