"""What holds lending back: the chain of the busiest reserve, and the burst of liquidations after a price falls.

A reserve's chain is all transactions that change one slot of it after reading it: they are serial whatever the
executor, so their gas is a lower limit of the span. If nothing else mattered the two would be equal. In the burst a
price update is written once and read by everybody, and few liquidators race for the same victims.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from bench.experiments.measured import SEED, WORKERS, Input, in_turn, input_of, processes, workload_input
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Settings
from bench.explain.names import names_for
from executor.block_executor import BlockExecutor
from scheduler.access import STORAGE, AccessSet, Location
from scheduler.graph import build
from workloads.registry import generate

MANY_WORKERS = 8
PREDICTED = "gas of the busiest slot's chain / gas of the span, median"
BURST = "cap of the liquidation burst by gas, median"
NEW = "none published"
POOLS: tuple[dict[str, object], ...] = (
    {"assets": 1},
    {"assets": 4},
    {"assets": 8},
    {"assets": 4, "rate": "eager"},
    {"assets": 4, "shards": 4},
    {"assets": 4, "shards": 16},
)
BURSTS: tuple[dict[str, object], ...] = (
    {},
    {"liquidators": 2},
    {"race": 0},
    {"race": 1},
    {"flash": 0},
    {"flash": 1},
)
"""Changes to the defaults: 70 liquidators, a quarter of the liquidations raced for, 30 % by flash loan."""
COUNT, QUICK_COUNT = 200, 24


def measure(settings: Settings) -> Findings:
    """Run pools that differ in assets, shards and rate, and bursts that differ in who liquidates and how."""
    count = QUICK_COUNT if settings.quick else COUNT
    pools = (POOLS[0], POOLS[-1]) if settings.quick else POOLS
    with processes() as executor:
        calm = [_pool_row(workload_input("lending", count, **pool), executor) for pool in pools]
        burst = [_burst_row(change, count, executor) for change in BURSTS[: 1 if settings.quick else None]]
    predicted = [float(row[4] or 0) for row in calm]
    return Findings(
        {PREDICTED: median(predicted), BURST: median(float(row[-3] or 0) for row in burst)},
        (_pools(calm), _bursts(burst)),
        _sentence(calm, burst),
        inputs=f"generated blocks of {count} transactions, {WORKERS} processes, exact lists, no gate",
    )


def busiest(sets: Sequence[AccessSet], gas: Sequence[float]) -> tuple[Location | None, int, float]:
    """Return the slot whose read-modify-writes cost most gas, how many they are, and their gas.

    No slot, 0 and 0.0 where no transaction changes what it reads.
    """
    chains: dict[Location, list[float]] = {}
    for one, cost in zip(sets, gas, strict=True):
        for location in one.reads & one.writes:
            if location[1] == STORAGE:
                chains.setdefault(location, []).append(cost)
    if not chains:
        return None, 0, 0.0
    slot = max(chains, key=lambda at: (sum(chains[at]), at))
    return slot, len(chains[slot]), sum(chains[slot])


def _pool_row(given: Input, executor: BlockExecutor) -> tuple[Cell, ...]:
    gas = given.gas
    slot, transactions, chain = busiest(given.sets, gas)
    span = build(given.sets).critical_path(gas)[0]
    names = names_for(given.block, given.pre_state, given.sequential.transactions)
    run = in_turn(given, executor)
    return (
        given.label,
        "none" if slot is None else names.of(slot).name,
        100 * transactions / len(gas),
        100 * chain / sum(gas),
        chain / span if span else None,
        sum(gas) / span if span else None,
        given.cap(WORKERS),
        given.cap(MANY_WORKERS),
        run.speedup,
    )


def _pools(rows: Sequence[tuple[Cell, ...]]) -> Table:
    headings = ("pool", "busiest slot", "% of txs", "% of gas", "chain / span", "cap by gas", f"cap at {WORKERS}",
                f"cap at {MANY_WORKERS}", "speed-up")  # fmt: skip
    return Table("the busiest slot's chain of read-modify-writes against the critical path, key set D", headings,
                 tuple(rows))  # fmt: skip


def _burst_row(change: dict[str, object], count: int, executor: BlockExecutor) -> tuple[Cell, ...]:
    """Run the burst; the operations of the block say who posts a price and who liquidates."""
    workload = generate("crash", count, SEED, {key: str(value) for key, value in change.items()})
    given = input_of("crash", workload.blocks[0], workload.pre_state)
    operations, gas, graph = workload.operations[0], given.gas, build(given.sets)
    oracles = {index for index, name in enumerate(operations) if name.startswith("oracle")}
    liquidations = [index for index, name in enumerate(operations) if "liquidate" in name]
    after_price = sum(bool(oracles.intersection(graph.predecessors[index])) for index in liquidations)
    span, path = graph.critical_path(gas)
    slot, _, chain = busiest(given.sets, gas)
    names = names_for(given.block, given.pre_state, given.sequential.transactions)
    run = in_turn(given, executor)
    return (
        ", ".join(f"{key}={value}" for key, value in change.items()) or "defaults",
        len(oracles),
        len(liquidations),
        sum("revert" in operations[index] for index in liquidations),
        100 * after_price / len(liquidations) if liquidations else None,
        len(path),
        100 * sum(index in set(liquidations) for index in path) / len(path) if path else None,
        "none" if slot is None else names.of(slot).name,
        chain / span if span else None,
        sum(gas) / span if span else None,
        given.cap(WORKERS),
        run.speedup,
    )


def _bursts(rows: Sequence[tuple[Cell, ...]]) -> Table:
    headings = ("burst", "price updates", "liquidations", "of these revert", "% read the price", "path txs",
                "% liquidations", "busiest slot", "chain / span", "cap by gas", f"cap at {WORKERS}",
                "speed-up")  # fmt: skip
    title = "a price falls, then liquidations (workload crash); direct edges from a price update, the critical path"
    return Table(title, headings, tuple(rows))


def _sentence(calm: Sequence[tuple[Cell, ...]], burst: Sequence[tuple[Cell, ...]]) -> str:
    ratios = sorted(float(row[4] or 0) for row in calm)
    tight = sum(ratio >= 0.9 for ratio in ratios)
    caps = sorted(float(row[-3] or 0) for row in burst)
    return (
        f"The busiest slot's chain is {ratios[0]:.0%} to {ratios[-1]:.0%} of the span, at least 90 % in {tight} of"
        f" {len(ratios)} pools; the rest of a span are chains that pass from slot to slot. The burst's cap by gas"
        f" is {caps[0]:.2f}x to {caps[-1]:.2f}x over {len(caps)} ways to liquidate; its busiest slot at the defaults is"
        f" {burst[0][7]}, with {float(burst[0][8] or 0):.0%} of the span."
    )


EXPERIMENT = Experiment(
    name="lending",
    title="Lending: the busiest reserve, and the liquidation burst",
    question="Does the busiest reserve's chain predict the span, and what does a burst of liquidations allow?",
    published=(Published(PREDICTED, "none", NEW), Published(BURST, "none", NEW, unit="x")),
    measure=measure,
    needs_data=False,
)
