"""Reasons for which a block may not stand on its parent, each a class of its own (names after EELS and EEST).

InvalidBlock
 +-- UnknownParentError              the parent is not known, or was itself rejected
 +-- BlockFormatError                a field of another fork, or one of its own that is missing
 +-- InvalidNumberError              not the parent's number plus one
 +-- InvalidTimestampError           not after the parent
 +-- InvalidGasLimitError            too far from the parent's limit, or below the least one
 |    +-- GasLimitTooBigError        more than 63 bits
 +-- GasUsedAboveLimitError          more gas used than the limit
 +-- ExtraDataTooBigError            more than 32 bytes
 +-- InvalidDaoExtraDataError        not the DAO fork's mark (EIP-779)
 +-- InvalidBaseFeeError             not what EIP-1559 makes of the parent
 +-- InvalidDifficultyError          not what the fork makes of the parent
 |    +-- MergeNotReachedError       a proof-of-stake block below the terminal difficulty (EIP-3675)
 |    +-- DifficultyAfterMergeError  a proof-of-work block after it
 +-- NonceAfterMergeError            a nonce after the merge
 +-- UnclesAfterMergeError           uncles after the merge
 +-- InvalidExcessBlobGasError       not what EIP-4844 makes of the parent
 +-- InvalidBlobGasUsedError         not the blob gas of the transactions
 +-- InvalidTransactionsRootError, InvalidUnclesHashError, InvalidWithdrawalsRootError   not those of the body
 +-- TooManyUnclesError              more than two
 +-- UncleIsAncestorError            the uncle is an ancestor
 +-- UncleInChainError               an ancestor has included it already
 +-- UncleIsBrotherError             it stands there twice, or is a child of the block's own parent
 +-- UncleParentIncorrectError       its parent is no ancestor within seven generations
 +-- InvalidGasUsedError, InvalidLogBloomError, InvalidReceiptsRootError, InvalidStateRootError,
 |   InvalidRequestsHashError        execution came to another value
 +-- SystemContractEmptyError        a request contract has no code (EIP-7002, 7251)
 +-- SystemContractCallFailedError   a request contract failed
 +-- InvalidDepositLayoutError       a deposit's event is not laid out as the contract's (EIP-6110)
"""

from __future__ import annotations

from executor.errors import InvalidBlock


class UnknownParentError(InvalidBlock):
    """The parent is not known, or was itself rejected."""

    def __init__(self, parent_hash: bytes) -> None:
        super().__init__(f"no known block is the parent 0x{parent_hash.hex()}")
        self.parent_hash = parent_hash


class BlockFormatError(InvalidBlock):
    """A field of another fork, or one of its own that is missing."""


class InvalidNumberError(InvalidBlock):
    """The number is not the parent's plus one."""


class InvalidTimestampError(InvalidBlock):
    """The timestamp is not after the parent's."""


class InvalidGasLimitError(InvalidBlock):
    """The gas limit is too far from the parent's, or below the least one."""


class GasLimitTooBigError(InvalidGasLimitError):
    """The gas limit has more than 63 bits."""


class GasUsedAboveLimitError(InvalidBlock):
    """The header says that more gas was used than its limit allows."""


class ExtraDataTooBigError(InvalidBlock):
    """The extra data is longer than 32 bytes."""


class InvalidDaoExtraDataError(InvalidBlock):
    """The extra data is not the mark of the DAO fork (EIP-779)."""


class InvalidBaseFeeError(InvalidBlock):
    """The base fee is not what EIP-1559 makes of the parent."""


class InvalidDifficultyError(InvalidBlock):
    """The difficulty is not what the fork makes of the parent."""


class MergeNotReachedError(InvalidDifficultyError):
    """A proof-of-stake block on a parent below the terminal total difficulty (EIP-3675)."""


class DifficultyAfterMergeError(InvalidDifficultyError):
    """A block after the merge has a difficulty."""


class NonceAfterMergeError(InvalidBlock):
    """A block after the merge has a nonce."""


class UnclesAfterMergeError(InvalidBlock):
    """A block after the merge has uncles."""


class InvalidExcessBlobGasError(InvalidBlock):
    """The excess blob gas is not what EIP-4844 makes of the parent."""


class InvalidBlobGasUsedError(InvalidBlock):
    """The blob gas used is not that of the transactions."""


class InvalidTransactionsRootError(InvalidBlock):
    """The transactions root is not that of the body."""


class InvalidUnclesHashError(InvalidBlock):
    """The uncles hash is not that of the body."""


class InvalidWithdrawalsRootError(InvalidBlock):
    """The withdrawals root is not that of the body."""


class TooManyUnclesError(InvalidBlock):
    """There are more than two uncles."""


class UncleIsAncestorError(InvalidBlock):
    """The uncle is an ancestor of the block."""


class UncleInChainError(InvalidBlock):
    """An ancestor has included the uncle already."""


class UncleIsBrotherError(InvalidBlock):
    """The uncle stands there twice, or is a child of the block's own parent."""


class UncleParentIncorrectError(InvalidBlock):
    """The uncle's parent is no ancestor within seven generations."""


class InvalidGasUsedError(InvalidBlock):
    """Execution used another amount of gas."""


class InvalidLogBloomError(InvalidBlock):
    """Execution came to another bloom."""


class InvalidReceiptsRootError(InvalidBlock):
    """Execution came to other receipts."""


class InvalidStateRootError(InvalidBlock):
    """Execution came to another state."""


class InvalidRequestsHashError(InvalidBlock):
    """Execution came to other requests (EIP-7685)."""


class SystemContractEmptyError(InvalidBlock):
    """A contract that every block of the fork calls has no code (EIP-7002, 7251)."""


class SystemContractCallFailedError(InvalidBlock):
    """The call that every block of the fork makes to a contract failed (EIP-7002, 7251)."""


class InvalidDepositLayoutError(InvalidBlock):
    """A deposit's event is not laid out as the contract's (EIP-6110)."""
