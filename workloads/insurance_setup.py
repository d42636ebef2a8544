"""The genesis of workload insurance: pools with capital, covers of all ages, underwriters about to leave."""

from __future__ import annotations

from dataclasses import dataclass

from workloads.accounts import KeyPair
from workloads.distributions import log_normal
from workloads.insurance_checks import BASE_RATE, BPS, YEAR
from workloads.stage import Deployed, Stage

DECIMALS, UNIT = 6, 10**6
WALLET = 10**9 * UNIT
DAY = 86_400
GRACE = EXIT_DELAY = 7 * DAY
MEDIAN_COVER, MEDIAN_STAKE = 5_000.0, 100_000.0
TERMS = (30, 90, 180, 365)
"""For how many days cover is bought."""
ENDED, CLAIMED = 3, 10
"""Of the covers at genesis, each third has ended, and each tenth of the others has a claim."""


@dataclass
class Cover:
    """An open cover, as the generator remembers it."""

    pool: Deployed
    number: int
    holder: KeyPair
    amount: int
    ends_at: int
    claimed: int = 0


def draw_amount(stage: Stage, median: float) -> int:
    """Return an amount of the token, in its smallest units."""
    return int(log_normal(stage.random, median) * UNIT)


def seed_capital(stage: Stage, pool: Deployed, token: Deployed, underwriters: tuple[KeyPair, ...]) -> int:
    """Give every underwriter shares, and every other one an exit that may be made from now on; return the capital."""
    total = 0
    for index, one in enumerate(underwriters):
        amount = max(draw_amount(stage, MEDIAN_STAKE), UNIT)
        stage.seed_slot(pool.at("shares", one.address), amount)
        if index % 2 == 0:
            for member, value in (("shares", amount * stage.random.randint(10, 40) // 100), ("ready_at", stage.now)):
                stage.seed_slot(pool.at("exits", one.address, member=member, struct="Exit"), value)
        total += amount
    stage.seed_slot(pool.at("capital"), total)
    stage.seed_slot(pool.at("total_shares"), total)
    stage.mint(token, pool.address, total)
    return total


def seed_covers(stage: Stage, pool: Deployed, token: Deployed, holders: tuple[KeyPair, ...]) -> list[Cover]:
    """Give every holder a cover, at the lowest rate; all of them need at most half of the capital."""
    covers, premiums, most = [], 0, stage.get(pool, "capital") // (2 * len(holders) or 1)
    for index, holder in enumerate(holders):
        days = stage.random.choice(TERMS)
        ends_at = stage.now - GRACE if index % ENDED == 0 else stage.now + stage.random.randint(1, days) * DAY
        cover = Cover(pool, index + 1, holder, min(draw_amount(stage, MEDIAN_COVER), most), ends_at)
        if index % CLAIMED == 1 and index % ENDED:
            cover.claimed = cover.amount // 2
        premium = -(-cover.amount * BASE_RATE * days * DAY // (BPS * YEAR))
        _seed_cover(stage, cover, premium)
        premiums += premium
        covers.append(cover)
    stage.seed_slot(pool.at("active"), sum(cover.amount for cover in covers))
    stage.seed_slot(pool.at("cover_count"), len(covers))
    for variable in ("unearned", "premiums"):
        stage.seed_slot(pool.at(variable), premiums)
    stage.mint(token, pool.address, premiums)
    return covers


def _seed_cover(stage: Stage, cover: Cover, premium: int) -> None:
    members = {
        "holder": int.from_bytes(cover.holder.address, "big"),
        "amount": cover.amount,
        "premium": premium,
        "ends_at": cover.ends_at,
        "claimed": cover.claimed,
    }
    for member, value in members.items():
        stage.seed_slot(cover.pool.at("covers", cover.number, member=member, struct="Cover"), value)
