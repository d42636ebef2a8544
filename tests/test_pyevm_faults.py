"""What py-evm 0.12.1b1 does wrong as shipped, shown on it, and what this executor and EELS do instead.

| what | as shipped | here and in EELS |
|---|---|---|
| gas limit below the EIP-7623 floor | accepted, charged above the limit | InsufficientTransactionGasError |
| the floor with refunds | pays 69 000, the receipt says 64 836 | 69 000 for both |
| priority fee above max fee | accepted | PriorityFeeGreaterThanMaxFeeError |
| a sender with code (EIP-3607) | accepted | InvalidSenderError |
| funds, London to Shanghai | gas x price paid + value | gas x max fee + value |
| funds from Cancun on | and also gas x max fee, without the value | gas x max fee + value |
| a delegated sender's inner CREATE | its init code is charged twice | once |
| a creation's gas limit | its init code is not part of the least | InsufficientTransactionGasError |
| blobs | counted for whole blocks, when these are imported | BlobGasLimitExceededError |
| a legacy transaction for another chain | accepted | InvalidSignatureError |
| KZG trusted setup | loaded by every point evaluation | loaded once |
| BLOCKHASH | walks all younger hashes, which must be there | asks for the one |
| beacon roots, history contracts | "deployed" where they are already | part of the pre-state |
| Osaka | missing | EELS has it, here it is an unknown fork |

Not faults: receipts before Byzantium hold intermediate state roots because the protocol says so (they cost a root
per transaction, and need the whole state); where the system contracts stand in the pre-state, as they do on every
chain that has passed their fork, what py-evm writes into them is what EELS writes.
"""

from __future__ import annotations

from typing import Any

import pytest
from eth_utils.exceptions import ValidationError

from bench.pyevm_baseline import run_as_shipped
from executor.block_executor import BlockExecutor
from executor.errors import InvalidTransaction
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from tests import builders, eels
from tests.oracle import assert_same_as_sequential
from tests.pyevm import Shipped, accepted_by_eels
from tests.signing import FEE_MARKET
from tests.validity.case import CONTRACT, PRICE, SENDER, ValidityCase, legacy, signed, state
from tests.validity.fees import FLOOR_DATA, FLOOR_GAS, clearing, dynamic
from tests.validity_cases import CASES

BY_NAME = {str(case): case for case in CASES}


def reason_here(block: Block, pre: MemoryState) -> str:
    """Return why this executor rejects the block: sequentially, and in parallel too."""
    with pytest.raises(InvalidTransaction) as sequential:
        execute_sequential(block, pre)
    with pytest.raises(InvalidTransaction) as parallel:
        BlockExecutor(strategy="optimistic", pool=InlinePool(2, 1, 1)).execute(block, pre)
    assert str(parallel.value) == str(sequential.value)
    return type(sequential.value).__name__


# -- validity ---------------------------------------------------------------------------------------------

ACCEPTED_AS_SHIPPED = {
    "Prague: gas limit below the floor": ("InsufficientTransactionGasError", FLOOR_GAS),
    "Prague: type 2: priority fee above max fee": ("PriorityFeeGreaterThanMaxFeeError", 21_000),
    "London: type 2: priority fee above max fee": ("PriorityFeeGreaterThanMaxFeeError", 21_000),
    "Prague: a sender with code": ("InvalidSenderError", 21_000),
    "Frontier: a sender with code": ("InvalidSenderError", 21_000),
    "Prague: gas below a creation's cost": ("InsufficientTransactionGasError", 53_005),
    "Prague: signed for another chain": ("InvalidSignatureError", 21_000),
    "Prague: a blob too many": ("BlobGasLimitExceededError", 21_000),
}
"""Case -> (the name of our error and of EELS', the gas that py-evm's receipt has)."""


@pytest.mark.parametrize("name", ACCEPTED_AS_SHIPPED)
def test_accepted_as_shipped_and_rejected_here_and_in_eels(name: str) -> None:
    case, (reason, gas) = BY_NAME[name], ACCEPTED_AS_SHIPPED[name]
    assert run_as_shipped(case.block, case.pre).gas_used == gas
    assert reason_here(case.block, case.pre) == reason
    outcome = eels.execute_block(case.block, case.pre)
    assert isinstance(outcome, eels.EelsRejection)
    assert outcome.name == reason


