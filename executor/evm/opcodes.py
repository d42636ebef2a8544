"""Opcode tables: py-evm's own, with the hottest ones slimmed and the balance-reading ones made explicit.

An opcode is a function of a computation that charges its gas first. The slim ones do what py-evm's do (same
gas, same order of checks) without validations of values that cannot be wrong. BALANCE and SELFBALANCE ask for
an exact balance; SELFDESTRUCT moves balances as deltas, so that a beneficiary's balance is not read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from eth.exceptions import (
    FullStack,
    Halt,
    InsufficientStack,
    InvalidInstruction,
    InvalidJumpDestination,
    OutOfGas,
    WriteProtection,
)
from eth.vm.logic.invalid import InvalidOpcode

from executor.forks import ForkRules

Opcode: TypeAlias = Callable[[Any], None]
"""Takes py-evm's computation; `Any`, as its abstract types do not know our slim members."""

WORD = 2**256
SIGN_BIT = 2**255
STACK_LIMIT = 1024
VERY_LOW, BASE, LOW, MID, HIGH, JUMPDEST_GAS = 3, 2, 5, 8, 10, 1
NEW_ACCOUNT_GAS, COLD_ACCOUNT_GAS, DESTROY_GAS = 25_000, 2_600, 5_000


def _underflow(wanted: int) -> InsufficientStack:
    return InsufficientStack(f"wanted {wanted} stack items")


def _out_of_gas() -> OutOfGas:
    return OutOfGas("out of gas")


def _charge(computation: Any, amount: int) -> None:
    """Take gas; the hottest opcodes have these lines inline, where the call would cost a fifth."""
    meter = computation._gas_meter
    if amount > meter.gas_remaining:
        raise _out_of_gas()
    meter.gas_remaining -= amount


def _int(item: Any) -> int:
    return item if item.__class__ is int else int.from_bytes(item, "big")


def _push(size: int) -> Opcode:
    gas = VERY_LOW if size else BASE

    def push(computation: Any) -> None:
        meter = computation._gas_meter
        if meter.gas_remaining < gas:
            raise _out_of_gas()
        meter.gas_remaining -= gas
        values = computation._stack.values
        if len(values) >= STACK_LIMIT:
            msg = "stack limit reached"
            raise FullStack(msg)
        code = computation.code
        start = code.program_counter
        code.program_counter = end = start + size
        raw = code.raw[start:end]
        value = int.from_bytes(raw, "big")
        values.append(value if len(raw) == size else value << 8 * (size - len(raw)))

    return push


def _dup(position: int) -> Opcode:
    def dup(computation: Any) -> None:
        meter = computation._gas_meter
        if meter.gas_remaining < VERY_LOW:
            raise _out_of_gas()
        meter.gas_remaining -= VERY_LOW
        values = computation._stack.values
        if len(values) >= STACK_LIMIT:
            msg = "stack limit reached"
            raise FullStack(msg)
        if len(values) < position:
            raise _underflow(position)
        values.append(values[-position])

    return dup


def _swap(position: int) -> Opcode:
    index = -position - 1

    def swap(computation: Any) -> None:
        meter = computation._gas_meter
        if meter.gas_remaining < VERY_LOW:
            raise _out_of_gas()
        meter.gas_remaining -= VERY_LOW
        values = computation._stack.values
        if len(values) <= position:
            raise _underflow(position + 1)
        values[-1], values[index] = values[index], values[-1]

    return swap


def _pop(computation: Any) -> None:
    _charge(computation, BASE)
    values = computation._stack.values
    if not values:
        raise _underflow(1)
    values.pop()


def _unary(gas: int, function: Callable[[int], int]) -> Opcode:
    def run(computation: Any) -> None:
        _charge(computation, gas)
        values = computation._stack.values
        if not values:
            raise _underflow(1)
        values[-1] = function(_int(values[-1]))

    return run


def _binary(gas: int, function: Callable[[int, int], int]) -> Opcode:
    def run(computation: Any) -> None:
        meter = computation._gas_meter
        if meter.gas_remaining < gas:
            raise _out_of_gas()
        meter.gas_remaining -= gas
        values = computation._stack.values
        if len(values) < 2:
            raise _underflow(2)
        first = values.pop()
        second = values[-1]
        if first.__class__ is not int:
            first = int.from_bytes(first, "big")
        if second.__class__ is not int:
            second = int.from_bytes(second, "big")
        values[-1] = function(first, second)

    return run


def _signed(value: int) -> int:
    return value - WORD if value >= SIGN_BIT else value


def _land(computation: Any, target: int) -> None:
    code = computation.code
    targets = code.jump_targets
    if target not in targets.found and not targets.reach(target):
        if target < len(code.raw) and code.raw[target] == 0x5B:
            msg = "jump into push data"
            raise InvalidInstruction(msg)
        msg = "invalid jump destination"
        raise InvalidJumpDestination(msg)
    code.program_counter = target


def _jump(computation: Any) -> None:
    _charge(computation, MID)
    values = computation._stack.values
    if not values:
        raise _underflow(1)
    _land(computation, _int(values.pop()))


def _jumpi(computation: Any) -> None:
    _charge(computation, HIGH)
    values = computation._stack.values
    if len(values) < 2:
        raise _underflow(2)
    target, condition = values.pop(), values.pop()
    if _int(condition):
        _land(computation, _int(target))


def _jumpdest(computation: Any) -> None:
    _charge(computation, JUMPDEST_GAS)


def _mload(computation: Any) -> None:
    _charge(computation, VERY_LOW)
    values = computation._stack.values
    if not values:
        raise _underflow(1)
    start = _int(values[-1])
    computation.extend_memory(start, 32)
    values[-1] = int.from_bytes(computation._memory._bytes[start : start + 32], "big")


