"""Workload 14, insurance: capital staked, cover bought against it, claims decided, covers that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import Zipf
from workloads.insurance_checks import FlowCheck, PoolCheck
from workloads.insurance_setup import (
    DAY,
    DECIMALS,
    EXIT_DELAY,
    GRACE,
    MEDIAN_COVER,
    MEDIAN_STAKE,
    TERMS,
    WALLET,
    Cover,
    draw_amount,
    seed_capital,
    seed_covers,
)
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Deployed, Stage
from workloads.workload import Check, Workload

REFUSED = 0.3
"""Share of the claims that the assessor refuses."""
MIX = "buy:40,stake:10,request_exit:5,leave:4,claim:14,assess:14,expire:13"

PARAMETERS = {
    "users": Parameter(200, "holders of cover; each has one at genesis", minimum=2, maximum=100_000),
    "underwriters": Parameter(20, "underwriters; each has a stake in every pool", minimum=1, maximum=1_000),
    "pools": Parameter(4, "pools, each for one risk", minimum=1, maximum=1_000),
    "zipf_users": ZIPF_USERS,
    "zipf_pools": Parameter(0.8, "exponent over pools", minimum=0, maximum=3),
    "block_seconds": Parameter(DAY, "seconds between blocks, in which covers end and exits come due", 1, 10**7),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Insuring:
    """A generation in progress; `covers` are open, `exits` say when an underwriter may leave a pool."""

    stage: Stage
    parameters: Parameters
    users: tuple[KeyPair, ...]
    underwriters: tuple[KeyPair, ...]
    pools: list[Deployed]
    user_ranks: Zipf
    pool_ranks: Zipf
    covers: list[Cover] = field(default_factory=list)
    exits: dict[tuple[Address, KeyPair], int] = field(default_factory=dict)

    def pool(self) -> Deployed:
        """Draw a pool."""
        return self.pools[self.pool_ranks.draw(self.stage.random)]

    def cover(self, wanted: Callable[[Cover], bool]) -> Cover | None:
        """Draw one of the open covers that are wanted, in the pool that is drawn or else in any; None without one."""
        pool = self.pool()
        fitting = [cover for cover in self.covers if wanted(cover)]
        chosen = [cover for cover in fitting if cover.pool == pool] or fitting
        return self.stage.random.choice(chosen) if chosen else None


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of buying, claiming and ending cover, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("insurance", seed, declare=parameters.text("declare"), block_seconds=seconds)
    users = stage.accounts("user", parameters.integer("users"))
    underwriters = stage.accounts("underwriter", parameters.integer("underwriters"))
    token = stage.token("USD", {one.address: WALLET for one in (*users, *underwriters)}, DECIMALS)
    pools = [stage.deploy("CoverPool", token.address) for _ in range(parameters.integer("pools"))]
    user_ranks = Zipf(len(users), parameters.number("zipf_users"))
    pool_ranks = Zipf(len(pools), parameters.number("zipf_pools"))
    work = _Insuring(stage, parameters, users, underwriters, pools, user_ranks, pool_ranks)
    staked = sum(_populate(work, token, index) for index in range(len(pools)))
    weights = parse_mix(parameters.text("mix"), MIX)
    fill_blocks(stage, weights, transactions, parameters.integer("blocks"), lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work, token, staked))


def _populate(work: _Insuring, token: Deployed, index: int) -> int:
    """Seed a pool's capital, its exits, and a cover for each of its part of the users; return the capital."""
    stage, pool = work.stage, work.pools[index]
    stage.allow(token, (*work.users, *work.underwriters), pool.address)
    staked = seed_capital(stage, pool, token, work.underwriters)
    work.exits |= {(pool.address, one): stage.now for one in work.underwriters[::2]}
    work.covers += seed_covers(stage, pool, token, work.users[index :: len(work.pools)])
    return staked


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: _Insuring, operation: str) -> None:
    if work.stage.random.random() >= work.parameters.number("failing"):
        _STEPS[operation](work)
    elif early := work.stage.random.random() < 0.5 and work.cover(lambda cover: cover.ends_at + GRACE > work.stage.now):
        work.stage.send("expire", work.users[0], early.pool, "expire", early.number)
    else:
        _buy(work, offer=0.9)


