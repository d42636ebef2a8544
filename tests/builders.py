"""Blocks and states by hand: a header per fork, a complete pre-state, the system contracts of a fork."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from executor.forks import fork_rules
from executor.state import MemoryState
from executor.types import Block, Header, RawTransaction, Withdrawal

COINBASE = bytes.fromhex("c0ffee" + "00" * 17)
PARENT_HASH = bytes(31) + b"\x01"
BASE_FEE = 7
GAS_LIMIT = 30_000_000
EMPTY_BLOOM = bytes(256)
NO_ROOT = bytes(32)

_CONTRACTS = json.loads((Path(__file__).parent / "system_contracts.json").read_text(encoding="utf-8"))
SYSTEM_CONTRACTS: dict[bytes, bytes] = {
    bytes.fromhex(address[2:]): bytes.fromhex(code[2:]) for address, code in _CONTRACTS.items()
}
"""Address -> code of EIP-2935, 4788, 7002 and 7251, as deployed on mainnet."""


def address(number: int) -> bytes:
    """Return an address that is no precompile and has no known key."""
    return b"\xaa" * 16 + number.to_bytes(4, "big")


def header(fork: str, **changes: Any) -> Header:
    """Return a header with the fields that `fork` has; roots are zero: tests compare results."""
    rules = fork_rules(fork)
    plain = Header(
        parent_hash=PARENT_HASH,
        uncles_hash=NO_ROOT,
        coinbase=COINBASE,
        state_root=NO_ROOT,
        transactions_root=NO_ROOT,
        receipts_root=NO_ROOT,
        bloom=EMPTY_BLOOM,
        difficulty=0 if rules.merged else 131_072,
        number=1_000_000,
        gas_limit=GAS_LIMIT,
        gas_used=0,
        timestamp=1_750_000_000,
        extra_data=b"",
        mix_hash=b"\x5a" * 32,
        nonce=bytes(8),
        base_fee=BASE_FEE if rules.base_fee else None,
        withdrawals_root=NO_ROOT if rules.initcode_metered else None,
        blob_gas_used=0 if rules.blobs else None,
        excess_blob_gas=0 if rules.blobs else None,
        parent_beacon_root=b"\xbe" * 32 if rules.blobs else None,
        requests_hash=NO_ROOT if rules.prague else None,
    )
    return replace(plain, **changes)


def block(
    fork: str, transactions: Iterable[bytes] = (), withdrawals: tuple[Withdrawal, ...] = (), **changes: Any
) -> Block:
    """Return a block of `fork` with these signed transactions; `changes` go to the header."""
    return Block(
        header=header(fork, **changes),
        transactions=tuple(RawTransaction(raw) for raw in transactions),
        fork=fork,
        withdrawals=withdrawals if fork_rules(fork).initcode_metered else None,
    )


def state(fork: str) -> MemoryState:
    """Return a complete state that holds the system contracts of `fork` and nothing else."""
    rules, built = fork_rules(fork), MemoryState(complete=True)
    for place, code in SYSTEM_CONTRACTS.items():
        if rules.prague or (rules.blobs and place.startswith(b"\x00\x0f\x3d\xf6")):
            built.put(place, nonce=1, code=code)
    return built
