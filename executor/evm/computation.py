"""py-evm's Computation of each fork over our state: the same opcodes, without debug strings and copies.

What is overridden, and why: the frame's construction and opcode loop (speed), value transfer and code deposit
(debug strings), the set of contracts created (a delegated sender must not reset it, EIP-6780 and 7702), init
code gas (part of the intrinsic gas in our validity layer), logs (kept in the state's undo list).
"""

from __future__ import annotations

from functools import cache, lru_cache
from importlib import import_module
from typing import Any

from eth.constants import GAS_CODEDEPOSIT, STACK_DEPTH_LIMIT
from eth.exceptions import Halt, InsufficientFunds, OutOfGas, StackDepthLimit, VMError
from eth.vm.computation import NO_RESULT, BaseComputation
from eth.vm.memory import Memory
from eth.vm.message import Message
from eth.vm.stack import Stack

from executor.evm.opcodes import Opcode, opcode_table
from executor.evm.precompiles import corrected_precompiles
from executor.forks import ForkRules
from scheduler.access import Address

JUMPDEST, PUSH1, PUSH32 = 0x5B, 0x60, 0x7F
UINT256_LIMIT = 2**256


class JumpTargets:
    """The JUMPDESTs of a code that are not push data, found as far into the code as jumps have asked for."""

    __slots__ = ("_code", "_position", "found")

    def __init__(self, code: bytes) -> None:
        self.found: set[int] = set()
        self._code = code
        self._position = 0

    def reach(self, target: int) -> bool:
        """Return whether `target` may be jumped to; a linear pass, taken up where the last one ended."""
        code, position, size = self._code, self._position, len(self._code)
        while position <= target and position < size:
            opcode = code[position]
            if opcode == JUMPDEST:
                self.found.add(position)
            elif PUSH1 <= opcode <= PUSH32:
                position += opcode - PUSH1 + 1
            position += 1
        self._position = max(position, self._position)
        return target in self.found


@lru_cache(maxsize=4096)
def jump_targets(code: bytes) -> JumpTargets:
    """Return what is known of a code's jump targets, kept over frames, transactions and blocks."""
    return JumpTargets(code)


class SlimCode:
    """Code with a program counter, in the shape of py-evm's CodeStream as far as opcodes use it."""

    __slots__ = ("jump_targets", "program_counter", "raw")

    def __init__(self, raw: bytes) -> None:
        self.raw = raw
        self.program_counter = 0
        self.jump_targets = jump_targets(raw)

    def __len__(self) -> int:
        """Return the size in bytes."""
        return len(self.raw)

    def read(self, size: int) -> bytes:
        """Return the next bytes and move past them, like CODECOPY does."""
        start = self.program_counter
        self.program_counter = start + size
        return self.raw[start : start + size]

    def seek(self, position: int) -> _Seek:
        """Move to `position` for the length of a `with` block."""
        return _Seek(self, position)


class _Seek:
    __slots__ = ("_anchor", "_code", "_position")

    def __init__(self, code: SlimCode, position: int) -> None:
        self._code, self._position, self._anchor = code, position, code.program_counter

    def __enter__(self) -> SlimCode:
        self._code.program_counter = self._position
        return self._code

    def __exit__(self, *_: object) -> None:
        self._code.program_counter = self._anchor


class SlimGasMeter:
    """Gas of one frame; refunds may be negative within a frame (EIP-2200)."""

    __slots__ = ("gas_refunded", "gas_remaining", "start_gas")

    def __init__(self, start_gas: int) -> None:
        self.start_gas = self.gas_remaining = start_gas
        self.gas_refunded = 0

    def consume_gas(self, amount: int, reason: str) -> None:
        """Take gas, or raise OutOfGas."""
        if amount > self.gas_remaining:
            msg = f"out of gas: {reason} needs {amount}, {self.gas_remaining} remain"
            raise OutOfGas(msg)
        self.gas_remaining -= amount

    def return_gas(self, amount: int) -> None:
        """Give back what a child frame left."""
        self.gas_remaining += amount

    def refund_gas(self, amount: int) -> None:
        """Add to the refund counter."""
        self.gas_refunded += amount


