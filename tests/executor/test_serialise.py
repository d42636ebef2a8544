"""Canonical bytes: the same for equal results however they came about, others for any difference."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest
import rlp

from executor.serialise import result_bytes
from executor.types import (
    AccountDiff,
    BlockResult,
    BlockStats,
    Receipt,
    StateDiff,
    TransactionResult,
)
from scheduler.access import NOTHING_WRITTEN

A, B = b"\x01" * 20, b"\x02" * 20
RECEIPT = Receipt(2, 1, 21_000, 42_000, bytes(256), b"\xc0")
CHANGE = AccountDiff(balance=5, nonce=1, code=b"code", storage={1: 2, 3: 0})
RESULT = BlockResult(
    receipts=(RECEIPT, RECEIPT._replace(status=0)),
    state_diff=StateDiff({A: CHANGE, B: AccountDiff(deleted=True)}),
    gas_used=42_000,
    blob_gas_used=131_072,
    bloom=bytes(256),
    receipts_root=b"\x03" * 32,
    requests=(b"\x00deposit",),
    requests_hash=b"\x04" * 32,
)


def with_change(**changes: object) -> BlockResult:
    """Return the result with another diff of the first account."""
    changed = replace(CHANGE, **changes)  # type: ignore[arg-type]
    return replace(RESULT, state_diff=StateDiff({A: changed, B: AccountDiff(deleted=True)}))


def test_neither_order_nor_the_way_of_execution_shows() -> None:
    turned = StateDiff({B: AccountDiff(deleted=True), A: replace(CHANGE, storage={3: 0, 1: 2})})
    ran = TransactionResult({}, {}, NOTHING_WRITTEN, {})
    other = replace(RESULT, state_diff=turned, stats=BlockStats(executions=9), transactions=(ran,))
    assert result_bytes(other) == result_bytes(RESULT)
    assert rlp.encode(rlp.decode(result_bytes(RESULT))) == result_bytes(RESULT)


@pytest.mark.parametrize(
    "other",
    [
        replace(RESULT, receipts=RESULT.receipts[::-1]),
        replace(RESULT, receipts=(RECEIPT._replace(gas_used=1), RESULT.receipts[1])),
        replace(RESULT, state_diff=StateDiff()),
        replace(RESULT, gas_used=1),
        replace(RESULT, blob_gas_used=0),
        replace(RESULT, bloom=b"\x01" * 256),
        replace(RESULT, receipts_root=b"\x05" * 32),
        replace(RESULT, requests=()),
        replace(RESULT, requests_hash=None),
        with_change(balance=None),
        with_change(balance=0),
        with_change(nonce=None),
        with_change(code=None),
        with_change(code=b""),
        with_change(storage={1: 2}),
        with_change(storage={1: 2, 3: 4}),
        with_change(cleared=True),
        with_change(deleted=True),
    ],
)
def test_every_difference_shows(other: BlockResult) -> None:
    assert result_bytes(other) != result_bytes(RESULT)


def test_nothing_and_zero_differ() -> None:
    changes = [
        with_change(balance=None),
        with_change(balance=0),
        with_change(nonce=0),
        with_change(nonce=None),
    ]
    assert len({result_bytes(change) for change in changes}) == len(changes)


def test_no_field_of_a_result_is_forgotten() -> None:
    known = {field.name for field in fields(BlockResult)}
    shown = {
        "receipts",
        "state_diff",
        "gas_used",
        "blob_gas_used",
        "bloom",
        "receipts_root",
        "requests",
        "requests_hash",
    }
    assert known - shown == {"transactions", "stats"}
