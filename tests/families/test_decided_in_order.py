"""Whether a block is valid is decided in block order, on settled values: never by who came first, never by a guess.

The last transactions of these blocks complete first. What a speculative run makes of a transaction, invalid or
not, says nothing of the block.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest

from executor.block_executor import BlockExecutor
from executor.errors import InvalidRlp
from executor.evm.validity import (
    BlobGasLimitExceededError,
    GasUsedExceedsLimitError,
    InsufficientBalanceError,
    InvalidSignatureError,
    NonceMismatchError,
)
from executor.pool import InlinePool
from executor.sequential import execute_sequential
from executor.serialise import result_bytes
from executor.types import Block
from scheduler.access import STORAGE, AccessSet
from tests.asm import asm
from tests.blocks import ETHER, PLAIN_PRICE, Builder, user
from tests.families.against_eels import assert_right
from tests.families.contracts import SETTING, reading_setting
from tests.families.rejected import Invalid, assert_rejected_as_eels, rejection
from tests.families.scenes import NEW, scene
from tests.signing import BLOB, LEGACY, Tx, authorize, sign

POOR = user(20)
BLOB_HASH = b"\x01" + bytes(31)


class LastFirst(InlinePool):
    """Executes everything it was given before it answers, and answers the newest batch first."""

    def __init__(self, workers: int = 8) -> None:
        super().__init__(workers, batch_limit=1)

    def _choose(self, options: int, movers: list[int]) -> int:
        return len(movers) - 1 if movers else options - 1


def last_first() -> BlockExecutor:
    return BlockExecutor(strategy="optimistic", access_lists="none", pool=LastFirst())


# -- two invalid transactions -----------------------------------------------------------------------------


def a_nonce_gap(builder: Builder, number: int) -> None:
    builder.send(user(number), NEW, nonce=5)


def no_funds(builder: Builder, number: int) -> None:
    builder.send(user(30 + number), NEW, nonce=0)


def a_bad_signature(builder: Builder, number: int) -> None:
    tx = Tx(LEGACY, chain_id=None, gas_price=PLAIN_PRICE, to=NEW, high_s=True)
    builder.raws.append(sign(user(number), tx))


def no_room(builder: Builder, number: int) -> None:
    builder.send(user(number), NEW, gas=builder.gas_limit + 1)


def no_transaction(builder: Builder, _number: int) -> None:
    builder.raws.append(b"\xc1\x80")


KINDS: dict[Callable[[Builder, int], None], type[Invalid]] = {
    a_nonce_gap: NonceMismatchError,
    no_funds: InsufficientBalanceError,
    a_bad_signature: InvalidSignatureError,
    no_room: GasUsedExceedsLimitError,
    no_transaction: InvalidRlp,
}


def two_invalid(first: Callable[[Builder, int], None], second: Callable[[Builder, int], None]) -> Builder:
    """Return a block of seven transactions, of which 2 and 5 are invalid."""
    builder = scene("Cancun")
    for index in range(7):
        if index in {2, 5}:
            (first if index == 2 else second)(builder, index)
        else:
            builder.send(user(index), NEW, value=1)
    return builder


@pytest.mark.parametrize(("first", "second"), list(product(KINDS, repeat=2)), ids=lambda kind: kind.__name__)
def test_the_earlier_of_two_is_named(
    first: Callable[[Builder, int], None], second: Callable[[Builder, int], None]
) -> None:
    builder = two_invalid(first, second)
    block = builder.block()
    eels_name = "DecodingError" if first is no_transaction else None
    assert_rejected_as_eels(block, builder.state, KINDS[first], 2, eels_name)
    error = rejection(last_first(), block, builder.state)
    assert (type(error), str(error).partition(":")[0]) == (KINDS[first], "transaction 2")


@pytest.mark.parametrize("seed", range(8))
def test_the_earlier_is_named_though_it_is_held_back(seed: int) -> None:
    """Lists that lie tie the earlier one to all before it; the later one is free to complete first."""
    builder = two_invalid(a_nonce_gap, no_funds)
    block = builder.block()
    chain = [(NEW, STORAGE, slot) for slot in range(7)]
    tied = tuple(
        AccessSet(reads=frozenset(chain[:index]), writes=frozenset({chain[index]})) if index <= 2 else AccessSet()
        for index in range(7)
    )
    executor = BlockExecutor(strategy="graph", pool=InlinePool(1 + seed % 4, seed, 1))
    with pytest.raises(NonceMismatchError) as caught:
        executor.execute_with(block, builder.state, tied)
    assert caught.value.index == 2


# -- invalid by a guess only ------------------------------------------------------------------------------


def funded_before() -> tuple[Builder, list[int]]:
    """On the pre-state the second sender has nothing."""
    builder = scene("Prague")
    builder.send(user(0), POOR.address, value=ETHER // 2)
    builder.send(POOR, NEW, value=ETHER // 4)
    builder.send(user(1), NEW)
    return builder, [1]


def funded_by_those_funded_before() -> tuple[Builder, list[int]]:
    """Each speculative run of the third is invalid, until the second has become valid."""
    builder = scene("Prague")
    builder.send(user(0), user(30).address, value=ETHER // 2)
    builder.send(user(30), user(31).address, value=ETHER // 4)
    builder.send(user(31), user(32).address, value=ETHER // 8)
    builder.send(user(32), NEW, value=1)
    return builder, [1, 2, 3]


def nonce_moved_by_an_authorization() -> tuple[Builder, list[int]]:
    """On the pre-state nonce 1 is a gap; the authorization takes nonce 0 first."""
    builder = scene("Prague")
    target = builder.contract(1, asm("STOP"))
    builder.set_code(user(0), NEW, authorize(user(1), target))
    builder.send(user(1), NEW, nonce=1)
    builder.send(user(1), NEW, nonce=2)
    return builder, [1, 2]


def nonce_and_funds_from_before() -> tuple[Builder, list[int]]:
    """Neither the nonce nor the funds are there on the pre-state."""
    builder = scene("Prague")
    target = builder.contract(1, asm("STOP"))
    builder.set_code(user(0), NEW, authorize(POOR, target))
    builder.send(user(1), POOR.address, value=ETHER // 2)
    builder.send(POOR, NEW, nonce=1)
    return builder, [1, 2]


@pytest.mark.parametrize(
    "scenario",
    [funded_before, funded_by_those_funded_before, nonce_moved_by_an_authorization, nonce_and_funds_from_before],
)
def test_what_is_invalid_by_a_guess_is_valid_at_its_place(scenario: Callable[[], tuple[Builder, list[int]]]) -> None:
    builder, again = scenario()
    block = builder.block()
    right = assert_right(block, builder.state)
    assert right.once_if_expected
    assert right.again == again
    result = last_first().execute(block, builder.state)
    assert result_bytes(result) == result_bytes(right.sequential)


# -- valid by a guess only --------------------------------------------------------------------------------


def drained_before() -> Builder:
    """On the pre-state the sender has funds for either transaction."""
    builder = scene("Prague")
    builder.fund(POOR, balance=10**7)
    builder.send(POOR, NEW, value=10**7 - 21_000 * PLAIN_PRICE, gas=21_000)
    builder.send(user(0), NEW)
    builder.send(POOR, NEW, gas=21_000)
    return builder


def nonce_taken_by_an_authorization() -> Builder:
    """On the pre-state nonce 0 is right."""
    builder = scene("Prague")
    target = builder.contract(1, asm("STOP"))
    builder.set_code(user(0), NEW, authorize(user(1), target))
    builder.send(user(2), NEW)
    builder.send(user(1), NEW, nonce=0)
    return builder


def funds_that_never_came() -> Builder:
    """The purse pays on the pre-state; in the block it has been told not to."""
    builder = scene("Prague")
    setting = builder.contract(1, SETTING)
    pay = reading_setting(setting) + asm(f"0x60 JUMPI 0 0 0 0 10000000 0x{POOR.address.hex()} 50000 CALL STOP")
    purse = builder.contract(2, pay.ljust(0x60, b"\x00") + asm("JUMPDEST STOP"), balance=ETHER)
    builder.send(user(0), setting, data=bytes(2))
    builder.send(user(1), purse)
    builder.send(POOR, NEW, gas=21_000)
    return builder


@pytest.mark.parametrize(
    ("scenario", "reason"),
    [
        (drained_before, InsufficientBalanceError),
        (nonce_taken_by_an_authorization, NonceMismatchError),
        (funds_that_never_came, InsufficientBalanceError),
    ],
)
def test_what_is_valid_by_a_guess_is_invalid_at_its_place(
    scenario: Callable[[], Builder], reason: type[Invalid]
) -> None:
    builder = scenario()
    block = builder.block()
    assert_rejected_as_eels(block, builder.state, reason, 2)
    assert isinstance(rejection(last_first(), block, builder.state), reason)


# -- room in the block ------------------------------------------------------------------------------------


@pytest.mark.parametrize("short", [0, 1])
def test_a_gas_limit_that_fits_what_is_left(short: int) -> None:
    """What is left is the block's limit less the gas used before, not less the limits before."""
    builder = Builder(gas_limit=3 * 21_000 + 50_000 - short)
    builder.fund(*(user(number) for number in range(5)))
    for number in range(3):
        builder.send(user(number), NEW, gas=50_000)
    builder.send(user(3), NEW, gas=50_000)
    block = builder.block()
    if short:
        assert_rejected_as_eels(block, builder.state, GasUsedExceedsLimitError, 3)
    else:
        assert assert_right(block, builder.state).sequential.gas_used == 4 * 21_000