def _buy(work: _Insuring, offer: float = 1.0) -> None:
    """Buy cover for what it costs now, for less it reverts; where there is too little capital, stake."""
    stage, pool = work.stage, work.pool()
    user = work.users[work.user_ranks.draw(stage.random)]
    amount, duration = draw_amount(stage, MEDIAN_COVER), stage.random.choice(TERMS) * DAY
    premium = stage.ask(pool, "quote", amount, duration)
    if premium is None:
        _stake(work)
    elif stage.send("buy", user, pool, "buy", amount, duration, int(premium * offer)):
        work.covers.append(Cover(pool, stage.get(pool, "cover_count"), user, amount, stage.now + duration))


def _stake(work: _Insuring) -> None:
    one = work.stage.random.choice(work.underwriters)
    work.stage.send("stake", one, work.pool(), "stake", draw_amount(work.stage, MEDIAN_STAKE / 10))


def _request_exit(work: _Insuring) -> None:
    """Let an underwriter who has not done so announce to leave with a part."""
    stage, pool, one = work.stage, work.pool(), work.stage.random.choice(work.underwriters)
    held = stage.get(pool, "shares", one.address)
    stage.send("request_exit", one, pool, "request_exit", held * stage.random.randint(10, 40) // 100)
    work.exits[pool.address, one] = stage.now + EXIT_DELAY


def _leave(work: _Insuring) -> None:
    """Let somebody leave whose time has come, for whom there is enough free capital; otherwise announce it."""
    stage = work.stage
    ready = [
        (pool, one)
        for pool in work.pools
        for one in work.underwriters
        if stage.now - EXIT_DELAY < work.exits.get((pool.address, one), stage.now + 1) <= stage.now
    ]
    if not ready:
        _request_exit(work)
        return
    pool, one = stage.random.choice(ready)
    stage.send("leave", one, pool, "leave")
    del work.exits[pool.address, one]


def _claim(work: _Insuring) -> None:
    """Claim a part of a cover, up to all of it."""
    stage = work.stage
    cover = work.cover(lambda cover: not cover.claimed and stage.now < cover.ends_at + GRACE)
    if cover is None:
        _buy(work)
        return
    cover.claimed = max(cover.amount * stage.random.randint(20, 100) // 100, 1)
    stage.send("claim", cover.holder, cover.pool, "claim", cover.number, cover.claimed)


def _assess(work: _Insuring) -> None:
    """Refuse a claim, or pay all or a part of it; without any, somebody claims."""
    stage, cover = work.stage, work.cover(lambda cover: cover.claimed > 0)
    if cover is None:
        _claim(work)
        return
    paid = 0 if stage.random.random() < REFUSED else max(cover.claimed * stage.random.choice((50, 100)) // 100, 1)
    stage.send("assess", stage.owner, cover.pool, "assess", cover.number, paid)
    cover.claimed = 0
    if paid:
        work.covers.remove(cover)


def _expire(work: _Insuring) -> None:
    """Let anybody close a cover that has ended; without any, somebody buys."""
    stage = work.stage
    cover = work.cover(lambda cover: not cover.claimed and cover.ends_at + GRACE <= stage.now)
    if cover is None:
        _buy(work)
        return
    stage.send("expire", stage.random.choice(work.users), cover.pool, "expire", cover.number)
    work.covers.remove(cover)


_STEPS = {"buy": _buy, "stake": _stake, "request_exit": _request_exit, "leave": _leave}
_STEPS |= {"claim": _claim, "assess": _assess, "expire": _expire}


def _checks(work: _Insuring, token: Deployed, staked: int) -> Iterator[Check]:
    """Yield what must hold; `staked` is the capital of the genesis."""
    holders, underwriters = (tuple(one.address for one in people) for people in (work.users, work.underwriters))
    everybody = (*holders, *underwriters, *(pool.address for pool in work.pools))
    balances = tuple(token.at("balanceOf", one) for one in everybody)
    yield SupplyCheck("USD", token.at("totalSupply"), balances)
    yield FlowCheck(tuple(work.pools), token, holders, underwriters, staked, WALLET * len(underwriters))
    for pool in work.pools:
        yield PoolCheck(pool, token, underwriters, work.parameters.integer("block_seconds"))


SPEC = WorkloadSpec(
    name="insurance",
    description="cover bought against staked capital, claims and ends: each pool's capital is hot",
    parameters=PARAMETERS,
    generate=generate,
)
