"""The state root after a block of changed slots, three ways: kept trie, whole rebuild, py-evm as shipped.

All start from the same state and write the same slots, each round others. Timed are `StateTrie.updated` with its
root (keys hashed for the first time too), a copy of the state with the diff applied and `state_root` of it, and
py-evm's `AccountDB.make_state_root`, whose slots are read and written before the clock starts. Seconds are
processor time: all three run in this thread alone, and other load on the machine is none of theirs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from random import Random
from statistics import median
from time import thread_time
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import machine
from bench.pyevm_baseline import ShippedState
from executor.collector import collector_paused
from executor.errors import UsageError
from executor.roots import state_root
from executor.state import MemoryState
from executor.state_trie import StateTrie
from executor.types import AccountDiff, StateDiff
from scheduler.access import Address

SEED = 1
_WORD_BITS = 256


@dataclass(frozen=True, slots=True)
class RootRow:
    """One round: processor seconds of each way, the root by the kept trie, and whether all three found the same."""

    kept_seconds: float
    rebuilt_seconds: float
    shipped_seconds: float
    root: str
    equal: bool


def random_state(accounts: int, slots: int, seed: int = SEED) -> MemoryState:
    """Return a complete state whose slots are spread evenly over its accounts; same numbers, same state."""
    random, state = Random(seed), MemoryState(complete=True)
    for place in range(accounts):
        share = slots // accounts + (place < slots % accounts)
        storage = {random.getrandbits(_WORD_BITS): _value(random) for _ in range(share)}
        state.put(random.randbytes(20), balance=random.getrandbits(70), nonce=1, storage=storage)
    return state


def random_writes(state: MemoryState, changed: int, random: Random) -> StateDiff:
    """Return a diff that gives `changed` of the state's slots other values."""
    slots = [(address, slot) for address, account in state.accounts.items() for slot in account.storage]
    if changed > len(slots):
        raise UsageError(f"--changed {changed} is more than the {len(slots)} slots there are; ask for more --slots")
    storage: dict[Address, dict[int, int]] = {}
    for address, slot in random.sample(slots, changed):
        storage.setdefault(address, {})[slot] = _value(random)
    return StateDiff({address: AccountDiff(storage=written) for address, written in storage.items()})


def _value(random: Random) -> int:
    return random.randrange(1, 2**_WORD_BITS)


def compare_roots(accounts: int, slots: int, changed: int, repeat: int) -> Iterator[RootRow]:
    """Yield `repeat` rounds on one state; UsageError where fewer slots than `changed` are there."""
    random, state = Random(SEED + 1), random_state(accounts, slots)
    diffs = [random_writes(state, changed, random) for _ in range(repeat)]
    kept, shipped = StateTrie.of(state), ShippedState(state)
    for diff in diffs:
        with collector_paused():
            row = _compare(state, kept, shipped, diff)
        yield row


def _compare(state: MemoryState, kept: StateTrie, shipped: ShippedState, diff: StateDiff) -> RootRow:
    started = thread_time()
    root = kept.updated(diff).root
    updated = thread_time()
    after = state.copy()
    after.apply(diff)
    rebuilt = state_root(after)
    finished = thread_time()
    shipped_root, shipped_seconds = shipped.slots_written(diff)
    return RootRow(
        kept_seconds=updated - started,
        rebuilt_seconds=finished - updated,
        shipped_seconds=shipped_seconds,
        root="0x" + root.hex(),
        equal=root == rebuilt == shipped_root,
    )


def summary(rows: list[RootRow]) -> dict[str, Any]:
    """Return medians in seconds, how many times faster the kept trie is than py-evm, and whether all agreed."""
    kept, shipped = median(row.kept_seconds for row in rows), median(row.shipped_seconds for row in rows)
    return {
        "ok": all(row.equal for row in rows),
        "kept_seconds": kept,
        "rebuilt_seconds": median(row.rebuilt_seconds for row in rows),
        "shipped_seconds": shipped,
        "ratio": shipped / kept,
    }


def root_document(accounts: int, slots: int, changed: int, rows: list[RootRow]) -> dict[str, Any]:
    """Return what `--json` prints."""
    sizes = {"accounts": accounts, "slots": slots, "changed": changed}
    return {**sizes, "rows": [asdict(row) for row in rows], "summary": summary(rows), "machine": machine()}


def show_roots(console: Console, accounts: int, slots: int, changed: int, rows: list[RootRow]) -> None:
    """Print every round and the medians."""
    title = f"state root: {changed:,} of {slots:,} slots changed, {accounts:,} accounts, one core"
    table = Table(title=title, title_justify="left")
    for heading in ("round", "kept trie ms", "rebuild ms", "py-evm ms", "ratio", "same root"):
        table.add_column(heading, justify="right")
    for place, row in enumerate(rows, 1):
        times = (row.kept_seconds, row.rebuilt_seconds, row.shipped_seconds)
        ratio = f"{row.shipped_seconds / row.kept_seconds:.1f}x"
        table.add_row(str(place), *(f"{seconds * 1e3:.1f}" for seconds in times), ratio, "yes" if row.equal else "NO")
    console.print(table)
    medians = summary(rows)
    console.print(
        f"median {medians['kept_seconds'] * 1e3:.1f} ms, py-evm {medians['shipped_seconds'] * 1e3:.0f} ms:"
        f" {medians['ratio']:.1f}x"
    )
