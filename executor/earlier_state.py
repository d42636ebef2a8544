"""What a view stands on: the state that earlier transactions left, and what a block can only add to."""

from __future__ import annotations

from typing import Protocol

from scheduler.access import Address


class EarlierState(Protocol):
    """The state as transactions before `below` left it."""

    def storage(self, address: Address, slot: int, below: int) -> int:
        """Return a slot."""
        ...

    def balance(self, address: Address, below: int) -> int:
        """Return a balance in wei."""
        ...

    def nonce(self, address: Address, below: int) -> int:
        """Return a nonce."""
        ...

    def code_hash(self, address: Address, below: int) -> bytes:
        """Return the hash of a code."""
        ...

    def exists(self, address: Address, below: int) -> bool:
        """Return whether the account exists, by the rules of the fork."""
        ...


class BlockStore(Protocol):
    """What never changes while a block runs: what a code hash means, and who held storage and nothing else before."""

    def code(self, code_hash: bytes) -> bytes:
        """Return the code of a hash, also of one deployed in the block."""
        ...

    def only_storage(self, address: Address) -> bool:
        """Return whether the account began the block with storage, but neither nonce nor code (EIP-7610)."""
        ...
