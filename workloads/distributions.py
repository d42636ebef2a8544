"""Seeded draws: Zipf ranks, log-normal amounts, a fixed mix."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from itertools import accumulate
from random import Random


class Zipf:
    """Draws ranks 0..count-1 with weight 1 / (rank + 1)^exponent; exponent 0 is uniform."""

    def __init__(self, count: int, exponent: float) -> None:
        self._count = count
        self._sums = [] if exponent == 0 else list(accumulate((r + 1) ** -exponent for r in range(count)))

    def draw(self, random: Random) -> int:
        """Return a rank."""
        if not self._sums:
            return random.randrange(self._count)
        return min(bisect_right(self._sums, random.random() * self._sums[-1]), self._count - 1)


def log_normal(random: Random, median: float, sigma: float = 1.0, cap: float = 100.0) -> float:
    """Return an amount around `median`, at most `cap` medians (no draw may empty a market)."""
    # Six digits: the last bits of exp and of gauss differ between C libraries, the bytes made of them may not.
    return float(f"{median * min(math.exp(random.gauss(0.0, sigma)), cap):.6g}")


def draw_mix(random: Random, weights: Mapping[str, float], count: int) -> list[str]:
    """Return `count` names in random order, as near to the weights as whole numbers allow.

    Each name of a positive weight comes at least once where `count` allows it, so that rare operations are
    in every block.
    """
    names = [name for name, weight in weights.items() if weight > 0]
    total = sum(weights[name] for name in names)
    shares = {name: weights[name] / total * count for name in names}
    counts = {name: max(1, int(share)) for name, share in shares.items()}
    rest = sorted(names, key=lambda name: int(shares[name]) - shares[name])
    while sum(counts.values()) < count:
        for name in rest[: count - sum(counts.values())]:
            counts[name] += 1
    mixed = [name for name in names for _ in range(counts[name])]
    # One of each is more than its share where weights are tiny: the commonest give way.
    while len(mixed) > count:
        mixed.remove(max(set(mixed), key=lambda name: (mixed.count(name), name)))
    random.shuffle(mixed)
    return mixed
