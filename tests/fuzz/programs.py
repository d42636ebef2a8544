"""Random programs: a grammar of statements that write, call, create, destroy, log, branch and fail."""

from __future__ import annotations

from tests.fuzz.children import INIT_CODES, SALTS, account, const
from tests.fuzz.expressions import GROUPS, SIZES, Expressions
from tests.fuzz.nodes import Node, Program, compiled, init_code
from tests.fuzz.source import spread

STATEMENTS = spread({
    "sstore": 20, "count": 16, "keep": 10, "if": 18, "call": 30, "log": 10, "mstore": 6, "tstore": 6, "pop": 6,
    "create": 6, "create2": 9, "selfdestruct": 4, "revert": 3, "return": 3, "stop": 1, "invalid": 1,
    "extcodecopy": 3, "returndatacopy": 3, "copy": 4, "loop": 4, "burn": 1, "raw": 2, "clear": 5, "gate": 10,
    "once": 6, "phoenix": 8, "pay": 14,
})  # fmt: skip
KNOWN_INIT_CODES = INIT_CODES[:5]
"""The others are for failing."""


class Grammar(Expressions):
    """Draws programs; a method `_do_<kind>` makes statements of that kind, at most `depth` levels deep."""

    def program(self, most: int) -> Program:
        """Return a program of up to `most` statements (those in branches and loops come on top)."""
        return tuple(self.statement(3) for _ in range(1 + self._source.below(most)))

    def init_code(self) -> bytes:
        """Return init code: one of the known, or a random constructor before random code."""
        source = self._source
        if not source.chance(35):
            return source.pick(INIT_CODES if source.chance(20) else KNOWN_INIT_CODES)
        return init_code(self.program(2), compiled(self.program(3)))

    def statement(self, depth: int) -> Node:
        """Return a statement with at most `depth` levels of expressions and branches below it."""
        kind = self._source.pick(STATEMENTS)
        method = getattr(self, f"_do_{kind}", None)
        if method is None:
            return Node(kind)
        made: Node = method(depth)
        return made

    def _do_sstore(self, depth: int) -> Node:
        return Node("sstore", (self.slot(depth), self.expression(depth - 1)))

    def _do_count(self, depth: int) -> Node:
        slot = self.slot(depth)
        return Node("sstore", (slot, Node("add", (Node("sload", (slot,)), const(1 + self._source.below(2))))))

    def _do_clear(self, depth: int) -> Node:
        return Node("sstore", (self.slot(depth), const(0)))

    def _do_keep(self, depth: int) -> Node:
        """Keep a balance, so that whoever changes it is noticed."""
        return Node("sstore", (self.slot(depth), self._value_of_balance(depth)))

    def _do_if(self, depth: int) -> Node:
        return Node("if", (self.expression(depth - 1), *self._body(depth)))

    def _do_gate(self, _depth: int) -> Node:
        """Write only while a counter is low, or where it says: a stale run may write more, or elsewhere."""
        source = self._source
        counter, other = const(source.below(2)), const(2)
        seen = Node("sload", (counter,))
        if source.chance(40):
            return Node("sstore", (Node("and", (seen, const(3))), const(1 + source.below(3))))
        low = Node("lt", (seen, const(1 + source.below(3))))
        count = Node("sstore", (counter, Node("add", (seen, const(1)))))
        keep = Node("sstore", (Node("caller"), Node("sload", (other,))))
        return Node("group", (Node("if", (low, Node("sstore", (other, Node("origin"))))), keep, count))

    def _do_pay(self, depth: int) -> Node:
        """Send a little to somebody and keep whether it could be paid: others may have come first."""
        source = self._source
        address = account(source.pick(GROUPS["nobody"])) if source.chance(50) else self.address(depth)
        value = const(source.pick((1, 2, 7, 100)))
        paid = Node("call", (const(30_000), address, value, *[const(0)] * 4))
        if source.chance(40):
            paid = Node("add", (Node("gas"), paid))
        return Node("sstore", (self.slot(depth), paid))

    def _do_once(self, _depth: int) -> Node:
        """Keep what lies in transient storage, then change it: the next transaction has to find nothing."""
        slot = const(self._source.below(2))
        load, store = self._known("tload", "sload"), self._known("tstore", "sstore")
        return Node("group", (Node("sstore", (slot, Node(load, (slot,)))), Node(store, (slot, Node("number")))))

    def _do_phoenix(self, depth: int) -> Node:
        """Create what dies when called, call it, and send it something after its death."""
        source, slot = self._source, const(2)
        kind, salt = ("create2", (const(source.pick(SALTS)),)) if self._known("create2", "") else ("create", ())
        made = Node(kind, (self.amount(depth), *salt), raw=source.pick(INIT_CODES[:3]))
        calls = tuple(
            Node("pop", (Node("call", (Node("gas"), Node("sload", (slot,)), self.amount(depth), *[const(0)] * 4)),))
            for _ in range(source.below(3))
        )
        return Node("group", (Node("sstore", (slot, made)), *calls))

    def _do_loop(self, depth: int) -> Node:
        return Node("loop", self._body(depth), value=2 + self._source.below(3))

    def _body(self, depth: int) -> Program:
        return tuple(self.statement(depth - 1) for _ in range(1 + self._source.below(2))) if depth > 0 else ()

    def _do_call(self, depth: int) -> Node:
        return self._kept(self._value_of_call(depth), depth)

    def _do_pop(self, depth: int) -> Node:
        return Node("pop", (self.expression(depth),))

    def _do_log(self, depth: int) -> Node:
        topics = self._source.below(5)
        if topics == 0 and depth > 0:  # several in a row
            return Node("group", (self._do_log(0), self._do_log(0)))
        store = Node("mstore", (const(0), self.expression(depth - 1)))
        parts = (const(0), self.size(), *(self.expression(1) for _ in range(topics)))
        return Node("group", (store, Node(f"log{topics}", parts)))

    def _do_mstore(self, depth: int) -> Node:
        kind = "mstore8" if self._source.chance(15) else "mstore"
        return Node(kind, (self.offset(), self.expression(depth - 1)))

    def _do_tstore(self, depth: int) -> Node:
        return Node(self._known("tstore", "sstore"), (self.slot(depth), self.expression(depth - 1)))

    def _do_create(self, depth: int) -> Node:
        return self._kept(Node("create", (self.amount(depth),), raw=self.init_code()), depth)

    def _do_create2(self, depth: int) -> Node:
        if self._known("create2", "create") == "create":
            return self._do_create(depth)
        salt = const(self._source.pick(SALTS))
        return self._kept(Node("create2", (self.amount(depth), salt), raw=self.init_code()), depth)

    def _kept(self, made: Node, depth: int) -> Node:
        """Store a result, or drop it."""
        if self._source.chance(50):
            return Node("sstore", (self.slot(depth), made))
        return Node("pop", (made,))

    def _do_selfdestruct(self, depth: int) -> Node:
        return Node("selfdestruct", (self.address(depth),))

    def _do_revert(self, _depth: int) -> Node:
        return Node(self._known("revert", "return"), (self.offset(), self.size()))

    def _do_return(self, _depth: int) -> Node:
        return Node("return", (self.offset(), self.size()))

    def _do_raw(self, _depth: int) -> Node:
        return Node("raw", raw=self._source.bytes(1 + self._source.below(12)))

    def _do_extcodecopy(self, depth: int) -> Node:
        return Node("extcodecopy", (self.address(depth), self.offset(), self.offset(), self.size()))

    def _do_returndatacopy(self, _depth: int) -> Node:
        kind = self._known("returndatacopy", "calldatacopy")
        all_of_it = Node(self._known("returndatasize", "calldatasize"))
        return Node(kind, (self.offset(), const(0), self.size() if self._source.chance(30) else all_of_it))

    def _do_copy(self, _depth: int) -> Node:
        kind = self._known(self._source.pick(("calldatacopy", "codecopy", "mcopy")), "codecopy")
        return Node(kind, (self.offset(), self.offset(), const(self._source.pick(SIZES))))
