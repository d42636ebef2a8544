"""A block is right if every schedule ends in the sequential result, and EELS ends there too."""

from __future__ import annotations

from dataclasses import dataclass

from executor.receipts import decode_logs
from executor.roots import state_root
from executor.state import Account, MemoryState
from executor.types import Block, BlockResult, Receipt
from scheduler.access import Address
from tests.eels import EelsReceipt, EelsRejection, EelsResult, execute_block
from tests.oracle import SCHEDULES, Compared, Schedule, assert_same_as_sequential

BLIND_LIMIT = 8
BLIND: Schedule = ("optimistic", "none", None, BLIND_LIMIT, 1)
"""A worker for each transaction, and all of them sent before the first reply: as long as there are no more than
eight, every first run sees the state before the block and nothing else."""

IN_THREES: Schedule = ("optimistic", "none", 4, 2, 3)
"""The first three go to one worker and the next three to another, who knows of the first ones nothing: what its own
first one wrote while it was wrong, its second and third one have seen."""


@dataclass(frozen=True)
class Right(Compared):
    """A block that came out right; `post` is the whole state after it."""

    post: MemoryState

    @property
    def again(self) -> list[int]:
        """The transactions that ran again after a first run on nothing but the state before the block."""
        assert len(self.sequential.receipts) <= BLIND_LIMIT, "the first runs of a longer block are not blind"
        return self.ran_again(BLIND)

    def ran_again(self, schedule: Schedule) -> list[int]:
        """Return the transactions that ran more than once on a schedule."""
        runs = self.parallel[schedule].stats.executions_by_tx
        return [index for index, count in enumerate(runs) if count > 1]

    @property
    def once_if_expected(self) -> bool:
        """Whether every schedule that knew the access sets ran each transaction exactly once."""
        results = [result for (_, source, *_), result in self.parallel.items() if source == "exact"]
        return all(set(result.stats.executions_by_tx) <= {1} and not result.stats.conflicts for result in results)

    @property
    def statuses(self) -> set[int | None]:
        """Return the statuses of the receipts."""
        return {receipt.status for receipt in self.sequential.receipts}

    def account(self, address: Address) -> Account | None:
        """Return the account after the block, None where there is none."""
        return self.post.accounts.get(address)

    def balance(self, address: Address) -> int:
        """Return the wei that the account holds after the block."""
        account = self.account(address)
        return 0 if account is None else account.balance

    def slots(self, address: Address) -> dict[int, int]:
        """Return the slots of the account after the block; zero slots are not there."""
        account = self.account(address)
        return {} if account is None else account.storage

    def gas(self, index: int) -> int:
        """Return the gas that a transaction used."""
        return self.sequential.receipts[index].gas_used


def assert_right(block: Block, pre_state: MemoryState) -> Right:
    """Run `block` on every schedule and by EELS; hold all results against the sequential one."""
    compared = assert_same_as_sequential(block, pre_state, (*SCHEDULES, BLIND))
    ours, eels = compared.sequential, execute_block(block, pre_state)
    assert isinstance(eels, EelsResult), eels
    _assert_same_receipts(ours, eels)
    assert (ours.requests, ours.requests_hash) == (eels.requests, eels.requests_hash)
    post = pre_state.copy()
    post.apply(ours.state_diff)
    assert rows(post) == rows(eels.post)
    assert state_root(post) == eels.state_root
    return Right(ours, compared.parallel, post)


def assert_eels_rejects(block: Block, pre_state: MemoryState, reason: type[Exception]) -> None:
    """Demand that EELS refuses the block, for the reason that our errors give the same name."""
    eels = execute_block(block, pre_state)
    assert isinstance(eels, EelsRejection), eels
    assert eels.name == reason.__name__


def rows(state: MemoryState) -> dict[str, tuple[int, int, str, dict[int, int]]]:
    """Return a state as plain values, which show in a failure: (balance, nonce, code hash, slots that are not 0)."""
    return {
        address.hex(): (one.balance, one.nonce, one.code_hash.hex(), {k: v for k, v in one.storage.items() if v})
        for address, one in state.accounts.items()
    }


def _assert_same_receipts(ours: BlockResult, eels: EelsResult) -> None:
    assert tuple(map(_as_eels, ours.receipts)) == eels.receipts
    assert (ours.gas_used, ours.blob_gas_used) == (eels.gas_used, eels.blob_gas_used)
    assert ours.bloom == eels.bloom
    assert ours.receipts_root == eels.receipts_root


def _as_eels(receipt: Receipt) -> EelsReceipt:
    return EelsReceipt(
        tx_type=receipt.tx_type,
        status=receipt.status,
        gas_used=receipt.gas_used,
        cumulative_gas_used=receipt.cumulative_gas_used,
        bloom=receipt.bloom,
        logs=decode_logs(receipt.logs_rlp),
        post_state=receipt.post_state,
    )
