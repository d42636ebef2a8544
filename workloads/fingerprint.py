"""A workload's fingerprint: same name, transactions, seed and parameters give the same one on every machine."""

from __future__ import annotations

from hashlib import sha256

from executor.header import header_hash
from executor.roots import state_root
from workloads.workload import Workload


def fingerprint(workload: Workload) -> str:
    """Return 64 hex digits over the genesis root, headers (which commit to the transactions) and operations."""
    digest = sha256(state_root(workload.pre_state))
    for block, operations in zip(workload.blocks, workload.operations, strict=True):
        digest.update(header_hash(block.header))
        digest.update(",".join(operations).encode())
    return digest.hexdigest()
