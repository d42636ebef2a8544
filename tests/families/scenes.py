"""What the scenes of the families share: a funded block of any fork, fees, contracts that tell what they see."""

from __future__ import annotations

from executor.forks import fork_rules
from tests.asm import asm, push
from tests.blocks import BASE_FEE, COINBASE, PLAIN_PRICE, Builder, user
from tests.builders import SYSTEM_CONTRACTS
from tests.families.against_eels import Right

NEW = bytes.fromhex("ee" * 20)
"""An address that nobody has touched."""
NEW_ACCOUNT_GAS = 25_000
COINBASE_READER = asm("COINBASE BALANCE CALLER SSTORE STOP")
"""Keeps the balance of the coinbase in the slot of its caller."""


def scene(fork: str, *, users: int = 8, coinbase: bytes = COINBASE) -> Builder:
    """Return a block of `fork` with funded users and the system contracts that the fork calls."""
    builder = Builder(fork=fork, coinbase=coinbase)
    builder.fund(*(user(number) for number in range(users)))
    rules = fork_rules(fork)
    for place, code in SYSTEM_CONTRACTS.items():
        if rules.prague or (rules.blobs and place.startswith(b"\x00\x0f\x3d\xf6")):
            builder.state.put(place, nonce=1, code=code)
    return builder


def base_fee(fork: str) -> int:
    """Return the wei per gas that are burned."""
    return BASE_FEE if fork_rules(fork).base_fee else 0


def fees(right: Right, fork: str, *indices: int, price: int = PLAIN_PRICE) -> int:
    """Return the wei that these transactions paid the coinbase."""
    return sum(right.gas(index) for index in indices) * (price - base_fee(fork))


def reward(fork: str) -> int:
    """Return the wei that the miner gets for the block itself."""
    return fork_rules(fork).block_reward


def place(address: bytes) -> bytes:
    """Return code that pushes an address."""
    return push(int.from_bytes(address, "big"))


def key(number: int) -> int:
    """Return the slot that CALLER names when this user calls."""
    return int.from_bytes(user(number).address, "big")


def balance_reader(address: bytes) -> bytes:
    """Return code that keeps the balance of `address` in the slot of its caller."""
    return place(address) + asm("BALANCE CALLER SSTORE STOP")


def payer(target: bytes, value: int = 1) -> bytes:
    """Return code that calls `target` with `value` wei, whatever comes of it.

    Only a little gas is handed down, so that what the call itself costs shows.
    """
    return asm(f"0 0 0 0 {value}") + place(target) + asm("30000 CALL POP STOP")


def judge(deed: bytes) -> bytes:
    """Return code that does its deed unless slot 0 is set; called with data, it sets or clears the slot instead."""
    code = asm("CALLDATASIZE 0x10 JUMPI 0 SLOAD 0x20 JUMPI 0x30 JUMP").ljust(0x10, b"\x00")
    code = (code + asm("JUMPDEST 0 SLOAD ISZERO 0 SSTORE STOP")).ljust(0x20, b"\x00")
    return (code + asm("JUMPDEST STOP")).ljust(0x30, b"\x00") + asm("JUMPDEST") + deed + asm("STOP")
