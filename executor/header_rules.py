"""What a block's header must be on its parent, and what it must say of its body, before anything is executed.

Sources: yellow paper 4.4.4; EIP-779 (DAO), 1559, 3675, 4844, 4895, 7685, 7691. Seals (nonce and mix hash of
proof of work) are not checked: the suites are made with the seal engine NoProof.
"""

from __future__ import annotations

from executor.block_rlp import BlockParts
from executor.difficulty import NO_UNCLES, expected_difficulty
from executor.errors import InvalidInput
from executor.forks import ForkRules
from executor.header import transactions_root, uncles_hash, withdrawals_root
from executor.invalid_block import (
    BlockFormatError,
    DifficultyAfterMergeError,
    ExtraDataTooBigError,
    GasLimitTooBigError,
    GasUsedAboveLimitError,
    InvalidBaseFeeError,
    InvalidDaoExtraDataError,
    InvalidDifficultyError,
    InvalidExcessBlobGasError,
    InvalidGasLimitError,
    InvalidNumberError,
    InvalidTimestampError,
    InvalidTransactionsRootError,
    InvalidUnclesHashError,
    InvalidWithdrawalsRootError,
    MergeNotReachedError,
    NonceAfterMergeError,
    UnclesAfterMergeError,
)
from executor.json_header import check_fork_fields
from executor.types import Header

LEAST_GAS_LIMIT = 5000
MOST_GAS_LIMIT = 2**63 - 1
GAS_LIMIT_QUOTIENT = 1024
ELASTICITY = 2
FIRST_BASE_FEE = 10**9
BASE_FEE_QUOTIENT = 8
EXTRA_DATA_SIZE = 32
DAO_EXTRA_DATA = b"dao-hard-fork"
DAO_EXTRA_BLOCKS = 10
_NO_NONCE = bytes(8)


def check_header_on_parent(header: Header, parent: Header, rules: ForkRules, dao_fork_block: int | None = None) -> None:
    """Check all that `header` may not choose freely; the InvalidBlock raised names the first rule broken.

    That `parent` is the parent is the caller's to know. `dao_fork_block` is where the chain's DAO fork begins,
    None where it has none.
    """
    if header.number != parent.number + 1:
        raise InvalidNumberError(f"number {header.number} on parent {parent.number}")
    if header.timestamp <= parent.timestamp:
        raise InvalidTimestampError(f"timestamp {header.timestamp} is not after the parent's {parent.timestamp}")
    _check_gas(header, parent, rules)
    _check_fields(header, rules)
    _check_extra_data(header, dao_fork_block)
    _check_base_fee(header, parent, rules)
    _check_work(header, parent, rules)
    _check_blob_gas(header, parent, rules)


def _check_fields(header: Header, rules: ForkRules) -> None:
    try:
        check_fork_fields(header, rules)
    except InvalidInput as error:
        raise BlockFormatError(str(error)) from None


def _check_gas(header: Header, parent: Header, rules: ForkRules) -> None:
    limit = header.gas_limit
    if limit > MOST_GAS_LIMIT:
        raise GasLimitTooBigError(f"gas limit {limit} has more than 63 bits")
    before = parent.gas_limit * (ELASTICITY if _begins_base_fee(parent, rules) else 1)
    if abs(limit - before) >= before // GAS_LIMIT_QUOTIENT:
        raise InvalidGasLimitError(f"gas limit {limit} is too far from {before}")
    if limit < LEAST_GAS_LIMIT:
        raise InvalidGasLimitError(f"gas limit {limit} is below {LEAST_GAS_LIMIT}")
    if header.gas_used > limit:
        raise GasUsedAboveLimitError(f"gas used {header.gas_used} is above the limit {limit}")


def _begins_base_fee(parent: Header, rules: ForkRules) -> bool:
    return rules.base_fee and parent.base_fee is None


