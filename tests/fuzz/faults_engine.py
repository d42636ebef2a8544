"""Faults that sequential and parallel execution share, so that only EELS shows them: rules, gas, effects."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from executor import receipts
from executor.evm import computation, delegation, opcodes, transaction, validity
from executor.evm.computation import FlatComputation
from executor.evm.state import EvmState
from executor.evm.transaction import Engine
from executor.forks import ForkRules
from executor.merge import BlockMerger
from executor.settled import SettledState
from executor.view import TransactionView
from scheduler.access import WriteSet
from tests.fuzz.fault import Fault, Planting, computed, instead


@contextmanager
def _clears_dropped() -> Iterator[None]:
    original = TransactionView.write_set

    def write_set(self: TransactionView) -> WriteSet:
        written = original(self)
        return WriteSet(written.values, written.deltas)

    with patch.object(TransactionView, "write_set", write_set):
        yield


@contextmanager
def _deltas_overwrite() -> Iterator[None]:
    original = SettledState.apply

    def apply(self: Any, result: Any) -> None:
        for address in result.writes.deltas:
            self._deltas.pop(address, None)
        original(self, result)

    with patch.object(SettledState, "apply", apply):
        yield


@contextmanager
def _room_unchecked() -> Iterator[None]:
    original = BlockMerger._admit

    def admit(self: BlockMerger, index: int, result: Any) -> None:
        original(self, index, result._replace(gas_limit=0))

    with patch.object(BlockMerger, "_admit", admit):
        yield


def _leaking(member: str) -> Planting:
    """Return what lets a set of one transaction live on in the next."""

    @contextmanager
    def plant() -> Iterator[None]:
        original = Engine.view

        def view(self: Any, earlier: Any, below: int) -> EvmState:
            state = original(self, earlier, below)
            setattr(state, member, self.__dict__.setdefault("leaked", getattr(state, member)))
            return state

        with patch.object(Engine, "view", view):
            yield

    return plant


@contextmanager
def _contracts_may_send() -> Iterator[None]:
    original = validity.check_sender

    def check_sender(tx: Any, sender: bytes, state: EvmState) -> None:
        try:
            original(tx, sender, state)
        except validity.InvalidSenderError:
            return

    with patch.object(transaction, "check_sender", check_sender):
        yield


@contextmanager
def _funds_without_value() -> Iterator[None]:
    original = validity.check_sender

    def check_sender(tx: Any, sender: bytes, state: EvmState) -> None:
        original(replace(tx, value=0), sender, state)

    with patch.object(transaction, "check_sender", check_sender):
        yield


@contextmanager
def _logs_survive_reverts() -> Iterator[None]:
    original = TransactionView.add_log

    def add_log(self: TransactionView, address: bytes, topics: tuple[bytes, ...], data: bytes) -> None:
        original(self, address, topics, data)
        self._undo.pop()

    with patch.object(TransactionView, "add_log", add_log):
        yield


@contextmanager
def _current_as_original() -> Iterator[None]:
    original = TransactionView.get_storage

    def get_storage(self: TransactionView, address: bytes, slot: int, from_journal: bool = True) -> int:  # noqa: ARG001, FBT002 - py-evm's
        return original(self, address, slot)

    with patch.object(TransactionView, "get_storage", get_storage):
        yield


@contextmanager
def _destroyed_keep_their_balance() -> Iterator[None]:
    original = TransactionView.destroy

    def destroy(self: TransactionView, address: bytes) -> None:
        balance = self._deltas.get(address, 0)
        original(self, address)
        self._deltas[address] = balance

    with patch.object(TransactionView, "destroy", destroy):
        yield


def _reversed_logs(logs: Any) -> bytes:
    return receipts.encode_logs(tuple(logs)[::-1])


FAULTS = tuple(
    Fault(name, plant)
    for name, plant in {
        "a clear is not applied": _clears_dropped,
        "a delta replaces those before it": _deltas_overwrite,
        "room in the block is not checked": _room_unchecked,
        "refunds reach a quarter of the gas": computed(ForkRules, "refund_quotient", lambda: 4),
        "warm sets leak into the next transaction": _leaking("_warm"),
        "transient storage leaks into the next transaction": _leaking("_transient"),
        "EIP-7702 refunds 12 400": instead(delegation, "EXISTING_ACCOUNT_REFUND", 12_400),
        "contracts may send (EIP-3607)": _contracts_may_send,
        "funds are measured without the value": _funds_without_value,
        "code deposit costs 199 a byte": instead(computation, "GAS_CODEDEPOSIT", 199),
        "a listed slot costs 2 000": instead(validity, "LISTED_SLOT_GAS", 2_000),
        "the calldata floor is 9 a token": instead(validity, "FLOOR_TOKEN_GAS", 9),
        "a word of init code costs 1": instead(validity, "WORD_GAS", 1),
        "logs stand in reverse": instead(transaction, "encode_logs", _reversed_logs),
        "logs survive reverts": _logs_survive_reverts,
        "what a transaction created is forgotten (EIP-6780)": computed(FlatComputation, "contracts_created", list),
        "a new beneficiary costs nothing": instead(opcodes, "NEW_ACCOUNT_GAS", 0),
        "the current value passes for the original": _current_as_original,
        "the destroyed keep their balance": _destroyed_keep_their_balance,
    }.items()
)
