"""A transaction's view in the shape that py-evm's opcodes expect of a state."""

from __future__ import annotations

from executor.context import BlockContext
from executor.earlier_state import BlockStore, EarlierState
from executor.hashing import keccak256
from executor.view import BalanceBound, TransactionView
from scheduler.access import EMPTY_CODE_HASH, Address


class EvmState(TransactionView):
    """What py-evm calls `computation.state`: the view, plus what the block's header answers.

    `exact` is true while an opcode runs that needs a balance's value; otherwise a balance is only a bound.
    """

    def __init__(
        self,
        earlier: EarlierState,
        below: int,
        codes: BlockStore,
        context: BlockContext,
        precompiles: frozenset[Address],
        sweepable: frozenset[Address] = frozenset(),
    ) -> None:
        super().__init__(earlier, below, codes, empty_removed=context.rules.empty_accounts_removed, sweepable=sweepable)
        self.execution_context = context
        self.exact = False
        self.coinbase = context.coinbase
        self.timestamp = context.timestamp
        self.block_number = context.number
        self.difficulty = context.difficulty
        self.mix_hash = context.prev_randao
        self.gas_limit = context.gas_limit
        self.base_fee = context.base_fee
        self.blob_base_fee = context.blob_base_fee
        self.get_ancestor_hash = context.ancestor_hash
        self._precompiles = precompiles

    def get_balance(self, address: Address) -> int | BalanceBound:
        """Return the exact balance to opcodes that need it, a bound to all others."""
        return self.exact_balance(address) if self.exact else BalanceBound(self, address)

    def set_code(self, address: Address, code: bytes) -> None:
        """Set the code."""
        self.put_code(address, code, keccak256(code) if code else EMPTY_CODE_HASH)

    def delete_code(self, address: Address) -> None:
        """Take the code away (EIP-7702's reset)."""
        self.put_code(address, b"", EMPTY_CODE_HASH)

    def is_address_warm(self, address: Address) -> bool:
        """Return whether the account was accessed in this transaction, or is a precompile (EIP-2929)."""
        return address in self._warm or address in self._precompiles

    def commit(self, mark: int) -> None:
        """Keep the changes since `mark`: there is nothing to do, the undo list only shortens on revert."""
