"""A worker: a state, a block on it, and every earlier write it was told of; executes batches.

The same class serves every pool: it takes bytes and returns bytes, and knows nothing of who carries them.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from executor.context import block_context
from executor.evm import Engine, early_sender
from executor.memory import resident_bytes
from executor.state import MemoryState, PreState, sweepable_accounts
from executor.types import Block, StateDiff
from executor.versions import StateTag, VersionedState
from executor.whole_block import answer_whole
from executor.wire import (
    BATCH,
    BLOCK,
    OVER,
    PREPARE,
    STATE,
    STEPS,
    TICKET_BITS,
    WHOLE,
    Codes,
    batch_tasks,
    pack_reply,
    pack_results,
    pack_senders,
    pack_stale,
    unpack,
    unpack_updates,
)
from scheduler.access import Address
from scheduler.multi_version import MultiVersionState

_DROPPING = (STATE, STEPS, BLOCK, OVER)
"""Kinds of messages that end the block in hand."""
_BATCHES_PER_LOOK = 16
"""Batches of a block of which one reports the memory held: asking takes 20 us."""


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


@dataclass(slots=True)
class OpenBlock:
    """The block that a worker has in hand: its signed transactions, and what was written in it so far."""

    first_ticket: int
    raws: list[bytes]
    codes: Store
    state: MultiVersionState
    engine: Engine


class Worker:
    """Takes messages (`executor.wire`) in order; only batches, recorded blocks and preparations are answered.

    A batch of a block whose state it does not hold is answered with the tag that it does hold, and nothing is run.
    """

    _engine: type[Engine] = Engine

    def __init__(self, tag: StateTag | None = None, pre_state: PreState | None = None) -> None:
        if isinstance(pre_state, VersionedState):  # inherited by a fork: this process may bring it up to later blocks
            pre_state = MemoryState(pre_state.accounts, pre_state.codes, complete=pre_state.complete)
        self._tag, self._pre_state = tag, pre_state
        self._batches = 0
        self._open: OpenBlock | None = None
        self._told: tuple[float, ...] = ()

    def pid(self) -> int:
        """Return the process that this worker lives in; asking also shows that it is up."""
        return os.getpid()

    def handle(self, blob: bytes) -> bytes | None:
        """Take in a message; the answer where there is one, None otherwise."""
        began, started = perf_counter(), process_time()
        answer = self._answer(unpack(blob), began, started)
        if answer is None:
            self._told = (*self._told[-2:], began, perf_counter())
        return answer

    def _answer(self, message: tuple[Any, ...], began: float, started: float) -> bytes | None:
        kind = message[0]
        if kind == BATCH:
            return self._run(message, began, started)
        if kind in _DROPPING:
            self._open = None  # frees all that was written in it
        if kind == WHOLE:
            return answer_whole(message)
        if kind == PREPARE:
            _, ticket, raws = message
            return pack_senders(ticket, [early_sender(raw) for raw in raws])
        if kind == BLOCK:
            self._begin(*message[1:])
        elif kind == STEPS:
            self._step(*message[1:])
        elif kind == STATE:
            _, self._tag, self._pre_state = message
        else:
            assert kind == OVER, kind  # noqa: S101 - an unknown kind is a fault of ours
        return None

    def _step(self, before: StateTag, after: StateTag, steps: Sequence[StateDiff]) -> None:
        """Bring the state up to a later one; a worker that holds another than `before` keeps what it has."""
        if self._tag != before or not isinstance(self._pre_state, MemoryState):
            return
        self._tag = None  # neither the one nor the other, should a step fail
        for diff in steps:
            self._pre_state.apply(diff)
        self._tag = after

    def _begin(
        self, tag: StateTag, first_ticket: int, block: Block, raws: list[bytes], senders: list[Address | None] | None
    ) -> None:
        """Start a block."""
        if self._pre_state is None or self._tag != tag:
            return
        context = block_context(block)
        codes = Store(self._pre_state)
        state = MultiVersionState(self._pre_state, derived_existence=context.rules.empty_accounts_removed)
        known = {raw: sender for raw, sender in zip(raws, senders or (), strict=False) if sender is not None}
        engine = self._engine(context, codes, sweepable_accounts(self._pre_state, context.rules), known)
        self._batches = 0
        self._open = OpenBlock(first_ticket, raws, codes, state, engine)

    def _run(self, message: tuple[Any, ...], began: float, started: float) -> bytes:
        """Execute a batch: first the updates, then each execution on what earlier transactions wrote."""
        ticket, updates, tasks = batch_tasks(message)
        block = self._open
        if block is None or ticket >> TICKET_BITS != block.first_ticket >> TICKET_BITS:
            return pack_stale(ticket, self._tag)
        state, execute, raws = block.state, block.engine.execute, block.raws
        for packed in updates:
            for index, writes, codes in unpack_updates(packed):
                state.record(index, writes)
                if codes:
                    block.codes.add(codes)
        results, seconds = [], 0.0
        first = perf_counter()
        for index, assume_nonce in tasks:
            result = execute(raws[index], state, index, assume_nonce=assume_nonce)
            state.record(index, result.writes)
            if result.codes:
                block.codes.add(result.codes)
            results.append((index, result))
            seconds += result.seconds
        last = perf_counter()
        packed = pack_results(results)
        memory = 0 if self._batches % _BATCHES_PER_LOOK else resident_bytes()
        self._batches += 1
        clock = (began, first, last, perf_counter(), *self._told)
        self._told = ()
        return pack_reply(ticket, packed, seconds, process_time() - started - seconds, memory, clock)
