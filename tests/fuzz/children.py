"""Contracts that others create: a fixed handful, so that CREATE2 comes back to the same address."""

from __future__ import annotations

from tests.fuzz.nodes import Node, init_code
from tests.fuzz.nodes import compiled as code_of
from tests.fuzz.places import CONTRACTS, created2_at


def const(value: int) -> Node:
    """Return the expression of a constant."""
    return Node("const", value=value)


def account(address: bytes) -> Node:
    """Return the expression of an address."""
    return Node("account", raw=address)


def store(slot: int, value: Node) -> Node:
    """Return the statement that stores `value`."""
    return Node("sstore", (const(slot), value))


_COUNT = store(0, Node("add", (Node("sload", (const(0),)), const(1))))
_DIE = Node("selfdestruct", (Node("caller"),))
MORTAL = code_of((_COUNT, _DIE))
_WHEN_PAID = Node("if", (Node("callvalue"), Node("selfdestruct", (Node("coinbase"),))))
PAID_TO_DIE = code_of((_COUNT, _WHEN_PAID))
_MARK = (_COUNT, store(1, const(7)))

INIT_CODES: tuple[bytes, ...] = (
    init_code(_MARK, MORTAL),  # dies when called
    init_code(_MARK, PAID_TO_DIE),
    code_of((*_MARK, _DIE)),  # dies in its own creation (EIP-6780)
    init_code((), code_of((_COUNT,))),
    init_code((), b""),
    b"",
    init_code((), b"\xef\x00"),  # refused from London on (EIP-3541)
    code_of((store(2, const(1)), Node("revert", (const(0), const(32))))),
    code_of((Node("return", (const(0), const(0x6001))),)),  # a byte more than EIP-170 allows
    code_of((Node("return", (const(0), const(300))),)),  # 300 zero bytes: a deposit worth running out of gas for
)
SALTS = range(2)
CREATED2 = tuple(
    created2_at(creator, salt, code) for creator in CONTRACTS[:2] for salt in SALTS for code in INIT_CODES[:3]
)
"""Where the contracts put the first of them."""
