"""Calls of the pool, as transactions and as steps of its model at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scheduler.access import Address, Location
from workloads.accounts import KeyPair
from workloads.block_builder import Call
from workloads.lending.pool_model import Pool
from workloads.lending.pool_slots import Listing
from workloads.storage_model import ModelStorage, Reverted

METHODS: dict[str, Callable[[Pool, Address, Listing, int], None]] = {
    "deposit": Pool.deposit,
    "borrow": Pool.borrow,
    "withdraw": Pool.withdraw,
    "repay": Pool.repay,
}
RISKY = frozenset({"borrow", "withdraw"})
"""What must leave the user healthy."""
GAS = {"liquidate": 800_000, "accrue": 200_000}
USUAL_GAS = 500_000


@dataclass(frozen=True, slots=True)
class Action:
    """A call of the pool: `arguments` for the contract, `step` for the model."""

    operation: str
    sender: KeyPair
    pool: Pool
    arguments: tuple[int | bytes, ...]
    step: Callable[[], None]


def pool_action(operation: str, user: KeyPair, pool: Pool, listing: Listing, amount: int) -> Action:
    """Return a deposit, borrow, withdraw or repay."""
    method = METHODS[operation]
    arguments = (listing.token.address, amount)
    return Action(operation, user, pool, arguments, lambda: method(pool, user.address, listing, amount))


def liquidation(
    liquidator: KeyPair, pool: Pool, user: Address, debt: Listing, collateral: Listing, amount: int
) -> Action:
    """Return a liquidation of `user`."""
    return Action(
        operation="liquidate",
        sender=liquidator,
        pool=pool,
        arguments=(user, debt.token.address, collateral.token.address, amount),
        step=lambda: pool.liquidate(liquidator.address, user, debt, collateral, amount),
    )


def accrual(keeper: KeyPair, pool: Pool, listing: Listing) -> Action:
    """Return a keeper's call that brings an asset's indexes up to now."""
    return Action("accrue", keeper, pool, (listing.token.address,), lambda: pool.accrue(listing))


def perform(action: Action, storage: ModelStorage, block_start: dict[Location, int] | None = None) -> tuple[Call, bool]:
    """Run the action on the model; return the transaction, with what it touches, and whether it succeeds.

    With the values at the start of the block it also says what it would touch on those.
    """
    earlier = frozenset() if block_start is None else storage.touched_on(block_start, action.step)
    storage.begin()
    try:
        action.step()
        succeeds = True
    except Reverted:
        storage.revert()
        succeeds = False
    reads, writes = storage.touched()
    call = Call(
        operation=action.operation if succeeds else f"{action.operation}-reverts",
        sender=action.sender,
        to=action.pool.address,
        gas=GAS.get(action.operation, USUAL_GAS),
        data=action.pool.contract.call(action.operation, *action.arguments),
        reads=reads,
        writes=writes,
        earlier=earlier,
    )
    return call, succeeds
