"""Fixtures of conformance tests made here, and their verdicts as the command line gives them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from executor.json_header import HEADER_NAMES
from executor.state import MemoryState
from tests.bench.test_cli import run
from tests.executor.test_chain import ALICE, BOB, call, funded
from tests.mining import Mined, genesis, mine

Fixture = dict[str, Any]
Change = Callable[[Fixture], object]
SUITE_NAMES = {
    "sha3Uncles": "uncleHash", "miner": "coinbase", "transactionsRoot": "transactionsTrie",
    "receiptsRoot": "receiptTrie", "logsBloom": "bloom",
}  # fmt: skip
HASH = "0x" + "5c" * 32


def hexed(value: int | bytes) -> str:
    return hex(value) if isinstance(value, int) else "0x" + value.hex()


def alloc(state: MemoryState) -> Fixture:
    return {
        hexed(address): {
            "balance": hexed(account.balance),
            "nonce": hexed(account.nonce),
            "code": hexed(state.codes[account.code_hash]),
            "storage": {hexed(slot): hexed(value) for slot, value in account.storage.items()},
        }
        for address, account in state.accounts.items()
    }


def header_of(block: Mined) -> Fixture:
    fields = {SUITE_NAMES.get(rpc, rpc): getattr(block.header, name) for name, rpc in HEADER_NAMES.items()}
    return {name: hexed(value) for name, value in fields.items() if value is not None} | {"hash": hexed(block.hash)}


def entry(block: Mined) -> Fixture:
    return {"blockHeader": header_of(block), "rlp": hexed(block.rlp)}


def a_test(network: str = "Cancun") -> Fixture:
    """Return a test: a valid block of two conflicting transactions, then one with a wrong state root."""
    first = genesis(network, funded(network))
    good = mine(network, first, (call(ALICE, 0), call(BOB, 0)))
    bad = mine(network, good, (call(ALICE, 1),))
    return {
        "network": network,
        "genesisBlockHeader": header_of(first),
        "genesisRLP": hexed(first.rlp),
        "pre": alloc(first.state),
        "blocks": [
            entry(good),
            {"expectException": "BlockException.INVALID_STATE_ROOT", "rlp": hexed(bad.damaged(state_root=bytes(32)))},
        ],
        "lastblockhash": hexed(good.hash),
        "postState": alloc(good.state),
        "_info": {"fixture-format": "blockchain_test"},
    }


def results(capfd: pytest.CaptureFixture[str], *arguments: object) -> list[Fixture]:
    code, out, _ = run(capfd, "blocktest", *arguments, "--json", "--workers", 3, "--shuffle", 1)
    assert code == 0
    parsed: list[Fixture] = json.loads(out)
    return parsed


def set_in(*path: str | int, to: object) -> Change:
    def change(fixture: Fixture) -> None:
        inner: Any = fixture
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = to

    return change


def drop(*path: str | int) -> Change:
    def change(fixture: Fixture) -> None:
        inner: Any = fixture
        for key in path[:-1]:
            inner = inner[key]
        del inner[path[-1]]

    return change
