"""What must hold of an ERC-4626 vault, after every block; all is read from storage by layout."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import ceil, floor

from scheduler.access import Address
from workloads.stage import Deployed
from workloads.workload import StateReader

VIRTUAL_ASSETS, VIRTUAL_SHARES = 1, 1_000


@dataclass(frozen=True)
class Call:
    """A call that succeeded: `amount` of assets or shares, as the operation has it."""

    operation: str
    user: Address
    amount: int
    receiver: Address = b""


@dataclass(frozen=True)
class Store:
    """A vault and the token in it."""

    vault: Deployed
    token: Deployed

    def free(self, state: StateReader) -> int:
        """Return the assets that shares stood for at the vault's last update."""
        return self.vault.read(state, "managed") - self.vault.read(state, "locked")

    def share_price(self, state: StateReader) -> Fraction:
        """Return assets per share at the vault's last update."""
        return _price(self.free(state), self.vault.read(state, "totalSupply"))


@dataclass(frozen=True)
class BooksCheck:
    """Shares sum to their supply, the assets are the token balance, and a share never loses worth.

    `members` are all who may have shares.
    """

    store: Store
    members: tuple[Address, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        return [f"vault 0x{self.store.vault.address.hex()[:8]}: {line}" for line in self._lines(before, after)]

    def _lines(self, before: StateReader, after: StateReader) -> Iterator[str]:
        vault = self.store.vault
        supply, held = (
            vault.read(after, "totalSupply"),
            sum(vault.read(after, "balanceOf", one) for one in self.members),
        )
        if supply != held:
            yield f"{supply} shares, the holders have {held}"
        managed, balance = vault.read(after, "managed"), self.store.token.read(after, "balanceOf", vault.address)
        if managed != balance:
            yield f"{managed} assets, the token balance is {balance}"
        old, new = self.store.share_price(before), self.store.share_price(after)
        if new < old:
            yield f"the price of a share fell from {float(old)!r} to {float(new)!r}"


@dataclass(frozen=True)
class RoundingCheck:
    """Everybody has to the unit what the block's calls give with exact prices, rounded against who calls.

    `calls` are per block those that succeeded, in order.
    """

    store: Store
    members: tuple[Address, ...]
    calls: tuple[Sequence[Call], ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per holder who has more or less."""
        vault, token = self.store.vault, self.store.token
        ledger = _Ledger(self._freed(before, after), vault.read(before, "totalSupply"))
        for call in self.calls[block_index]:
            ledger.apply(call)
        lines = []
        for one in self.members:
            gained = vault.read(after, "balanceOf", one) - vault.read(before, "balanceOf", one)
            if gained != ledger.shares[one]:
                lines.append(f"0x{one.hex()[:8]} gained {gained} shares, exact prices make it {ledger.shares[one]}")
            paid = token.read(before, "balanceOf", one) - token.read(after, "balanceOf", one)
            if paid != ledger.paid[one]:
                lines.append(f"0x{one.hex()[:8]} paid {paid} assets, exact prices make it {ledger.paid[one]}")
        return [f"vault 0x{vault.address.hex()[:8]}: {line}" for line in lines]

    def _freed(self, before: StateReader, after: StateReader) -> int:
        """Return the assets that shares stand for when the block begins: time frees yield, rounded down."""
        vault = self.store.vault
        start, end, now = (
            vault.read(before, "updated_at"),
            vault.read(before, "free_at"),
            vault.read(after, "updated_at"),
        )
        locked = vault.read(before, "locked")
        part = Fraction(now - start, end - start) if now < end else Fraction(1)
        return self.store.free(before) + (floor(locked * part) if now > start else 0)


@dataclass
class _Ledger:
    """A vault in exact numbers: free assets, shares, and what each has gained and paid."""

    free: int
    supply: int
    shares: Counter[Address] = field(default_factory=Counter)
    paid: Counter[Address] = field(default_factory=Counter)

    def apply(self, call: Call) -> None:
        """Book a call: what the caller names is exact, the other side is rounded against the caller."""
        if call.operation == "donate":
            self.paid[call.user] += call.amount
        elif call.operation == "transfer":
            self.shares[call.user] -= call.amount
            self.shares[call.receiver] += call.amount
        else:
            assets, shares = self._exchanged(call.operation, call.amount)
            self.free += assets
            self.supply += shares
            self.paid[call.user] += assets
            self.shares[call.user] += shares

    def _exchanged(self, operation: str, amount: int) -> tuple[int, int]:
        """Return the assets that come in and the shares that are made; negative if they go out."""
        price = _price(self.free, self.supply)
        if operation == "deposit":
            return amount, floor(amount / price)
        if operation == "mint":
            return ceil(amount * price), amount
        if operation == "withdraw":
            return -amount, -ceil(amount / price)
        return -floor(amount * price), -amount


def _price(free: int, supply: int) -> Fraction:
    return Fraction(free + VIRTUAL_ASSETS, supply + VIRTUAL_SHARES)
