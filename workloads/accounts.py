"""Deterministic key pairs: the same seed, label and index give the same account everywhere."""

from __future__ import annotations

from functools import lru_cache

from coincurve import PrivateKey

from executor.hashing import keccak256
from scheduler.access import Address


class KeyPair:
    """An account that can sign; `address` is 20 bytes."""

    __slots__ = ("_key", "address")

    def __init__(self, secret: bytes) -> None:
        self._key = PrivateKey(secret)
        self.address: Address = keccak256(self._key.public_key.format(compressed=False)[1:])[12:]

    def sign(self, digest: bytes) -> tuple[int, int, int]:
        """Return (parity, r, s) over a 32-byte digest; deterministic (RFC 6979), s in the lower half."""
        signature = self._key.sign_recoverable(digest, hasher=None)
        return signature[64], int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:64], "big")


@lru_cache(maxsize=8)  # making one takes as long as signing, and sweeps use the same ones again and again
def make_accounts(seed: int, label: str, count: int) -> tuple[KeyPair, ...]:
    """Return `count` key pairs; other seeds and labels give other ones."""
    return tuple(KeyPair(keccak256(f"parallel-evm/{seed}/{label}/{index}".encode())) for index in range(count))


def make_address(seed: int, label: str, index: int = 0) -> Address:
    """Return an address nobody has the key of: for contracts and for recipients that only receive."""
    return keccak256(f"parallel-evm/{seed}/{label}/{index}/address".encode())[12:]
