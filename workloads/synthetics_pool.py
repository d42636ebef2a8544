"""A pool of synthetic tokens (Synthetics, IssuedToken, Oracle): its genesis, and how its storage reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from scheduler.access import Address
from workloads.stage import Deployed, Stage
from workloads.workload import StateReader

WAD, BPS = 10**18, 10_000
NATIVE: Address = b"\xee" * 20
"""What the oracle calls ether (ERC-7528)."""
ETHER_PRICE = 3_000 * WAD
KINDS = (("sUSD", WAD), ("sBTC", 60_000 * WAD), ("sXAU", 2_400 * WAD), ("sEUR", 108 * WAD // 100))
"""Symbol and price at genesis; tokens take them in turn, the first of all stays at its price."""
ISSUE_RATIO, LIQUIDATION_RATIO, PENALTY, FEE = 30_000, 20_000, 1_000, 30
"""In basis points, as the contract has them."""


@dataclass(frozen=True)
class SynthPool:
    """The contract with the register, its oracle, and the synthetic tokens, which it numbers from 1."""

    synthetics: Deployed
    oracle: Deployed
    tokens: tuple[Deployed, ...]

    def of(self, state: StateReader, variable: str, *keys: Address) -> int:
        """Return a variable of the contract."""
        return self.synthetics.read(state, variable, *keys)

    def synth(self, state: StateReader, number: int, member: str) -> int:
        """Return a member of a synthetic token's entry: issued or price."""
        return self.synthetics.read(state, "synths", number, member=member, struct="Synth")

    def price(self, state: StateReader, asset: Address) -> int:
        """Return the oracle's price, with 18 decimals."""
        return self.oracle.read(state, "prices", asset)

    def prices(self, state: StateReader) -> list[int]:
        """Return the oracle's prices of all tokens."""
        return [self.price(state, token.address) for token in self.tokens]

    def value(self, state: StateReader, prices: Iterable[int]) -> int:
        """Return what all tokens that there are, by their own supplies, are worth at these prices."""
        supplies = (token.read(state, "totalSupply") for token in self.tokens)
        return sum(supply * price // WAD for supply, price in zip(supplies, prices, strict=True))


def open_pool(stage: Stage, count: int) -> SynthPool:
    """Deploy everything and admit `count` tokens, of which nothing exists yet."""
    oracle = stage.deploy("Oracle")
    stage.setup(stage.owner, oracle, "set_price", NATIVE, ETHER_PRICE)
    synthetics = stage.deploy("Synthetics", oracle.address)
    tokens = []
    for index in range(count):
        symbol, price = KINDS[index % len(KINDS)]
        token = stage.token(symbol if index < len(KINDS) else f"{symbol}{index}", {}, contract_name="IssuedToken")
        stage.setup(stage.owner, token, "set_owner", synthetics.address)
        stage.setup(stage.owner, oracle, "set_price", token.address, price)
        stage.setup(stage.owner, synthetics, "add_synth", token.address)
        tokens.append(token)
    return SynthPool(synthetics, oracle, tuple(tokens))


def seed_debtor(stage: Stage, pool: SynthPool, user: Address, number: int, value: int, cover: int) -> None:
    """Write a debt of `value` in a token, and `cover` percent of the ether that issuing it takes; `user` has both.

    As if all had been issued at the prices of genesis: a share for each unit of value.
    """
    token, place = pool.tokens[number - 1], pool.synthetics
    amount = value * WAD // pool.price(stage, token.address)
    ether = value * ISSUE_RATIO * WAD * cover // (pool.price(stage, NATIVE) * BPS * 100) + 1
    stage.mint(token, user, amount)
    stage.seed_slot(place.at("synths", number, member="issued", struct="Synth"), token.read(stage, "totalSupply"))
    stage.seed_slot(place.at("shares", user), value)
    stage.seed_slot(place.at("total_shares"), pool.of(stage, "total_shares") + value)
    stage.seed_slot(place.at("collateral", user), ether)
    stage.seed_ether(place.address, stage.balance(place.address) + ether)
    stage.seed_slot(place.at("register"), pool.value(stage, pool.prices(stage)))