class FlatComputation(BaseComputation):
    """Mixed in before py-evm's Computation of a fork by `computation_class`."""

    table: tuple[Opcode, ...]
    rules: ForkRules

    def __init__(self, state: Any, message: Message, transaction_context: Any) -> None:
        self.state = state
        self.msg = message
        self.transaction_context = transaction_context
        self.code = SlimCode(message.code)
        self._gas_meter = SlimGasMeter(message.gas)
        self.children: list[FlatComputation] = []
        self.accounts_to_delete: list[Address] = []
        self.beneficiaries: list[Address] = []
        self._stack = Stack()
        self._memory = Memory()
        self.contracts_created: list[Address] = []

    def extend_memory(self, start_position: int, size: int) -> None:
        """Charge for and grow the memory."""
        if not size:
            return
        memory = self._memory._bytes
        words, needed = len(memory) >> 5, (start_position + size + 31) >> 5
        if needed > words:
            cost = 3 * (needed - words) + needed * needed // 512 - words * words // 512
            self._gas_meter.consume_gas(cost, "memory")
            memory.extend(bytes((needed - words) << 5))

    def add_log_entry(self, account: Address, topics: tuple[int, ...], data: bytes) -> None:
        """Keep the event in the state, whose undo list drops it with its frame."""
        self.state.add_log(account, tuple(topic.to_bytes(32, "big") for topic in topics), data)

    def fail(self, error: VMError) -> None:
        """End the frame with `error`, burning its gas unless it is a revert."""
        self._error = error
        if error.burns_gas:
            self._gas_meter.gas_remaining = 0
        if error.erases_return_data:
            self.return_data = b""

    @classmethod
    def apply_message(
        cls, state: Any, message: Message, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """Move the value and run the frame; its changes are taken back if it fails."""
        mark = state.snapshot()
        if message.depth > STACK_DEPTH_LIMIT:
            msg = "stack depth limit reached"
            raise StackDepthLimit(msg)
        if message.should_transfer_value and message.value:
            if state.get_balance(message.sender) < message.value:
                msg = "insufficient funds for the value"
                raise InsufficientFunds(msg)
            state.delta_balance(message.sender, -message.value)
            state.delta_balance(message.storage_address, message.value)
        state.touch_account(message.storage_address)
        computation = cls.apply_computation(state, message, transaction_context, parent_computation)
        if computation._error is not None:
            state.revert(mark)
        return computation

    @classmethod
    def apply_create_message(
        cls, state: Any, message: Message, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """Run init code and deposit what it returns (EIP-2, 161, 170, 3541, 3860)."""
        mark = state.snapshot()
        if cls.rules.empty_accounts_removed:
            state.increment_nonce(message.storage_address)
            cls.validate_create_message(message)
        computation = cls.apply_message(state, message, transaction_context, parent_computation)
        if computation._error is not None:
            state.revert(mark)
            return computation
        if code := computation.output:
            try:
                cls._deposit(computation, code)
            except VMError as error:
                computation.fail(error)
                state.revert(mark)
        return computation

    @classmethod
    def _deposit(cls, computation: Any, code: bytes) -> None:
        if cls.rules.empty_accounts_removed:
            cls.validate_contract_code(code)
        cost = len(code) * GAS_CODEDEPOSIT
        if not cls.rules.homestead and cost > computation._gas_meter.gas_remaining:
            computation.output = b""  # Frontier: a contract without code, its gas kept
            return
        computation.consume_gas(cost, "code deposit")
        computation.state.set_code(computation.msg.storage_address, code)

    @classmethod
    def apply_computation(
        cls, state: Any, message: Message, transaction_context: Any, parent_computation: Any = None
    ) -> Any:
        """Run one frame: a precompile, or opcodes until one halts."""
        computation = cls(state, message, transaction_context)
        if parent_computation is not None:
            computation.contracts_created = parent_computation.contracts_created
        if message.is_create:
            computation.contracts_created.append(message.storage_address)
        precompile = cls._precompiles.get(message.code_address, NO_RESULT)
        try:
            if precompile is NO_RESULT:
                computation.run()
            elif not message.is_delegation:
                precompile(computation)
        except VMError as error:
            computation.fail(error)
        return computation

    def run(self) -> None:
        """Execute opcodes from the program counter on."""
        code = self.code
        raw, size, table = code.raw, len(code.raw), self.table
        try:
            while True:
                position = code.program_counter
                if position >= size:
                    return
                code.program_counter = position + 1
                table[raw[position]](self)
        except Halt:
            return


@cache
def computation_class(rules: ForkRules) -> type[FlatComputation]:
    """Return the Computation of a fork over our state."""
    module = import_module(f"eth.vm.forks.{rules.engine}.computation")
    name = "".join(part.capitalize() for part in rules.engine.split("_")) + "Computation"
    base = getattr(module, name)
    members = {
        "rules": rules,
        "table": opcode_table(base.opcodes, rules),
        "_precompiles": corrected_precompiles(base.get_precompiles()),
        "consume_initcode_gas_cost": classmethod(lambda _cls, _computation: None),
    }
    return type(f"Flat{name}", (FlatComputation, base), members)
