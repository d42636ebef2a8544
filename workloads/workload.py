"""What a generator makes: a genesis state, blocks to run on it, and checks of what comes out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from executor.state import MemoryState
from executor.types import Block
from scheduler.access import Location, Value

ParameterValue: TypeAlias = int | float | str


class StateReader(Protocol):
    """A state that can be asked for any location: before or after a block."""

    def read(self, location: Location) -> Value:
        """Return the value; absent means zero."""
        ...


class Check(Protocol):
    """An invariant of a protocol, checked after every block."""

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per violation; nothing if the invariant holds."""
        ...


@dataclass(frozen=True)
class Workload:
    """Blocks of generated transactions, in order, and the state before the first.

    `operations` names what each transaction of each block does, for reports. The blocks' headers commit to
    their transactions; what only execution can tell (gas used, bloom, receipts and state root) is zero.
    `summary` tells in lines what happened in it, where there is more to tell than a table of blocks does.
    """

    name: str
    seed: int
    parameters: Mapping[str, ParameterValue]
    pre_state: MemoryState
    blocks: tuple[Block, ...]
    operations: tuple[tuple[str, ...], ...] = ()
    checks: tuple[Check, ...] = field(default=(), repr=False)
    summary: Callable[[Workload], list[str]] | None = field(default=None, repr=False, compare=False)

    def check(self, post_state: StateReader, block_index: int = 0, before: StateReader | None = None) -> list[str]:
        """Return what the state after block `block_index` violates; empty if every invariant holds.

        `before` is the state before that block; without it the genesis stands in.
        """
        start = self.pre_state if before is None else before
        return [line for check in self.checks for line in check.violations(start, post_state, block_index)]


def read_int(state: StateReader, location: Location) -> int:
    """Return a balance, nonce or slot."""
    value = state.read(location)
    assert isinstance(value, int), location  # noqa: S101 - code hashes are never asked for here
    return value
