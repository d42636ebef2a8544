"""What an explanation says of each transaction: who sent it, to whom, what it does by its selector, what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache

from executor.errors import InvalidRlp, TransactionTypeError
from executor.hashing import keccak256
from executor.transactions import decode_transaction
from executor.types import Block, TransactionResult
from workloads.artefacts import ARTEFACTS, load_contract

SELECTOR_BYTES = 4
WELL_KNOWN = (
    "transfer(address,uint256)", "transferFrom(address,address,uint256)", "approve(address,uint256)",
    "mint(address,uint256)", "deposit()", "withdraw(uint256)", "setApprovalForAll(address,bool)",
    "safeTransferFrom(address,address,uint256)", "multicall(bytes[])", "multicall(uint256,bytes[])",
    "swapExactTokensForTokens(uint256,uint256,address[],address,uint256)",
    "swapTokensForExactTokens(uint256,uint256,address[],address,uint256)",
    "swapExactETHForTokens(uint256,address[],address,uint256)",
    "swapETHForExactTokens(uint256,address[],address,uint256)",
    "swapExactTokensForETH(uint256,uint256,address[],address,uint256)",
    "swapTokensForExactETH(uint256,uint256,address[],address,uint256)",
    "swapExactTokensForETHSupportingFeeOnTransferTokens(uint256,uint256,address[],address,uint256)",
    "swapExactETHForTokensSupportingFeeOnTransferTokens(uint256,address[],address,uint256)",
    "exactInputSingle((address,address,uint24,address,uint256,uint256,uint256,uint160))",
    "execute(bytes,bytes[],uint256)", "execute(bytes,bytes[])", "claim()", "stake(uint256)", "getReward()", "exit()",
    "mint(uint256)", "borrow(uint256)", "repayBorrow(uint256)", "redeem(uint256)", "redeemUnderlying(uint256)",
    "deposit(address,uint256,uint16)", "deposit(address,uint256,address,uint16)",
    "deposit(bytes,bytes,bytes,bytes32)",
)  # fmt: skip
"""Signatures of public standards and protocols that recorded blocks call most; the rest shows as its selector."""


@dataclass(frozen=True, slots=True)
class Facts:
    """One executed transaction: hash and addresses as 0x-hex (`to` empty for a creation), gas used, seconds."""

    index: int
    hash: str
    sender: str
    to: str
    contract: str
    operation: str
    gas: int
    seconds: float
    success: bool


def transaction_facts(
    block: Block,
    results: Sequence[TransactionResult],
    seconds: Sequence[float],
    contracts: Sequence[str],
    operations: Sequence[str] = (),
) -> tuple[Facts, ...]:
    """Return the facts of a block's transactions; `operations` are their names where a workload knows them.

    `contracts` names the callee of each, `seconds` is what each took.
    """
    return tuple(
        Facts(
            index=index,
            hash=f"0x{keccak256(transaction.raw).hex()}",
            sender=f"0x{result.sender.hex()}",
            to=_hex(callee(transaction.raw)),
            contract=contracts[index],
            operation=operations[index] if operations else operation_of(transaction.raw),
            gas=result.gas_used,
            seconds=seconds[index],
            success=result.success,
        )
        for index, (transaction, result) in enumerate(zip(block.transactions, results, strict=True))
    )


def _hex(address: bytes) -> str:
    return f"0x{address.hex()}" if address else ""


def callee(raw: bytes) -> bytes:
    """Return whom a signed transaction calls; empty for a creation, and for bytes that are no transaction."""
    return _call(raw)[0]


def operation_of(raw: bytes) -> str:
    """Return what a signed transaction does: a function's name, its 0x-selector, "transfer" or "create"."""
    to, data = _call(raw)
    if not to:
        return "create"
    if len(data) < SELECTOR_BYTES:
        return "transfer"
    selector = bytes(data[:SELECTOR_BYTES])
    return function_names().get(selector, f"0x{selector.hex()}")


@cache
def function_names() -> dict[bytes, str]:
    """Return the known function names by selector: those of our own contracts, then well-known ones."""
    names = {
        selector: name
        for path in sorted(ARTEFACTS.glob("*.json"))
        for name, selector in load_contract(path.stem).selectors.items()
    }
    for signature in WELL_KNOWN:
        names.setdefault(keccak256(signature.encode())[:SELECTOR_BYTES], signature.partition("(")[0])
    return names


@lru_cache(maxsize=4096)
def _call(raw: bytes) -> tuple[bytes, bytes]:
    try:
        tx = decode_transaction(raw)
    except (InvalidRlp, TransactionTypeError):  # an invalid block is not explained
        return b"", b""
    return tx.to, tx.data
