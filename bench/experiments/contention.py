"""Speed-up against the number of hot accounts, pairs or shards, for light and for heavy transactions.

Block-STM and Dickerson et al. find that speed-ups fall with fewer accounts and that heavier transactions scale better.
Ours are measured on two processes; beside them stands what the block itself allows, for two workers and for eight. The
share of the cap that was reached says what dispatch costs: it rises with the seconds of a transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import mean

from bench.experiments.measured import WORKERS, in_turn, processes, workload_input
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Settings

MANY_WORKERS = 8
FEWER = "speed-up with most accounts / with fewest, least over the workloads"
HEAVIER = "share of the cap reached, heaviest workload / lightest"
FLAT = 0.95
"""A cap that falls by less than this factor from most to fewest is not a contention sweep at all."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A workload and the parameter that makes it contended: values from most contended to least."""

    name: str
    workload: str
    transactions: int
    parameter: str
    values: tuple[int, ...]
    others: tuple[tuple[str, object], ...] = ()


SWEEPS = (
    Sweep("transfers", "transfers", 400, "accounts", (2, 10, 100, 1_000),
          (("kind", "eth"), ("failing", 0), ("new_accounts", 0))),
    Sweep("ERC-20", "transfers", 400, "accounts", (2, 10, 100, 1_000), (("kind", "erc20"), ("failing", 0))),
    Sweep("AMM", "amm", 200, "pairs", (1, 4, 16, 128), (("zipf_pairs", 0), ("zipf_users", 0))),
    Sweep("lending", "lending", 200, "shards", (1, 4, 16, 64), (("zipf_users", 0), ("assets", 1))),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Point:
    """One value of a sweep: caps by measured seconds, the speed-up on two processes, seconds per transaction."""

    sweep: str
    parameter: str
    value: int
    cap: float
    cap_many: float
    speedup: float
    seconds: float
    conflicts: int

    @property
    def reached(self) -> float:
        """The speed-up as a share of what the block allows this number of workers."""
        return self.speedup / self.cap


def measure(settings: Settings) -> Findings:
    """Run every sweep on two processes, with exact lists."""
    points: list[Point] = []
    with processes() as executor:
        for sweep in SWEEPS:
            values = (sweep.values[0], sweep.values[-1]) if settings.quick else sweep.values
            count = 30 if settings.quick else sweep.transactions
            for value in values:
                given = workload_input(sweep.workload, count, **{sweep.parameter: value}, **dict(sweep.others))
                run = in_turn(given, executor)
                points.append(Point(sweep.name, sweep.parameter, value, given.cap(WORKERS), given.cap(MANY_WORKERS),
                                    run.speedup, mean(given.seconds), run.conflicts))  # fmt: skip
    return Findings(
        {FEWER: min(_gains(points).values(), default=None), HEAVIER: _heavier(points)},
        (_table(points),),
        _sentence(points),
        inputs=f"generated blocks, {WORKERS} processes, exact lists, no gate",
    )


def _gains(points: Sequence[Point]) -> dict[str, float]:
    """Return, per sweep, the speed-up at the least contended value over that at the most contended one."""
    ends: dict[str, list[Point]] = {}
    for point in points:
        ends.setdefault(point.sweep, []).append(point)
    return {name: ordered[-1].speedup / ordered[0].speedup for name, ordered in ends.items()
            if ordered[0].cap < FLAT * ordered[-1].cap}  # fmt: skip


def _heavier(points: Sequence[Point]) -> float:
    """Compare the least contended blocks of the heaviest and the lightest workload."""
    free = list({point.sweep: point for point in points}.values())  # the last of each sweep
    heaviest, lightest = max(free, key=lambda one: one.seconds), min(free, key=lambda one: one.seconds)
    return heaviest.reached / lightest.reached


def _table(points: Sequence[Point]) -> Table:
    headings = ("workload", "varied", "value", "us / tx", f"cap at {WORKERS}", f"cap at {MANY_WORKERS}", "speed-up",
                "% of cap", "stale")  # fmt: skip
    rows: list[tuple[Cell, ...]] = [
        (one.sweep, one.parameter, one.value, one.seconds * 1e6, one.cap, one.cap_many, one.speedup,
         100 * one.reached, one.conflicts)
        for one in points
    ]  # fmt: skip
    title = f"{WORKERS} processes against sequential execution; caps are work / span by seconds, key set D"
    return Table(title, headings, tuple(rows))


def _sentence(points: Sequence[Point]) -> str:
    gains = _gains(points)
    flat = sorted({point.sweep for point in points} - gains.keys())
    free = sorted({point.sweep: point for point in points}.values(), key=lambda one: one.seconds)
    falls = ", ".join(f"{name} {gain:.2f}x" for name, gain in gains.items())
    unmoved = f" {', '.join(flat)}: the cap at {WORKERS} stays where it is, so nothing can fall." if flat else ""
    weights = ", ".join(f"{one.sweep} {one.seconds * 1e6:.0f} us: {one.reached:.0%}" for one in free)
    return (
        f"From fewest to most accounts the speed-up rises: {falls}.{unmoved} Of the cap with least contention we"
        f" reach, by seconds per transaction: {weights}."
    )


EXPERIMENT = Experiment(
    name="contention",
    title="Contention sweep",
    question="How does the speed-up fall with fewer hot accounts, and do heavier transactions scale better?",
    published=(
        Published(FEWER, "falls with fewer accounts", "Block-STM, arXiv 2203.06871", 1.0, None, "x"),
        Published(HEAVIER, "heavier transactions scale better", "Dickerson et al. 2017, arXiv 1702.04467", 1.0, None,
                  "x"),
    ),
    measure=measure,
    needs_data=False,
)  # fmt: skip
