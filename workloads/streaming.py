"""Hands blocks on as soon as a stage has made them, for those who cannot hold them all."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import TypeAlias

from executor.state import MemoryState
from executor.types import Block, RawTransaction

BlockSink: TypeAlias = Callable[[Block, MemoryState], None]
"""Takes a block and the state before it, which is only lent: the stage changes it afterwards."""

_SINK: ContextVar[BlockSink | None] = ContextVar("sink", default=None)
_GONE = RawTransaction(b"")


@contextmanager
def blocks_to(sink: BlockSink) -> Iterator[None]:
    """Give every block that a stage closes to `sink`, and let the stage keep its outline only."""
    token = _SINK.set(sink)
    try:
        yield
    finally:
        _SINK.reset(token)


def remembered(block: Block, before: MemoryState) -> Block:
    """Return what a stage keeps of a block: all of it, or its outline where a sink has taken it.

    The outline has the header and as many transactions, all empty: generators ask for times and counts.
    """
    sink = _SINK.get()
    if sink is None:
        return block
    sink(block, before)
    return replace(block, transactions=(_GONE,) * len(block.transactions), access_sets=None)
