"""What must hold of a pool of synthetic tokens after every block; all is read from storage by layout."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from scheduler.access import Address
from workloads.stage import ether_of
from workloads.synthetics_pool import BPS, ISSUE_RATIO, NATIVE, WAD, SynthPool
from workloads.workload import StateReader


@dataclass(frozen=True)
class BlockNotes:
    """What the generator knows of a block: prices move only at its beginning, before all else.

    `issuers` minted or withdrew with a debt, and were neither liquidated nor burdened with a loss after it.
    `marked` says that a call marked the register, `written_off` that a debt was left to the others.
    """

    issuers: tuple[Address, ...]
    marked: bool
    written_off: bool


@dataclass(frozen=True)
class RegisterCheck:
    """The register is what all tokens are worth, shares and ether add up, and tokens have one supply everywhere."""

    pool: SynthPool
    users: tuple[Address, ...]
    notes: tuple[BlockNotes, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per sum that is off."""
        return [*self._sums(after), *self._tokens(after), *self._marks(before, after, block_index)]

    def _sums(self, after: StateReader) -> Iterator[str]:
        pool = self.pool
        total, summed = pool.of(after, "total_shares"), sum(pool.of(after, "shares", user) for user in self.users)
        if total != summed:
            yield f"{total} shares, the users have {summed}"
        held = ether_of(after, pool.synthetics.address)
        booked = sum(pool.of(after, "collateral", user) for user in self.users)
        if held != booked:
            yield f"the contract has {held} wei, the users' collateral is {booked}"

    def _tokens(self, after: StateReader) -> Iterator[str]:
        for number, token in enumerate(self.pool.tokens, start=1):
            supply, issued = token.read(after, "totalSupply"), self.pool.synth(after, number, "issued")
            held = sum(token.read(after, "balanceOf", user) for user in self.users)
            if issued != supply:
                yield f"token {number}: issued are {issued}, the supply is {supply}"
            if held != supply:
                yield f"token {number}: balances sum to {held}, the supply is {supply}"

    def _marks(self, before: StateReader, after: StateReader, block_index: int) -> Iterator[str]:
        pool = self.pool
        numbers = range(1, len(pool.tokens) + 1)
        marks = [pool.synth(after, number, "price") for number in numbers]
        marked = self.notes[block_index].marked
        expected = pool.prices(after) if marked else [pool.synth(before, number, "price") for number in numbers]
        if marks != expected:
            yield f"marked prices are {marks}, not {expected}"
        register, value = pool.of(after, "register"), pool.value(after, expected)
        if register != value:
            yield f"the register is {register}, the tokens are worth {value}"


@dataclass(frozen=True)
class DebtCheck:
    """Debts are covered when they are made, and at given prices no call makes anybody else's debt larger.

    As prices stand still after the first calls of a block, so does every bound: debt per share only falls.
    """

    pool: SynthPool
    notes: tuple[BlockNotes, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        note = self.notes[block_index]
        lines = [] if note.written_off else [*self._per_share(before, after)]
        return [*lines, *self._cover(after, note.issuers)]

    def _per_share(self, before: StateReader, after: StateReader) -> Iterator[str]:
        prices = self.pool.prices(after)
        value, value2 = self.pool.value(before, prices), self.pool.value(after, prices)
        shares, shares2 = self.pool.of(before, "total_shares"), self.pool.of(after, "total_shares")
        if value2 * shares > value * shares2:
            yield f"debt per share rose from {value} / {shares} to {value2} / {shares2} at the same prices"

    def _cover(self, after: StateReader, issuers: Sequence[Address]) -> Iterator[str]:
        pool = self.pool
        value, shares = pool.value(after, pool.prices(after)), pool.of(after, "total_shares")
        for user in issuers:
            worth = pool.of(after, "collateral", user) * pool.price(after, NATIVE)
            debt = pool.of(after, "shares", user) * value
            if worth * BPS * shares < debt * WAD * ISSUE_RATIO:
                least = ISSUE_RATIO // 100
                yield f"0x{user.hex()[:8]} issued with ether worth {worth // WAD}: below {least} % of its debt"
