"""Names that the suites give to reasons for a rejection -> the error classes that stand for them here.

A suite names the reason that its generator came upon; where a block breaks several rules, or where clients
find a fault at different places, a name stands for several classes. Names: EEST's BlockException and
TransactionException, as ethereum/tests uses them too.
"""

from __future__ import annotations

from enum import Enum

from executor import invalid_block as block
from executor.errors import InvalidBlock, InvalidRlp, TransactionTypeError
from executor.evm import validity as tx

Reason = type[InvalidBlock] | type[InvalidRlp]


class Judgement(Enum):
    """Whether a rejection is for the reason that was expected; unknown where the table lacks all its names."""

    RIGHT = "right"
    WRONG = "wrong"
    UNKNOWN = "unknown"


_UNCLE_FAMILY = (block.UncleInChainError, block.UncleIsAncestorError, block.UncleIsBrotherError)
_FORMAT = (block.BlockFormatError, InvalidRlp)
_TYPE = (TransactionTypeError, InvalidRlp, block.BlockFormatError)
_GAS_LIMIT = (tx.GasUsedExceedsLimitError,)
_FUNDS = (tx.InsufficientBalanceError,)
_SIGNATURE = (tx.InvalidSignatureError, InvalidRlp)

BLOCK_REASONS: dict[str, tuple[Reason, ...]] = {
    "UNKNOWN_PARENT": (block.UnknownParentError,),
    "UNKNOWN_PARENT_ZERO": (block.UnknownParentError,),
    "INVALID_BLOCK_NUMBER": (block.InvalidNumberError,),
    "INVALID_BLOCK_TIMESTAMP_OLDER_THAN_PARENT": (block.InvalidTimestampError,),
    "INVALID_GASLIMIT": (block.InvalidGasLimitError,),
    "GASLIMIT_TOO_BIG": (block.GasLimitTooBigError, InvalidRlp),
    "GAS_USED_OVERFLOW": (block.GasUsedAboveLimitError, tx.GasUsedExceedsLimitError, block.InvalidGasUsedError),
    "INVALID_GAS_USED_ABOVE_LIMIT": (block.GasUsedAboveLimitError, tx.GasUsedExceedsLimitError),
    "INVALID_GAS_USED": (block.InvalidGasUsedError, block.GasUsedAboveLimitError),
    "EXTRA_DATA_TOO_BIG": (block.ExtraDataTooBigError,),
    "EXTRA_DATA_INVALID_DAO": (block.InvalidDaoExtraDataError,),
    "INVALID_BASEFEE_PER_GAS": (block.InvalidBaseFeeError,),
    "INVALID_DIFFICULTY": (block.InvalidDifficultyError,),
    "INVALID_TRANSACTIONS_ROOT": (block.InvalidTransactionsRootError,),
    "INVALID_UNCLES_HASH": (block.InvalidUnclesHashError, block.UnclesAfterMergeError),
    "INVALID_WITHDRAWALS_ROOT": (block.InvalidWithdrawalsRootError,),
    "INVALID_LOG_BLOOM": (block.InvalidLogBloomError,),
    "INVALID_STATE_ROOT": (block.InvalidStateRootError,),
    "INVALID_RECEIPTS_ROOT": (block.InvalidReceiptsRootError,),
    "INVALID_REQUESTS": (block.InvalidRequestsHashError,),
    "INCORRECT_EXCESS_BLOB_GAS": (block.InvalidExcessBlobGasError,),
    "INCORRECT_BLOB_GAS_USED": (block.InvalidBlobGasUsedError,),
    "BLOB_GAS_USED_ABOVE_LIMIT": (block.InvalidBlobGasUsedError, tx.BlobGasLimitExceededError),
    "INCORRECT_BLOCK_FORMAT": _FORMAT,
    "TOO_MANY_UNCLES": (block.TooManyUnclesError, block.UnclesAfterMergeError),
    "UNCLE_IN_CHAIN": _UNCLE_FAMILY,
    "UNCLE_IS_ANCESTOR": _UNCLE_FAMILY,
    "UNCLE_IS_BROTHER": (*_UNCLE_FAMILY, block.UncleParentIncorrectError),
    "UNCLE_PARENT_INCORRECT": (
        block.UncleParentIncorrectError,
        block.UncleIsBrotherError,
        block.InvalidNumberError,
    ),
    "UNCLE_UNKNOWN_PARENT": (block.UncleParentIncorrectError, block.UncleIsBrotherError),
    "IMPORT_IMPOSSIBLE_LEGACY": (block.BlockFormatError,),
    "IMPORT_IMPOSSIBLE_LEGACY_WRONG_PARENT": (block.BlockFormatError,),
    "IMPORT_IMPOSSIBLE_LONDON_WRONG_PARENT": (block.BlockFormatError,),
    "IMPORT_IMPOSSIBLE_LONDON_OVER_PARIS": (
        block.DifficultyAfterMergeError,
        block.UnclesAfterMergeError,  # what ethereum/tests expect of uncles in Paris, but not later
        block.BlockFormatError,
    ),
    "IMPORT_IMPOSSIBLE_PARIS_OVER_SHANGHAI": (block.BlockFormatError,),
    "IMPORT_IMPOSSIBLE_SHANGHAI": (block.BlockFormatError,),
    "IMPORT_IMPOSSIBLE_PARIS_WRONG_POW": (block.DifficultyAfterMergeError,),
    "IMPORT_IMPOSSIBLE_PARIS_WRONG_POS": (block.MergeNotReachedError,),
    "IMPORT_IMPOSSIBLE_UNCLES_OVER_PARIS": (block.UnclesAfterMergeError,),
    "IMPORT_IMPOSSIBLE_DIFFICULTY_OVER_PARIS": (block.DifficultyAfterMergeError,),
    "SYSTEM_CONTRACT_EMPTY": (block.SystemContractEmptyError,),
    "SYSTEM_CONTRACT_CALL_FAILED": (block.SystemContractCallFailedError,),
    "INVALID_DEPOSIT_EVENT_LAYOUT": (block.InvalidDepositLayoutError,),
    "RLP_STRUCTURES_ENCODING": _FORMAT,
    "RLP_WITHDRAWALS_NOT_READ": _FORMAT,
}
"""After `BlockException.`; other names in RLP_ stand for bytes that are not the RLP they should be."""

