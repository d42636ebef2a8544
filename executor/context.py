"""What every transaction of a block may ask about the block itself; constant while it executes."""

from __future__ import annotations

from dataclasses import dataclass

from executor.forks import ForkRules, blob_base_fee, fork_rules
from executor.types import Block
from scheduler.access import Address

HASH_WINDOW = 256
"""BLOCKHASH answers for this many ancestors."""


@dataclass(frozen=True, slots=True)
class BlockContext:
    """The header's part of the EVM's environment; wei and gas as ints, `prev_randao` 32 bytes."""

    rules: ForkRules
    chain_id: int
    number: int
    timestamp: int
    coinbase: Address
    gas_limit: int
    difficulty: int
    prev_randao: bytes
    base_fee: int
    blob_base_fee: int
    block_hashes: dict[int, bytes]

    def ancestor_hash(self, number: int) -> bytes:
        """Return the hash of ancestor `number`, or no bytes outside the window or the recording."""
        if not 0 < self.number - number <= HASH_WINDOW:
            return b""
        return self.block_hashes.get(number, b"")


def block_context(block: Block) -> BlockContext:
    """Return the context of `block`; the parent's hash is always known."""
    header, rules = block.header, fork_rules(block.fork)
    return BlockContext(
        rules=rules,
        chain_id=block.chain_id,
        number=header.number,
        timestamp=header.timestamp,
        coinbase=header.coinbase,
        gas_limit=header.gas_limit,
        difficulty=header.difficulty,
        prev_randao=header.mix_hash,
        base_fee=header.base_fee or 0,
        blob_base_fee=blob_base_fee(header.excess_blob_gas or 0, rules) if rules.blobs else 0,
        block_hashes={header.number - 1: header.parent_hash} | block.block_hashes,
    )
