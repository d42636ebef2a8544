"""What wrong access lists cost: exact ones with x % of their entries dropped, or x % foreign ones added.

A dropped entry may hide a dependency: the transaction runs too early, validation finds the stale result, and it runs
again. An added entry (a location of another transaction of the block, as read and written) can only make a
transaction wait for nothing. The result must be the same to the last byte, and so must the state root.
"""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from bench.experiments.measured import SEED, WORKERS, Input, in_turn, processes, workload_input
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Settings
from executor.block_executor import BlockExecutor
from executor.state_trie import StateTrie
from scheduler.access import AccessSet, Location
from scheduler.graph import DependencyGraph, build

SHARES = (0.0, 0.05, 0.1, 0.25, 0.5, 1.0)
QUICK_SHARES = (0.0, 0.5)
WAYS = ("drop", "add", "drop and add")
SAME_ROOT = "runs with the sequential state root"
CAUGHT = "executions per transaction, most over the dropped shares"
SOURCE = "none published; experiments.md asks for it"


def measure(settings: Settings) -> Findings:
    """Damage the lists of two workloads by every share in every way, and run each on two processes."""
    shares = QUICK_SHARES if settings.quick else SHARES
    rows: list[tuple[Cell, ...]] = []
    with processes(access_lists="declared") as executor:
        for given in _inputs(quick=settings.quick):
            trie = StateTrie.of(given.pre_state)
            wanted = trie.updated(given.sequential.state_diff).root
            rows += [
                _row(given, executor, way, share, (trie, wanted))
                for way in WAYS
                for share in shares
                if share or way == WAYS[0]
            ]
    worst = max(float(row[-2] or 0) for row in rows if row[1] == "drop")
    return Findings(
        {SAME_ROOT: 100.0 * sum(row[-1] == "yes" for row in rows) / len(rows), CAUGHT: worst},
        (_table(rows),),
        _sentence(rows),
        inputs=f"generated blocks, {WORKERS} processes, graph strategy, no gate",
    )


def _inputs(*, quick: bool) -> list[Input]:
    lending, transfers = (24, 30) if quick else (200, 400)
    return [
        workload_input("lending", lending, shards=16),
        workload_input("transfers", transfers, kind="erc20", accounts=100),
    ]


def damaged(sets: Sequence[AccessSet], share: float, way: str, seed: int = SEED) -> tuple[AccessSet, ...]:
    """Return lists with `share` of their entries dropped, with so many foreign ones added, or both.

    Each entry is dropped with probability `share`; added are as many as that share of the list's own length, drawn
    from all locations of the block. The same arguments give the same lists.
    """
    random, everywhere = Random(f"{seed} {way} {share}"), sorted({at for one in sets for at in _locations(one)})
    return tuple(_damaged(one, share, way, random, everywhere) for one in sets)


def _damaged(one: AccessSet, share: float, way: str, random: Random, everywhere: list[Location]) -> AccessSet:
    reads, writes, deltas = sorted(one.reads), sorted(one.writes), sorted(one.deltas)
    foreign: set[Location] = set()
    if "add" in way and everywhere:
        foreign = set(random.choices(everywhere, k=round(share * (len(reads) + len(writes)))))
    if "drop" in way:
        reads = [at for at in reads if random.random() >= share]
        writes = [at for at in writes if random.random() >= share]
        deltas = [at for at in deltas if random.random() >= share]
    return AccessSet(frozenset(foreign.union(reads)), frozenset(foreign.union(writes)), frozenset(deltas), one.clears)


def _locations(one: AccessSet) -> frozenset[Location]:
    return frozenset(one.reads) | frozenset(one.writes)


def edges_apart(true: Sequence[AccessSet], believed: Sequence[AccessSet]) -> tuple[int, int]:
    """Return how many edges the believed lists do not keep in order, and how many of theirs put others in order."""
    real, thought = build(true), build(believed)
    return _not_implied(real, thought), _not_implied(thought, real)


def _not_implied(graph: DependencyGraph, other: DependencyGraph) -> int:
    """Return how many edges of a graph are no path of the other."""
    before: list[int] = []  # per transaction the set of all that the other graph puts before it, as bits
    for direct in other.predecessors:
        bits = 0
        for index in direct:
            bits |= before[index] | 1 << index
        before.append(bits)
    return sum(not before[after] >> index & 1 for after, direct in enumerate(graph.predecessors) for index in direct)


def _row(
    given: Input, executor: BlockExecutor, way: str, share: float, kept: tuple[StateTrie, bytes]
) -> tuple[Cell, ...]:
    lists = damaged(given.sets, share, way)
    missed, added = edges_apart(given.sets, lists)
    run = in_turn(given, executor, lists)
    trie, wanted = kept
    same = "yes" if trie.updated(run.result.state_diff).root == wanted else "NO"
    per_transaction = run.executions / len(given.block.transactions)
    return (given.label, way, 100 * share, missed, added, run.conflicts, run.speedup, per_transaction, same)


def _table(rows: Sequence[tuple[Cell, ...]]) -> Table:
    headings = ("workload", "damage", "%", "edges missed", "edges added", "stale results", "speed-up",
                "executions / tx", "same root")  # fmt: skip
    return Table(f"{WORKERS} processes against sequential execution", headings, tuple(rows))


def _sentence(rows: Sequence[tuple[Cell, ...]]) -> str:
    whole = [row for row in rows if row[2] == 0]
    worst = min(rows, key=lambda row: float(row[6] or 0))
    exact = ", ".join(f"{float(row[6] or 0):.2f}x" for row in whole)
    return (
        f"Wrong lists cost time, and the result was the same in {sum(row[-1] == 'yes' for row in rows)} of"
        f" {len(rows)} settings: with nothing damaged the speed-ups are {exact}; the slowest run of all,"
        f" {float(worst[6] or 0):.2f}x, is {worst[0]} at {worst[1]} {float(worst[2] or 0):.0f} %, with {worst[5]} stale"
        f" results found and {float(worst[7] or 0):.2f} executions per transaction."
    )


EXPERIMENT = Experiment(
    name="list-damage",
    title="Damaged access lists",
    question="What do dropped and added entries of exact lists cost, and is the result still the same?",
    published=(
        Published(SAME_ROOT, "the same state root every time", "semantics.md", 100.0, 100.0, "%"),
        Published(CAUGHT, "none", SOURCE),
    ),
    measure=measure,
    needs_data=False,
)
