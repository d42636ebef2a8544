"""A few lines of assembly for contracts in tests: `asm("1 0 SSTORE")` pushes 1, pushes 0, stores."""

from __future__ import annotations

_NAMES = {
    "STOP": 0x00, "ADD": 0x01, "MUL": 0x02, "SUB": 0x03, "LT": 0x10, "GT": 0x11, "EQ": 0x14, "ISZERO": 0x15,
    "KECCAK256": 0x20, "ADDRESS": 0x30, "BALANCE": 0x31, "ORIGIN": 0x32, "CALLER": 0x33, "CALLVALUE": 0x34,
    "CALLDATALOAD": 0x35, "CALLDATASIZE": 0x36, "CALLDATACOPY": 0x37, "CODESIZE": 0x38, "CODECOPY": 0x39,
    "GASPRICE": 0x3A, "EXTCODESIZE": 0x3B, "EXTCODECOPY": 0x3C, "RETURNDATASIZE": 0x3D, "EXTCODEHASH": 0x3F,
    "BLOCKHASH": 0x40, "COINBASE": 0x41, "TIMESTAMP": 0x42, "NUMBER": 0x43, "SELFBALANCE": 0x47, "POP": 0x50,
    "MLOAD": 0x51, "MSTORE": 0x52, "SLOAD": 0x54, "SSTORE": 0x55, "JUMP": 0x56, "JUMPI": 0x57, "PC": 0x58,
    "GAS": 0x5A, "JUMPDEST": 0x5B, "TLOAD": 0x5C, "TSTORE": 0x5D, "DUP1": 0x80, "DUP2": 0x81, "DUP3": 0x82,
    "SWAP1": 0x90, "SWAP2": 0x91, "LOG0": 0xA0, "LOG1": 0xA1, "CREATE": 0xF0, "CALL": 0xF1, "RETURN": 0xF3,
    "DELEGATECALL": 0xF4, "CREATE2": 0xF5, "STATICCALL": 0xFA, "REVERT": 0xFD, "INVALID": 0xFE,
    "SELFDESTRUCT": 0xFF,
}  # fmt: skip


def push(value: int) -> bytes:
    """Return the shortest PUSH of a number (PUSH1 0 for zero, so that every fork runs it)."""
    data = value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")
    return bytes([0x5F + len(data)]) + data


def asm(text: str) -> bytes:
    """Assemble names and numbers (decimal or 0x) separated by blanks."""
    return b"".join(bytes([_NAMES[word]]) if word in _NAMES else push(int(word, 0)) for word in text.split())


def call(target: bytes, value: int | str = 0, gas: int = 200_000, data_size: int = 0) -> bytes:
    """Return code that calls `target` with the first bytes of memory and leaves the success on the stack."""
    amount = asm(value) if isinstance(value, str) else push(value)
    rest = push(int.from_bytes(target, "big")) + push(gas) + asm("CALL")
    return asm(f"0 0 {data_size} 0") + amount + rest


def deployer(runtime: bytes) -> bytes:
    """Return init code that deploys `runtime`."""
    head = asm(f"{len(runtime)} DUP1 0x0c 0 CODECOPY 0 RETURN")
    offset = len(head)
    head = asm(f"{len(runtime)} DUP1 {offset} 0 CODECOPY 0 RETURN")
    assert len(head) == offset
    return head + runtime
