"""The table of pevm (Rust, 8 to 12 threads) beside ours: ratios to each one's own sequential execution only.

Measured are two processes, with the gate as a user has it and nothing known of what the block touches. What eight
workers would do is simulated: the real scheduler on a virtual clock, with costs measured on the block itself
(`parallel-evm simulate`), with exact lists; beside it stands what the block allows at eight. pevm's blocks are 85 of
mainnet, ours the recorded ones, many of them from its test data. The swaps run on the slots that they touch, as
recorded blocks do: the whole state of many pairs would take longer to ship than to use.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import mean, median

from bench.calibrate import calibrate, sequential_medians
from bench.experiments.measured import ROUNDS, WORKERS, Input, in_turn, input_of, processes, workload_input
from bench.experiments.model import Cell, Experiment, Findings, Published, Table
from bench.experiments.settings import Settings
from bench.simulate import simulate
from executor.block_executor import BlockExecutor
from executor.state import Account, MemoryState
from scheduler.access import STORAGE, Address

SOURCE = "pevm, 85 mainnet blocks, 8-12 threads"
MANY_WORKERS = 8
LEAST = 2
SIMULATED_FROM = 20
"""Transactions: costs of messages cannot be solved for from fewer."""
STATISTICS: dict[str, Callable[[Sequence[float]], float]] = {"mean": mean, "median": median, "worst": min, "best": max}
PUBLISHED = {"mean": 1.96, "median": 1.82, "worst": 0.89, "best": 4.32}
INDEPENDENT = 22.1
MEASURED, SIMULATED = f"{WORKERS} workers, measured", f"{MANY_WORKERS} workers, simulated"
SWAPS, SWAP_PAIRS = "independent swaps", 256


def measure(settings: Settings) -> Findings:
    """Run every recorded block with at least two transactions, and swaps that share nothing."""
    inputs = [input_of(str(block.number), block.capsule.block, block.capsule.pre_state, block.result)
              for block in settings.blocks() if len(block.transactions) >= LEAST]  # fmt: skip
    pairs = 20 if settings.quick else SWAP_PAIRS
    swaps = workload_input("amm", pairs, pairs=pairs, users=pairs, mix="swap:100", zipf_pairs=0, zipf_users=0,
                           failing=0)  # fmt: skip
    with processes(access_lists="observed", gate=True) as executor:
        rows = [_row(one, executor) for one in inputs]
    with processes() as executor:
        independent = _row(cut_to_touched(swaps), executor)
    measured: dict[str, float | None] = {}
    for title, place in ((MEASURED, 4), (SIMULATED, 6)):
        ratios = [float(row[place] or 0) for row in rows if row[place] is not None]
        measured |= {f"{name}, {title}": of(ratios) if ratios else None for name, of in STATISTICS.items()}
        value = independent[place]
        measured[f"{SWAPS}, {title}"] = None if value is None else float(value)
    return Findings(
        measured,
        (_table("every recorded block with at least two transactions", rows), _table(SWAPS, [independent])),
        _sentence(rows, independent),
        inputs=f"{len(rows)} recorded blocks; {WORKERS} processes",
    )


def cut_to_touched(given: Input) -> Input:
    """Return the block on as much of its state as a recording would hold: of contracts, the slots that it touched.

    Contracts whose storage no transaction touched keep theirs.
    """
    touched: dict[Address, set[int]] = {}
    for transaction in given.sequential.transactions:
        for address, kind, slot in (*transaction.reads, *transaction.writes.values):
            if kind == STORAGE:
                touched.setdefault(address, set()).add(slot)
    state = MemoryState(codes=given.pre_state.codes)
    for address, account in given.pre_state.accounts.items():
        kept = touched.get(address, account.storage.keys())
        slots = {slot: value for slot, value in account.storage.items() if slot in kept}
        state.accounts[address] = Account(account.balance, account.nonce, account.code_hash, slots)
    return input_of(given.label, given.block, state)


def _row(given: Input, executor: BlockExecutor) -> tuple[Cell, ...]:
    run = in_turn(given, executor)
    return (
        given.label,
        len(given.block.transactions),
        sum(given.gas) / 1e6,
        given.cap(WORKERS),
        run.speedup,
        given.cap(MANY_WORKERS),
        _simulated(given) if len(given.block.transactions) >= SIMULATED_FROM else None,
        run.ran_on,
    )


def _simulated(given: Input) -> float | None:
    """Return the simulated speed-up at eight workers; None where a simulated run was not sound."""
    costs = calibrate(given.block, given.pre_state, given.sets, repeat=1)
    alone = sequential_medians(given.block, given.pre_state, None, repeat=ROUNDS)  # processor time, as the costs
    found = simulate(given.block, given.pre_state, alone, given.sets, MANY_WORKERS, costs)
    return found.speedup if found.sound else None


def _table(title: str, rows: Sequence[tuple[Cell, ...]]) -> Table:
    headings = ("block", "txs", "Mgas", f"cap at {WORKERS}", f"speed-up at {WORKERS}", f"cap at {MANY_WORKERS}",
                f"simulated at {MANY_WORKERS}", "ran on")  # fmt: skip
    return Table(title, headings, tuple(rows))


def _sentence(rows: Sequence[tuple[Cell, ...]], independent: tuple[Cell, ...]) -> str:
    kept = sum(row[-1] == "driver" for row in rows)
    slower = sum(float(row[4] or 0) < 1 for row in rows)
    return (
        f"Ratios only: pevm's threads share memory, our workers are sent states and writes, and {WORKERS} of them can"
        f" reach {WORKERS}x at most; {slower} of {len(rows)} blocks are slower than sequential, and the gate kept"
        f" {kept} on the driver. Independent swaps reach {float(independent[4] or 0):.2f}x of"
        f" {float(independent[3] or 0):.2f}x on {WORKERS} workers; simulated figures know the lists beforehand, and"
        f" leave out blocks of fewer than {SIMULATED_FROM} transactions. Medians of {ROUNDS} rounds."
    )


def _published() -> tuple[Published, ...]:
    return tuple(
        Published(f"{what}, {title}", f"{value}x", SOURCE, value, value, "x")
        for title in (MEASURED, SIMULATED)
        for what, value in {**PUBLISHED, SWAPS: INDEPENDENT}.items()
    )


EXPERIMENT = Experiment(
    name="engine-table",
    title="The table of pevm",
    question="How do speed-ups over one's own sequential execution compare with pevm's?",
    published=_published(),
    measure=measure,
)
