"""In order against greedy, the worst case without conflicts (Wahrstatter 2025): two closed forms, checked exactly.

G is the block's gas limit, m the most gas of a transaction (EIP-7825), n the number of threads.

*In order*: transactions start in block order, each on the first free thread. Let the last to end start at time t; all
threads were busy until t, so n t + g <= G with g <= m its gas, and the end is t + g <= (G - g) / n + g, which grows
with g: at most

    C_in_order = (G - m) / n + m = G / n + (1 - 1/n) m.

It is reached: fill all threads evenly with G - m gas of small transactions, then send one of m.

*Greedy* with transactions rearranged at will: of transactions of m gas each, floor(G / m) fit into the block, and
no arrangement does better than giving them out in rounds of n:

    C_greedy = ceil(floor(G / m) / n) m.

The source works with m = 16.78 Mgas, which is 2^24 = 16.777216 Mgas rounded to two decimals; with it both forms give
its eight figures exactly (5 m = 83.90 there, 83.89 with 2^24). That blocks full of the largest transaction are the
worst for rearranging is not so: k equal transactions of min(m, G / k) gas take ceil(k / n) rounds, and some k above
floor(G / m) takes longer. `worst_equal` searches all k; its figure is a lower bound of the true worst case.
"""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from math import ceil, floor

from bench.experiments.model import Experiment, Findings, Published, Table
from bench.experiments.settings import Settings

BLOCK_MGAS = Decimal(300)
CAP_MGAS = Decimal(2**24) / Decimal(10**6)
CAP_AS_PUBLISHED = Decimal("16.78")
SOURCE = "Wahrstatter 2025, ethresear.ch 23418"
IN_ORDER = {4: "87.58", 8: "52.18", 16: "34.48", 32: "25.63"}
GREEDY = {4: "83.90", 8: "50.34", 16: "33.56", 32: "16.78"}
_CENT = Decimal("0.01")


def in_order(block: Decimal, cap: Decimal, threads: int) -> Decimal:
    """Return the longest that list scheduling in block order can take, in the unit of `block` and `cap`.

    >>> in_order(Decimal(10), Decimal(4), 2)
    Decimal('7')
    """
    return (block - cap) / threads + cap


def greedy(block: Decimal, cap: Decimal, threads: int) -> Decimal:
    """Return how long a block full of the largest transactions takes, whatever their order.

    >>> greedy(Decimal(10), Decimal(4), 2)
    Decimal('4')
    """
    return ceil(floor(block / cap) / threads) * cap


def worst_equal(block: Decimal, cap: Decimal, threads: int) -> tuple[Decimal, int]:
    """Return the longest that k equal transactions can take, whatever their order, and that k.

    Beyond k = threads x block / cap, rounds are so many that ceil(k / n) / k only falls towards 1 / n.

    >>> worst_equal(Decimal(12), Decimal(5), 2)
    (Decimal('8'), 3)
    """
    most = (floor(block / cap) + 1) * threads + 1
    return max((ceil(k / threads) * min(cap, block / k), k) for k in range(1, most + 1))


def cents(value: Decimal) -> Decimal:
    """Return `value` to two decimals, as the source prints it (half to even: 87.585 is 87.58)."""
    return value.quantize(_CENT, ROUND_HALF_EVEN)


def _published(kind: str, figures: dict[int, str]) -> tuple[Published, ...]:
    return tuple(
        Published(f"{kind}, {threads} threads", text, SOURCE, float(text), float(text), "Mgas")
        for threads, text in figures.items()
    )


def measure(_settings: Settings) -> Findings:
    """Compute both forms with the source's rounded cap and with the exact one."""
    measured: dict[str, float | None] = {}
    rows = []
    for kind, form, figures in (("in order", in_order, IN_ORDER), ("greedy", greedy, GREEDY)):
        for threads, text in figures.items():
            as_published = cents(form(BLOCK_MGAS, CAP_AS_PUBLISHED, threads))
            exact = form(BLOCK_MGAS, CAP_MGAS, threads)
            measured[f"{kind}, {threads} threads"] = float(as_published)
            speedup = float(BLOCK_MGAS / exact)
            rows.append((kind, threads, text, str(as_published), float(exact), speedup))
    worse = []
    for threads in GREEDY:
        longest, count = worst_equal(BLOCK_MGAS, CAP_MGAS, threads)
        worse.append((threads, float(greedy(BLOCK_MGAS, CAP_MGAS, threads)), float(longest), count))
    beaten = [row for row in worse if row[2] > row[1]]
    return Findings(
        measured,
        (
            Table(
                "gas on the busiest thread, Mgas",
                ("schedule", "threads", "published", "with 16.78", "with 2^24", "speed-up"),
                tuple(rows),
            ),
            Table(
                "rearranged at will: a worse block than the published one, Mgas",
                ("threads", "full transactions", "k equal ones", "k"),
                tuple(worse),
            ),
        ),
        f"{_matches(measured)} of {len(measured)} figures agree to the last decimal with the cap that the source"
        f" rounds to 16.78 Mgas; for {_threads(beaten)} threads a block of more, slightly smaller equal transactions"
        " takes longer than the published greedy worst case.",
        inputs="closed form, no blocks",
    )


def _matches(measured: dict[str, float | None]) -> int:
    published = {one.what: one.low for one in EXPERIMENT.published}
    return sum(measured[what] == figure for what, figure in published.items())


def _threads(rows: list[tuple[int, float, float, int]]) -> str:
    return " and ".join(str(row[0]) for row in rows) or "no number of"


EXPERIMENT = Experiment(
    name="worst-case",
    title="In order against greedy, worst case without conflicts",
    question="If no transaction conflicts, how long can the busiest of n threads take at 300 Mgas, cap 2^24 each?",
    published=_published("in order", IN_ORDER) + _published("greedy", GREEDY),
    measure=measure,
    needs_data=False,
)
