"""Which transactions may stand in a block: our own checks, in EELS' order and under its names.

They correct py-evm 0.12.1b1 (limits below the EIP-7623 floor, priority fee above max fee, senders with code,
funds measured with the wrong fee); each is held against EELS in tests/executor/test_validity.py.
"""

from __future__ import annotations

from executor.context import BlockContext
from executor.errors import InvalidRlp, InvalidTransaction, TransactionTypeError
from executor.evm.state import EvmState
from executor.forks import GAS_PER_BLOB, ForkRules
from executor.transactions import (
    BLOB,
    LEGACY,
    SECP256K1_N,
    SET_CODE,
    UINT64_MAX,
    Transaction,
    decode_transaction,
    parity_of,
    recover_address,
    signing_hash,
)
from scheduler.access import Address

TX_GAS, ZERO_BYTE_GAS, WORD_GAS, AUTHORIZATION_GAS = 21_000, 4, 2, 25_000
LISTED_ADDRESS_GAS, LISTED_SLOT_GAS, FLOOR_TOKEN_GAS = 2_400, 1_900, 10
INITCODE_LIMIT = 49_152
BLOB_HASH_VERSION = b"\x01"
DELEGATION_MARK, DELEGATION_SIZE = b"\xef\x01\x00", 23


class InsufficientTransactionGasError(InvalidTransaction):
    """The gas limit is below the intrinsic cost or the EIP-7623 floor."""


class NonceOverflowError(InvalidTransaction):
    """The nonce cannot be incremented (EIP-2681)."""


class InitCodeTooLargeError(InvalidTransaction):
    """The init code exceeds EIP-3860's limit."""


class GasUsedExceedsLimitError(InvalidTransaction):
    """The gas limit does not fit what is left of the block."""


class BlobGasLimitExceededError(InvalidTransaction):
    """The blobs do not fit what is left of the block."""


class InvalidSignatureError(InvalidTransaction):
    """No key made this signature for this chain."""


class PriorityFeeGreaterThanMaxFeeError(InvalidTransaction):
    """More is offered to the fee recipient than in all."""


class InsufficientMaxFeePerGasError(InvalidTransaction):
    """The fee is below the block's base fee."""


class NoBlobDataError(InvalidTransaction):
    """A blob transaction without blobs."""


class InvalidBlobVersionedHashError(InvalidTransaction):
    """A blob hash of an unknown version."""


class InsufficientMaxFeePerBlobGasError(InvalidTransaction):
    """The blob fee is below the block's."""


class TransactionTypeContractCreationError(InvalidTransaction):
    """A type that may not create contracts does."""


class EmptyAuthorizationListError(InvalidTransaction):
    """A set-code transaction without authorizations."""


class NonceMismatchError(InvalidTransaction):
    """The nonce is not the sender's."""


class InsufficientBalanceError(InvalidTransaction):
    """The sender cannot pay for gas and value."""


class InvalidSenderError(InvalidTransaction):
    """The sender is a contract (EIP-3607)."""


def is_delegation(code: bytes) -> bool:
    """Return whether the code is a delegation designator (EIP-7702)."""
    return len(code) == DELEGATION_SIZE and code[:3] == DELEGATION_MARK


