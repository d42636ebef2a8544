"""One transaction through py-evm over a view: validity, message, refunds and fees -> TransactionResult."""

from __future__ import annotations

from collections.abc import Mapping
from time import thread_time
from typing import Any

import rlp
from eth.exceptions import VMError
from eth.vm.message import Message

from executor.context import BlockContext
from executor.earlier_state import BlockStore, EarlierState
from executor.errors import InvalidRlp, InvalidTransaction
from executor.evm.computation import FlatComputation, computation_class
from executor.evm.delegation import set_delegations
from executor.evm.state import EvmState
from executor.evm.validity import (
    check_form,
    check_kind,
    check_sender,
    effective_price,
    is_delegation,
    recover_sender,
)
from executor.forks import GAS_PER_BLOB
from executor.hashing import keccak256
from executor.receipts import encode_logs, logs_bloom
from executor.transactions import Transaction, decode_transaction
from executor.types import Log, TransactionResult
from scheduler.access import NOTHING_WRITTEN, Address, TxIndex


class TransactionContext:
    """What opcodes ask about the transaction (ORIGIN, GASPRICE, BLOBHASH)."""

    __slots__ = ("blob_versioned_hashes", "gas_price", "origin")

    def __init__(self, origin: Address, gas_price: int, blob_hashes: tuple[bytes, ...]) -> None:
        self.origin = origin
        self.gas_price = gas_price
        self.blob_versioned_hashes = blob_hashes


