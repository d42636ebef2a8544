"""A chain of executed blocks: each block's transition runs on its parent's state, on whatever branch that is.

Sources: yellow paper 4.4; EIP-3675 (the head after the merge). A block is checked in the order of EELS: header on
parent, uncles, transactions, and only then the roots of the body and what execution came to: where a block breaks
several rules, the first of them is the reason that the test suites name.
"""

from __future__ import annotations

from dataclasses import dataclass

from executor.block_executor import BlockExecutor
from executor.block_rlp import BlockParts, decode_block
from executor.context import HASH_WINDOW
from executor.errors import InvalidBlock, ParallelEvmError
from executor.fork_schedule import ForkSchedule
from executor.forks import ForkRules, fork_rules
from executor.header import header_hash
from executor.header_rules import check_body, check_form, check_header_on_parent
from executor.invalid_block import (
    InvalidBlobGasUsedError,
    InvalidGasUsedError,
    InvalidLogBloomError,
    InvalidReceiptsRootError,
    InvalidRequestsHashError,
    InvalidStateRootError,
    UnknownParentError,
)
from executor.lineage import KnownBlock, ancestor_hashes, lineage
from executor.state import MemoryState, state_after
from executor.state_trie import StateTrie
from executor.types import Block, BlockResult, Header
from executor.uncles import GENERATIONS, check_uncles

STATES_KEPT = 256
"""States of blocks that lie deeper than this behind the highest block are forgotten."""


class StateForgottenError(ParallelEvmError):
    """A block builds on one whose state lies too deep; nothing is said about its validity."""


@dataclass(frozen=True, slots=True)
class Import:
    """A block that was imported; `result` is None where it was known already, and not executed again."""

    block: KnownBlock
    result: BlockResult | None


@dataclass(frozen=True, slots=True)
class _KeptState:
    state: MemoryState
    trie: StateTrie


