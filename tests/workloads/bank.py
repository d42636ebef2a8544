"""A lending pool deployed from its creation bytecode, with two assets and people who have tokens."""

from __future__ import annotations

from scheduler.access import Address
from tests.workloads.chain import Chain, Outcome, reason
from workloads.accounts import KeyPair
from workloads.artefacts import load_contract, word
from workloads.lending.terms import ASSETS, RAY, Asset, ceil_div, unpack_accrual
from workloads.token_model import UNLIMITED

TOKEN, ORACLE, POOL = (load_contract(name) for name in ("Token", "Oracle", "LendingPool"))
WETH, USDC = ASSETS[0], ASSETS[1]
ETH, USD = WETH.unit, USDC.unit


class Bank:
    """Owner, Ann, Bob and Liz; each person starts with 1000 WETH and 5 million USDC."""

    def __init__(self) -> None:
        self.chain = Chain(4)
        self.owner, self.ann, self.bob, self.liz = self.chain.accounts
        self.oracle = self.chain.deploy(self.owner, ORACLE)
        self.pool = self.chain.deploy(self.owner, POOL, word(self.oracle))
        self.tokens = {asset.symbol: self._token(asset) for asset in (WETH, USDC)}
        for asset in (WETH, USDC):
            self.set_price(asset, asset.price)
            assert self.list_asset(self.owner, asset).success

    def _token(self, asset: Asset) -> Address:
        name = word(len(asset.symbol)) + asset.symbol.encode().ljust(32, b"\0")
        arguments = word(96) + word(160) + word(asset.decimals) + name + name
        token = self.chain.deploy(self.owner, TOKEN, arguments)
        amount = 1_000 * ETH if asset is WETH else 5_000_000 * USD
        for person in (self.ann, self.bob, self.liz):
            assert self.chain.send(self.owner, token, TOKEN.call("mint", person.address, amount)).success
            assert self.chain.send(person, token, TOKEN.call("approve", self.pool, UNLIMITED)).success
        return token

    def set_price(self, asset: Asset, price: int) -> None:
        """Let the oracle's owner set a price."""
        call = ORACLE.call("set_price", self.tokens[asset.symbol], price)
        assert self.chain.send(self.owner, self.oracle, call).success

    def list_asset(self, sender: KeyPair, asset: Asset, *changes: int, function: str = "list_asset") -> Outcome:
        """List an asset with its own parameters, or with these nine."""
        risk, curve = asset.risk, asset.curve
        usual = (risk.ltv, risk.threshold, risk.bonus, risk.reserve_factor)
        usual_curve = (curve.base, curve.slope1, curve.slope2, curve.kink, 0)
        numbers = changes or usual + usual_curve
        return self.call(sender, function, self.tokens[asset.symbol], *numbers)

    def call(self, sender: KeyPair, function: str, *arguments: int | bytes) -> Outcome:
        """Call the pool."""
        return self.chain.send(sender, self.pool, POOL.call(function, *arguments))

    def act(self, sender: KeyPair, function: str, asset: Asset, amount: int) -> str:
        """Deposit, withdraw, borrow or repay; return why it failed, or nothing."""
        result = self.call(sender, function, self.tokens[asset.symbol], amount)
        assert result.success or reason(result), "reverted without a reason"
        return reason(result)

    def liquidate(self, user: KeyPair, debt: Asset, collateral: Asset, amount: int = UNLIMITED) -> str:
        """Let Liz liquidate; return why it failed, or nothing."""
        tokens = self.tokens[debt.symbol], self.tokens[collateral.symbol]
        return reason(self.call(self.liz, "liquidate", user.address, *tokens, amount))

    def ask(self, function: str, *arguments: int | bytes) -> int:
        """Return what a view of the pool answers."""
        return self.chain.ask(self.pool, POOL.call(function, *arguments))

    def owed(self, user: KeyPair, asset: Asset) -> int:
        """Return what a user owes."""
        return self.ask("owed", user.address, self.tokens[asset.symbol])

    def supplied(self, user: KeyPair, asset: Asset) -> int:
        """Return what a user supplies."""
        return self.ask("supplied", user.address, self.tokens[asset.symbol])

    def health(self, user: KeyPair) -> float:
        """Return a user's health factor."""
        return self.ask("health_factor", user.address) / 10**18

    def balance(self, holder: Address, asset: Asset) -> int:
        """Return a token balance."""
        return self.chain.ask(self.tokens[asset.symbol], TOKEN.call("balanceOf", holder))

    def reserve(self, asset: Asset, member: str) -> int:
        """Return a member of an asset's reserve from storage."""
        slot = POOL.slot("reserves", self.tokens[asset.symbol], member=member, struct="Reserve")
        return self.chain.state.accounts[self.pool].storage.get(slot, 0)

    def surplus(self, asset: Asset) -> int:
        """Return what is covered beyond what is owned, in ray of a base unit: never negative."""
        index, _ = unpack_accrual(self.reserve(asset, "accrual"))
        free = self.reserve(asset, "cash") + self.reserve(asset, "deficit") - self.reserve(asset, "fees")
        owned = self.reserve(asset, "scaled_supply") * self.reserve(asset, "supply_index")
        return free * RAY + self.reserve(asset, "scaled_debt") * index - owned

    def half_of_debt(self, user: KeyPair, asset: Asset) -> int:
        """Return the most that one liquidation may repay."""
        return ceil_div(self.owed(user, asset), 2)
