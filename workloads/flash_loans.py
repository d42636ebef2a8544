"""A flash lender on a stage, and what must hold of it and of its borrowers after every block."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from workloads.stage import Deployed, Stage
from workloads.workload import StateReader

BPS = 10_000
FEE_BPS = 9
"""What a loan costs, in basis points of its amount."""
FLASH_GAS = 2_000_000


def open_lender(stage: Stage, cash: Iterable[tuple[Deployed, int]]) -> Deployed:
    """Deploy a lender of `owner`, funded with these tokens, newly minted."""
    lender = stage.deploy("FlashLender", FEE_BPS)
    for token, amount in cash:
        stage.mint(token, stage.owner.address, amount)
        stage.allow(token, (stage.owner,), lender.address)
        stage.setup(stage.owner, lender, "fund", token.address, amount)
    return lender


def loan_fee(amount: int) -> int:
    """Return the fee of a loan, rounded up."""
    return -(-amount * FEE_BPS // BPS)


@dataclass(frozen=True)
class LenderCheck:
    """Every loan comes back with its fee: the cash is there, and grew by the fees of each block's loans.

    `earned` is per block, reckoned from the amounts that were borrowed.
    """

    lender: Deployed
    token: Deployed
    earned: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return cash that is not there, and fees that are not those of the loans."""
        address = self.token.address
        cash, held = self.lender.read(after, "cash", address), self.token.read(after, "balanceOf", self.lender.address)
        lines = [] if cash == held else [f"lender: cash is {cash}, the token balance {held}"]
        grown = held - self.token.read(before, "balanceOf", self.lender.address)
        if grown != self.earned[block_index]:
            lines.append(f"lender: {grown} came in, the fees of the loans are {self.earned[block_index]}")
        return lines


@dataclass(frozen=True)
class NothingLeftCheck:
    """A borrower that works with borrowed tokens keeps none."""

    borrower: Deployed
    tokens: tuple[Deployed, ...]

    def violations(self, _before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return what lies in the borrower."""
        held = [(token, token.read(after, "balanceOf", self.borrower.address)) for token in self.tokens]
        return [f"{amount} of 0x{token.address.hex()[:8]} left in the borrower" for token, amount in held if amount]