def test_below_the_floor_more_is_charged_than_the_limit_allows() -> None:
    case = BY_NAME["Prague: gas limit below the floor"]
    shipped = Shipped(case.block, case.pre)
    paid = case.pre.accounts[SENDER.address].balance - shipped.balance(SENDER.address) - 1  # the value
    assert paid == FLOOR_GAS * PRICE > (FLOOR_GAS - 1) * PRICE


def test_the_floor_with_refunds() -> None:
    """As shipped, refunds are taken off the receipt a second time; EIP-7623 takes the floor after them."""
    block = builders.block("Prague", [signed(legacy(data=FLOOR_DATA, gas=200_000, to=CONTRACT))])
    pre = clearing(4)
    shipped = Shipped(block, pre)
    assert pre.accounts[SENDER.address].balance - shipped.balance(SENDER.address) == FLOOR_GAS * PRICE + 1
    assert shipped.gas_used == 64_836
    ours, expected = assert_same_as_sequential(block, pre).sequential, accepted_by_eels(block, pre)
    assert ours.receipts[0].gas_used == expected.receipts[0].gas_used == FLOOR_GAS == 69_000
    for balance in (ours.state_diff.accounts[SENDER.address].balance, expected.post.accounts[SENDER.address].balance):
        assert balance == pre.accounts[SENDER.address].balance - FLOOR_GAS * PRICE - 1


# -- funds ------------------------------------------------------------------------------------------------

MAX_FEE, GAS, VALUE = 50, 100_000, 700_000
PAID = builders.BASE_FEE + 1
"""Wei per gas in the end; MAX_FEE is what was offered, VALUE is worth less than the difference for all of GAS."""


def least_balance(fork: str, value: int, accepts: Any) -> int:
    """Return the least balance of the sender with which a block of one transaction is accepted."""
    raw = signed(dynamic(FEE_MARKET, max_fee=MAX_FEE, priority_fee=1, gas=GAS, value=value))
    low, high = -1, 2 * (GAS * MAX_FEE + value)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if accepts(builders.block(fork, [raw]), state(fork, middle)) else (middle, high)
    return high


def as_shipped(block: Block, pre: MemoryState) -> bool:
    try:
        return run_as_shipped(block, pre).gas_used == 21_000
    except ValidationError:
        return False


def by_eels(block: Block, pre: MemoryState) -> bool:
    return isinstance(eels.execute_block(block, pre), eels.EelsResult)


def here(block: Block, pre: MemoryState) -> bool:
    try:
        return execute_sequential(block, pre).gas_used == 21_000
    except InvalidTransaction:
        return False


@pytest.mark.parametrize("value", [VALUE, 100 * VALUE])
@pytest.mark.parametrize("fork", ["London", "Shanghai", "Cancun", "Prague"])
def test_the_funds_that_a_sender_must_have(fork: str, value: int) -> None:
    paid, offered = GAS * PAID + value, GAS * MAX_FEE
    wrong = paid if fork in {"London", "Shanghai"} else max(paid, offered)
    assert least_balance(fork, value, as_shipped) == wrong
    assert least_balance(fork, value, here) == offered + value
    assert least_balance(fork, value, by_eels) == offered + value


# -- init code --------------------------------------------------------------------------------------------


def test_a_delegated_senders_inner_creation_is_charged_once() -> None:
    """As shipped a frame of the sender's own account passes for the transaction's first: two words cost 4 more."""
    case = BY_NAME["Prague: a delegated sender's inner creation"]
    elsewhere = BY_NAME["Prague: a contract's inner creation"]
    assert gas_of(case) == (53_021, 53_017, 53_017)
    assert gas_of(elsewhere) == (53_017, 53_017, 53_017)


def gas_of(case: ValidityCase) -> tuple[int, int, int]:
    """Return the gas of a case as shipped, here and in EELS."""
    ours = assert_same_as_sequential(case.block, case.pre).sequential
    return (
        run_as_shipped(case.block, case.pre).gas_used,
        ours.gas_used,
        accepted_by_eels(case.block, case.pre).gas_used,
    )
