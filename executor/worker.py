"""A worker: the block, the pre-state and every earlier write it was told of; executes batches.

The same class serves every pool: it takes bytes and returns bytes, and knows nothing of who carries them.
"""

from __future__ import annotations

import os

from executor.context import block_context
from executor.evm import Engine
from executor.state import PreState, sweepable_accounts
from executor.wire import Codes, pack_reply, unpack_batch, unpack_block
from scheduler.access import Address, TxIndex, WriteSet
from scheduler.multi_version import MultiVersionState


class Store:
    """Codes of the pre-state and those deployed in the block, by hash; a hash can only mean one code."""

    def __init__(self, pre_state: PreState) -> None:
        self._pre_state = pre_state
        self._deployed: dict[bytes, bytes] = {}

    def add(self, codes: Codes) -> None:
        """Take in codes that a transaction deployed."""
        self._deployed.update(codes)

    def code(self, code_hash: bytes) -> bytes:
        """Return a code by its hash."""
        own = self._deployed.get(code_hash)
        return self._pre_state.code(code_hash) if own is None else own

    def only_storage(self, address: Address) -> bool:
        """Return whether the account began the block with storage, but neither nonce nor code (EIP-7610)."""
        return self._pre_state.only_storage(address)


class Worker:
    """Executes batches of one block after another; `begin` starts a block, `run` executes a batch."""

    def pid(self) -> int:
        """Return the process that this worker lives in; asking also shows that it is up."""
        return os.getpid()

    def begin(self, blob: bytes) -> None:
        """Take in a block and its pre-state; whatever was known of an earlier block is dropped."""
        block, self._raws, pre_state = unpack_block(blob)
        context = block_context(block)
        self._codes = Store(pre_state)
        self._state = MultiVersionState(pre_state, derived_existence=context.rules.empty_accounts_removed)
        self._engine = Engine(context, self._codes, sweepable_accounts(pre_state, context.rules))

    def run(self, blob: bytes) -> bytes:
        """Execute a batch: first the updates, then each execution on what earlier transactions wrote."""
        ticket, updates, tasks = unpack_batch(blob)
        for update in updates:
            self._record(*update)
        results = []
        for task in tasks:
            raw = self._raws[task.index]
            result = self._engine.execute(raw, self._state, task.index, assume_nonce=task.assume_nonce)
            self._record(task.index, result.writes, result.codes)
            results.append((task.index, result))
        return pack_reply(ticket, results)

    def _record(self, index: TxIndex, writes: WriteSet, codes: Codes) -> None:
        self._state.record(index, writes)
        if codes:
            self._codes.add(codes)
