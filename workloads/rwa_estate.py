"""Fractions of assets (HolderRegistry, FractionToken, FractionLoans, Oracle): their genesis, and how storage reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.block_builder import GENESIS_TIME
from workloads.distributions import log_normal
from workloads.stage import Deployed, Stage
from workloads.workload import StateReader

WAD, RAY, BPS, UNIT = 10**18, 10**27, 10_000, 10**6
SCALE = 10**18
"""Dividends are kept times this."""
MONEY_SCALE = 10**12
"""Value with 18 decimals over the smallest unit of money."""
ISSUED = 9_700_000
"""Of each asset: no divisor of SCALE, so that dividends leave something to carry over."""
PRICES = (50, 120, 20, 250)
"""Of a fraction at genesis, in whole money; assets take them in turn."""
LTV, THRESHOLD, PENALTY, RATE = 6_000, 7_500, 800, 2_536_783_358 * 10**9
"""In basis points; the last per second of RAY, about 8 % a year."""
TIGHT, USUAL = (THRESHOLD - 400, THRESHOLD - 10), (1_000, 5_500)
"""What loans are at genesis, in basis points of what their fractions are worth."""
MEDIAN_HOLDING, EACH_HOLDS = 400.0, 3
"""Fractions, and assets of which everybody has some at genesis."""
WALLET, FUND, FIRST_DIVIDEND = 10**7 * UNIT, 10**9 * UNIT, 10**6 * UNIT

Key = tuple[Address, Address]
"""A loan: borrower and token of the fractions."""


@dataclass(frozen=True)
class Estate:
    """Registry, loans, oracle and money, and the tokens of the assets, each of ISSUED fractions."""

    registry: Deployed
    loans: Deployed
    oracle: Deployed
    money: Deployed
    tokens: tuple[Deployed, ...]

    def loan(self, state: StateReader, key: Key, member: str) -> int:
        """Return a member of a loan: fractions, principal, interest or since."""
        return self.loans.read(state, "loans", *key, member=member, struct="Loan")

    def listed(self, state: StateReader, holder: Address) -> bool:
        """Return whether somebody may hold fractions."""
        return self.registry.read(state, "listed", holder) != 0

    def price(self, state: StateReader, token: Deployed) -> int:
        """Return the oracle's price of a fraction, with 18 decimals."""
        return self.oracle.read(state, "prices", token.address)


def open_estate(stage: Stage, assets: int, members: Iterable[KeyPair], applicants: Iterable[KeyPair]) -> Estate:
    """Deploy everything; `members` are listed and have money, applicants have money; the owner has all fractions."""
    listed, everybody = (stage.owner, *members), (stage.owner, *members, *applicants)
    money = stage.token("USD", {account.address: WALLET for account in everybody}, 6)
    stage.mint(money, stage.owner.address, 2 * FUND)
    oracle, registry = stage.deploy("Oracle"), stage.deploy("HolderRegistry")
    for account in listed:
        stage.seed_slot(registry.at("listed", account.address), 1)
    loans = stage.deploy("FractionLoans", oracle.address, money.address)
    stage.allow(money, everybody, loans.address)
    stage.setup(stage.owner, loans, "fund", FUND)
    tokens = []
    for index in range(assets):
        token = stage.deploy("FractionToken", registry.address, money.address, index + 1, ISSUED)
        stage.setup(stage.owner, registry, "add_token", token.address)
        stage.setup(stage.owner, token, "set_agent", loans.address)
        stage.setup(stage.owner, oracle, "set_price", token.address, PRICES[index % len(PRICES)] * WAD)
        stage.setup(stage.owner, loans, "set_terms", token.address, LTV, THRESHOLD, PENALTY, RATE)
        stage.allow(money, [stage.owner], token.address)
        tokens.append(token)
    return Estate(registry, loans, oracle, money, tuple(tokens))


def seed_holdings(stage: Stage, estate: Estate, users: Iterable[KeyPair]) -> dict[Key, KeyPair]:
    """Seed fractions of some assets for everybody, and loans for each third, half of them tight; return these."""
    random, tokens = stage.random, estate.tokens
    loans = {}
    for index, user in enumerate(users):
        for step in range(min(EACH_HOLDS, len(tokens))):
            token, count = tokens[(index + step) % len(tokens)], int(log_normal(random, MEDIAN_HOLDING, 0.8)) + 10
            seed_fractions(stage, token, user.address, count)
            if step == 0 and index % 3 == 0:
                part = random.randint(*(TIGHT if index % 2 == 0 else USUAL))
                loans[seed_loan(stage, estate, user.address, token, count * 4 // 5, part)] = user
    return loans


def seed_fractions(stage: Stage, token: Deployed, holder: Address, fractions: int) -> None:
    """Let the owner have sold fractions to a holder before the first dividend."""
    for account, change in ((stage.owner.address, -fractions), (holder, fractions)):
        place = token.at("balanceOf", account)
        stage.seed_slot(place, stage.get(token, "balanceOf", account) + change)


def seed_loan(stage: Stage, estate: Estate, holder: Address, token: Deployed, fractions: int, part: int) -> Key:
    """Write a loan of `part` basis points of what `fractions`, which the holder has, are worth."""
    key = holder, token.address
    principal = fractions * estate.price(stage, token) * part // (BPS * MONEY_SCALE)
    for member, value in (("fractions", fractions), ("principal", principal), ("since", GENESIS_TIME)):
        stage.seed_slot(estate.loans.at("loans", *key, member=member, struct="Loan"), value)
    stage.seed_slot(token.at("frozen", holder), fractions)
    _add(stage, estate.loans, "lent", principal)
    _add(stage, estate.loans, "cash", -principal)
    _add(stage, estate.money, "balanceOf", -principal, estate.loans.address)
    _add(stage, estate.money, "balanceOf", principal, holder)
    return key


def _add(stage: Stage, place: Deployed, variable: str, change: int, *keys: Address) -> None:
    stage.seed_slot(place.at(variable, *keys), stage.get(place, variable, *keys) + change)