class Engine:
    """Executes transactions of one block; `codes` answers codes by hash.

    `sweepable` names accounts of the pre-state that are present though empty: from EIP-161 on a touch
    removes them. `senders` are those recovered before, by signed transaction.
    """

    def __init__(
        self,
        context: BlockContext,
        codes: BlockStore,
        sweepable: frozenset[Address] = frozenset(),
        senders: Mapping[bytes, Address] | None = None,
    ) -> None:
        self.context = context
        self.computation: type[FlatComputation] = computation_class(context.rules)
        self._codes = codes
        self._precompiles = frozenset(self.computation.get_precompiles())
        self._sweepable = sweepable
        self._senders: Mapping[bytes, Address] = senders or {}

    def view(self, earlier: EarlierState, below: TxIndex) -> EvmState:
        """Return a fresh view of the state as transactions before `below` left it."""
        return EvmState(earlier, below, self._codes, self.context, self._precompiles, self._sweepable)

    def execute(self, raw: bytes, earlier: EarlierState, index: TxIndex, *, assume_nonce: bool) -> TransactionResult:
        """Execute the transaction at `index` on what earlier ones left.

        With `assume_nonce` the sender's nonce is taken to be the transaction's own; settling checks it.
        A reason not to be in a block is a result with `error`, a fault of the engine one with `failure`:
        in a speculative run neither means anything until its reads are found current.
        """
        started = thread_time()
        state = self.view(earlier, index)
        facts: dict[str, Any] = {}
        try:
            self._run(raw, state, facts, assume_nonce=assume_nonce)
        except (InvalidTransaction, InvalidRlp) as error:
            reason = error.message if isinstance(error, InvalidTransaction) else str(error)
            facts["error"] = (type(error).__name__, reason)
        except VMError as error:  # outside of a computation: the value cannot be paid
            facts["error"] = (type(error).__name__, str(error))
        except Exception as error:  # noqa: BLE001 - values that never stood together may break anything
            facts["failure"] = f"{type(error).__name__}: {error}"
        if "writes" not in facts:
            facts |= {"writes": NOTHING_WRITTEN, "codes": {}}
        seconds = thread_time() - started
        return TransactionResult(reads=state.reads, bounds=state.final_bounds(), seconds=seconds, **facts)

    def call(self, state: EvmState, sender: Address, target: Address, data: bytes, gas: int) -> bytes | None:
        """Run a message of no transaction on `state` and return its output, None if it fails.

        What it changes stays in `state`: system calls want that, a question throws the view away.
        """
        computation = self.message(state, sender, target, data, gas)
        return None if computation.is_error else bytes(computation.output)

    def message(self, state: EvmState, sender: Address, target: Address, data: bytes, gas: int, value: int = 0) -> Any:
        """Run a message of no transaction on `state` and return its computation, failed or not; `value` in wei."""
        message = Message(gas, target, sender, value, data, state.get_code(target))
        return self.computation.apply_message(state, message, TransactionContext(sender, 0, ()))

    def _run(self, raw: bytes, state: EvmState, facts: dict[str, Any], *, assume_nonce: bool) -> None:
        tx, context = decode_transaction(raw), self.context
        gas, floor = check_form(tx, context.rules)
        blob_gas = GAS_PER_BLOB * len(tx.blob_hashes)
        facts |= {"tx_type": tx.tx_type, "gas_limit": tx.gas, "blob_gas": blob_gas}
        sender = recover_sender(tx, context, self._senders.get(raw))
        price = effective_price(tx, context)
        check_kind(tx, context)
        if assume_nonce:
            state.assumed[sender] = tx.nonce
        check_sender(tx, sender, state)
        state.delta_balance(sender, -tx.gas * price - blob_gas * context.blob_base_fee)
        state.increment_nonce(sender)
        computation = self._compute(tx, sender, price, tx.gas - gas, state)
        if computation.is_error:
            state.swept.clear()  # the whole transaction's touches, account 3's too
        used = self._settle_gas(tx, computation, floor)
        state.delta_balance(sender, (tx.gas - used) * price)
        state.delta_balance(context.coinbase, used * (price - context.base_fee))
        for address in sorted(computation.get_accounts_for_deletion()):
            state.destroy(address)
        logs = tuple(Log(*entry) for entry in state.logs)
        facts |= {
            "writes": state.write_set(),
            "codes": state.new_codes,
            "sender": sender,
            "gas_used": used,
            "success": computation.is_success,
            "logs_rlp": encode_logs(logs),
            "bloom": logs_bloom(logs),
            "sweeps": frozenset(state.swept),
        }

    def _compute(self, tx: Transaction, sender: Address, price: int, gas: int, state: EvmState) -> Any:
        rules = self.context.rules
        transaction_context = TransactionContext(sender, price, tx.blob_hashes)
        refund = set_delegations(tx.authorizations, state) if tx.authorizations else 0
        message = self._message(tx, sender, gas, refund, state)
        if rules.access_lists:
            self._warm(tx, sender, message, state)
        if not message.is_create:
            return self.computation.apply_message(state, message, transaction_context)
        if state.has_code_or_nonce(message.storage_address):
            return self._collision(message, transaction_context, state)
        return self.computation.apply_create_message(state, message, transaction_context)

    def _collision(self, message: Message, transaction_context: TransactionContext, state: EvmState) -> Any:
        computation = self.computation(state, message, transaction_context)
        computation.fail(VMError("a contract stands at the new address"))
        return computation

    def _message(self, tx: Transaction, sender: Address, gas: int, refund: int, state: EvmState) -> Message:
        if tx.is_create:
            created = keccak256(rlp.encode([sender, state.get_nonce(sender) - 1]))[12:]
            return Message(gas, b"", sender, tx.value, b"", tx.data, create_address=created, refund=refund)
        code, delegated = state.get_code(tx.to), False
        if self.context.rules.prague and is_delegation(code):
            state.mark_address_warm(code[3:])
            code, delegated = state.get_code(code[3:]), True
        return Message(gas, tx.to, sender, tx.value, tx.data, code, is_delegation=delegated, refund=refund)

    def _warm(self, tx: Transaction, sender: Address, message: Message, state: EvmState) -> None:
        state.mark_address_warm(sender)
        state.mark_address_warm(message.storage_address)
        if self.context.rules.initcode_metered:  # EIP-3651 came in the same fork
            state.mark_address_warm(self.context.coinbase)
        for address, slots in tx.access_list:
            state.mark_address_warm(address)
            for slot in slots:
                state.mark_storage_warm(address, slot)

    def _settle_gas(self, tx: Transaction, computation: Any, floor: int) -> int:
        """Return the gas paid for: after refunds (EIP-3529), at least the floor (EIP-7623)."""
        rules = self.context.rules
        used: int = tx.gas - computation.get_gas_remaining()
        refund: int = computation.get_gas_refund()
        if rules.destroy_refund:
            refund += rules.destroy_refund * len(computation.get_accounts_for_deletion())
        return max(used - min(refund, used // rules.refund_quotient), floor)
