"""An issuer of coins against collateral (DebtPositions, IssuedToken, Oracle): its genesis, and its storage."""

from __future__ import annotations

from dataclasses import dataclass

from scheduler.access import Address
from workloads.accounts import KeyPair
from workloads.stage import Deployed, Stage
from workloads.workload import StateReader

WAD, RAY, BPS = 10**18, 10**27, 10_000
KINDS = (
    ("WETH", 18, 3_000, 15_000),
    ("WBTC", 8, 60_000, 14_500),
    ("WSTETH", 18, 3_500, 16_000),
    ("SOL", 9, 150, 17_500),
)
"""Symbol, decimals, price in coins, minimum ratio in basis points; collaterals take them in turn."""
PENALTY, FEE = 1_300, 1_585_489_599 * 10**9
"""In basis points; per second of RAY, about 5 % a year."""
CEILING, LEAST_DEBT = 10**9 * WAD, 100 * WAD
WALLET = 10**6
"""Whole tokens of each collateral that everybody has outside."""

Key = tuple[Address, Address]
"""A position: user and collateral."""


@dataclass(frozen=True)
class Issuer:
    """The contract with the positions, its coin and oracle, and the tokens that are collateral."""

    positions: Deployed
    coin: Deployed
    oracle: Deployed
    tokens: tuple[Deployed, ...]

    def book(self, state: StateReader, asset: Address, member: str) -> int:
        """Return a member of a collateral's book."""
        return self.positions.read(state, "books", asset, member=member, struct="Book")

    def terms(self, state: StateReader, asset: Address, member: str) -> int:
        """Return a term of a collateral."""
        return self.positions.read(state, "terms", asset, member=member, struct="Terms")

    def position(self, state: StateReader, key: Key, member: str) -> int:
        """Return a member of a position: collateral or scaled_debt."""
        return self.positions.read(state, "positions", *key, member=member, struct="Position")

    def price(self, state: StateReader, asset: Address) -> int:
        """Return the oracle's price, with 18 decimals."""
        return self.oracle.read(state, "prices", asset)


def open_issuer(stage: Stage, collaterals: int, members: tuple[KeyPair, ...]) -> Issuer:
    """Deploy coin, oracle and positions, and admit the collaterals; `members` have plenty of each."""
    coin = stage.token("COIN", {}, contract_name="IssuedToken")
    oracle = stage.deploy("Oracle")
    positions = stage.deploy("DebtPositions", coin.address, oracle.address, LEAST_DEBT)
    stage.setup(stage.owner, coin, "set_owner", positions.address)
    tokens = []
    for index in range(collaterals):
        symbol, decimals, price, ratio = KINDS[index % len(KINDS)]
        token = stage.token(f"{symbol}{index}", {one.address: WALLET * 10**decimals for one in members}, decimals)
        stage.allow(token, members, positions.address)
        stage.setup(stage.owner, oracle, "set_price", token.address, price * WAD)
        stage.setup(stage.owner, positions, "set_terms", token.address, ratio, PENALTY, FEE, CEILING)
        tokens.append(token)
    return Issuer(positions, coin, oracle, tuple(tokens))


def seed_position(stage: Stage, issuer: Issuer, user: Address, token: Deployed, debt: int, cover: int) -> Key:
    """Write a position of `debt` coins with `cover` percent of the collateral that it needs at least; `user` has them.

    Only where no time has passed since the collateral was admitted: debts are written as if the index were 1.
    """
    key = user, token.address
    unit, ratio = (issuer.terms(stage, token.address, name) for name in ("unit", "ratio"))
    collateral = debt * ratio * unit * cover // (issuer.price(stage, token.address) * BPS * 100) + 1
    stage.mint(token, issuer.positions.address, collateral)
    stage.mint(issuer.coin, user, debt)
    for member, amount in (("collateral", collateral), ("scaled_debt", debt)):
        book = issuer.positions.at("books", token.address, member=member, struct="Book")
        stage.seed_slot(book, issuer.book(stage, token.address, member) + amount)
        stage.seed_slot(issuer.positions.at("positions", *key, member=member, struct="Position"), amount)
    return key
