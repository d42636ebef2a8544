"""Whose balance each recorded transaction really asked for: py-evm as shipped, watched where it asks.

`golden/` notes a balance read wherever py-evm looks at one, also where it only adds to it: a blind credit cannot be
told from a comparison there. This says which of these reads are one, by who asks: `delta_balance` and the credit of a
SELFDESTRUCT only add, and a comparison that holds by the transaction's own credits (or with nothing) cannot fail.
"""

from __future__ import annotations

import sys
from typing import Any
from unittest.mock import patch

from bench.pyevm_baseline import _seeded_vm
from executor.state import MemoryState
from executor.types import Block


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
