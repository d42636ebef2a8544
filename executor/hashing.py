"""Keccak-256 with the fast backend: `ETH_HASH_BACKEND` must be set before the first hash of the process."""

from __future__ import annotations

import os
from collections.abc import Callable

os.environ.setdefault("ETH_HASH_BACKEND", "pysha3")

from eth_hash.auto import keccak

keccak(b"")  # chooses the backend; bound directly, without the wrapper's checks, a hash takes a third less
keccak256: Callable[[bytes], bytes] = keccak.hasher
"""Return the 32-byte Keccak-256 of some bytes."""
