"""Two runs of the suites held against each other: which benchmark is slower beyond what noise explains.

Every round is divided by a reference load beside it, which takes the machine's speed out of it. There are two such
loads, for a busy machine slows code that fits its caches less than code that does not: what counts is the one that
leaves less of a difference. A benchmark is the median of these quotients; its error is the standard error of a median,
from the quartiles of the rounds (for a normal distribution: IQR / 1.349 is the standard deviation, the median's error
1.2533 of it over sqrt(n)). New over old is a regression above `1 + threshold + 3 errors`: the errors stand for what
differs from round to round, the threshold for what differs between two processes of the same code (layout of memory,
seeds of hashes) and no round shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, log, sqrt
from statistics import median, quantiles

from bench.suites.runs import Rounds, Run
from executor.errors import UsageError

ERRORS = 3.0
"""Standard errors that noise is taken to reach."""
THRESHOLD = 0.15
BUSY = 2.0
"""Load average per processor above which a time on the wall says nothing; the suites alone make 1 to 1.5."""
_IQR_OF_A_DEVIATION, _MEDIAN_OF_A_MEAN = 1.349, 1.2533
_FEW = 3.0
"""Quartiles of few rounds are uncertain themselves: the error is taken as 1 + 3 / n times as large."""


@dataclass(frozen=True, slots=True)
class Row:
    """One benchmark in both runs: medians in seconds of a round, and the ratio of the reference load (`machine`).

    `ratio` is the new median quotient over the old one (1.3: 30 % slower than the machine explains), `noise` three
    standard errors of it, relative. `verdict` is same, faster, slower, new load (nothing to compare
    by) or busy: timed by the clock on the wall while others had the processors, for which no reference makes up.
    """

    name: str
    old_seconds: float
    new_seconds: float
    machine: float
    ratio: float
    noise: float
    verdict: str


@dataclass(frozen=True, slots=True)
class Comparison:
    """All benchmarks of both runs, the slowest first, and those that only one has."""

    rows: tuple[Row, ...]
    only_old: tuple[str, ...]
    only_new: tuple[str, ...]
    threshold: float

    @property
    def ok(self) -> bool:
        """Whether no benchmark is slower."""
        return all(row.verdict != "slower" for row in self.rows)


def compare_runs(old: Run, new: Run, threshold: float = THRESHOLD) -> Comparison:
    """Compare benchmark by benchmark; UsageError where the runs share none."""
    shared = old.benchmarks.keys() & new.benchmarks.keys()
    if not shared:
        raise UsageError("the two runs share no benchmark; name two documents of the same suites")
    rows = [_row(old.benchmarks[name], new.benchmarks[name], threshold) for name in shared]
    return Comparison(
        rows=tuple(sorted(rows, key=lambda row: (-row.ratio, row.name))),
        only_old=tuple(sorted(old.benchmarks.keys() - shared)),
        only_new=tuple(sorted(new.benchmarks.keys() - shared)),
        threshold=threshold,
    )


def _row(old: Rounds, new: Rounds, threshold: float) -> Row:
    comparable = old.reference == new.reference and len(old.references) == len(new.references)
    ratio, noise, machine = min(
        (_against(old, new, load) for load in range(min(len(old.references), len(new.references)))),
        key=lambda found: abs(log(found[0])),
    )
    return Row(
        name=old.name,
        old_seconds=median(old.seconds),
        new_seconds=median(new.seconds),
        machine=machine,
        ratio=ratio,
        noise=noise,
        verdict="new load" if not comparable else _verdict(ratio, 1 + threshold + noise, busy=_busy(old) or _busy(new)),
    )


def _verdict(ratio: float, limit: float, *, busy: bool) -> str:
    if 1 / limit <= ratio <= limit:
        return "same"
    return "busy" if busy else "slower" if ratio > limit else "faster"


def _busy(rounds: Rounds) -> bool:
    return rounds.wall and rounds.load > BUSY


def _against(old: Rounds, new: Rounds, load: int) -> tuple[float, float, float]:
    """Return the ratio of the median quotients by this load, its noise, and the ratio of the load itself."""
    (before, old_error), (after, new_error) = _level(old, load), _level(new, load)
    machine = median(new.references[load]) / median(old.references[load])
    return after / before, ERRORS * hypot(old_error, new_error), machine


def _level(rounds: Rounds, load: int) -> tuple[float, float]:
    """Return the median quotient by a load and its standard error as a share of it.

    >>> _level(Rounds("b", "load/1", (2.0, 4.0, 6.0), ((1.0, 2.0, 3.0),)), 0)
    (2.0, 0.0)
    """
    loads = rounds.references[load]
    quotients = [seconds / reference for seconds, reference in zip(rounds.seconds, loads, strict=True)]
    middle = median(quotients)
    return middle, _error(quotients) / middle


def _error(values: Sequence[float]) -> float:
    low, _, high = quantiles(values, n=4, method="inclusive")
    few = 1 + _FEW / len(values)
    return few * _MEDIAN_OF_A_MEAN * (high - low) / _IQR_OF_A_DEVIATION / sqrt(len(values))
