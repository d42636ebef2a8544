"""What differs between two executions of a block, in lines that people can read."""

from __future__ import annotations

from collections.abc import Iterator

from executor.receipts import decode_logs
from executor.roots import state_root
from executor.state import MemoryState
from executor.types import BlockResult, Receipt
from tests import eels


def parallel_lines(result: BlockResult, expected: BlockResult) -> Iterator[str]:
    """Yield what differs between parallel and sequential execution."""
    for index, (one, other) in enumerate(zip(result.receipts, expected.receipts, strict=True)):
        if one != other:
            yield f"receipt {index}: parallel {_receipt(one)}; sequential {_receipt(other)}"
    changes, others = result.state_diff.accounts, expected.state_diff.accounts
    for address in sorted(changes.keys() | others.keys()):
        if changes.get(address) != others.get(address):
            yield f"0x{address.hex()}: parallel {changes.get(address)}; sequential {others.get(address)}"
    for name in ("gas_used", "blob_gas_used", "receipts_root", "requests"):
        if getattr(result, name) != getattr(expected, name):
            yield f"{name}: parallel {getattr(result, name)!r}; sequential {getattr(expected, name)!r}"


def eels_lines(ours: BlockResult, theirs: eels.EelsResult, pre: MemoryState) -> Iterator[str]:
    """Yield what differs between our execution of a block on `pre` and EELS'."""
    yield from _receipt_lines(ours, theirs)
    yield from _header_lines(ours, theirs)
    post = pre.copy()
    post.apply(ours.state_diff)
    yield from _account_lines(post, theirs.post)
    root = state_root(post)
    if root != theirs.state_root:
        yield f"state root: ours {root.hex()}; EELS {theirs.state_root.hex()}"


def _receipt(receipt: Receipt | eels.EelsReceipt) -> str:
    logs = decode_logs(receipt.logs_rlp) if isinstance(receipt, Receipt) else receipt.logs
    told = [f"{log.address.hex()[-6:]}:{[t.hex().lstrip('0') for t in log.topics]}:{log.data.hex()}" for log in logs]
    root = receipt.post_state.hex() if receipt.post_state else None
    return f"status {receipt.status} gas {receipt.gas_used}/{receipt.cumulative_gas_used} logs {told} root {root}"


def _receipt_lines(ours: BlockResult, theirs: eels.EelsResult) -> Iterator[str]:
    if len(ours.receipts) != len(theirs.receipts):
        yield f"receipts: ours {len(ours.receipts)}; EELS {len(theirs.receipts)}"
        return
    for index, (one, other) in enumerate(zip(ours.receipts, theirs.receipts, strict=True)):
        mine = eels.EelsReceipt(
            tx_type=one.tx_type,
            status=one.status,
            gas_used=one.gas_used,
            cumulative_gas_used=one.cumulative_gas_used,
            bloom=one.bloom,
            logs=decode_logs(one.logs_rlp),
            post_state=one.post_state if one.post_state is not None else other.post_state,
        )
        if mine != other:
            yield f"receipt {index}: ours {_receipt(one)}; EELS {_receipt(other)}"


def _header_lines(ours: BlockResult, theirs: eels.EelsResult) -> Iterator[str]:
    names = ["gas_used", "blob_gas_used", "bloom", "requests", "requests_hash"]
    # Before Byzantium the root is over intermediate state roots, which we may not have.
    if all(receipt.status is not None or receipt.post_state is not None for receipt in ours.receipts):
        names.append("receipts_root")
    for name in names:
        one, other = getattr(ours, name), getattr(theirs, name)
        if one != other:
            yield f"{name}: ours {one!r}; EELS {other!r}"


def _account_lines(ours: MemoryState, theirs: MemoryState) -> Iterator[str]:
    for address in sorted(ours.accounts.keys() | theirs.accounts.keys()):
        one, other = _account(ours, address), _account(theirs, address)
        if one != other:
            yield f"0x{address.hex()}: ours {one}; EELS {other}"


def _account(state: MemoryState, address: bytes) -> tuple[object, ...] | None:
    account = state.accounts.get(address)
    if account is None:
        return None
    return account.balance, account.nonce, account.code_hash.hex()[:8], {s: v for s, v in account.storage.items() if v}
