"""Settled results in block order -> receipts, bloom, gas, requests, state diff.

The ordered outputs live here and nowhere else: cumulative gas, room in the block, blooms, receipts, requests;
and here alone it is decided that a transaction, and with it the block, is invalid.
"""

from __future__ import annotations

from executor import errors
from executor.errors import ExecutionFailed, InvalidInput, InvalidTransaction
from executor.evm import Engine, check_room, reason_class, run_epilogue
from executor.header import requests_hash
from executor.receipts import encode_receipt
from executor.settled import SettledState
from executor.state import MemoryState, PreState
from executor.state_trie import StateTrie
from executor.trie import OrderedTrie
from executor.types import Block, BlockResult, Receipt, TransactionResult


class BlockMerger:
    """Takes settled results one by one, in block order, and ends in the block's result.

    Before Byzantium a receipt holds the state root after its transaction: `pre_trie`, the trie of the pre-state,
    answers it; where it is None but the pre-state is complete, it is built.
    """

    def __init__(
        self, block: Block, engine: Engine, settled: SettledState, pre_state: PreState, pre_trie: StateTrie | None
    ) -> None:
        self._block = block
        self._engine = engine
        self._settled = settled
        self._rules = engine.context.rules
        self._pre_trie = None if self._rules.status_receipts else pre_trie or _trie_of(pre_state)
        self._receipts: list[Receipt] = []
        self._trie = OrderedTrie(len(block.transactions))
        self._gas_used = 0
        self._blob_gas_used = 0
        self._bloom = 0

    def start(self, prologue: TransactionResult) -> None:
        """Take in what happens before the first transaction."""
        self._settled.apply(prologue)

    def add(self, result: TransactionResult) -> None:
        """Take in the next settled result, or raise why the block is invalid."""
        index = len(self._receipts)
        self._admit(index, result)
        self._settled.apply(result)
        self._gas_used += result.gas_used
        self._blob_gas_used += result.blob_gas
        self._bloom |= result.bloom
        receipt = Receipt(
            tx_type=result.tx_type,
            status=int(result.success) if self._rules.status_receipts else None,
            gas_used=result.gas_used,
            cumulative_gas_used=self._gas_used,
            bloom=result.bloom.to_bytes(256, "big"),
            logs_rlp=result.logs_rlp,
            post_state=self._post_state(),
        )
        self._receipts.append(receipt)
        self._trie.add(encode_receipt(receipt))  # now, while workers execute, and not when they are done

    def _post_state(self) -> bytes | None:
        # From the block's pre-state each time: what a later transaction takes back must vanish from the diff.
        return None if self._pre_trie is None else self._pre_trie.updated(self._settled.diff()).root

    def _admit(self, index: int, result: TransactionResult) -> None:
        if result.failure is not None:
            raise ExecutionFailed(index, result.failure)
        try:
            check_room(
                result.gas_limit,
                result.blob_gas,
                self._block.header.gas_limit - self._gas_used,
                self._rules.max_blob_gas - self._blob_gas_used,
            )
        except InvalidTransaction as error:
            error.index = index
            raise
        if result.error is not None:
            name, message = result.error
            if name == errors.InvalidRlp.__name__:
                raise errors.InvalidRlp(message, index)
            raise reason_class(name)(message, index)
        hint = self._block.transactions[index].sender_hint
        if hint is not None and hint != result.sender:
            msg = (
                f"transaction {index}: `from` says 0x{hint.hex()}, the signature 0x{result.sender.hex()};"
                " correct or drop the field"
            )
            raise InvalidInput(msg)

    def finish(self) -> BlockResult:
        """Run what happens after the last transaction and return the block's result, without stats."""
        logs = [receipt.logs_rlp for receipt in self._receipts]
        epilogue, requests = run_epilogue(self._engine, self._block, self._settled, logs)
        self._settled.apply(epilogue)
        return BlockResult(
            receipts=tuple(self._receipts),
            state_diff=self._settled.diff(),
            gas_used=self._gas_used,
            blob_gas_used=self._blob_gas_used,
            bloom=self._bloom.to_bytes(256, "big"),
            receipts_root=self._trie.root(),
            requests=requests,
            requests_hash=requests_hash(requests) if self._rules.prague else None,
        )


def _trie_of(pre_state: PreState) -> StateTrie | None:
    return StateTrie.of(pre_state) if isinstance(pre_state, MemoryState) and pre_state.complete else None
