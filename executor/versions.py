"""States that know their place in a chain of blocks, so that workers are sent what changed and not everything.

A *tag* is (epoch, version): the epoch names a chain of states made one from another, the version counts its blocks.
Two states of one tag are the same state, which is why a tagged state cannot be changed in place.
"""

from __future__ import annotations

import secrets
from typing import NamedTuple, NoReturn

from executor.state import Account, MemoryState, state_after
from executor.types import StateDiff
from scheduler.access import Address

STEPS_KEPT = 64
"""Blocks that a worker may lag behind and still be brought up by diffs; beyond it a snapshot is sent."""


class StateTag(NamedTuple):
    """Which state: `version` counts the blocks of its `epoch`."""

    epoch: str
    version: int


class VersionedState(MemoryState):
    """An immutable state with a tag and the diffs of the last blocks that led to it."""

    __slots__ = ("_steps", "tag")

    def __init__(
        self,
        accounts: dict[Address, Account],
        codes: dict[bytes, bytes],
        tag: StateTag,
        steps: tuple[StateDiff, ...],
        *,
        complete: bool,
    ) -> None:
        super().__init__(accounts, codes, complete=complete)
        self.tag = tag
        self._steps = steps

    @classmethod
    def of(cls, state: MemoryState) -> VersionedState:
        """Return `state` as the first of a new epoch; whoever made it must not change it any more."""
        return cls(state.accounts, state.codes, new_tag(), (), complete=state.complete)

    def after(self, diff: StateDiff) -> VersionedState:
        """Return the state after `diff`; it shares with this one all accounts that the diff does not touch."""
        after = state_after(self, diff)
        tag = StateTag(self.tag.epoch, self.tag.version + 1)
        steps = (*self._steps, diff)[-STEPS_KEPT:]
        return VersionedState(after.accounts, after.codes, tag, steps, complete=after.complete)

    def steps_since(self, tag: StateTag | None) -> tuple[StateDiff, ...] | None:
        """Return the diffs that lead from `tag` to this state; None where they are not known."""
        if tag is None or tag.epoch != self.tag.epoch:
            return None
        behind = self.tag.version - tag.version
        if not 0 <= behind <= len(self._steps):
            return None
        return self._steps[len(self._steps) - behind :]

    def put(self, address: Address, **_: object) -> NoReturn:
        """Refuse: workers may hold this state under its tag."""
        raise _immutable(address)

    def apply(self, diff: StateDiff) -> NoReturn:
        """Refuse, as `put`."""
        raise _immutable(*diff.accounts)


def new_tag() -> StateTag:
    """Return the tag of a state that no worker has seen."""
    return StateTag(secrets.token_hex(8), 0)


def _immutable(*addresses: Address) -> TypeError:
    names = ", ".join(f"0x{address.hex()}" for address in addresses[:1])
    return TypeError(f"a tagged state cannot be changed ({names}): make the next one with after(), or copy() it")
