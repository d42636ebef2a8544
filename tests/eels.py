"""The independent oracle: executes our blocks and transactions with EELS, the execution specification.

`execute_block` and `execute_transaction` take our own nouns (MemoryState, Block) and give back plain data, so
that a test compares an engine with the specification without naming either's types. Nothing here uses our
engine or py-evm. EELS has no Constantinople as it was before Petersburg, and the DAO's irregular state change
is not applied.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ethereum.exceptions import EthereumException
from ethereum_rlp.exceptions import RLPException
from ethereum_types.numeric import Uint

from executor.state import MemoryState
from executor.types import Block, Log
from tests.eels_bridge import (
    Specification,
    block_body,
    eels_state,
    environment,
    memory_state,
    signed_transaction,
    specification,
)


@dataclass(frozen=True, slots=True)
class EelsReceipt:
    """A receipt as EELS made it; `status` is None before Byzantium, `post_state` from then on."""

    tx_type: int
    status: int | None
    gas_used: int
    cumulative_gas_used: int
    bloom: bytes
    logs: tuple[Log, ...]
    post_state: bytes | None


@dataclass(frozen=True, slots=True)
class EelsResult:
    """What a block came to; `post` is the whole state after it, `requests_hash` is None before Prague."""

    receipts: tuple[EelsReceipt, ...]
    gas_used: int
    blob_gas_used: int
    bloom: bytes
    receipts_root: bytes
    state_root: bytes
    requests: tuple[bytes, ...]
    requests_hash: bytes | None
    post: MemoryState


@dataclass(frozen=True, slots=True)
class EelsTransaction:
    """What a single transaction came to, without the block's system calls, withdrawals and rewards."""

    receipt: EelsReceipt
    state_root: bytes
    post: MemoryState


@dataclass(frozen=True, slots=True)
class EelsRejection:
    """EELS refused: the name of its exception class (what our errors are called too), and its words."""

    name: str
    message: str


def execute_block(block: Block, pre: MemoryState) -> EelsResult | EelsRejection:
    """Execute `block` on the complete state `pre`; `pre` is left as it is.

    The header's roots are not compared: that is for the caller to do, with what is returned.
    """
    spec = specification(block.fork)
    state = eels_state(spec, pre)
    try:
        output = spec.fork.apply_body(**block_body(spec, block, state))
    except (EthereumException, RLPException) as error:
        return _rejection(error)
    requests = tuple(bytes(request) for request in getattr(output, "requests", ()))
    hash_requests = getattr(spec.fork, "compute_requests_hash", None)
    return EelsResult(
        receipts=_receipts(spec, output),
        gas_used=int(output.block_gas_used),
        blob_gas_used=int(getattr(output, "blob_gas_used", 0)),
        bloom=bytes(spec.fork.logs_bloom(output.block_logs)),
        receipts_root=bytes(spec.trie.root(output.receipts_trie)),
        state_root=bytes(spec.state.state_root(state)),
        requests=requests,
        requests_hash=bytes(hash_requests(output.requests)) if hash_requests else None,
        post=memory_state(state),
    )


def execute_transaction(raw: bytes, block: Block, pre: MemoryState) -> EelsTransaction | EelsRejection:
    """Execute one signed transaction on `pre` in the surroundings of `block`, whose own are ignored."""
    spec = specification(block.fork)
    state = eels_state(spec, pre)
    output = spec.vm.BlockOutput()
    try:
        decoded = signed_transaction(spec, raw)
        if spec.typed:
            decoded = spec.transactions.decode_transaction(decoded)
        spec.fork.process_transaction(environment(spec, block, state), output, decoded, Uint(0))
    except (EthereumException, RLPException) as error:
        return _rejection(error)
    root = bytes(spec.state.state_root(state))
    return EelsTransaction(_receipts(spec, output)[0], root, memory_state(state))


def state_root(fork: str, state: MemoryState) -> bytes:
    """Return the root of a complete state as EELS computes it."""
    spec = specification(fork)
    return bytes(spec.state.state_root(eels_state(spec, state)))


def _rejection(error: Exception) -> EelsRejection:
    return EelsRejection(type(error).__name__, str(error))


def _receipts(spec: Specification, output: Any) -> tuple[EelsReceipt, ...]:
    receipts: list[EelsReceipt] = []
    for key in output.receipt_keys:
        encoded = spec.trie.trie_get(output.receipts_trie, key)
        receipt = spec.blocks.decode_receipt(encoded) if spec.typed else encoded
        tx_type = encoded[0] if isinstance(encoded, bytes) else 0
        before = receipts[-1].cumulative_gas_used if receipts else 0
        receipts.append(_receipt(receipt, tx_type, before))
    return tuple(receipts)


def _receipt(receipt: Any, tx_type: int, before: int) -> EelsReceipt:
    logs = tuple(
        Log(bytes(log.address), tuple(bytes(topic) for topic in log.topics), bytes(log.data)) for log in receipt.logs
    )
    cumulative, succeeded = int(receipt.cumulative_gas_used), getattr(receipt, "succeeded", None)
    return EelsReceipt(
        tx_type=tx_type,
        status=None if succeeded is None else int(succeeded),
        gas_used=cumulative - before,
        cumulative_gas_used=cumulative,
        bloom=bytes(receipt.bloom),
        logs=logs,
        post_state=bytes(receipt.post_state) if succeeded is None else None,
    )
