"""The nouns of a block's execution; frozen data without behaviour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from scheduler.access import AccessSet, Address, Bounds, ReadSet, WriteSet


@dataclass(frozen=True, slots=True)
class Header:
    """A block header in the order of the yellow paper; absent fields of older forks are None."""

    parent_hash: bytes
    uncles_hash: bytes
    coinbase: Address
    state_root: bytes
    transactions_root: bytes
    receipts_root: bytes
    bloom: bytes
    difficulty: int
    number: int
    gas_limit: int
    gas_used: int
    timestamp: int
    extra_data: bytes
    mix_hash: bytes
    nonce: bytes
    base_fee: int | None = None
    withdrawals_root: bytes | None = None
    blob_gas_used: int | None = None
    excess_blob_gas: int | None = None
    parent_beacon_root: bytes | None = None
    requests_hash: bytes | None = None


@dataclass(frozen=True, slots=True)
class Withdrawal:
    """A validator withdrawal (EIP-4895); `amount` is in gwei."""

    index: int
    validator_index: int
    address: Address
    amount: int


@dataclass(frozen=True, slots=True)
class RawTransaction:
    """A signed transaction as it stands in the block; `sender_hint` helps scheduling and is never trusted."""

    raw: bytes
    sender_hint: Address | None = None


@dataclass(frozen=True, slots=True)
class Block:
    """A block to execute: all that execution needs beside the pre-state.

    `block_hashes` maps ancestor numbers to hashes, as far as BLOCKHASH asks for them;
    `access_sets` holds one expected access set per transaction where whoever made the block knows them.
    `uncle_hashes` stands in for `uncles` where only the hashes were recorded: their rewards are unknown then.
    `dao_fork_block` is the block in which the DAO's balances move (EIP-779), if its fork is the DAO's. Without
    `system_calls` only its transactions run (and withdrawals and rewards): state tests are such blocks.
    """

    header: Header
    transactions: tuple[RawTransaction, ...]
    fork: str
    chain_id: int = 1
    withdrawals: tuple[Withdrawal, ...] | None = None
    uncles: tuple[Header, ...] = ()
    block_hashes: dict[int, bytes] = field(default_factory=dict)
    access_sets: tuple[AccessSet, ...] | None = None
    uncle_hashes: tuple[bytes, ...] = ()
    dao_fork_block: int = 1_920_000
    system_calls: bool = True


@dataclass(frozen=True, slots=True)
class Witness:
    """Trie nodes (RLP, any order) of the state under `parent_header.state_root`, as far as a block needs them."""

    parent_header: Header
    nodes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Log:
    """An event: topics are 32 bytes each."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes


class Receipt(NamedTuple):
    """A transaction's receipt; `status` is None before Byzantium, `post_state` is None after it or when unknown.

    `bloom` is 256 bytes, `logs_rlp` the RLP list of the logs (decode with `executor.receipts.decode_logs`).
    """

    tx_type: int
    status: int | None
    gas_used: int
    cumulative_gas_used: int
    bloom: bytes
    logs_rlp: bytes
    post_state: bytes | None = None


class TransactionResult(NamedTuple):
    """One execution of one transaction, on whatever values it saw.

    `reads` and `bounds` say when the result is exact; `writes` and `codes` (hash -> bytes) what it changes.
    `error` is the reason for which the transaction may not stand in a block (nothing is written then); `failure` is a
    fault of the engine. Gas in gas units, `seconds` of processor time. A named tuple, as it is made on the driver for
    every execution (0.5 us; a frozen dataclass takes 4).
    """

    reads: ReadSet
    bounds: Bounds
    writes: WriteSet
    codes: Mapping[bytes, bytes]
    sender: Address = b""
    tx_type: int = 0
    gas_limit: int = 0
    gas_used: int = 0
    blob_gas: int = 0
    success: bool = False
    logs_rlp: bytes = b"\xc0"
    bloom: int = 0
    sweeps: frozenset[Address] = frozenset()
    error: tuple[str, str] | None = None
    failure: str | None = None
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class AccountDiff:
    """An account after the block, where it changed; None means unchanged, `deleted` that it is gone."""

    balance: int | None = None
    nonce: int | None = None
    code: bytes | None = None
    storage: dict[int, int] = field(default_factory=dict)
    cleared: bool = False
    deleted: bool = False


@dataclass(frozen=True, slots=True)
class StateDiff:
    """Address -> what changed in the block. `storage` holds new values (0 for a deleted slot)."""

    accounts: dict[Address, AccountDiff] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GateDecision:
    """Where a block ran and why: "workers", "driver", or "rest on the driver" from some point on.

    The seconds are what was predicted for one after another and for the workers; 0.0 where nothing was computed.
    """

    where: str
    reason: str = ""
    sequential_seconds: float = 0.0
    parallel_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Traffic:
    """What went between driver and workers in a block.

    `driver_seconds` and `worker_seconds` are processor time of the driver's process and of all workers,
    `execution_seconds` the part of the latter inside executions; `message_seconds` is the learned cost of a message on
    both sides, `transaction_seconds` that of a transaction beside its execution, `goal_seconds` the work that was put
    into one. `state_bytes` were sent to begin the block; `memory` holds resident bytes per worker that has answered.
    """

    bytes_sent: int = 0
    bytes_received: int = 0
    state_bytes: int = 0
    driver_seconds: float = 0.0
    worker_seconds: float = 0.0
    execution_seconds: float = 0.0
    message_seconds: float = 0.0
    transaction_seconds: float = 0.0
    goal_seconds: float = 0.0
    memory: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class BlockStats:
    """How the block was executed: counts, and seconds on the driver.

    `executions` counts runs of transactions, `conflicts` results that were found stale, `max_executions` the
    most runs of one transaction, `lost_workers` replacements. Plan (access sets to graph, costs, the gate), dispatch,
    settle and merge are the driver's own seconds (of the clock: other processes may have had the processor);
    `wait_seconds` those in which it waited for workers. `gate` says where the block ran; None where nobody asked.
    """

    transactions: int = 0
    executions: int = 0
    conflicts: int = 0
    max_executions: int = 0
    batches: int = 0
    lost_workers: int = 0
    seconds: float = 0.0
    plan_seconds: float = 0.0
    dispatch_seconds: float = 0.0
    settle_seconds: float = 0.0
    merge_seconds: float = 0.0
    wait_seconds: float = 0.0
    executions_by_tx: tuple[int, ...] = ()
    gate: GateDecision | None = None
    traffic: Traffic = field(default_factory=Traffic)


@dataclass(frozen=True, slots=True)
class BlockResult:
    """The outcome of a block: equal for every strategy, pool and completion order.

    `transactions` (the settled executions with what they read and wrote) and `stats` are not part of equality.

    `bloom` is 256 bytes; `receipts_root` is over the receipts as encoded in the block's fork; `requests_hash`
    is None before Prague.
    """

    receipts: tuple[Receipt, ...]
    state_diff: StateDiff
    gas_used: int
    blob_gas_used: int
    bloom: bytes
    receipts_root: bytes
    requests: tuple[bytes, ...] = ()
    requests_hash: bytes | None = None
    transactions: tuple[TransactionResult, ...] = field(default=(), compare=False)
    stats: BlockStats = field(default_factory=BlockStats, compare=False)
