"""How our figure differs from a published one: computed, in words short enough for a table."""

from __future__ import annotations

from collections.abc import Mapping

from bench.experiments.model import Comparison, Published


def compare(published: tuple[Published, ...], measured: Mapping[str, float | None]) -> tuple[Comparison, ...]:
    """Return one comparison per published figure, in order; KeyError where an experiment forgot one of its own."""
    return tuple(
        Comparison(one.what, one.text, one.source, measured[one.what], one.unit, difference(one, measured[one.what]))
        for one in published
    )


def difference(published: Published, measured: float | None) -> str:
    """Return how far `measured` is from the nearest end of the published range.

    >>> difference(Published("cap", "6.27", "", 6.27, 6.27), 6.897)
    '+10.0 %'
    >>> difference(Published("isolated", "60-80 %", "", 60, 80, "%"), 72)
    'within'
    >>> difference(Published("isolated", "60-80 %", "", 60, 80, "%"), 50)
    '-10.0 points'
    >>> difference(Published("chains", "< 10", "", None, 10), 12)
    '+20.0 %'
    >>> difference(Published("lending", "none", ""), 3.0)
    'new'
    """
    if measured is None:
        return "not measurable"
    low, high = published.low, published.high
    if low is None and high is None:
        return "new"
    if low is not None and measured < low:
        return _apart(measured, low, published.unit)
    if high is not None and measured > high:
        return _apart(measured, high, published.unit)
    return "exact" if low == high else "within"


def _apart(measured: float, nearest: float, unit: str) -> str:
    if unit == "%":
        return f"{measured - nearest:+.1f} points"
    return f"{100 * (measured / nearest - 1):+.1f} %" if nearest else f"{measured - nearest:+.2f}"
