"""What must hold of cover pools, after every block; all is read from storage by layout."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.access import Address
from workloads.block_builder import GENESIS_TIME
from workloads.stage import Deployed
from workloads.workload import StateReader

BPS, YEAR = 10_000, 365 * 86_400
MOST_USED = 8_000
"""Active cover in basis points of the capital, at most: the k of `cover <= capital x k`."""
BASE_RATE, FULL_RATE = 200, 1_800
"""Premium in basis points a year of the amount: what everybody pays, and what is added at full use."""


def read_cover(pool: Deployed, state: StateReader, number: int, member: str) -> int:
    """Return a member of a cover."""
    return pool.read(state, "covers", number, member=member, struct="Cover")


@dataclass(frozen=True)
class PoolCheck:
    """One pool: cover is backed, open covers and shares add up, the tokens are there, premiums are within the rates.

    `underwriters` are all who may have shares; `seconds` pass between blocks.
    """

    pool: Deployed
    token: Deployed
    underwriters: tuple[Address, ...]
    seconds: int

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        now = GENESIS_TIME + self.seconds * (block_index + 1)
        lines = [*self._books(after), *self._covers(after), *self._sales(before, after, now)]
        return [f"cover pool 0x{self.pool.address.hex()[:8]}: {line}" for line in lines]

    def _books(self, after: StateReader) -> Iterator[str]:
        capital, active = self.pool.read(after, "capital"), self.pool.read(after, "active")
        if active * BPS > capital * MOST_USED:
            yield f"{active} of active cover on {capital} of capital is above {MOST_USED} bps"
        owned = capital + self.pool.read(after, "unearned")
        held = self.token.read(after, "balanceOf", self.pool.address)
        if owned != held:
            yield f"capital and unearned premiums are {owned}, the token balance is {held}"
        total = self.pool.read(after, "total_shares")
        summed = sum(self.pool.read(after, "shares", one) for one in self.underwriters)
        if total != summed:
            yield f"{total} shares, the underwriters have {summed}"

    def _covers(self, after: StateReader) -> Iterator[str]:
        """Add up the open covers: those with an amount."""
        active = unearned = 0
        for number in range(1, self.pool.read(after, "cover_count") + 1):
            amount = read_cover(self.pool, after, number, "amount")
            active += amount
            unearned += read_cover(self.pool, after, number, "premium") if amount else 0
            if (claimed := read_cover(self.pool, after, number, "claimed")) > amount:
                yield f"{claimed} is claimed of cover {number}, which is of {amount}"
        for name, summed in (("active", active), ("unearned", unearned)):
            if (found := self.pool.read(after, name)) != summed:
                yield f"{name} is {found}, the open covers sum to {summed}"

    def _sales(self, before: StateReader, after: StateReader, now: int) -> Iterator[str]:
        """Compare the premiums of the block's covers with the lowest and the highest rate."""
        sold = range(self.pool.read(before, "cover_count") + 1, self.pool.read(after, "cover_count") + 1)
        taken = 0
        for number in sold:
            premium = read_cover(self.pool, after, number, "premium")
            taken += premium
            amount = read_cover(self.pool, after, number, "amount")
            due = amount * (read_cover(self.pool, after, number, "ends_at") - now)
            least, most = (-(-due * rate // (BPS * YEAR)) for rate in (BASE_RATE, BASE_RATE + FULL_RATE))
            if amount and not least <= premium <= most:
                yield f"cover {number} costs {premium}, the rates make it {least} to {most}"
        booked = self.pool.read(after, "premiums") - self.pool.read(before, "premiums")
        if booked != taken:
            yield f"premiums grew by {booked}, the covers sold in the block cost {taken}"


@dataclass(frozen=True)
class FlowCheck:
    """Payouts come from premiums and capital alone, and what people paid and got is what the pools have booked.

    `holders` buy cover, `underwriters` stake; nobody does both. `staked` is the capital of the genesis, and
    `wallets` what the underwriters had outside then.
    """

    pools: tuple[Deployed, ...]
    token: Deployed
    holders: tuple[Address, ...]
    underwriters: tuple[Address, ...]
    staked: int
    wallets: int

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per flow that is off."""
        lines = []
        booked = self._net(after) - self._net(before)
        paid = self._held(before, self.holders) - self._held(after, self.holders)
        if booked != paid:
            lines.append(f"premiums less payouts grew by {booked}, holders paid {paid}")
        brought = self.staked + self.wallets - self._held(after, self.underwriters)
        payouts, premiums = self._sum(after, "payouts"), self._sum(after, "premiums")
        if payouts > premiums + brought:
            lines.append(f"{payouts} paid out, premiums were {premiums} and underwriters brought {brought}")
        return lines

    def _net(self, state: StateReader) -> int:
        return self._sum(state, "premiums") - self._sum(state, "payouts")

    def _sum(self, state: StateReader, variable: str) -> int:
        return sum(pool.read(state, variable) for pool in self.pools)

    def _held(self, state: StateReader, people: tuple[Address, ...]) -> int:
        return sum(self.token.read(state, "balanceOf", one) for one in people)
