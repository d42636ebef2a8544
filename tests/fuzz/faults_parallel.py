"""Faults that make parallel execution differ from sequential: in what runs note, in versions, settling and merge."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from executor import worker
from executor.evm.state import EvmState
from executor.parallel import BlockRun
from executor.view import TransactionView
from scheduler.access import BALANCE, EXISTENCE, NONCE
from scheduler.multi_version import MultiVersionState
from scheduler.settled_values import SettledValues
from tests.fuzz.fault import Fault, instead


def _unrecorded_balance(self: Any, address: bytes) -> Any:
    return self._earlier.balance(address, self._below)


def _balance_as_bound(self: Any, address: bytes) -> Any:
    seen = self._earlier.balance(address, self._below)
    self.bounds[address] = max(seen, self.bounds.get(address, 0))
    return seen


def _unrecorded_existence(self: Any, address: bytes) -> bool:
    return bool(self.reads.get((address, EXISTENCE, 0), self._earlier.exists(address, self._below)))


def _nonce_taken_on_trust(self: Any, address: bytes) -> Any:
    assumed = self.assumed.get(address)
    if assumed is not None:
        return assumed
    return self.reads.setdefault((address, NONCE, 0), self._earlier.nonce(address, self._below))


@contextmanager
def _reverted_reads_dropped() -> Iterator[None]:
    revert, snapshot = TransactionView.revert, TransactionView.snapshot
    known: dict[tuple[int, int], int] = {}

    def marked(self: TransactionView) -> int:
        mark = snapshot(self)
        known[id(self), mark] = len(self.reads)
        return mark

    def dropped(self: TransactionView, mark: int) -> None:
        revert(self, mark)
        for location in list(self.reads)[known[id(self), mark] :]:
            del self.reads[location]

    with patch.object(TransactionView, "snapshot", marked), patch.object(TransactionView, "revert", dropped):
        yield


@contextmanager
def _own_fees_dropped() -> Iterator[None]:
    original = EvmState.delta_balance

    def delta_balance(self: EvmState, address: bytes, delta: int) -> None:
        if delta > 0 and address == self.coinbase and address in self.assumed:
            return
        original(self, address, delta)

    with patch.object(EvmState, "delta_balance", delta_balance):
        yield


def _one_delta_only(self: Any, address: bytes, below: int) -> Any:
    changes, balance = self._deltas.get(address), self._base_read((address, BALANCE, 0))
    return balance if changes is None or changes.indices[0] >= below else balance + changes.amounts[0]


@contextmanager
def _too_late_slots() -> Iterator[None]:
    original = MultiVersionState.storage

    def storage(self: MultiVersionState, address: bytes, slot: int, below: int) -> int:
        return original(self, address, slot, below + 1)

    with patch.object(MultiVersionState, "storage", storage):
        yield


@contextmanager
def _merged_backwards() -> Iterator[None]:
    original = BlockRun._merge_settled

    def merge(self: BlockRun, settled: list[int]) -> None:
        original(self, settled[::-1])

    with patch.object(BlockRun, "_merge_settled", merge):
        yield


def _ignored(*_arguments: object) -> None:
    """Do nothing, find nothing wrong."""


FAULTS = tuple(
    Fault(name, plant, in_parallel=True)
    for name, plant in {
        "an exact balance is not recorded": instead(TransactionView, "_seen_balance", _unrecorded_balance),
        "an exact balance is recorded as a bound": instead(TransactionView, "_seen_balance", _balance_as_bound),
        "reads of reverted frames are dropped": _reverted_reads_dropped,
        "existence is not recorded": instead(TransactionView, "_seen_existence", _unrecorded_existence),
        "bounds are dropped": instead(TransactionView, "final_bounds", lambda _self: {}),
        "the sender's nonce is taken on trust": instead(TransactionView, "_seen_nonce", _nonce_taken_on_trust),
        "credits are dropped where the coinbase sends": _own_fees_dropped,
        "validation is off": instead(SettledValues, "broken", _ignored),
        "stale writes are kept": instead(MultiVersionState, "_forget", _ignored),
        "a clear is not seen by others": instead(MultiVersionState, "_cleared_slot", MultiVersionState._latest),
        "a balance is read with one delta only": instead(MultiVersionState, "balance", _one_delta_only),
        "slots are read one transaction too late": _too_late_slots,
        "deployed codes are not shipped": instead(worker.Store, "add", _ignored),
        "results are merged backwards": _merged_backwards,
    }.items()
)
