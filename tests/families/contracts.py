"""Contracts that the families are told with: deployments of every kind, observers of code, settings."""

from __future__ import annotations

from typing import NamedTuple

import rlp

from executor.hashing import keccak256
from tests.asm import asm, call, push
from tests.blocks import Builder, user
from tests.families.against_eels import Right

HASH, SIZE, FIRST_WORD, CALLED = 1, 2, 3, 4
"""The slots in which an observer notes EXTCODEHASH, EXTCODESIZE, EXTCODECOPY and 1 + CALL's success."""

SETTING = asm("CALLDATASIZE 0x10 JUMPI 0 SLOAD 0 MSTORE 32 0 RETURN").ljust(0x10, b"\x00") + asm(
    "JUMPDEST CALLDATASIZE 1 SWAP1 SUB 0 SSTORE STOP"
)
"""Called without data: returns slot 0; with n bytes: sets slot 0 to n - 1."""

PROXY = asm("CALLDATASIZE 0x20 JUMPI 0 0 0 0 0 SLOAD 100000 DELEGATECALL POP STOP").ljust(0x20, b"\x00") + asm(
    "JUMPDEST 0 CALLDATALOAD 0 SSTORE STOP"
)
"""Called without data: runs the code of the account named in slot 0 as its own; with a word: sets slot 0."""


class Deployment(NamedTuple):
    """A transaction that creates a contract: where to, with which data, and the address that comes of it."""

    to: bytes
    data: bytes
    address: bytes


def created_by(creator: bytes, nonce: int) -> bytes:
    """Return the address of what `creator` creates at this nonce of its own."""
    return keccak256(rlp.encode([creator, nonce]))[12:]


def in_memory(data: bytes) -> bytes:
    """Return code that lays `data` out in memory from 0 on."""
    words = [data[at : at + 32].ljust(32, b"\x00") for at in range(0, len(data), 32)]
    return b"".join(push(int.from_bytes(word, "big")) + push(32 * n) + asm("MSTORE") for n, word in enumerate(words))


def create_code(init: bytes) -> bytes:
    """Return code that runs `init` by CREATE and leaves the address (0 if that failed) on the stack."""
    return in_memory(init) + asm(f"{len(init)} 0 0 CREATE")


def create2_code(init: bytes) -> bytes:
    """Return code that runs `init` by CREATE2, salt 0, and leaves the address (0 if that failed) on the stack."""
    return in_memory(init) + asm(f"0 {len(init)} 0 0 CREATE2")


def deployment(builder: Builder, way: str, init: bytes) -> Deployment:
    """Return how user 0's first transaction deploys `init`: by itself, or through a factory's opcode."""
    if way == "transaction":
        return Deployment(b"", init, created_by(user(0).address, 0))
    code = create_code(init) if way == "CREATE" else create2_code(init)
    factory = builder.contract(0xFAC, code + asm("0 SSTORE STOP"))
    by_hash = keccak256(b"\xff" + factory + bytes(32) + keccak256(init))[12:]
    return Deployment(factory, b"", created_by(factory, 1) if way == "CREATE" else by_hash)


def observer(builder: Builder, number: int, target: bytes) -> bytes:
    """Put a contract that notes in its own slots what it sees of the code of `target`, then calls it."""
    place = push(int.from_bytes(target, "big"))
    code = place + asm(f"EXTCODEHASH {HASH} SSTORE")
    code += place + asm(f"EXTCODESIZE {SIZE} SSTORE")
    code += asm("32 0 0") + place + asm(f"EXTCODECOPY 0 MLOAD {FIRST_WORD} SSTORE")
    return builder.contract(number, code + call(target, gas=100_000) + asm(f"1 ADD {CALLED} SSTORE STOP"))


def seen(code: bytes, *, called: int = 1) -> dict[int, int]:
    """Return the slots of an observer that has seen `code`, and whose call succeeded or not."""
    first_word = int.from_bytes(code[:32].ljust(32, b"\x00"), "big")
    return {HASH: int.from_bytes(keccak256(code), "big"), SIZE: len(code), FIRST_WORD: first_word, CALLED: 1 + called}


def reading_setting(setting: bytes) -> bytes:
    """Return code that asks the SETTING contract at `setting` and leaves the answer on the stack."""
    ask = asm("32 0x20 0 0") + push(int.from_bytes(setting, "big")) + asm("50000 STATICCALL POP")
    return ask + asm("0x20 MLOAD")


def configured(setting: bytes) -> bytes:
    """Return init code whose runtime stores in slot 0 what the setting was when it was created."""
    runtime = int.from_bytes(stores(0).ljust(32, b"\x00"), "big")
    shifted = push(2**240) + asm("MUL") + push(runtime) + asm("ADD 0 MSTORE 6 0 RETURN")  # the byte after PUSH1
    return reading_setting(setting) + shifted


def stores(value: int) -> bytes:
    """Return code that stores a byte in slot 0."""
    return bytes([0x60, value]) + asm("0 SSTORE STOP")


def unless_set(setting: bytes, runtime: bytes) -> bytes:
    """Return init code that deploys `runtime`, or reverts where the setting is not 0."""
    test = reading_setting(setting) + asm(f"0x60 JUMPI {len(runtime)} DUP1 0x70 0 CODECOPY 0 RETURN")
    assert len(test) <= 0x60
    return (test.ljust(0x60, b"\x00") + asm("JUMPDEST 0 0 REVERT")).ljust(0x70, b"\x00") + runtime


def designator(target: bytes) -> bytes:
    """Return the code of an account delegated to `target` (EIP-7702)."""
    return b"\xef\x01\x00" + target


def code_after(right: Right, address: bytes) -> bytes:
    """Return the code of an account after the block."""
    account = right.account(address)
    return b"" if account is None else right.post.code(account.code_hash)
