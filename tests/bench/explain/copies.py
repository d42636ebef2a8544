"""The same lending calls on several pools: each sender's go to a copy of the pool, with all that it holds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from executor.state import MemoryState
from executor.transactions import decode_transaction
from executor.types import Block, RawTransaction
from scheduler.access import Address
from workloads.accounts import KeyPair, make_accounts, make_address
from workloads.artefacts import load_contract
from workloads.block_builder import make_header
from workloads.signing import Fees, Unsigned, sign_fee_market
from workloads.workload import Workload


def users(workload: Workload) -> tuple[KeyPair, ...]:
    """Return the key pairs of the workload's users, in the order in which it gives them pools."""
    return make_accounts(workload.seed, "lending", int(workload.parameters["users"]))


def on_copies(workload: Workload, copy_of: Callable[[Address], int]) -> tuple[Block, MemoryState]:
    """Return the first block with each call sent to copy number `copy_of(sender)` of the one pool, and its state.

    Every copy has the pool's storage, tokens and allowances, so that each call does what it did before.
    """
    senders = (*users(workload), *make_accounts(workload.seed, "liquidators", int(workload.parameters["liquidators"])))
    keys = {account.address: account for account in senders}
    state = workload.pre_state.copy()
    numbers = sorted({copy_of(address) for address in keys})
    pools = {number: make_address(workload.seed, "copy", number) for number in numbers}
    for pool in pools.values():
        _copy_pool(state, make_address(workload.seed, "pool"), pool, keys)
    block = workload.blocks[0]
    moved = []
    for transaction in block.transactions:
        assert transaction.sender_hint is not None
        moved.append(_sent_to(transaction, pools[copy_of(transaction.sender_hint)], keys[transaction.sender_hint]))
    header = make_header(0, tuple(moved), block.header.gas_limit)
    assert header.timestamp == block.header.timestamp
    return replace(block, header=header, transactions=tuple(moved), access_sets=None), state


def _sent_to(transaction: RawTransaction, pool: Address, key: KeyPair) -> RawTransaction:
    call = decode_transaction(transaction.raw)
    fees = Fees(call.max_fee, call.priority_fee)
    return sign_fee_market(Unsigned(call.nonce, call.gas, pool, call.value, call.data, fees), key)


def _copy_pool(state: MemoryState, pool: Address, copy: Address, holders: dict[Address, KeyPair]) -> None:
    token = load_contract("Token")
    state.accounts[copy] = state.accounts[pool].copy()
    for account in state.accounts.values():
        if state.code(account.code_hash) == token.runtime:
            storage = account.storage
            storage[token.slot("balanceOf", copy)] = storage[token.slot("balanceOf", pool)]
            allowances = ((owner, storage.get(token.slot("allowance", owner, pool), 0)) for owner in holders)
            storage.update({token.slot("allowance", owner, copy): amount for owner, amount in allowances if amount})