TRANSACTION_REASONS: dict[str, tuple[Reason, ...]] = {
    "TYPE_NOT_SUPPORTED": _TYPE,
    "TYPE_1_TX_PRE_FORK": _TYPE,
    "TYPE_2_TX_PRE_FORK": _TYPE,
    "TYPE_3_TX_PRE_FORK": _TYPE,
    "TYPE_3_TX_ZERO_BLOBS_PRE_FORK": _TYPE,
    "TYPE_4_TX_PRE_FORK": _TYPE,
    "SENDER_NOT_EOA": (tx.InvalidSenderError,),
    "NONCE_MISMATCH_TOO_HIGH": (tx.NonceMismatchError,),
    "NONCE_MISMATCH_TOO_LOW": (tx.NonceMismatchError,),
    "NONCE_IS_MAX": (tx.NonceOverflowError,),
    "NONCE_TOO_BIG": (tx.NonceOverflowError, InvalidRlp),
    "NONCE_OVERFLOW": (tx.NonceOverflowError, InvalidRlp),
    "GASLIMIT_OVERFLOW": (*_GAS_LIMIT, InvalidRlp),
    "GAS_LIMIT_EXCEEDS_MAXIMUM": _GAS_LIMIT,
    "GAS_ALLOWANCE_EXCEEDED": _GAS_LIMIT,
    "GASLIMIT_PRICE_PRODUCT_OVERFLOW": _FUNDS,
    "INSUFFICIENT_ACCOUNT_FUNDS": _FUNDS,
    "VALUE_OVERFLOW": (InvalidRlp, *_FUNDS),
    "RLP_INVALID_VALUE": (InvalidRlp, *_FUNDS),
    "GASPRICE_OVERFLOW": (InvalidRlp, *_FUNDS),
    "PRIORITY_OVERFLOW": (InvalidRlp, tx.PriorityFeeGreaterThanMaxFeeError),
    "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS": (tx.PriorityFeeGreaterThanMaxFeeError,),
    "PRIORITY_GREATER_THAN_MAX_FEE_PER_GAS_2": (tx.PriorityFeeGreaterThanMaxFeeError,),
    "INSUFFICIENT_MAX_FEE_PER_GAS": (tx.InsufficientMaxFeePerGasError,),
    "INSUFFICIENT_MAX_FEE_PER_BLOB_GAS": (tx.InsufficientMaxFeePerBlobGasError,),
    "INTRINSIC_GAS_TOO_LOW": (tx.InsufficientTransactionGasError,),
    "INTRINSIC_GAS_BELOW_FLOOR_GAS_COST": (tx.InsufficientTransactionGasError,),
    "INITCODE_SIZE_EXCEEDED": (tx.InitCodeTooLargeError,),
    "INVALID_SIGNATURE_VRS": _SIGNATURE,
    "INVALID_CHAINID": _SIGNATURE,
    "INVALID_CHAIN_ID": _SIGNATURE,
    "EC_RECOVERY_FAIL": _SIGNATURE,
    "TYPE_3_TX_INVALID_BLOB_VERSIONED_HASH": (tx.InvalidBlobVersionedHashError,),
    "TYPE_3_TX_WITH_FULL_BLOBS": (InvalidRlp,),
    "TYPE_3_TX_BLOB_COUNT_EXCEEDED": (tx.BlobGasLimitExceededError,),
    "TYPE_3_TX_MAX_BLOB_GAS_ALLOWANCE_EXCEEDED": (tx.BlobGasLimitExceededError,),
    "TYPE_3_TX_CONTRACT_CREATION": (tx.TransactionTypeContractCreationError, InvalidRlp),
    "TYPE_3_TX_ZERO_BLOBS": (tx.NoBlobDataError,),
    "TYPE_4_EMPTY_AUTHORIZATION_LIST": (tx.EmptyAuthorizationListError,),
    "TYPE_4_TX_CONTRACT_CREATION": (tx.TransactionTypeContractCreationError, InvalidRlp),
    "TYPE_4_INVALID_AUTHORIZATION_FORMAT": (InvalidRlp,),
    "ADDRESS_TOO_SHORT": (InvalidRlp,),
    "ADDRESS_TOO_LONG": (InvalidRlp,),
}
"""After `TransactionException.`"""


def judge(expected: str, error: InvalidBlock | InvalidRlp) -> Judgement:
    """Hold the reason of a rejection against the expected one; `|` separates names that are all right."""
    alternatives = [_reasons(name.strip()) for name in expected.split("|")]
    if any(isinstance(error, reasons) for reasons in alternatives if reasons is not None):
        return Judgement.RIGHT
    return Judgement.UNKNOWN if None in alternatives else Judgement.WRONG


def _reasons(name: str) -> tuple[Reason, ...] | None:
    """Return the classes of a name, with or without the family that EEST puts before it."""
    family, _, short = name.rpartition(".")
    tables = {"BlockException": (BLOCK_REASONS,), "TransactionException": (TRANSACTION_REASONS,)}
    for table in tables.get(family, (BLOCK_REASONS, TRANSACTION_REASONS)):
        if short in table:
            return table[short]
    return (InvalidRlp,) if short.startswith("RLP_") else None
