"""py-evm as shipped with the state that it leaves, to be held against EELS."""

from __future__ import annotations

from bench import pyevm_baseline
from executor.state import MemoryState
from executor.types import Block
from tests import eels


class Shipped:
    """A block on py-evm as shipped, and the state that it leaves."""

    def __init__(self, block: Block, pre: MemoryState) -> None:
        self.vm = pyevm_baseline._seeded_vm(block, pre)
        builder = self.vm.get_transaction_builder()
        transactions = [builder.decode(transaction.raw) for transaction in block.transactions]
        self.vm.block_preprocessing(self.vm.get_block_class()(self.vm.get_header(), transactions, uncles=[]))
        header, self.receipts, _ = self.vm.apply_all_transactions(transactions, self.vm.get_header())
        self.gas_used: int = header.gas_used

    def balance(self, address: bytes) -> int:
        found: int = self.vm.state.get_balance(address)
        return found


def accepted_by_eels(block: Block, pre: MemoryState) -> eels.EelsResult:
    outcome = eels.execute_block(block, pre)
    assert isinstance(outcome, eels.EelsResult), outcome
    return outcome