@pytest.mark.parametrize(("at_first", "then"), [(0, 1), (1, 0)])
def test_room_is_measured_by_the_gas_of_settled_results(at_first: int, then: int) -> None:
    """The second transaction burns 100 000 gas or nothing, as the first has said; the third fits in one case."""
    builder = Builder(gas_limit=300_000)
    builder.fund(*(user(number) for number in range(3)))
    setting = builder.contract(1, SETTING, storage={0: at_first})
    code = reading_setting(setting) + asm("ISZERO 0x60 JUMPI INVALID")
    burner = builder.contract(2, code.ljust(0x60, b"\x00") + asm("JUMPDEST STOP"))
    builder.send(user(0), setting, data=bytes(1 + then), gas=60_000)
    builder.send(user(1), burner, gas=100_000)
    builder.send(user(2), NEW, gas=200_000)
    block = builder.block()
    if then:
        assert_rejected_as_eels(block, builder.state, GasUsedExceedsLimitError, 2)
        assert isinstance(rejection(last_first(), block, builder.state), GasUsedExceedsLimitError)
    else:
        right = assert_right(block, builder.state)
        assert right.again == [1]
        assert right.gas(1) < 40_000


@pytest.mark.parametrize(
    ("fork", "counts", "index"),
    [
        ("Cancun", (3, 3), None),
        ("Cancun", (6, 1), 1),
        ("Cancun", (3, 4), 1),
        ("Cancun", (2, 2, 2, 1), 3),
        ("Prague", (9,), None),
        ("Prague", (4, 5), None),
        ("Prague", (5, 5, 1), 1),
    ],
)
def test_blobs_that_fit_what_is_left(fork: str, counts: tuple[int, ...], index: int | None) -> None:
    builder = scene(fork)
    for number, count in enumerate(counts):
        tx = Tx(BLOB, max_fee=PLAIN_PRICE, gas=21_000, to=NEW, blob_hashes=(BLOB_HASH,) * count)
        builder.raws.append(sign(user(number), tx))
    block = builder.block()
    if index is None:
        assert assert_right(block, builder.state).sequential.blob_gas_used == sum(counts) * 2**17
    else:
        assert_rejected_as_eels(block, builder.state, BlobGasLimitExceededError, index)


# -- afterwards -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_rejected_block_leaves_the_workers_fit_for_the_next(seed: int) -> None:
    """What was in flight when the block was rejected is not taken for the next block's."""
    invalid, valid = two_invalid(a_nonce_gap, no_funds), funded_by_those_funded_before()[0]
    blocks: list[tuple[Block, Builder]] = [(invalid.block(), invalid), (valid.block(), valid)]
    expected = result_bytes(execute_sequential(blocks[1][0], valid.state))
    executor = BlockExecutor(strategy="optimistic", pool=InlinePool(3, seed, 1))
    for _ in range(3):
        assert isinstance(rejection(executor, blocks[0][0], invalid.state), NonceMismatchError)
        assert result_bytes(executor.execute(blocks[1][0], valid.state)) == expected
