"""Random expressions: what a program reads, computes and calls, mostly of the same few accounts and slots."""

from __future__ import annotations

from executor.forks import FORKS
from tests.fuzz.children import CREATED2, account, const
from tests.fuzz.nodes import Node
from tests.fuzz.places import (
    ABSENT,
    AUTHORITIES,
    COINBASE,
    CONTRACTS,
    CREATED,
    FUNDED,
    GHOST,
    PRECOMPILES,
    SENDERS,
    SYSTEM,
)
from tests.fuzz.source import Source, spread

_FIRST_FORK = {
    "Homestead": "delegatecall",
    "Byzantium": "revert returndatasize returndatacopy staticcall",
    "Constantinople": "shl shr sar extcodehash create2",
    "Istanbul": "chainid selfbalance",
    "London": "basefee",
    "Shanghai": "push0",
    "Cancun": "tload tstore mcopy blobhash blobbasefee",
}
_ORDER = [rules.name for rules in FORKS]
_SINCE = {kind: _ORDER.index(fork) for fork, kinds in _FIRST_FORK.items() for kind in kinds.split()}

EXPRESSIONS = spread({
    "const": 30, "sload": 24, "balance": 20, "environment": 16, "tload": 5, "extcodesize": 4, "extcodehash": 5,
    "binary": 26, "unary": 5, "ternary": 3, "mload": 5, "keccak256": 3, "calldataload": 5, "blockhash": 2,
    "blobhash": 2, "call": 5, "gas": 4,
})  # fmt: skip
ADDRESSES = spread({
    "contract": 36, "sender": 14, "coinbase": 14, "caller": 8, "origin": 5, "address": 8, "made": 14,
    "nobody": 10, "precompile": 8, "computed": 8, "stored": 4, "system": 2, "anything": 1,
})  # fmt: skip
GROUPS: dict[str, tuple[bytes, ...]] = {
    "contract": CONTRACTS,
    "sender": (*SENDERS, *AUTHORITIES[4:], COINBASE),
    "made": (*CREATED2, *CREATED),
    "nobody": (ABSENT, GHOST, FUNDED),
    "precompile": (*PRECOMPILES[:4], *PRECOMPILES[:10], *PRECOMPILES),
    "system": SYSTEM,
}
BINARY = spread({
    "add": 6, "sub": 4, "mul": 2, "div": 2, "sdiv": 2, "mod": 2, "smod": 2, "exp": 2, "signextend": 2, "lt": 4, "gt": 4,
    "slt": 2, "sgt": 2, "eq": 4, "and": 2, "or": 2, "xor": 2, "byte": 2, "shl": 2, "shr": 2, "sar": 2,
})  # fmt: skip
ENVIRONMENT = (
    "callvalue", "caller", "origin", "address", "calldatasize", "codesize", "gasprice", "returndatasize", "coinbase",
    "timestamp", "number", "prevrandao", "gaslimit", "chainid", "basefee", "blobbasefee", "pc", "msize", "push0",
)  # fmt: skip
CALLS = spread({"call": 12, "delegatecall": 4, "staticcall": 4, "callcode": 2})
CONSTANTS = (
    0, 1, 2, 3, 0, 1, 7, 31, 32, 33, 100, 255, 256, 1000, 2**64, 2**160 - 1, 2**255 - 1, 2**255, 2**256 - 1, 10**15,
)  # fmt: skip
VALUES = (0, 0, 0, 0, 1, 1, 2, 7, 100, 10**6, 10**15, 10**18)
SIZES = spread({0: 10, 32: 12, 4: 2, 64: 6, 96: 4, 128: 4, 192: 2, 213: 1, 1: 1, 5000: 1})
OFFSETS = spread({0: 20, 32: 10, 64: 6, 1: 2, 31: 2, 96: 2, 1000: 2, 2**20: 1})
GAS = spread({"gas": 10, "100000": 4, "30000": 8, "3000": 3, "700": 1, "0": 2, "25000": 2, "9000": 2})
SLOTS = spread({"hot": 20, "caller": 2, "computed": 3, "far": 1})