def _mstore(computation: Any) -> None:
    _charge(computation, VERY_LOW)
    values = computation._stack.values
    if len(values) < 2:
        raise _underflow(2)
    start, value = _int(values.pop()), _int(values.pop())
    computation.extend_memory(start, 32)
    computation._memory._bytes[start : start + 32] = value.to_bytes(32, "big")


def _calldataload(computation: Any) -> None:
    _charge(computation, VERY_LOW)
    values = computation._stack.values
    if not values:
        raise _underflow(1)
    start = _int(values[-1])
    word = bytes(computation.msg.data[start : start + 32])
    values[-1] = int.from_bytes(word, "big") << 8 * (32 - len(word))


def _slim_opcodes() -> dict[int, Opcode]:
    table: dict[int, Opcode] = {
        0x01: _binary(VERY_LOW, lambda a, b: (a + b) % WORD),
        0x02: _binary(LOW, lambda a, b: a * b % WORD),
        0x03: _binary(VERY_LOW, lambda a, b: (a - b) % WORD),
        0x04: _binary(LOW, lambda a, b: a // b if b else 0),
        0x06: _binary(LOW, lambda a, b: a % b if b else 0),
        0x10: _binary(VERY_LOW, lambda a, b: int(a < b)),
        0x11: _binary(VERY_LOW, lambda a, b: int(a > b)),
        0x12: _binary(VERY_LOW, lambda a, b: int(_signed(a) < _signed(b))),
        0x13: _binary(VERY_LOW, lambda a, b: int(_signed(a) > _signed(b))),
        0x14: _binary(VERY_LOW, lambda a, b: int(a == b)),
        0x15: _unary(VERY_LOW, lambda a: int(a == 0)),
        0x16: _binary(VERY_LOW, lambda a, b: a & b),
        0x17: _binary(VERY_LOW, lambda a, b: a | b),
        0x18: _binary(VERY_LOW, lambda a, b: a ^ b),
        0x19: _unary(VERY_LOW, lambda a: WORD - 1 - a),
        0x35: _calldataload,
        0x50: _pop,
        0x51: _mload,
        0x52: _mstore,
        0x56: _jump,
        0x57: _jumpi,
        0x5B: _jumpdest,
    }
    table |= {0x60 + i: _push(i + 1) for i in range(32)}
    table |= {0x80 + i: _dup(i + 1) for i in range(16)}
    table |= {0x90 + i: _swap(i + 1) for i in range(16)}
    return table


def _shifts() -> dict[int, Opcode]:
    return {
        0x1B: _binary(VERY_LOW, lambda a, b: (b << a) % WORD if a < 256 else 0),
        0x1C: _binary(VERY_LOW, lambda a, b: b >> a if a < 256 else 0),
    }


def _exact(opcode: Opcode) -> Opcode:
    """Run `opcode` with balances answered by value."""

    def run(computation: Any) -> None:
        state = computation.state
        state.exact = True
        try:
            opcode(computation)
        finally:
            state.exact = False

    return run


def _destroy_gas(computation: Any, beneficiary: bytes, rules: ForkRules) -> int:
    """Return what SELFDESTRUCT costs beside its base (EIP-150, EIP-161, EIP-2929)."""
    state, own = computation.state, computation.msg.storage_address
    gas = 0
    if rules.access_lists and not state.is_address_warm(beneficiary):
        state.mark_address_warm(beneficiary)
        gas += COLD_ACCOUNT_GAS
    if rules.engine in {"frontier", "homestead"} or state.account_exists(beneficiary):
        return gas
    if rules.empty_accounts_removed and not state.exact_balance(own):
        return gas
    return gas + NEW_ACCOUNT_GAS


def _selfdestruct(rules: ForkRules) -> Opcode:
    base_gas = 0 if rules.engine in {"frontier", "homestead"} else DESTROY_GAS

    def selfdestruct(computation: Any) -> None:
        if computation.msg.is_static:
            msg = "cannot modify state inside of a static call"
            raise WriteProtection(msg)
        _charge(computation, base_gas)
        values = computation._stack.values
        if not values:
            raise _underflow(1)
        beneficiary = (_int(values.pop()) % 2**160).to_bytes(20, "big")
        _charge(computation, _destroy_gas(computation, beneficiary, rules))
        state, own = computation.state, computation.msg.storage_address
        balance = state.exact_balance(own)
        state.delta_balance(beneficiary, balance)
        state.delta_balance(own, -balance)
        dies = not rules.blobs or own in computation.contracts_created  # EIP-6780
        if dies:
            # beneficiary and victim may be one: what it holds is burned now, not kept until the end
            state.delta_balance(own, -state.exact_balance(own))
            computation.register_account_for_deletion(beneficiary)
        msg = "SELFDESTRUCT"
        raise Halt(msg)

    return selfdestruct


def opcode_table(py_evm_opcodes: dict[int, Opcode], rules: ForkRules) -> tuple[Opcode, ...]:
    """Return 256 opcodes for a fork, from py-evm's table of it."""
    table: list[Opcode] = [py_evm_opcodes.get(value, InvalidOpcode(value)) for value in range(256)]
    slim = _slim_opcodes() | (_shifts() if 0x1B in py_evm_opcodes else {})
    if 0x5F in py_evm_opcodes:
        slim[0x5F] = _push(0)
    for value, opcode in slim.items():
        table[value] = opcode
    for value in (0x31, 0x47):  # BALANCE, SELFBALANCE
        if value in py_evm_opcodes:
            table[value] = _exact(py_evm_opcodes[value])
    table[0xFF] = _selfdestruct(rules)
    return tuple(table)
