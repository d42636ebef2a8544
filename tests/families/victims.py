"""Contracts that die and come back: a victim with a life of its own, the factories that make it again."""

from __future__ import annotations

from executor.hashing import keccak256
from tests.asm import asm, push
from tests.families.contracts import in_memory
from tests.families.scenes import place

DIE, DIE_FOR_ITSELF, BEAR, ASK, SET = b"\x01", b"\x01" * 2, b"\x01" * 3, 32, 64
"""What a victim is told by the size of its data: SELFDESTRUCT to the caller; to itself; CREATE a child; return the
slot that a word names; write the slot that a first word names with a second one. Without data it takes what it gets."""


def dispatch(bodies: dict[int, bytes]) -> bytes:
    """Return code that runs the body of the size of its calldata, and stops where there is none."""
    offset = 7 * len(bodies) + 1
    table, code = b"", b""
    for size, body in bodies.items():
        table += asm(f"CALLDATASIZE {size} EQ {offset + len(code)} JUMPI")
        code += asm("JUMPDEST") + body
    assert offset + len(code) < 256, "offsets must fit a byte"
    return table + asm("STOP") + code


VICTIM = dispatch({
    len(DIE): asm("CALLER SELFDESTRUCT"),
    len(DIE_FOR_ITSELF): asm("ADDRESS SELFDESTRUCT"),
    len(BEAR): asm("0 0 0 CREATE STOP"),
    ASK: asm("0 CALLDATALOAD SLOAD 0 MSTORE 32 0 RETURN"),
    SET: asm("0x20 CALLDATALOAD 0 CALLDATALOAD SSTORE STOP"),
})  # fmt: skip


NOBODY = 0xDEAD
"""What an observer notes where nobody answers."""


def sets(slot: int, value: int) -> bytes:
    """Return the data that has a victim write a slot."""
    return slot.to_bytes(32, "big") + value.to_bytes(32, "big")


def asks(target: bytes, slot: int) -> bytes:
    """Return an observer: asks the victim at `target` for a slot and keeps the answer by caller."""
    put = asm(f"{slot} 0 MSTORE {NOBODY} 0x20 MSTORE 32 0x20 32 0 0")
    return put + place(target) + asm("100000 CALL POP 0x20 MLOAD CALLER SSTORE STOP")


def constructor(prefix: bytes, runtime: bytes) -> bytes:
    """Return init code that runs `prefix`, then deploys `runtime`."""
    for offset in range(len(prefix), len(prefix) + 32):
        head = prefix + asm(f"{len(runtime)} DUP1 {offset} 0 CODECOPY 0 RETURN")
        if len(head) == offset:
            return head + runtime
    msg = "init code of this size has no offset"
    raise AssertionError(msg)


def fragile(heir: bytes) -> bytes:
    """Return init code that destroys its contract for `heir` where it is endowed with value, else deploys a VICTIM.

    It writes slot 5 first: 1 more than what stood in slot 0.
    """
    note = asm("0 SLOAD 1 ADD 5 SSTORE")
    dying = place(heir) + asm("SELFDESTRUCT")
    skip = len(note) + len(asm("CALLVALUE ISZERO 0xff JUMPI")) + len(dying)
    return constructor(note + asm(f"CALLVALUE ISZERO {skip} JUMPI") + dying + asm("JUMPDEST"), VICTIM)


def creates2(init: bytes) -> bytes:
    """Return a factory: CREATE2 of `init` with the value it is called with, the address kept by caller."""
    return in_memory(init) + asm(f"0 {len(init)} 0 CALLVALUE CREATE2 CALLER SSTORE STOP")


def created2_by(factory: bytes, init: bytes) -> bytes:
    """Return the address of what `factory` creates from `init` by CREATE2, salt 0."""
    return keccak256(b"\xff" + factory + bytes(32) + keccak256(init))[12:]


def tells(target: bytes, data: bytes) -> bytes:
    """Return code that calls `target` with a few bytes of data and leaves the success on the stack."""
    size = len(data)
    return in_memory(data) + asm(f"0 0 {size} 0 0") + place(target) + push(150_000) + asm("CALL")