class Expressions:
    """Draws expressions for a fork; `source` makes the choices.

    A method `_value_of_<kind>` makes expressions of that kind with at most `depth` levels below them.
    """

    def __init__(self, source: Source, fork: str) -> None:
        self._source = source
        self._fork = _ORDER.index(fork)

    def expression(self, depth: int) -> Node:
        """Return an expression of at most `depth` levels."""
        kind = self._source.pick(EXPRESSIONS) if depth > 0 else "const"
        method = getattr(self, f"_value_of_{kind}", None)
        if method is not None:
            made: Node = method(depth)
            return made
        return Node(self._known(kind, "calldataload"), (self.expression(depth - 1),))

    def _known(self, kind: str, otherwise: str) -> str:
        """Return `kind`, or what stands in for an opcode that the fork does not know (not always)."""
        return kind if _SINCE.get(kind, 0) <= self._fork or self._source.chance(3) else otherwise

    def _value_of_const(self, _depth: int) -> Node:
        return const(self._source.pick(CONSTANTS))

    def _value_of_sload(self, depth: int) -> Node:
        return Node("sload", (self.slot(depth),))

    def _value_of_tload(self, depth: int) -> Node:
        return Node(self._known("tload", "sload"), (self.slot(depth),))

    def _value_of_balance(self, depth: int) -> Node:
        if not self._source.chance(30):
            return Node("balance", (self.address(depth - 1),))
        return Node("selfbalance") if self._known("selfbalance", "") else Node("balance", (Node("address"),))

    def _value_of_extcodesize(self, depth: int) -> Node:
        return Node("extcodesize", (self.address(depth - 1),))

    def _value_of_extcodehash(self, depth: int) -> Node:
        return Node(self._known("extcodehash", "extcodesize"), (self.address(depth - 1),))

    def _value_of_environment(self, _depth: int) -> Node:
        return Node(self._known(self._source.pick(ENVIRONMENT), "gasprice"))

    def _value_of_binary(self, depth: int) -> Node:
        kind = self._known(self._source.pick(BINARY), "add")
        return Node(kind, (self.expression(depth - 1), self.expression(depth - 1)))

    def _value_of_unary(self, depth: int) -> Node:
        return Node(self._source.pick(("iszero", "not")), (self.expression(depth - 1),))

    def _value_of_ternary(self, depth: int) -> Node:
        return Node(self._source.pick(("addmod", "mulmod")), tuple(self.expression(depth - 1) for _ in range(3)))

    def _value_of_mload(self, _depth: int) -> Node:
        return Node("mload", (self.offset(),))

    def _value_of_keccak256(self, _depth: int) -> Node:
        return Node("keccak256", (self.offset(), self.size()))

    def _value_of_gas(self, _depth: int) -> Node:
        return Node("gas")

    def _value_of_blockhash(self, _depth: int) -> Node:
        return Node("blockhash", (Node("sub", (Node("number"), const(self._source.below(4)))),))

    def _value_of_blobhash(self, _depth: int) -> Node:
        return Node(self._known("blobhash", "calldataload"), (const(self._source.below(3)),))

    def _value_of_call(self, depth: int) -> Node:
        source = self._source
        kind = source.pick(CALLS)
        kind = self._known(kind, "callcode" if kind == "delegatecall" else "call")
        amount = source.pick(GAS)
        gas = Node("gas") if amount == "gas" else const(int(amount))
        data = (const(0), self.size(), const(0), self.size())
        value = (self.amount(depth),) if kind in {"call", "callcode"} else ()
        return Node(kind, (gas, self.address(depth), *value, *data))

    # -- arguments ----------------------------------------------------------------------------------------

    def amount(self, depth: int) -> Node:
        """Return the expression of a value to send."""
        return self.expression(depth - 1) if self._source.chance(8) else const(self._source.pick(VALUES))

    def offset(self) -> Node:
        """Return an offset in memory, code or data."""
        return const(self._source.pick(OFFSETS))

    def size(self) -> Node:
        """Return how many bytes of memory, code or data."""
        return const(self._source.pick(SIZES))

    def slot(self, depth: int) -> Node:
        """Return the expression of a slot: mostly one of three."""
        kind = self._source.pick(SLOTS)
        if kind == "caller":
            return Node("caller")
        if kind == "computed":
            return Node("and", (self.expression(depth - 1), const(3)))
        return const(2**255) if kind == "far" else const(self._source.below(3))

    def address(self, depth: int) -> Node:
        """Return the expression of an address: mostly one of those that all share."""
        source = self._source
        kind = source.pick(ADDRESSES)
        if kind in GROUPS:
            return account(source.pick(GROUPS[kind]))
        if kind == "computed":
            return Node("contract", (self.expression(depth - 1),))
        if kind == "stored":
            return Node("sload", (self.slot(depth),))
        return self.expression(depth - 1) if kind == "anything" else Node(kind)
