"""What a view stands on: the state that earlier transactions left, and the codes in it."""

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


class CodeStore(Protocol):
    """Codes by their hash, those deployed in the block included."""

    def code(self, code_hash: bytes) -> bytes:
        """Return the code of a hash."""
        ...
