"""What commutative fees, credits and hot counters would bring (Garamvolgyi et al. 2022): the cap, recomputed.

The steps go from A (every balance change is a read-modify-write) over B (fees commute) and C (blind credits commute)
to D (a sender's nonce and balance are assumed) and S (storage alone, as most traces count), each of the last three
also with the hottest slots of every block as commutative or partitioned counters: their read-modify-writes have no
edge between them, while a transaction that only reads one still waits for all earlier changers
(`bench.explain.what_if`). The hottest slot is the one through which most gas of the critical path waits, of those that
the waiting transaction both reads and writes; then the next of what remains. Whether a contract could really do with a
counter there, a trace does not say, so these caps are upper bounds.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from statistics import median

from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Executed, Settings
from bench.explain.causes import causes
from bench.explain.what_if import commutative
from scheduler.access import STORAGE, AccessSet, Location, TxIndex
from scheduler.graph import build

SOURCE = "Garamvolgyi et al. 2022, arXiv 2201.03749"
COUNTS = (1, 3, 10)
BASES = ("C", "D", "S")
STEPS = ("A", "B", *(step for base in BASES for step in (base, *(f"{base} + {count}" for count in COUNTS))))
SHOWN = ("A", "B", *(step for base in BASES for step in (base, f"{base} + {COUNTS[-1]}")))
GAINS = {
    "gain of 10 counters by storage alone, median": ("S", "S + 10"),
    "gain of fees, credits and 10 counters, nonces chained, median": ("B", "C + 10"),
    "gain of fees, credits, nonces and 10 counters, median": ("B", "D + 10"),
}
"""(step before, step after) of each gain, a ratio of caps."""
AFTER = "S + 10"
CAP = f"median cap, {AFTER}"
OVERALL = f"work of all blocks / their spans, {AFTER}"
LEAST = 50


def measure(settings: Settings) -> Findings:
    """Recompute the cap of every block with at least 50 transactions at every step, by gas."""
    blocks = settings.large_blocks(LEAST)
    spans = [_spans(block) for block in blocks]
    work = [sum(block.gas) for block in blocks]
    overall = {step: sum(work) / sum(one[step] for one in spans) for step in STEPS} if blocks else {}
    caps = [done / one[AFTER] for done, one in zip(work, spans, strict=True)]
    measured: dict[str, float | None] = {
        what: median(one[before] / one[after] for one in spans) if spans else None
        for what, (before, after) in GAINS.items()
    }
    return Findings(
        measured | {CAP: median(caps) if caps else None, OVERALL: overall.get(AFTER)},
        (_by_step(work, spans, overall), _all_blocks(blocks, work, spans)),
        _sentence(blocks, spans),
        inputs=f"{len(blocks)} recorded blocks with at least {LEAST} transactions, caps by gas",
    )


def hottest_slots(sets: Sequence[AccessSet], weights: Sequence[float], count: int) -> list[Location]:
    """Return up to `count` slots to make commutative, in the order in which they would be chosen.

    Each is chosen on the critical path that is left once those before it commute.
    """
    chosen: list[Location] = []
    while len(chosen) < count:
        slot = _hottest(commutative(sets, chosen), weights)
        if slot is None:
            break
        chosen.append(slot)
    return chosen


def _hottest(sets: Sequence[AccessSet], weights: Sequence[float]) -> Location | None:
    tied = causes(sets)
    path = tied.graph().critical_path(weights)[1]
    waiting: dict[Location, float] = {}
    for before, after in pairwise(path):
        for slot in _read_and_written(sets, tied.through(before, after), after):
            waiting[slot] = waiting.get(slot, 0.0) + weights[after]
    return max(waiting, key=lambda slot: (waiting[slot], slot), default=None)


def _read_and_written(sets: Sequence[AccessSet], locations: Sequence[Location], index: TxIndex) -> list[Location]:
    """Return the slots among `locations` that a transaction changes after reading them."""
    return [at for at in locations if at[1] == STORAGE and at in sets[index].writes]


def _spans(block: Executed) -> dict[str, float]:
    """Return the critical path by gas at every step."""
    spans = {name: block.metrics[name].span.gas for name in ("A", "B", *BASES)}
    for base in BASES:
        sets = block.key_sets[base]
        slots = hottest_slots(sets, block.gas, COUNTS[-1])
        for count in COUNTS:
            spans[f"{base} + {count}"] = build(commutative(sets, slots[:count])).critical_path(block.gas)[0]
    return spans


def _by_step(work: Sequence[float], spans: Sequence[dict[str, float]], overall: dict[str, float]) -> Table:
    rows: list[tuple[Cell, ...]] = []
    for step in STEPS if spans else ():
        caps = [done / one[step] for done, one in zip(work, spans, strict=True)]
        gain = median(one["B"] / one[step] for one in spans)
        rows.append((step, median(caps), max(caps), overall[step], gain))
    headings = ("step", "median cap", "most", "overall", "median gain over B")
    return Table("cap by gas; `C + 3` is key set C with the three hottest slots of each block commutative", headings,
                 tuple(rows))  # fmt: skip


def _all_blocks(blocks: Sequence[Executed], work: Sequence[float], spans: Sequence[dict[str, float]]) -> Table:
    rows: list[tuple[Cell, ...]] = [
        (str(block.number), len(block.transactions), *(done / one[step] for step in SHOWN), done / max(block.gas))
        for block, done, one in zip(blocks, work, spans, strict=True)
    ]
    return Table("every block; `limit`: work / the longest transaction", ("block", "txs", *SHOWN, "limit"), tuple(rows))


def _sentence(blocks: Sequence[Executed], spans: Sequence[dict[str, float]]) -> str:
    if not spans:
        return "No block has enough transactions."
    doubled = sum(one["S"] >= 2 * one[AFTER] for one in spans)
    stuck = sum(one["S"] <= max(block.gas) * (1 + 1e-9) for block, one in zip(blocks, spans, strict=True))
    return (
        f"By storage alone ten counters at least double the cap in {doubled} of {len(spans)} blocks; in {stuck} the"
        " longest transaction is the whole span already and nothing can be gained. In the median an assumed nonce (C to"
        f" D) brings {median(one['C'] / one['D'] for one in spans):.2f}x and ten counters more"
        f" {median(one['D'] / one['D + 10'] for one in spans):.2f}x. An upper bound: a trace does not say which slot"
        " could be a counter."
    )


EXPERIMENT = Experiment(
    name="commutative",
    title="Commutative fees, credits and hot counters",
    question="How far would the cap rise if fees, credits and the hottest counters of a block commuted?",
    published=(
        *(Published(what, "doubled", SOURCE, 2.0, 2.0, "x") for what in GAINS),
        Published(CAP, "18x overall", SOURCE, 18.0, 18.0, "x"),
        Published(OVERALL, "18x overall", SOURCE, 18.0, 18.0, "x"),
    ),
    measure=measure,
)
