"""What a liquidation cascade must do to the positions in it, and a report of it round by round."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from executor.sequential import execute_sequential
from scheduler.access import Address, Location, Value
from workloads.block_builder import BLOCK_TIME, block_time
from workloads.lending.checks import StateStorage
from workloads.lending.pool_model import Pool, Standing
from workloads.lending.terms import BPS, WAD
from workloads.workload import StateReader, Workload, read_int


@dataclass(frozen=True)
class Repriced:
    """A state with the prices of another one."""

    state: StateReader
    prices_of: StateReader
    price_at: frozenset[Location]

    def read(self, location: Location) -> Value:
        """Return the value."""
        return (self.prices_of if location in self.price_at else self.state).read(location)


@dataclass(frozen=True)
class CascadeCheck:
    """Borrowers who send nothing are only ever liquidated: when unhealthy, and to their good where that is possible.

    Standings before and after a block are compared at the prices and the time of the block, so that only
    liquidations are between them. `open_after` is per block how many can still be liquidated after it.
    """

    pool: Pool
    borrowers: tuple[Address, ...]
    open_after: tuple[int, ...]
    block_seconds: int = BLOCK_TIME

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        now = block_time(block_index, self.block_seconds)
        prices = frozenset(listing.price_at for listing in self.pool.listings)
        old = self.pool.on(StateStorage(Repriced(before, after, prices)), now)
        new = self.pool.on(StateStorage(after), now)
        lines = [f"0x{one.hex()[:8]} {line}" for one in self.borrowers for line in self._moved(one, old, new)]
        left = sum(not new.standing(borrower).healthy for borrower in self.borrowers)
        if left != self.open_after[block_index]:
            lines.append(f"{left} can be liquidated, it should be {self.open_after[block_index]}")
        return lines

    def _moved(self, borrower: Address, old: Pool, new: Pool) -> Iterator[str]:
        was, now = old.standing(borrower), new.standing(borrower)
        if now.debt and not now.threshold:
            yield "owes without collateral: a bad debt is not recorded"
        elif was != now and was.healthy:
            yield "was healthy and is not what it was"
        elif was != now and now.debt and not _rose(was, now) and _can_rise(was, old, borrower):
            yield f"was liquidated and its health factor fell from {health(was):.6f} to {health(now):.6f}"


def health(standing: Standing) -> float:
    """Return collateral at its thresholds over debt; infinite without debt."""
    return standing.threshold / (standing.debt * BPS) if standing.debt else float("inf")


def _rose(was: Standing, now: Standing) -> bool:
    return now.threshold * was.debt > was.threshold * now.debt


def _can_rise(was: Standing, pool: Pool, borrower: Address) -> bool:
    """Say whether collateral still pays for debt and bonus; below that every liquidation makes the rest worse."""
    risks = [listing.asset.risk for listing in pool.listings if pool.supplied(borrower, listing)]
    needed = max((risk.threshold * (BPS + risk.bonus) for risk in risks), default=0)
    return was.threshold * BPS > was.debt * needed


# -- report -----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Round:
    """One block of a cascade: how many could be liquidated when its prices stood, what was done, what is left.

    `lowest` is the lowest health factor at the block's prices, `bad_debt` the dollars written off so far.
    """

    open_before: int
    open_after: int
    lowest: float
    liquidations: int
    with_borrowed_tokens: int
    lost_races: int
    bad_debt: float


def rounds(workload: Workload) -> list[Round]:
    """Execute the blocks of a crash in sequence and return a round per block."""
    check = next(check for check in workload.checks if isinstance(check, CascadeCheck))
    report, state = [], workload.pre_state
    for index, block in enumerate(workload.blocks):
        after = state.copy()
        after.apply(execute_sequential(block, state).state_diff)
        report.append(_round(check, state, after, index, Counter(workload.operations[index])))
        state = after
    return report


def _round(check: CascadeCheck, before: StateReader, after: StateReader, index: int, counts: Counter[str]) -> Round:
    now = block_time(index, check.block_seconds)
    prices = frozenset(listing.price_at for listing in check.pool.listings)
    old = check.pool.on(StateStorage(Repriced(before, after, prices)), now)
    new = check.pool.on(StateStorage(after), now)
    standings = [old.standing(borrower) for borrower in check.borrowers]
    return Round(
        open_before=sum(not standing.healthy for standing in standings),
        open_after=sum(not new.standing(borrower).healthy for borrower in check.borrowers),
        lowest=min(map(health, standings), default=float("inf")),
        liquidations=counts["liquidate"] + counts["flash-liquidate"],
        with_borrowed_tokens=counts["flash-liquidate"],
        lost_races=counts["liquidate-reverts"] + counts["flash-liquidate-reverts"],
        bad_debt=sum(_dollars_lost(check.pool, at, after) for at in range(len(check.pool.listings))),
    )


def _dollars_lost(pool: Pool, index: int, state: StateReader) -> float:
    listing = pool.listings[index]
    return read_int(state, listing.slots.deficit) * read_int(state, listing.price_at) / listing.asset.unit / WAD


def summary(workload: Workload) -> list[str]:
    """Return a line per round, for people."""
    return [
        f"round {number}: {one.open_before} can be liquidated (lowest health factor {one.lowest:.3f}), "
        f"{one.liquidations} liquidations ({one.with_borrowed_tokens} with borrowed tokens), "
        f"{one.lost_races} lost races, {one.open_after} left, {one.bad_debt:,.0f} dollars of bad debt so far"
        for number, one in enumerate(rounds(workload), 1)
    ]
