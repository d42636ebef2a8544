"""What must hold of farms and of looped positions, after every block; all is read from storage by layout."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from scheduler.access import Address
from workloads.checks import SupplyCheck
from workloads.flash_loans import NothingLeftCheck
from workloads.lending.terms import BPS, RAY, unpack_accrual
from workloads.stage import Deployed
from workloads.workload import Check, StateReader


@dataclass(frozen=True)
class Yard:
    """A farm with the token that is staked in it and the token that it pays."""

    farm: Deployed
    staked: Deployed
    reward: Deployed


def checks_of_farms(yards: Sequence[Yard], reward: Deployed, people: Sequence[Address]) -> Iterator[Check]:
    """Yield what must hold of farms that all pay `reward`; `people` are all who may have a stake or tokens."""
    yield supply_of(reward, (*people, *(yard.farm.address for yard in yards)))
    for yard in yards:
        yield supply_of(yard.staked, (*people, yard.farm.address))
        yield FarmCheck(yard, tuple(people))


def checks_of_loops(
    pool: Deployed, tokens: Sequence[Deployed], people: Sequence[Address], loopers: Sequence[Deployed], ltv: int
) -> Iterator[Check]:
    """Yield what must hold of a pool where people (the owner) supply and loopers borrow."""
    members = (*people, *(looper.address for looper in loopers))
    for token in tokens:
        yield supply_of(token, (*members, pool.address))
        yield LoopCheck(pool, token, members, ltv)
    for looper in loopers:
        yield NothingLeftCheck(looper, tuple(tokens))


def supply_of(token: Deployed, holders: Iterable[Address]) -> SupplyCheck:
    """Return the check that a token's balances sum to its supply."""
    balances = tuple(token.at("balanceOf", holder) for holder in holders)
    return SupplyCheck(f"0x{token.address.hex()[:8]}", token.at("totalSupply"), balances)


@dataclass(frozen=True)
class FarmCheck:
    """Stakes add up, and what was paid or is owed was emitted: since the beginning, and in this block.

    `members` are all who may have a stake.
    """

    yard: Yard
    members: tuple[Address, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        farm = self.yard.farm
        lines = [*self._books(after), *self._emission(after), *self._growth(before, after)]
        return [f"farm 0x{farm.address.hex()[:8]}: {line}" for line in lines]

    def _books(self, after: StateReader) -> Iterator[str]:
        farm = self.yard.farm
        total, summed = farm.read(after, "total"), sum(farm.read(after, "stakes", user) for user in self.members)
        if total != summed:
            yield f"{total} staked, the stakes sum to {summed}"
        held = self.yard.staked.read(after, "balanceOf", farm.address)
        if total != held:
            yield f"{total} staked, the token balance is {held}"
        left = farm.read(after, "funded") - farm.read(after, "paid")
        held = self.yard.reward.read(after, "balanceOf", farm.address)
        if left != held:
            yield f"{left} of the rewards are unpaid, the token balance is {held}"

    def _emission(self, after: StateReader) -> Iterator[str]:
        """Compare what was paid or is owed with what was funded less what is still to come."""
        farm = self.yard.farm
        ahead = max(farm.read(after, "period_end") - farm.read(after, "updated_at"), 0)
        emitted = farm.read(after, "funded") * RAY - farm.read(after, "rate") * ahead
        given = self._given(after)
        if given > emitted:
            yield f"{given} (over 10^27) paid or owed, only {emitted} emitted"

    def _growth(self, before: StateReader, after: StateReader) -> Iterator[str]:
        """Compare what was earned in the block with the rate that stood before it, over the time that passed."""
        farm = self.yard.farm
        start, end = farm.read(before, "updated_at"), farm.read(before, "period_end")
        seconds = max(min(farm.read(after, "updated_at"), end) - start, 0)
        emitted = farm.read(before, "rate") * seconds if farm.read(before, "total") else 0
        gained = self._given(after) - self._given(before)
        if gained > emitted:
            yield f"{gained} (over 10^27) earned in the block, {emitted} emitted in {seconds} s"
        # A settlement drops less than one unit for each staker; the division by the total, one of RAY per staked unit.
        least = emitted - (len(self.members) * RAY + farm.read(before, "total"))
        if gained < least:
            yield f"only {gained} (over 10^27) earned in the block, {emitted} emitted in {seconds} s"

    def _given(self, state: StateReader) -> int:
        """Return what was paid since the beginning and what is owed to everybody, times RAY."""
        farm = self.yard.farm
        given, per_unit = farm.read(state, "paid") * RAY, farm.read(state, "per_unit")
        for user in self.members:
            waiting = farm.read(state, "stakes", user) * (per_unit - farm.read(state, "entered", user))
            given += farm.read(state, "accrued", user) * RAY + waiting
        return given


@dataclass(frozen=True)
class LoopCheck:
    """One asset of the pool: its books balance, and whoever borrowed more is within 1 / (1 - LTV).

    `members` are all who may have a position; `ltv` is in basis points.
    """

    pool: Deployed
    token: Deployed
    members: tuple[Address, ...]
    ltv: int

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines = [*self._books(after), *self._leverage(before, after)]
        return [f"market 0x{self.token.address.hex()[:8]}: {line}" for line in lines]

    def _books(self, after: StateReader) -> Iterator[str]:
        cash, held = self._reserve(after, "cash"), self.token.read(after, "balanceOf", self.pool.address)
        if cash != held:
            yield f"cash is {cash}, the token balance {held}"
        for side in ("scaled_supply", "scaled_debt"):
            total, summed = self._reserve(after, side), sum(self._position(after, user, side) for user in self.members)
            if total != summed:
                yield f"{side} is {total}, the positions sum to {summed}"

    def _leverage(self, before: StateReader, after: StateReader) -> Iterator[str]:
        supply_index = self._reserve(after, "supply_index")
        borrow_index, _ = unpack_accrual(self._reserve(after, "accrual"))
        for user in self.members:
            scaled = self._position(after, user, "scaled_debt")
            if scaled <= self._position(before, user, "scaled_debt"):
                continue  # interest may carry an old position beyond the limit
            supplied, owed = self._position(after, user, "scaled_supply") * supply_index, scaled * borrow_index
            # supplied / (supplied - owed) <= 1 / (1 - LTV), without a division
            if owed * BPS > supplied * self.ltv:
                yield f"0x{user.hex()[:8]} owes {owed // RAY} on {supplied // RAY}: leverage above the limit of the LTV"

    def _reserve(self, state: StateReader, member: str) -> int:
        return self.pool.read(state, "reserves", self.token.address, member=member, struct="Reserve")

    def _position(self, state: StateReader, user: Address, member: str) -> int:
        return self.pool.read(state, "positions", user, self.token.address, member=member, struct="Position")
