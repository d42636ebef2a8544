"""A chain of one-transaction blocks: to call contracts one by one and to look at what they answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from executor.evm import Engine
from executor.hashing import keccak256
from executor.rlp_codec import encode_bytes, encode_int, encode_list
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from scheduler.access import Address
from workloads.accounts import KeyPair, make_accounts
from workloads.artefacts import Contract
from workloads.block_builder import FORK, genesis, make_header
from workloads.signing import Unsigned, sign_fee_market

GAS = 10_000_000


@dataclass(frozen=True)
class Outcome:
    """How a call went, and the bytes it returned or reverted with."""

    success: bool
    output: bytes


class Chain:
    """A state that every call moves on; `time` is the next block's timestamp."""

    def __init__(self, accounts: int = 4, state: MemoryState | None = None) -> None:
        self.state = genesis() if state is None else state
        self.accounts = make_accounts(7, "chain", accounts)
        self.time = 1_800_000_000
        self._nonces: dict[Address, int] = {}
        for account in self.accounts:
            self.state.put(account.address, balance=10**24)

    def send(self, sender: KeyPair, to: Address, data: bytes = b"") -> Outcome:
        """Execute a transaction, apply what it does, return how it went."""
        nonce = self._nonces.get(sender.address, 0)
        self._nonces[sender.address] = nonce + 1
        raw = sign_fee_market(Unsigned(nonce, GAS, to, data=data), sender)
        header = replace(make_header(0, (raw,), GAS), timestamp=self.time)
        block = Block(header, (raw,), FORK, withdrawals=())
        outputs: list[bytes] = []
        with patch.object(Engine, "_compute", _keeping(Engine._compute, outputs)):
            result = execute_sequential(block, self.state)
        self.state.apply(result.state_diff)
        return Outcome(result.transactions[0].success, outputs[0])

    def deploy(self, sender: KeyPair, contract: Contract, arguments: bytes = b"") -> Address:
        """Create a contract from its creation bytecode; return its address."""
        nonce = self._nonces.get(sender.address, 0)
        result = self.send(sender, b"", contract.creation + arguments)
        assert result.success, reason(result)
        return keccak256(encode_list(encode_bytes(sender.address) + encode_int(nonce)))[12:]

    def ask(self, to: Address, data: bytes) -> int:
        """Return the word that a view answers."""
        result = self.send(self.accounts[0], to, data)
        assert result.success, reason(result)
        return int.from_bytes(result.output[:32], "big")


def _keeping(compute: Callable[..., Any], outputs: list[bytes]) -> Callable[..., Any]:
    """Return the engine's step, which throws the output away, as one that keeps it."""

    def keep(*arguments: Any) -> Any:
        computation = compute(*arguments)
        outputs.append(bytes(computation.output))
        return computation

    return keep


def reason(result: Outcome) -> str:
    """Return why a call reverted: the text of Error(string), or nothing."""
    if result.success or result.output[:4] != bytes.fromhex("08c379a0"):
        return ""
    length = int.from_bytes(result.output[36:68], "big")
    return result.output[68 : 68 + length].decode()