class Chain:
    """Blocks by their hash, from a genesis with its complete state; `head` ends the canonical chain.

    Before the merge the head is the block of highest total difficulty, the first of equals; after it, the last
    block imported, as nobody is there to choose (EIP-3675). Raises InvalidStateRootError where `state` is not
    the genesis' state. `states_kept` bounds how far back a new branch may begin.
    """

    def __init__(
        self,
        genesis: Header,
        state: MemoryState,
        schedule: ForkSchedule,
        executor: BlockExecutor,
        *,
        chain_id: int = 1,
        states_kept: int = STATES_KEPT,
    ) -> None:
        trie = StateTrie.of(state)
        _agree(InvalidStateRootError, "genesis: state root", genesis.state_root, trie.root)
        fork = schedule.fork_at(genesis.number, genesis.timestamp, 0)
        first = KnownBlock(genesis, header_hash(genesis), genesis.difficulty, fork_rules(fork).merged)
        self._schedule, self._executor, self._chain_id, self._states_kept = schedule, executor, chain_id, states_kept
        self._known = {first.hash: first}
        self._states = {first.hash: _KeptState(state, trie)}
        self._head = self._highest = first

    @property
    def head(self) -> KnownBlock:
        """The last block of the canonical chain."""
        return self._head

    def block(self, block_hash: bytes) -> KnownBlock | None:
        """Return the known block of this hash, on whatever branch."""
        return self._known.get(block_hash)

    def state(self, block_hash: bytes) -> MemoryState:
        """Return the state after a known block, not to be changed; StateForgottenError where it lies too deep."""
        return self._kept(self._known[block_hash]).state

    def import_block(self, rlp: bytes) -> Import:
        """Execute a block on its parent's state and keep it.

        Raises InvalidRlp or InvalidBlock where the block is not valid, StateForgottenError where its parent's
        state is gone, ExecutionFailed and PoolError as `BlockExecutor.execute` does; nothing is kept then.
        """
        parts = decode_block(rlp)
        block_hash = header_hash(parts.header)
        known = self._known.get(block_hash)
        if known is not None:
            self._move_head(known)
            return Import(known, None)
        return self._import(parts, block_hash)

    def _import(self, parts: BlockParts, block_hash: bytes) -> Import:
        header = parts.header
        parent = self._known.get(header.parent_hash)
        if parent is None:
            raise UnknownParentError(header.parent_hash)
        rules = fork_rules(self._schedule.fork_at(header.number, header.timestamp, parent.total_difficulty))
        check_header_on_parent(header, parent.header, rules, self._schedule.dao_fork_block)
        check_form(parts, rules)
        check_uncles(parts.uncles, tuple(lineage(self._known, parent, GENERATIONS)), self._schedule)
        before = self._kept(parent)
        result = self._executor.execute(self._block(parts, parent, rules), before.state, before.trie)
        check_body(parts)
        trie = before.trie.updated(result.state_diff)
        check_outcome(header, result, trie.root)
        block = KnownBlock(
            header=header,
            hash=block_hash,
            total_difficulty=parent.total_difficulty + header.difficulty,
            merged=rules.merged,
            uncle_hashes=frozenset(map(header_hash, parts.uncles)),
        )
        self._keep(block, _KeptState(state_after(before.state, result.state_diff), trie))
        return Import(block, result)

    def _block(self, parts: BlockParts, parent: KnownBlock, rules: ForkRules) -> Block:
        dao_fork_block = self._schedule.dao_fork_block
        return Block(
            header=parts.header,
            transactions=parts.transactions,
            fork=rules.name,
            chain_id=self._chain_id,
            withdrawals=parts.withdrawals,
            uncles=parts.uncles,
            block_hashes=ancestor_hashes(self._known, parent, HASH_WINDOW),
            dao_fork_block=-1 if dao_fork_block is None else dao_fork_block,
        )

    def _kept(self, block: KnownBlock) -> _KeptState:
        try:
            return self._states[block.hash]
        except KeyError:
            msg = (
                f"the state of block {block.header.number} is forgotten: it lies more than {self._states_kept} blocks"
                f" behind block {self._highest.header.number}; import branches earlier, or keep more states"
            )
            raise StateForgottenError(msg) from None

    def _keep(self, block: KnownBlock, kept: _KeptState) -> None:
        self._known[block.hash] = block
        self._states[block.hash] = kept
        self._move_head(block)
        if block.header.number > self._highest.header.number:
            self._highest = block
            self._forget(block.header.number - self._states_kept)

    def _forget(self, below: int) -> None:
        """Drop states of blocks below a number; the dictionary is in order of import, nearly that of number."""
        for block_hash in [key for key in self._states if self._known[key].header.number < below]:
            del self._states[block_hash]

    def _move_head(self, block: KnownBlock) -> None:
        heavier = block.total_difficulty > self._head.total_difficulty
        if block.merged or (heavier and not self._head.merged):
            self._head = block


def check_outcome(header: Header, result: BlockResult, state_root: bytes) -> None:
    """Compare what execution came to with the header; the InvalidBlock raised names the first difference."""
    _agree(InvalidGasUsedError, "gas used", header.gas_used, result.gas_used)
    if header.blob_gas_used is not None:
        _agree(InvalidBlobGasUsedError, "blob gas used", header.blob_gas_used, result.blob_gas_used)
    _agree(InvalidLogBloomError, "bloom", header.bloom, result.bloom)
    _agree(InvalidReceiptsRootError, "receipts root", header.receipts_root, result.receipts_root)
    _agree(InvalidStateRootError, "state root", header.state_root, state_root)
    _agree(InvalidRequestsHashError, "requests hash", header.requests_hash, result.requests_hash)


def _agree(error: type[InvalidBlock], what: str, stated: int | bytes | None, computed: int | bytes | None) -> None:
    if stated != computed:
        raise error(f"{what}: the header says {_shown(stated)}, computed {_shown(computed)}")


def _shown(value: int | bytes | None) -> str:
    return f"0x{value.hex()}" if isinstance(value, bytes) else str(value)
