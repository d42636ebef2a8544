"""Reference model of contracts/LendingPool.vy: the same steps in the same order, in Python integers.

It reads and writes the very slots of the contract, so the exact access set of a call and the state after it
are by-products, and the contract's arithmetic has an independent check.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

from scheduler.access import Address
from workloads.lending.pool_slots import Listing, PoolSlots
from workloads.lending.terms import (
    ALL_DEBTS,
    ALL_SUPPLIES,
    BPS,
    EAGER,
    MAX_ASSETS,
    RAY,
    borrow_rate,
    ceil_div,
    pack_accrual,
    unpack_accrual,
)
from workloads.storage_model import ModelStorage, Reverted
from workloads.token_model import UNLIMITED


@dataclass(frozen=True, slots=True)
class Standing:
    """A user's borrowing limit and liquidation threshold (value x basis points), and debt (value)."""

    limit: int
    threshold: int
    debt: int

    @property
    def healthy(self) -> bool:
        """Whether the user may not be liquidated."""
        return self.debt * BPS <= self.threshold


class Pool(PoolSlots):
    """The pool on model storage at time `now`; calls raise Reverted with the contract's reason."""

    def __init__(self, storage: ModelStorage, address: Address, oracle: Address) -> None:
        super().__init__(address, oracle)
        self.now = 0
        self._storage = storage

    def on(self, storage: ModelStorage, now: int) -> Pool:
        """Return the same pool over another state, at time `now`."""
        other = copy(self)
        other._storage, other.now = storage, now  # noqa: SLF001 - it is one of us
        return other

    def standing(self, user: Address) -> Standing:
        """Return how a user stands now, without noting reads."""
        with self._storage.unnoticed():
            return self._standing(user, self._storage.load(self.bitmap_at(user)))

    def supplied(self, user: Address, listing: Listing) -> int:
        """Return what a user could withdraw, debts and cash apart, without noting reads."""
        with self._storage.unnoticed():
            supply_index, _, _ = self._grown(listing)
            return self._storage.load(self.position_at(user, listing)[0]) * supply_index // RAY

    def owed(self, user: Address, listing: Listing) -> int:
        """Return what a user owes, without noting reads."""
        with self._storage.unnoticed():
            _, borrow_index, _ = self._grown(listing)
            return ceil_div(self._storage.load(self.position_at(user, listing)[1]) * borrow_index, RAY)

    # -- calls --------------------------------------------------------------------------------------------

    def deposit(self, user: Address, listing: Listing, amount: int) -> None:
        """Supply `amount`."""
        storage, at = self._storage, listing.slots
        config = self._open(listing)
        scaled = amount * RAY // storage.load(at.supply_index)
        if not scaled:
            raise Reverted("amount too small")
        storage.add(at.scaled_supply, scaled)
        storage.add(at.cash, amount)
        storage.add(self.position_at(user, listing)[0], scaled)
        self._mark(user, listing.supply_bit)
        self._refresh(listing, config)
        listing.token.transfer_from(self.address, user, self.address, amount)

    def withdraw(self, user: Address, listing: Listing, amount: int) -> None:
        """Take `amount` back, UNLIMITED for all."""
        storage = self._storage
        config = self._open(listing)
        index = storage.load(listing.slots.supply_index)
        held = storage.load(self.position_at(user, listing)[0])
        everything = amount == UNLIMITED
        paid = held * index // RAY if everything else amount
        burnt = held if everything else ceil_div(amount * RAY, index)
        if not paid:
            raise Reverted("nothing to withdraw")
        if burnt > held:
            raise Reverted("more than supplied")
        self._spend_cash(listing, paid)
        self._reduce_supply(user, listing, held, burnt)
        bitmap = storage.load(self.bitmap_at(user))
        if bitmap & ALL_DEBTS and not self._standing(user, bitmap).healthy:
            raise Reverted("unhealthy")
        self._refresh(listing, config)
        listing.token.transfer(self.address, user, paid)

    def borrow(self, user: Address, listing: Listing, amount: int) -> None:
        """Borrow `amount`."""
        storage, at = self._storage, listing.slots
        config = self._open(listing)
        if not amount:
            raise Reverted("amount too small")
        self._spend_cash(listing, amount)
        scaled = ceil_div(amount * RAY, self._borrow_index(listing))
        storage.add(at.scaled_debt, scaled)
        storage.add(self.position_at(user, listing)[1], scaled)
        self._mark(user, listing.supply_bit << 1)
        standing = self._standing(user, storage.load(self.bitmap_at(user)))
        if standing.debt * BPS > standing.limit:
            raise Reverted("not enough collateral")
        self._refresh(listing, config)
        listing.token.transfer(self.address, user, amount)

    def repay(self, user: Address, listing: Listing, amount: int) -> None:
        """Pay back `amount`, at most the debt."""
        storage = self._storage
        config = self._open(listing)
        index = self._borrow_index(listing)
        scaled_debt = storage.load(self.position_at(user, listing)[1])
        if not scaled_debt:
            raise Reverted("no debt")
        paid = min(amount, ceil_div(scaled_debt * index, RAY))
        burnt = _repaid(paid, scaled_debt, index)
        if not burnt:
            raise Reverted("amount too small")
        storage.add(listing.slots.cash, paid)
        self._reduce_debt(user, listing, scaled_debt, burnt)
        self._refresh(listing, config)
        listing.token.transfer_from(self.address, user, self.address, paid)

    def liquidate(self, liquidator: Address, user: Address, debt: Listing, collateral: Listing, amount: int) -> None:
        """Repay at most half of an unhealthy user's debt in one asset and take collateral with a bonus."""
        storage = self._storage
        if user == liquidator:
            raise Reverted("own position")
        debt_config, config = self._open(debt), self._open(collateral)
        if self._standing(user, storage.load(self.bitmap_at(user))).healthy:
            raise Reverted("healthy")
        index = self._borrow_index(debt)
        scaled_debt = storage.load(self.position_at(user, debt)[1])
        held = storage.load(self.position_at(user, collateral)[0])
        closable = ceil_div(ceil_div(scaled_debt * index, RAY), 2)
        repaid, seized, scaled = self._seizure(min(amount, closable), held, debt, collateral)
        if not seized:
            raise Reverted("nothing to seize")
        burnt = _repaid(repaid, scaled_debt, index)
        if not burnt and scaled != held:
            raise Reverted("amount too small")
        storage.add(debt.slots.cash, repaid)
        self._spend_cash(collateral, seized)
        self._reduce_debt(user, debt, scaled_debt, burnt)
        self._reduce_supply(user, collateral, held, scaled)
        self._write_off(user)
        self._refresh(debt, debt_config)
        self._refresh(collateral, config)
        debt.token.transfer_from(self.address, liquidator, self.address, repaid)
        collateral.token.transfer(self.address, liquidator, seized)

    def accrue(self, listing: Listing) -> None:
        """Bring the asset's indexes and rate up to now."""
        self._open(listing)

    # -- interest -----------------------------------------------------------------------------------------

    def _open(self, listing: Listing) -> int:
        storage, at = self._storage, listing.slots
        config = storage.load(at.config)
        if not config:
            raise Reverted("asset not listed")
        if storage.load(at.updated_at) != self.now:
            supply_index, borrow_index, fees = self._grown(listing)
            storage.store(at.updated_at, self.now)
            storage.store(at.supply_index, supply_index)
            storage.add(at.fees, fees)
            self._set_rate(listing, borrow_index)
        return config

    def _grown(self, listing: Listing) -> tuple[int, int, int]:
        """Return supply index and borrow index as of now, and the fees since they were stored."""
        load, at = self._storage.load, listing.slots
        borrow_index, rate = unpack_accrual(load(at.accrual))
        supply_index = load(at.supply_index)
        elapsed = self.now - load(at.updated_at)
        if not elapsed:
            return supply_index, borrow_index, 0
        increase = ceil_div(borrow_index * rate * elapsed, RAY)
        interest = load(at.scaled_debt) * increase // RAY
        scaled_supply = load(at.scaled_supply)
        if not scaled_supply:
            return supply_index, borrow_index + increase, interest
        fees = interest * listing.asset.risk.reserve_factor // BPS
        return supply_index + (interest - fees) * RAY // scaled_supply, borrow_index + increase, fees

    def _refresh(self, listing: Listing, config: int) -> None:
        if config & EAGER:
            self._set_rate(listing, self._borrow_index(listing))

    def _borrow_index(self, listing: Listing) -> int:
        return unpack_accrual(self._storage.load(listing.slots.accrual))[0]

    def _set_rate(self, listing: Listing, index: int) -> None:
        """Store the index, and the rate at the present utilisation."""
        load, at = self._storage.load, listing.slots
        debt = load(at.scaled_debt) * index // RAY
        load(at.curve)
        rate = borrow_rate(listing.asset.curve, debt, load(at.cash))
        self._storage.store(at.accrual, pack_accrual(index, rate))

    # -- positions ----------------------------------------------------------------------------------------

    def _mark(self, user: Address, bit: int) -> None:
        bitmap = self._storage.load(self.bitmap_at(user))
        if not bitmap & bit:
            self._storage.store(self.bitmap_at(user), bitmap | bit)

    def _unmark(self, user: Address, bit: int) -> None:
        at = self.bitmap_at(user)
        self._storage.store(at, self._storage.load(at) & ~bit)

    def _reduce_supply(self, user: Address, listing: Listing, held: int, burnt: int) -> None:
        self._storage.add(listing.slots.scaled_supply, -burnt)
        self._storage.store(self.position_at(user, listing)[0], held - burnt)
        if held == burnt:
            self._unmark(user, listing.supply_bit)

    def _reduce_debt(self, user: Address, listing: Listing, scaled_debt: int, burnt: int) -> None:
        self._storage.add(listing.slots.scaled_debt, -burnt)
        self._storage.store(self.position_at(user, listing)[1], scaled_debt - burnt)
        if scaled_debt == burnt:
            self._unmark(user, listing.supply_bit << 1)

    def _standing(self, user: Address, bitmap: int) -> Standing:
        load = self._storage.load
        load(self.oracle_at)
        limit = threshold = debt = 0
        for listing in self.listings:
            bits = bitmap >> 2 * listing.index & 3
            if not bits:
                continue
            load(self.asset_at(listing.index))
            load(listing.slots.config)
            supply_index, borrow_index, _ = self._grown(listing)
            price, unit = self._price(listing), listing.asset.unit
            supply_at, debt_at = self.position_at(user, listing)
            if bits & 1:
                worth = load(supply_at) * supply_index // RAY * price // unit
                limit += worth * listing.asset.risk.ltv
                threshold += worth * listing.asset.risk.threshold
            if bits & 2:
                debt += ceil_div(ceil_div(load(debt_at) * borrow_index, RAY) * price, unit)
        return Standing(limit, threshold, debt)

    def _seizure(self, amount: int, held: int, debt: Listing, collateral: Listing) -> tuple[int, int, int]:
        """Return what is repaid, what is seized for it, and how much scaled supply that is."""
        self._storage.load(self.oracle_at)
        bonus = BPS + collateral.asset.risk.bonus
        gain = self._price(debt) * collateral.asset.unit * bonus
        cost = self._price(collateral) * debt.asset.unit * BPS
        index = self._storage.load(collateral.slots.supply_index)
        balance = held * index // RAY
        seized = amount * gain // cost
        if seized < balance:
            return amount, seized, ceil_div(seized * RAY, index)
        return min(amount, ceil_div(balance * cost, gain)), balance, held

    def _write_off(self, user: Address) -> None:
        storage = self._storage
        bitmap = storage.load(self.bitmap_at(user))
        if bitmap & ALL_SUPPLIES or not bitmap:
            return
        for index in range(MAX_ASSETS):
            if not bitmap & (2 << 2 * index):
                continue
            listing = self.listings[index]
            storage.load(self.asset_at(index))
            config = self._open(listing)
            scaled = storage.load(self.position_at(user, listing)[1])
            storage.add(listing.slots.deficit, ceil_div(scaled * self._borrow_index(listing), RAY))
            self._reduce_debt(user, listing, scaled, scaled)
            self._refresh(listing, config)

    # -- cash and prices ----------------------------------------------------------------------------------

    def _spend_cash(self, listing: Listing, amount: int) -> None:
        cash = self._storage.load(listing.slots.cash)
        if amount > cash:
            raise Reverted("not enough cash")
        self._storage.store(listing.slots.cash, cash - amount)

    def _price(self, listing: Listing) -> int:
        price = self._storage.load(listing.price_at)
        if not price:
            raise Reverted("no price")
        return price


def _repaid(paid: int, scaled_debt: int, index: int) -> int:
    return scaled_debt if paid == ceil_div(scaled_debt * index, RAY) else paid * RAY // index
