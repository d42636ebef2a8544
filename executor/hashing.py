"""Keccak-256 with the fast backend: `ETH_HASH_BACKEND` must be set before the first hash of the process."""

from __future__ import annotations

import os

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from eth_hash.auto import keccak


def keccak256(data: bytes) -> bytes:
    """Return the 32-byte Keccak-256 of `data`."""
    return keccak(data)
