"""Valid blocks for tests of chains: a child of any header, sealed with what sequential execution comes to."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from executor.block_rlp import BlockParts, encode_block
from executor.difficulty import expected_difficulty
from executor.fork_schedule import ForkSchedule
from executor.forks import fork_rules
from executor.header import header_hash, transactions_root, uncles_hash, withdrawals_root
from executor.header_rules import DAO_EXTRA_DATA, expected_base_fee, expected_excess_blob_gas
from executor.roots import state_root
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.state_trie import StateTrie
from executor.trie import EMPTY_ROOT
from executor.types import Block, Header, RawTransaction, Withdrawal
from tests.builders import COINBASE, GAS_LIMIT

START = 1_000
"""The genesis' timestamp, in seconds."""
STEP = 10
DIFFICULTY = 1_000_000


@dataclass(frozen=True)
class Mined:
    """A valid block: its parts, its RLP, its hash, the state after it, the hashes of all its ancestors."""

    parts: BlockParts
    state: MemoryState
    total_difficulty: int
    ancestors: dict[int, bytes] = field(default_factory=dict)

    @property
    def header(self) -> Header:
        return self.parts.header

    @property
    def hash(self) -> bytes:
        return header_hash(self.parts.header)

    @property
    def rlp(self) -> bytes:
        return encode_block(self.parts)

    def damaged(self, **changes: Any) -> bytes:
        """Return the RLP of this block with other header fields and the same body."""
        return encode_block(replace(self.parts, header=replace(self.header, **changes)))


def genesis(network: str, state: MemoryState, **changes: Any) -> Mined:
    """Return the genesis of a network, on a complete state."""
    rules = fork_rules(ForkSchedule.of(network).first)
    header = Header(
        parent_hash=bytes(32),
        uncles_hash=uncles_hash(()),
        coinbase=COINBASE,
        state_root=state_root(state),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        bloom=bytes(256),
        difficulty=0 if rules.merged else DIFFICULTY,
        number=0,
        gas_limit=GAS_LIMIT,
        gas_used=0,
        timestamp=START,
        extra_data=b"",
        mix_hash=bytes(32),
        nonce=bytes(8),
        base_fee=10**9 if rules.base_fee else None,
        withdrawals_root=EMPTY_ROOT if rules.initcode_metered else None,
        blob_gas_used=0 if rules.blobs else None,
        excess_blob_gas=0 if rules.blobs else None,
        parent_beacon_root=bytes(32) if rules.blobs else None,
        requests_hash=bytes(32) if rules.prague else None,
    )
    header = replace(header, **changes)
    return Mined(BlockParts(header, (), (), () if rules.initcode_metered else None), state, header.difficulty)


def mine(
    network: str,
    parent: Mined,
    transactions: tuple[bytes, ...] = (),
    *,
    uncles: tuple[Header, ...] = (),
    withdrawals: tuple[Withdrawal, ...] = (),
    seconds: int = STEP,
    **changes: Any,
) -> Mined:
    """Return a valid child of `parent`; `changes` go to the header before it is executed and sealed."""
    schedule = ForkSchedule.of(network)
    fork = schedule.fork_at(parent.header.number + 1, parent.header.timestamp + seconds, parent.total_difficulty)
    draft = replace(_draft(schedule, fork, parent.header, seconds), uncles_hash=uncles_hash(uncles), **changes)
    hashes = parent.ancestors | {parent.header.number: parent.hash}
    block = Block(
        header=draft,
        transactions=tuple(RawTransaction(raw) for raw in transactions),
        fork=fork,
        withdrawals=withdrawals if fork_rules(fork).initcode_metered else None,
        uncles=uncles,
        block_hashes=hashes,
        dao_fork_block=schedule.dao_fork_block or -1,
    )
    header, state = _sealed(block, parent.state)
    parts = BlockParts(header, block.transactions, uncles, block.withdrawals)
    return Mined(parts, state, parent.total_difficulty + header.difficulty, hashes)


def _draft(schedule: ForkSchedule, fork: str, parent: Header, seconds: int) -> Header:
    rules, number = fork_rules(fork), parent.number + 1
    first_london = rules.base_fee and parent.base_fee is None
    in_dao_window = schedule.dao_fork_block is not None and 0 <= number - schedule.dao_fork_block < 10
    return replace(
        parent,
        parent_hash=header_hash(parent),
        number=number,
        timestamp=parent.timestamp + seconds,
        gas_limit=parent.gas_limit * (2 if first_london else 1),
        extra_data=DAO_EXTRA_DATA if in_dao_window else b"",
        difficulty=0 if rules.merged else expected_difficulty(number, parent.timestamp + seconds, parent, rules),
        base_fee=expected_base_fee(parent) if rules.base_fee else None,
        withdrawals_root=EMPTY_ROOT if rules.initcode_metered else None,
        blob_gas_used=0 if rules.blobs else None,
        excess_blob_gas=expected_excess_blob_gas(parent, rules) if rules.blobs else None,
        parent_beacon_root=bytes(32) if rules.blobs else None,
        requests_hash=bytes(32) if rules.prague else None,
    )


def _sealed(block: Block, pre_state: MemoryState) -> tuple[Header, MemoryState]:
    result = execute_sequential(block, pre_state, StateTrie.of(pre_state))
    state = pre_state.copy()
    state.apply(result.state_diff)
    header = replace(
        block.header,
        gas_used=result.gas_used,
        blob_gas_used=None if block.header.blob_gas_used is None else result.blob_gas_used,
        bloom=result.bloom,
        receipts_root=result.receipts_root,
        state_root=state_root(state),  # rebuilt, not taken from the kept trie that chains use
        transactions_root=transactions_root(block.transactions),
        withdrawals_root=None if block.withdrawals is None else withdrawals_root(block.withdrawals),
        requests_hash=result.requests_hash,
    )
    return header, state
