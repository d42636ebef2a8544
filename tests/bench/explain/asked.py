"""Whose balance each recorded transaction really asked for: py-evm as shipped, watched where it asks.

`golden/` notes a balance read wherever py-evm looks at one, also where it only adds to it: a blind credit cannot be
told from a comparison there. This says which of these reads are one, by who asks: `delta_balance` and the credit of a
SELFDESTRUCT only add, and a comparison that holds by the transaction's own credits (or with nothing) cannot fail.

    python -m tests.bench.explain.asked

writes `asked_balances.json.gz` beside this file: number of the block -> per transaction the places, among the sorted
`b:` reads of `golden/`, of those balances that were asked for.
"""

from __future__ import annotations

import gzip
import json
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

from bench.pyevm_baseline import _seeded_vm
from executor.capsule import load_capsule
from executor.state import MemoryState
from executor.types import Block
from tests.data import block_number, capsule_paths, golden

FIXTURE = Path(__file__).parent / "asked_balances.json.gz"


class Watch:
    """Notes, per transaction, whose balance was asked for."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self._before: dict[bytes, int] = {}

    def begin(self) -> None:
        """Say that the next transaction begins."""
        self.asked.append(set())
        self._before = {}

    def see(self, address: bytes, balance: int, asker: Any) -> None:
        """Take in that the code in the frame `asker` was told this balance."""
        if not self.asked:  # the block's own writes
            return
        own = balance - self._before.setdefault(address, balance)
        least = _least(asker, address)
        if least is None or least > own:
            self.asked[-1].add(address.hex())


def _least(asker: Any, address: bytes) -> int | None:
    """Return what the asker compares the balance with, None where the value matters; 0 where it only adds to it."""
    where, told = asker.f_code.co_name, asker.f_locals
    if where == "delta_balance":
        return 0
    if where == "_selfdestruct":
        return 0 if address == told["beneficiary"] and "local_balance" in told else None
    if where == "apply_message":
        return int(told["message"].value)
    if where == "__call__" and "should_transfer_value" in told:
        return int(told["value"]) if told["should_transfer_value"] else 0
    if where == "__call__" and "stack_data" in told:
        return int(told["stack_data"].endowment)
    return None


def record(block: Block, pre: MemoryState) -> list[set[str]]:
    """Return, per transaction, the accounts (hex) whose balance it asked for."""
    vm, watch = _seeded_vm(block, pre), Watch()
    builder = vm.get_transaction_builder()
    transactions = [builder.decode(transaction.raw) for transaction in block.transactions]
    state = type(vm.state)
    shipped, apply = state.get_balance, vm.apply_transaction

    def get_balance(self: Any, address: bytes) -> int:
        balance: int = shipped(self, address)
        watch.see(address, balance, sys._getframe(1))
        return balance

    def apply_transaction(header: Any, transaction: Any) -> Any:
        watch.begin()
        return apply(header, transaction)

    vm.block_preprocessing(vm.get_block_class()(vm.get_header(), transactions, uncles=[]))
    with patch.object(state, "get_balance", get_balance), patch.object(vm, "apply_transaction", apply_transaction):
        vm.apply_all_transactions(transactions, vm.get_header())
    return watch.asked


def places(asked: list[set[str]], entries: list[dict[str, Any]]) -> list[list[int]]:
    """Return where each asked balance stands among the sorted `b:` reads of its golden entry."""
    return [
        [place for place, read in enumerate(balance_reads(entry)) if read.partition(":")[2] in found]
        for found, entry in zip(asked, entries, strict=True)
    ]


def balance_reads(entry: dict[str, Any]) -> list[str]:
    """Return the sorted `b:` reads of a golden entry."""
    return sorted(read for read in entry["reads"] if read.startswith("b:"))


def load() -> dict[int, list[list[int]]]:
    """Return the fixture."""
    with gzip.open(FIXTURE) as file:
        return {int(number): entries for number, entries in json.load(file).items()}


def main() -> None:
    """Record all blocks and write the fixture."""
    found: dict[int, list[list[int]]] = {}
    for path in capsule_paths():
        capsule, number = load_capsule(path), block_number(path)
        asked, entries = record(capsule.block, capsule.pre_state), golden(number)
        unknown = sum(
            len(accounts - {read.partition(":")[2] for read in balance_reads(entry)})
            for accounts, entry in zip(asked, entries, strict=True)
        )
        found[number] = places(asked, entries)
        sys.stderr.write(f"{number}: {sum(map(len, asked))} asked for, {unknown} of them unknown to golden\n")
    data = json.dumps(found, separators=(",", ":")).encode()
    FIXTURE.write_bytes(gzip.compress(data, mtime=0))


if __name__ == "__main__":
    main()
