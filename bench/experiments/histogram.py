"""Histograms as text, for terminals and Markdown alike."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import mean, median

BAR = "#"
WIDTH = 40


def histogram(title: str, values: Sequence[float], edges: Sequence[float], digits: int = 0) -> str:
    """Return a bar per bin: [edge, next edge), the first and the last open at the outside; then median and mean.

    >>> print(histogram("lengths", [1, 2, 2, 9], [2, 4]))
    lengths (4 values, median 2.00, mean 3.50)
         < 2 | 1 ##########
       2 - 4 | 2 ####################
        >= 4 | 1 ##########
    """
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[sum(edge <= value for edge in edges)] += 1
    labels = _labels(edges, digits)
    wide = max(map(len, labels))
    middle = f", median {median(values):.2f}, mean {mean(values):.2f}" if values else ""
    lines = [f"{title} ({len(values)} values{middle})"]
    for label, count in zip(labels, counts, strict=True):
        bar = BAR * round(WIDTH * count / len(values)) if values else ""
        lines.append(f"  {label:>{max(wide, 6)}} | {count} {bar}".rstrip())
    return "\n".join(lines)


def _labels(edges: Sequence[float], digits: int) -> list[str]:
    texts = [f"{edge:.{digits}f}" for edge in edges]
    between = [f"{low} - {high}" for low, high in pairwise(texts)]
    return [f"< {texts[0]}", *between, f">= {texts[-1]}"]
