"""A small block of each kind of header, whole and consistent, for tests that execute nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from executor.capsule_writer import format_capsule
from executor.forks import fork_rules
from executor.header import transactions_root, uncles_hash, withdrawals_root
from executor.rlp_codec import encode_strings
from executor.roots import state_root
from executor.state import MemoryState
from executor.trie import EMPTY_ROOT
from executor.types import Block, Header, RawTransaction, Withdrawal

Document = dict[str, Any]
MINER, SENDER, CONTRACT = (bytes([kind]) * 20 for kind in (0xAA, 0xBB, 0xCC))
CODE = bytes.fromhex("600160005500")
WITHDRAWAL = Withdrawal(index=1, validator_index=2, address=MINER, amount=3)


def small_state(*, complete: bool = True) -> MemoryState:
    """Return a state of a sender, a contract with slots, and an empty account."""
    state = MemoryState(complete=complete)
    state.put(SENDER, balance=10**18, nonce=7)
    state.put(CONTRACT, nonce=1, code=CODE, storage={0: 5, 2**255: 2**256 - 1})
    state.put(MINER)
    return state


def small_header(fork: str = "Prague") -> Header:
    """Return a header with the fields of `fork`, without transactions and uncles."""
    rules = fork_rules(fork)
    return Header(
        parent_hash=b"\x01" * 32,
        uncles_hash=uncles_hash(()),
        coinbase=MINER,
        state_root=state_root(small_state()),
        transactions_root=EMPTY_ROOT,
        receipts_root=EMPTY_ROOT,
        bloom=bytes(256),
        difficulty=0,
        number=1000,
        gas_limit=30_000_000,
        gas_used=0,
        timestamp=1_700_000_000,
        extra_data=b"small",
        mix_hash=b"\x02" * 32,
        nonce=bytes(8),
        base_fee=7 if rules.base_fee else None,
        withdrawals_root=withdrawals_root([WITHDRAWAL]) if rules.initcode_metered else None,
        blob_gas_used=0 if rules.blobs else None,
        excess_blob_gas=0 if rules.blobs else None,
        parent_beacon_root=b"\x03" * 32 if rules.blobs else None,
        requests_hash=b"\x04" * 32 if rules.prague else None,
    )


def small_block(fork: str = "Prague", *, uncles: tuple[Header, ...] = ()) -> Block:
    """Return a block with two transactions that have the form of transactions and nothing more."""
    legacy = RawTransaction(encode_strings([b"legacy"] * 9), SENDER)
    typed = RawTransaction(b"\x02" + encode_strings([b"typed"] * 12))
    header = replace(
        small_header(fork),
        transactions_root=transactions_root([legacy, typed]),
        uncles_hash=uncles_hash(uncles),
    )
    return Block(
        header=header,
        transactions=(legacy, typed),
        fork=fork,
        withdrawals=None if header.withdrawals_root is None else (WITHDRAWAL,),
        uncles=uncles,
        block_hashes={999: header.parent_hash, 990: b"\x05" * 32},
    )


def document(fork: str = "Prague") -> Document:
    """Return the small block as a JSON document of its own, to be changed at will."""
    text = json.dumps(format_capsule(small_block(fork), small_state(), source="tests"))
    capsule: Document = json.loads(text)
    return capsule
