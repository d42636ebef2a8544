"""A block's result as canonical bytes: equal results, and only these, give equal bytes."""

from __future__ import annotations

from executor.receipts import encode_receipt
from executor.rlp_codec import EMPTY_LIST, encode_bytes, encode_int, encode_list, encode_strings
from executor.types import AccountDiff, BlockResult, Receipt, StateDiff

_UNCHANGED = EMPTY_LIST


def result_bytes(result: BlockResult) -> bytes:
    """Return RLP of all that `result` says about the block; how it was executed (`stats`) is left out.

    The receipts carry more than their consensus form: each transaction's own gas stands with them.
    """
    return encode_list(
        encode_list(b"".join(map(_receipt, result.receipts)))
        + state_diff_bytes(result.state_diff)
        + encode_int(result.gas_used)
        + encode_int(result.blob_gas_used)
        + encode_strings((result.bloom, result.receipts_root))
        + encode_strings(result.requests)
        + _optional(None if result.requests_hash is None else encode_bytes(result.requests_hash))
    )


def _receipt(receipt: Receipt) -> bytes:
    return encode_list(encode_bytes(encode_receipt(receipt)) + encode_int(receipt.gas_used))


def state_diff_bytes(diff: StateDiff) -> bytes:
    """Return RLP of `diff`, accounts and slots in rising order."""
    accounts = sorted(diff.accounts.items(), key=lambda item: item[0])
    return encode_list(b"".join(_account(address, change) for address, change in accounts))


def _account(address: bytes, change: AccountDiff) -> bytes:
    slots = b"".join(encode_int(slot) + encode_int(value) for slot, value in sorted(change.storage.items()))
    return encode_list(
        encode_bytes(address)
        + _optional(None if change.balance is None else encode_int(change.balance))
        + _optional(None if change.nonce is None else encode_int(change.nonce))
        + _optional(None if change.code is None else encode_bytes(change.code))
        + encode_list(slots)
        + encode_int(change.cleared)
        + encode_int(change.deleted)
    )


def _optional(encoded: bytes | None) -> bytes:
    """Return a list of the item, empty where there is none: zero and absent must differ."""
    return _UNCHANGED if encoded is None else encode_list(encoded)
