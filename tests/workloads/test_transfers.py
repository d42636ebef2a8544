"""Transfers: access sets are exact, invariants hold and can fail, shapes are what they say."""

from __future__ import annotations

from typing import Any

import pytest

from executor.transactions import decode_transaction
from scheduler.access import BALANCE, NONCE, STORAGE, touched
from scheduler.graph import build
from tests.workloads.runs import run_all, success_share, wrong_access_sets
from workloads.registry import generate
from workloads.workload import Workload

CASES: list[dict[str, str]] = [
    {},
    {"kind": "eth"},
    {"kind": "erc20", "failing": "0.2"},
    {"kind": "eth", "shape": "chain"},
    {"kind": "eth", "shape": "chain", "accounts": "5"},
    {"kind": "erc20", "shape": "chain", "accounts": "50"},
    {"shape": "independent", "accounts": "400"},
    {"kind": "erc20", "shape": "clustered", "hot": "2", "zipf": "1.1"},
    {"kind": "erc20", "declare": "exact"},
    {"accounts": "2", "new_accounts": "0"},
]


def make(params: dict[str, str] | None = None, transactions: int = 120, seed: int = 3) -> Workload:
    return generate("transfers", transactions, seed, {"accounts": "200"} | (params or {}))


@pytest.mark.parametrize("params", CASES, ids=str)
def test_the_access_sets_are_what_the_engine_touches(params: dict[str, str]) -> None:
    assert wrong_access_sets(make(params)) == []


@pytest.mark.parametrize("params", CASES, ids=str)
def test_every_invariant_holds(params: dict[str, str]) -> None:
    workload = make(params)
    run = run_all(workload)[0]
    assert workload.check(run.after) == []


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others() -> None:
    first, again, other = make().blocks, make().blocks, make(seed=4).blocks
    assert first == again
    assert not {tx.raw for tx in first[0].transactions} & {tx.raw for tx in other[0].transactions}


def test_almost_all_succeed() -> None:
    assert success_share(make(transactions=300)) > 0.97
    assert success_share(make({"kind": "eth"}, 300)) == 1.0


def chain_length(**params: str) -> int:
    """Return the longest chain of dependencies among 100 transactions."""
    sets = make(params, 100).blocks[0].access_sets
    assert sets is not None
    return max(build(sets).levels()) + 1


def test_independent_pairs_never_meet() -> None:
    assert chain_length(kind="erc20", shape="independent") == 1


@pytest.mark.parametrize("kind", ["eth", "erc20"])
def test_a_chain_is_one_chain(kind: str) -> None:
    assert chain_length(kind=kind, shape="chain", failing="0") == 100


def test_one_hot_recipient_of_tokens_is_a_chain_and_of_ether_is_none() -> None:
    hot = {"shape": "clustered", "hot": "1", "failing": "0"}
    assert chain_length(kind="erc20", **hot) == 100
    assert chain_length(kind="eth", new_accounts="0", **hot) == 1


def test_declared_lists_name_exactly_the_slots() -> None:
    block = make({"kind": "erc20", "declare": "exact"}).blocks[0]
    for transaction, expected in zip(block.transactions, block.access_sets or (), strict=True):
        declared = decode_transaction(transaction.raw).access_list
        named = {(address, STORAGE, slot) for address, slots in declared for slot in slots}
        assert named == {location for location in touched(expected) if location[1] == STORAGE}


def test_the_headers_commit_to_the_transactions() -> None:
    header = make().blocks[0].header
    assert header.transactions_root != make(transactions=119).blocks[0].header.transactions_root
    assert (header.gas_used, header.state_root) == (0, bytes(32))


def _fail(workload: Workload, change: Any) -> list[str]:
    """Return what the check says of a correct state after `change` spoilt it."""
    after = run_all(workload)[0].after
    assert workload.check(after) == []
    change(after)
    return workload.check(after)


def test_a_wrong_nonce_is_found() -> None:
    workload = make()
    sender = workload.blocks[0].transactions[0].sender_hint
    assert sender is not None

    def change(state: Any) -> None:
        state.accounts[sender].nonce += 1

    assert any("nonce" in line for line in _fail(workload, change))
    assert workload.pre_state.read((sender, NONCE, 0)) == 0


def test_ether_from_nowhere_and_wrong_credits_are_found() -> None:
    workload = make({"kind": "eth", "new_accounts": "1"})
    receiver = decode_transaction(workload.blocks[0].transactions[0].raw).to

    def change(state: Any) -> None:
        state.accounts[receiver].balance += 10**24

    lines = _fail(workload, change)
    assert any("received" in line for line in lines)
    assert any("nowhere" in line for line in lines)
    assert workload.pre_state.read((receiver, BALANCE, 0)) == 0


def test_a_token_out_of_thin_air_is_found() -> None:
    workload = make({"kind": "erc20"})
    token = decode_transaction(workload.blocks[0].transactions[0].raw).to

    def change(state: Any) -> None:
        slot = max(state.accounts[token].storage)
        state.accounts[token].storage[slot] += 1

    lines = _fail(workload, change)
    assert any("balances sum to" in line for line in lines)
    assert any("the model says" in line for line in lines)


def test_a_changed_supply_is_found() -> None:
    workload = make({"kind": "erc20"})
    token = decode_transaction(workload.blocks[0].transactions[0].raw).to

    def change(state: Any) -> None:
        state.accounts[token].storage[6] += 1

    assert any("supply changed" in line for line in _fail(workload, change))