def _check_extra_data(header: Header, dao_fork_block: int | None) -> None:
    if len(header.extra_data) > EXTRA_DATA_SIZE:
        raise ExtraDataTooBigError(f"{len(header.extra_data)} bytes of extra data; {EXTRA_DATA_SIZE} are allowed")
    in_window = dao_fork_block is not None and 0 <= header.number - dao_fork_block < DAO_EXTRA_BLOCKS
    if in_window and header.extra_data != DAO_EXTRA_DATA:
        raise InvalidDaoExtraDataError(f"extra data 0x{header.extra_data.hex()} in the window of the DAO fork")


def _check_base_fee(header: Header, parent: Header, rules: ForkRules) -> None:
    if rules.base_fee and header.base_fee != (expected := expected_base_fee(parent)):
        raise InvalidBaseFeeError(f"base fee {header.base_fee} instead of {expected}")


def expected_base_fee(parent: Header) -> int:
    """Return the wei per gas that a block after `parent` burns (EIP-1559)."""
    if parent.base_fee is None:
        return FIRST_BASE_FEE
    target = parent.gas_limit // ELASTICITY
    change = parent.base_fee * abs(parent.gas_used - target) // target // BASE_FEE_QUOTIENT
    if parent.gas_used > target:
        return parent.base_fee + max(change, 1)
    return parent.base_fee - change


def _check_work(header: Header, parent: Header, rules: ForkRules) -> None:
    if rules.merged:
        if header.difficulty:
            raise DifficultyAfterMergeError(f"difficulty {header.difficulty} after the merge")
        if header.nonce != _NO_NONCE:
            raise NonceAfterMergeError(f"nonce 0x{header.nonce.hex()} after the merge")
        if header.uncles_hash != NO_UNCLES:
            raise UnclesAfterMergeError("an uncles hash of uncles after the merge")
        return
    if not header.difficulty:
        raise MergeNotReachedError("no difficulty before the merge")
    expected = expected_difficulty(header.number, header.timestamp, parent, rules)
    if header.difficulty != expected:
        raise InvalidDifficultyError(f"difficulty {header.difficulty} instead of {expected}")


def _check_blob_gas(header: Header, parent: Header, rules: ForkRules) -> None:
    """Check the excess only: what the transactions use, and that it fits, is found when they are executed."""
    if rules.blobs and header.excess_blob_gas != (expected := expected_excess_blob_gas(parent, rules)):
        raise InvalidExcessBlobGasError(f"excess blob gas {header.excess_blob_gas} instead of {expected}")


def expected_excess_blob_gas(parent: Header, rules: ForkRules) -> int:
    """Return the excess blob gas of a block of `rules` after `parent` (EIP-4844, 7691)."""
    return max((parent.excess_blob_gas or 0) + (parent.blob_gas_used or 0) - rules.target_blob_gas, 0)


def check_form(parts: BlockParts, rules: ForkRules) -> None:
    """Check that the body has the parts of its fork, and the uncles that the header says."""
    if (digest := uncles_hash(parts.uncles)) != parts.header.uncles_hash:
        raise InvalidUnclesHashError(_other("uncles hash", parts.header.uncles_hash, digest))
    if (parts.withdrawals is not None) != rules.initcode_metered:
        verb = "lacks" if rules.initcode_metered else "may not have"
        raise BlockFormatError(f"a block of {rules.name} {verb} a list of withdrawals")


def check_body(parts: BlockParts) -> None:
    """Check that the header's roots of transactions and withdrawals are the body's."""
    header = parts.header
    if (root := transactions_root(parts.transactions)) != header.transactions_root:
        raise InvalidTransactionsRootError(_other("transactions root", header.transactions_root, root))
    if parts.withdrawals is not None and header.withdrawals_root is not None:
        root = withdrawals_root(parts.withdrawals)
        if root != header.withdrawals_root:
            raise InvalidWithdrawalsRootError(_other("withdrawals root", header.withdrawals_root, root))


def _other(what: str, stated: bytes, computed: bytes) -> str:
    return f"{what} 0x{stated.hex()} is stated, 0x{computed.hex()} is the body's"
