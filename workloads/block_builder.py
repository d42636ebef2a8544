"""Builds one block of signed transactions with their exact access sets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from random import Random

from executor.header import transactions_root, uncles_hash, withdrawals_root
from executor.rlp_codec import EMPTY_LIST
from executor.state import MemoryState
from executor.types import Block, Header, RawTransaction
from scheduler.access import BALANCE, EXISTENCE, NONCE, AccessSet, Address, Location
from workloads.accounts import KeyPair
from workloads.declared import distorted, extra_gas
from workloads.signing import GWEI, Fees, Unsigned, encode_access_list, sign_fee_market

FORK = "Cancun"
BASE_FEE = GWEI
BLOCK_TIME = 12
GENESIS_NUMBER = 20_000_000
GENESIS_TIME = 1_720_000_007
USUAL_GAS_LIMIT = 30_000_000
COINBASE: Address = bytes.fromhex("00000000000000000000000000000000c0ffee01")
TRANSFER_GAS = 21_000
NO_HASH = bytes(32)


def genesis() -> MemoryState:
    """Return a whole state with only the fee recipient, which exists already: fees create no account."""
    state = MemoryState(complete=True)
    state.put(COINBASE, balance=10**18)
    return state


def block_time(block_index: int, block_seconds: int = BLOCK_TIME) -> int:
    """Return the timestamp of a generated block; the genesis is one block time before the first."""
    return GENESIS_TIME + block_seconds * (block_index + 1)


@dataclass(frozen=True, slots=True)
class Call:
    """One transaction to be: who, whom, what, and what it touches.

    `earlier` are the slots that it would touch on the state before the block, asked for where lists are stale.
    `new_account` says that `to` comes to exist by it; `needs_credit` that the sender's balance before the
    block does not cover it, which ties it to the credits before it.
    """

    operation: str
    sender: KeyPair
    to: Address
    gas: int
    value: int = 0
    data: bytes = b""
    reads: frozenset[Location] = frozenset()
    writes: frozenset[Location] = frozenset()
    earlier: frozenset[Location] = frozenset()
    new_account: bool = False
    needs_credit: bool = False


@dataclass
class BlockBuilder:
    """Collects transactions; `nonces` go on from block to block, `declare` says what their EIP-2930 lists hold.

    `costs` sums up what each sender may have to pay at most, in wei: the least that it must own at genesis.
    """

    declare: str = "none"
    block_seconds: int = BLOCK_TIME
    fees: Fees = field(default_factory=Fees)
    nonces: dict[Address, int] = field(default_factory=dict)
    costs: dict[Address, int] = field(default_factory=dict)
    _transactions: list[RawTransaction] = field(default_factory=list)
    _access_sets: list[AccessSet] = field(default_factory=list)
    _operations: list[str] = field(default_factory=list)
    _gas: int = 0
    _random: Random = field(default_factory=lambda: Random("declared"))
    _blocks: list[Block] = field(default_factory=list)
    _block_operations: list[tuple[str, ...]] = field(default_factory=list)

    def add(self, call: Call) -> None:
        """Sign and append a transaction."""
        sender = call.sender.address
        nonce = self.nonces.get(sender, 0)
        self.nonces[sender] = nonce + 1
        access_list, gas = self._declared(call)
        tx = Unsigned(nonce, gas, call.to, call.value, call.data, self.fees, access_list)
        self._transactions.append(sign_fee_market(tx, call.sender))
        self._access_sets.append(access_set(call))
        self._operations.append(call.operation)
        self._gas += gas
        self.costs[sender] = self.costs.get(sender, 0) + gas * self.fees.max_fee + call.value

    def _declared(self, call: Call) -> tuple[bytes, int]:
        if self.declare == "none":
            return EMPTY_LIST, call.gas
        touched = call.earlier if self.declare == "stale" else call.reads | call.writes
        slots = distorted(self.declare, touched, self._random)
        return encode_access_list(slots), call.gas + extra_gas(slots)

    def end_block(self) -> None:
        """Close the block and start the next one."""
        index = len(self._blocks)
        transactions = tuple(self._transactions)
        header = make_header(index, transactions, max(USUAL_GAS_LIMIT, self._gas), self.block_seconds)
        access_sets = tuple(self._access_sets)
        self._blocks.append(Block(header, transactions, FORK, withdrawals=(), access_sets=access_sets))
        self._block_operations.append(tuple(self._operations))
        self._transactions, self._access_sets, self._operations, self._gas = [], [], [], 0

    @property
    def blocks(self) -> tuple[Block, ...]:
        """Return the closed blocks."""
        return tuple(self._blocks)

    @property
    def operations(self) -> tuple[tuple[str, ...], ...]:
        """Return what each transaction of each closed block does."""
        return tuple(self._block_operations)


def access_set(call: Call) -> AccessSet:
    """Return the exact access set: slots as given, the sender's nonce written, balances as deltas."""
    sender = call.sender.address
    writes: Iterable[Location] = {(sender, NONCE, 0)}
    if call.new_account:
        writes = {(sender, NONCE, 0), (call.to, EXISTENCE, 0)}
    reads = call.reads | {(sender, BALANCE, 0)} if call.needs_credit else call.reads
    deltas = frozenset((sender, call.to)) if call.value else frozenset((sender,))
    return AccessSet(reads=reads, writes=call.writes.union(writes), deltas=deltas)


def make_header(
    index: int, transactions: tuple[RawTransaction, ...], gas_limit: int, block_seconds: int = BLOCK_TIME
) -> Header:
    """Return the header of a generated block, its results left zero: they are known only after execution."""
    return Header(
        parent_hash=NO_HASH,
        uncles_hash=uncles_hash(()),
        coinbase=COINBASE,
        state_root=NO_HASH,
        transactions_root=transactions_root(transactions),
        receipts_root=NO_HASH,
        bloom=bytes(256),
        difficulty=0,
        number=GENESIS_NUMBER + index + 1,
        gas_limit=gas_limit,
        gas_used=0,
        timestamp=block_time(index, block_seconds),
        extra_data=b"parallel-evm",
        mix_hash=NO_HASH,
        nonce=bytes(8),
        base_fee=BASE_FEE,
        withdrawals_root=withdrawals_root(()),
        blob_gas_used=0,
        excess_blob_gas=0,
        parent_beacon_root=NO_HASH,
    )