def intrinsic_gas(tx: Transaction, rules: ForkRules) -> tuple[int, int]:
    """Return (gas charged before execution, least gas paid in the end) of a transaction."""
    zeros = tx.data.count(0)
    others = len(tx.data) - zeros
    gas = TX_GAS + ZERO_BYTE_GAS * zeros + rules.nonzero_byte_gas * others
    if tx.is_create:
        gas += rules.create_gas
        if rules.initcode_metered:
            gas += WORD_GAS * ((len(tx.data) + 31) // 32)
    for _, slots in tx.access_list:
        gas += LISTED_ADDRESS_GAS + LISTED_SLOT_GAS * len(slots)
    gas += AUTHORIZATION_GAS * len(tx.authorizations)
    floor = TX_GAS + FLOOR_TOKEN_GAS * (zeros + 4 * others) if rules.prague else 0
    return gas, floor


def check_form(tx: Transaction, rules: ForkRules) -> tuple[int, int]:
    """Check what the transaction alone decides; return its intrinsic gas and floor."""
    if tx.tx_type not in rules.tx_types:
        msg = f"type {tx.tx_type} is not known in {rules.name}"
        raise TransactionTypeError(msg)
    gas, floor = intrinsic_gas(tx, rules)
    if max(gas, floor) > tx.gas:
        msg = f"gas limit {tx.gas} is below the {max(gas, floor)} that it costs"
        raise InsufficientTransactionGasError(msg)
    if tx.nonce >= UINT64_MAX:
        msg = f"nonce {tx.nonce} is at the limit"
        raise NonceOverflowError(msg)
    if rules.initcode_metered and tx.is_create and len(tx.data) > INITCODE_LIMIT:
        msg = f"init code of {len(tx.data)} bytes is over {INITCODE_LIMIT}"
        raise InitCodeTooLargeError(msg)
    return gas, floor


def check_room(gas_limit: int, blob_gas: int, gas_left: int, blob_gas_left: int) -> None:
    """Check that a transaction fits what is left of the block; decided in block order."""
    if gas_limit > gas_left:
        msg = f"gas limit {gas_limit} exceeds the {gas_left} left in the block"
        raise GasUsedExceedsLimitError(msg)
    if blob_gas > blob_gas_left:
        msg = f"blob gas {blob_gas} exceeds the {blob_gas_left} left in the block"
        raise BlobGasLimitExceededError(msg)


def recover_sender(tx: Transaction, context: BlockContext, known: Address | None = None) -> Address:
    """Return who signed the transaction for this chain (EIP-2, 155); `known` is who, where it was recovered before."""
    rules = context.rules
    highest = SECP256K1_N // 2 if rules.homestead else SECP256K1_N - 1
    if not (0 < tx.r < SECP256K1_N and 0 < tx.s <= highest):
        msg = "r or s is out of range"
        raise InvalidSignatureError(msg)
    replay_protected = tx.tx_type != LEGACY or (rules.empty_accounts_removed and tx.chain_id is not None)
    if replay_protected and tx.chain_id != context.chain_id:
        msg = f"signed for chain {tx.chain_id}, not {context.chain_id}"
        raise InvalidSignatureError(msg)
    parity = parity_of(tx)
    if parity not in {0, 1} or (tx.tx_type == LEGACY and tx.v >= 29 and not rules.empty_accounts_removed):
        msg = f"v is {tx.v}"
        raise InvalidSignatureError(msg)
    sender = known or recover_address(signing_hash(tx), parity, tx.r, tx.s)
    if sender is None:
        msg = "no key made this signature"
        raise InvalidSignatureError(msg)
    return sender


def early_sender(raw: bytes) -> Address | None:
    """Return who signed a transaction, before its block is known; None where that cannot be said yet.

    It says nothing of whether the signature may stand in a block: `recover_sender` does.
    """
    try:
        tx = decode_transaction(raw)
    except (InvalidRlp, InvalidTransaction):
        return None
    parity = parity_of(tx)
    if parity not in {0, 1} or not (0 < tx.r < SECP256K1_N and 0 < tx.s < SECP256K1_N):
        return None
    return recover_address(signing_hash(tx), parity, tx.r, tx.s)


def effective_price(tx: Transaction, context: BlockContext) -> int:
    """Return the wei per gas that the sender pays (EIP-1559)."""
    if tx.max_fee < tx.priority_fee:
        msg = f"priority fee {tx.priority_fee} is above max fee {tx.max_fee}"
        raise PriorityFeeGreaterThanMaxFeeError(msg)
    if tx.max_fee < context.base_fee:
        msg = f"max fee {tx.max_fee} is below the base fee {context.base_fee}"
        raise InsufficientMaxFeePerGasError(msg)
    return min(tx.max_fee, tx.priority_fee + context.base_fee)


def check_kind(tx: Transaction, context: BlockContext) -> None:
    """Check the rules of blob and set-code transactions (EIP-4844, 7702)."""
    if tx.tx_type == BLOB:
        if not tx.blob_hashes:
            msg = "a blob transaction without blobs"
            raise NoBlobDataError(msg)
        for blob_hash in tx.blob_hashes:
            if len(blob_hash) != 32 or blob_hash[:1] != BLOB_HASH_VERSION:
                msg = f"blob hash 0x{blob_hash.hex()} is not of version 1"
                raise InvalidBlobVersionedHashError(msg)
        if tx.max_blob_fee < context.blob_base_fee:
            msg = f"max blob fee {tx.max_blob_fee} is below {context.blob_base_fee}"
            raise InsufficientMaxFeePerBlobGasError(msg)
    if tx.tx_type in {BLOB, SET_CODE} and tx.is_create:
        msg = f"type {tx.tx_type} may not create a contract"
        raise TransactionTypeContractCreationError(msg)
    if tx.tx_type == SET_CODE and not tx.authorizations:
        msg = "a set-code transaction without authorizations"
        raise EmptyAuthorizationListError(msg)


def check_sender(tx: Transaction, sender: Address, state: EvmState) -> None:
    """Check what the sender's account decides: nonce, funds (max fee and value), code."""
    nonce = state.get_nonce(sender)
    if nonce != tx.nonce:
        relation = "low" if nonce > tx.nonce else "high"
        msg = f"nonce {tx.nonce} is too {relation}, 0x{sender.hex()} is at {nonce}"
        raise NonceMismatchError(msg)
    needed = tx.gas * tx.max_fee + tx.value + GAS_PER_BLOB * len(tx.blob_hashes) * tx.max_blob_fee
    if not state.covers(sender, needed):
        msg = f"0x{sender.hex()} has {state.exact_balance(sender)} wei, needs {needed}"
        raise InsufficientBalanceError(msg)
    code = state.get_code(sender)
    if code and not (state.execution_context.rules.prague and is_delegation(code)):
        msg = f"0x{sender.hex()} has code"
        raise InvalidSenderError(msg)
