"""Our nouns as EELS wants them: the modules of a fork, the state, the environment of a block, its body."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from types import ModuleType, SimpleNamespace
from typing import Any

from ethereum.crypto.hash import Hash32
from ethereum_rlp import rlp
from ethereum_types.bytes import Bytes20, Bytes32
from ethereum_types.numeric import U64, U256, Uint

from executor.state import MemoryState
from executor.types import Block, Header

FORKS: Mapping[str, str] = {
    "Frontier": "frontier",
    "Homestead": "homestead",
    "DAOFork": "dao_fork",
    "TangerineWhistle": "tangerine_whistle",
    "SpuriousDragon": "spurious_dragon",
    "Byzantium": "byzantium",
    "Petersburg": "constantinople",
    "Istanbul": "istanbul",
    "MuirGlacier": "muir_glacier",
    "Berlin": "berlin",
    "London": "london",
    "ArrowGlacier": "arrow_glacier",
    "GrayGlacier": "gray_glacier",
    "Paris": "paris",
    "Shanghai": "shanghai",
    "Cancun": "cancun",
    "Prague": "prague",
}
"""Our name of a fork -> EELS' package of it (which calls Petersburg by the name it was meant to have)."""

HASH_WINDOW = 256
UNKNOWN_HASH = bytes(32)


@dataclass(frozen=True, slots=True)
class Specification:
    """The modules of one fork's specification."""

    name: str
    fork: ModuleType
    vm: ModuleType
    state: ModuleType
    trie: ModuleType
    types: ModuleType
    transactions: ModuleType
    blocks: ModuleType

    @property
    def typed(self) -> bool:
        """Whether transactions and receipts come in types (EIP-2718)."""
        return hasattr(self.transactions, "LegacyTransaction")

    @property
    def withdrawals(self) -> bool:
        """Whether a block has withdrawals (EIP-4895)."""
        return hasattr(self.blocks, "Withdrawal")

    @property
    def uncles(self) -> bool:
        """Whether a block has uncles and rewards."""
        return hasattr(self.fork, "pay_rewards")


@cache
def specification(fork: str) -> Specification:
    """Return the modules of `fork`; KeyError where EELS has none."""
    package = f"ethereum.forks.{FORKS[fork]}"
    names = ("fork", "vm", "state", "trie", "fork_types", "transactions", "blocks")
    return Specification(fork, *(import_module(f"{package}.{name}") for name in names))


def eels_state(spec: Specification, pre: MemoryState) -> Any:
    """Return `pre` as EELS' state."""
    state = spec.state.State()
    for key, account in pre.accounts.items():
        address = Bytes20(key)
        code = pre.code(account.code_hash)
        spec.state.set_account(state, address, spec.types.Account(Uint(account.nonce), U256(account.balance), code))
        for slot, value in account.storage.items():
            if value:
                spec.state.set_storage(state, address, Bytes32(slot.to_bytes(32, "big")), U256(value))
    return state


def memory_state(state: Any) -> MemoryState:
    """Return EELS' state as ours."""
    post = MemoryState(complete=True)
    for address, account in state._main_trie._data.items():
        trie = state._storage_tries.get(address)
        slots = {} if trie is None else trie._data
        post.put(
            bytes(address),
            balance=int(account.balance),
            nonce=int(account.nonce),
            code=bytes(account.code),
            storage={int.from_bytes(key, "big"): int(value) for key, value in slots.items()},
        )
    return post


def block_body(spec: Specification, block: Block, state: Any) -> dict[str, Any]:
    """Return the arguments of the fork's `apply_body`."""
    body: dict[str, Any] = {
        "block_env": environment(spec, block, state),
        "transactions": tuple(signed_transaction(spec, entry.raw) for entry in block.transactions),
    }
    if spec.uncles:
        body["ommers"] = tuple(
            SimpleNamespace(number=Uint(uncle.number), coinbase=Bytes20(uncle.coinbase)) for uncle in block.uncles
        )
    if spec.withdrawals:
        body["withdrawals"] = tuple(
            spec.blocks.Withdrawal(U64(w.index), U64(w.validator_index), Bytes20(w.address), U256(w.amount))
            for w in block.withdrawals or ()
        )
    return body


def signed_transaction(spec: Specification, raw: bytes) -> Any:
    """Return what a block of the fork holds for `raw`: an object if legacy, the bytes themselves if typed."""
    if not spec.typed:
        return rlp.decode_to(spec.transactions.Transaction, raw)
    return rlp.decode_to(spec.transactions.LegacyTransaction, raw) if raw[:1] >= b"\xc0" else raw


def environment(spec: Specification, block: Block, state: Any) -> Any:
    """Return EELS' environment of the block, with the fields that the fork knows."""
    header = block.header
    facts: dict[str, Any] = {
        "chain_id": U64(block.chain_id),
        "state": state,
        "block_gas_limit": Uint(header.gas_limit),
        "block_hashes": _block_hashes(header, block.block_hashes),
        "coinbase": Bytes20(header.coinbase),
        "number": Uint(header.number),
        "time": U256(header.timestamp),
        "difficulty": Uint(header.difficulty),
        "prev_randao": Bytes32(header.mix_hash),
        "base_fee_per_gas": Uint(header.base_fee or 0),
        "excess_blob_gas": U64(header.excess_blob_gas or 0),
        "parent_beacon_block_root": Hash32(header.parent_beacon_root or UNKNOWN_HASH),
    }
    known = {field.name for field in dataclasses.fields(spec.vm.BlockEnvironment)}
    return spec.vm.BlockEnvironment(**{name: value for name, value in facts.items() if name in known})


def _block_hashes(header: Header, recorded: Mapping[int, bytes]) -> list[Hash32]:
    """Return the hashes of up to 256 ancestors, oldest first; zeros where none is recorded."""
    known = {header.number - 1: header.parent_hash} | dict(recorded)
    numbers = range(max(0, header.number - HASH_WINDOW), header.number)
    return [Hash32(known.get(number, UNKNOWN_HASH)) for number in numbers]
