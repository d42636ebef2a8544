"""Programs as trees, and what they compile to.

A node is a statement (leaves the stack as it found it) or an expression (leaves one word more), so that no
program underflows or runs over by construction. Most nodes are an opcode whose arguments are its parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TypeAlias

from tests.asm import push
from tests.fuzz.places import CONTRACTS

PUSH2, PUSH20, JUMP, JUMPI, JUMPDEST, CODECOPY = 0x61, 0x73, 0x56, 0x57, 0x5B, 0x39
ISZERO, AND, ADD, SUB, POP, DUP1, SWAP1 = 0x15, 0x16, 0x01, 0x03, 0x50, 0x80, 0x90


@dataclass(frozen=True, slots=True)
class Node:
    """A statement or an expression: `kind` says which, `value` and `raw` are what it needs beside its parts."""

    kind: str
    parts: tuple[Node, ...] = ()
    value: int = 0
    raw: bytes = b""


Program: TypeAlias = tuple[Node, ...]

OPCODES: dict[str, int] = {
    "stop": 0x00, "add": 0x01, "mul": 0x02, "sub": 0x03, "div": 0x04, "sdiv": 0x05, "mod": 0x06, "smod": 0x07,
    "addmod": 0x08, "mulmod": 0x09, "exp": 0x0A, "signextend": 0x0B, "lt": 0x10, "gt": 0x11, "slt": 0x12,
    "sgt": 0x13, "eq": 0x14, "iszero": 0x15, "and": 0x16, "or": 0x17, "xor": 0x18, "not": 0x19, "byte": 0x1A,
    "shl": 0x1B, "shr": 0x1C, "sar": 0x1D, "keccak256": 0x20, "address": 0x30, "balance": 0x31, "origin": 0x32,
    "caller": 0x33, "callvalue": 0x34, "calldataload": 0x35, "calldatasize": 0x36, "calldatacopy": 0x37,
    "codesize": 0x38, "codecopy": 0x39, "gasprice": 0x3A, "extcodesize": 0x3B, "extcodecopy": 0x3C,
    "returndatasize": 0x3D, "returndatacopy": 0x3E, "extcodehash": 0x3F, "blockhash": 0x40, "coinbase": 0x41,
    "timestamp": 0x42, "number": 0x43, "prevrandao": 0x44, "gaslimit": 0x45, "chainid": 0x46, "selfbalance": 0x47,
    "basefee": 0x48, "blobhash": 0x49, "blobbasefee": 0x4A, "pop": 0x50, "mload": 0x51, "mstore": 0x52,
    "mstore8": 0x53, "sload": 0x54, "sstore": 0x55, "jump": 0x56, "pc": 0x58, "msize": 0x59, "gas": 0x5A,
    "tload": 0x5C, "tstore": 0x5D, "mcopy": 0x5E, "push0": 0x5F, "log0": 0xA0, "log1": 0xA1, "log2": 0xA2,
    "log3": 0xA3, "log4": 0xA4, "create": 0xF0, "call": 0xF1, "callcode": 0xF2, "return": 0xF3,
    "delegatecall": 0xF4, "create2": 0xF5, "staticcall": 0xFA, "revert": 0xFD, "invalid": 0xFE,
    "selfdestruct": 0xFF,
}  # fmt: skip


class Compiler:
    """Code under construction; jumps and data are found by absolute offsets, known as the code grows."""

    def __init__(self) -> None:
        self.code = bytearray()
        self._data: list[tuple[int, bytes]] = []

    def statements(self, nodes: Iterable[Node]) -> None:
        """Append nodes in order."""
        for node in nodes:
            self.node(node)

    def node(self, node: Node) -> None:
        """Append one statement or expression."""
        special = _SPECIAL.get(node.kind)
        if special is not None:
            special(self, node)
            return
        for part in reversed(node.parts):
            self.node(part)
        self.code.append(OPCODES[node.kind])

    def finish(self) -> bytes:
        """Return the code with its data behind it."""
        self.code.append(OPCODES["stop"])
        for position, data in self._data:
            self._patch(position, len(self.code))
            self.code += data
        return bytes(self.code)

    def push_label(self) -> int:
        """Append a push of an offset that is not known yet, and return where it goes."""
        self.code += bytes((PUSH2, 0, 0))
        return len(self.code) - 2

    def land(self, position: int) -> None:
        """Append the target of the jump whose offset goes to `position`."""
        self._patch(position, len(self.code))
        self.code.append(JUMPDEST)

    def _patch(self, position: int, offset: int) -> None:
        self.code[position : position + 2] = offset.to_bytes(2, "big")

    def copy_data(self, data: bytes) -> None:
        """Append a copy of `data`, which goes behind the code, to the beginning of memory."""
        self.code += push(len(data))
        self._data.append((self.push_label(), data))
        self.code += bytes((*push(0), CODECOPY))


def compiled(program: Program) -> bytes:
    """Return the code of a program."""
    compiler = Compiler()
    compiler.statements(program)
    return compiler.finish()


def init_code(constructor: Program, runtime: bytes) -> bytes:
    """Return code that runs `constructor` and deploys `runtime`."""
    return compiled((*constructor, Node("deploy", raw=runtime)))


def _const(compiler: Compiler, node: Node) -> None:
    compiler.code += push(node.value)


def _account(compiler: Compiler, node: Node) -> None:
    compiler.code += bytes((PUSH20, *node.raw))


def _contract(compiler: Compiler, node: Node) -> None:
    """One of the contracts, which lie side by side, chosen by a value."""
    compiler.node(node.parts[0])
    compiler.code += bytes((*push(3), AND, PUSH20, *CONTRACTS[0], ADD))


def _if(compiler: Compiler, node: Node) -> None:
    condition, *body = node.parts
    compiler.node(condition)
    compiler.code.append(ISZERO)
    end = compiler.push_label()
    compiler.code.append(JUMPI)
    compiler.statements(body)
    compiler.land(end)


def _group(compiler: Compiler, node: Node) -> None:
    compiler.statements(node.parts)


def _loop(compiler: Compiler, node: Node) -> None:
    compiler.code += push(node.value)
    start = len(compiler.code)
    compiler.code.append(JUMPDEST)
    compiler.statements(node.parts)
    compiler.code += bytes((*push(1), SWAP1, SUB, DUP1, PUSH2, *start.to_bytes(2, "big"), JUMPI, POP))


def _burn(compiler: Compiler, _node: Node) -> None:
    """Run out of gas soon: what is hashed grows by 4 kB a turn."""
    start = len(compiler.code)
    grow = Node("pop", (Node("keccak256", (Node("const"), Node("add", (Node("msize"), Node("const", value=4096))))),))
    compiler.code.append(JUMPDEST)
    compiler.node(grow)
    compiler.code += bytes((PUSH2, *start.to_bytes(2, "big"), JUMP))


def _raw(compiler: Compiler, node: Node) -> None:
    compiler.code += node.raw


def _deploy(compiler: Compiler, node: Node) -> None:
    compiler.copy_data(node.raw)
    compiler.code += bytes((*push(len(node.raw)), *push(0), OPCODES["return"]))


def _create(compiler: Compiler, node: Node) -> None:
    """Create with `raw` as init code; the parts are the value and, for CREATE2, the salt."""
    compiler.copy_data(node.raw)
    value, *salt = node.parts
    compiler.statements(salt)
    compiler.code += push(len(node.raw)) + push(0)
    compiler.node(value)
    compiler.code.append(OPCODES[node.kind])


_SPECIAL: dict[str, Callable[[Compiler, Node], None]] = {
    "const": _const, "account": _account, "contract": _contract, "if": _if, "loop": _loop, "burn": _burn, "raw": _raw,
    "deploy": _deploy, "create": _create, "create2": _create, "group": _group,
}  # fmt: skip
