"""Declared lists against what was touched: hand-made lists whose figures are known, and all recorded blocks."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.explain.declared_lists import declared_lists
from bench.explain.model import DeclaredLists
from executor.access_lists import declared_sets
from executor.types import Block, RawTransaction, TransactionResult
from scheduler.access import CODE, NONCE, STORAGE, Address, Location, WriteSet
from tests.conftest import Recorded
from workloads.accounts import make_accounts
from workloads.block_builder import make_header
from workloads.signing import Unsigned, encode_access_list, sign_access_list

TO, THERE = b"\x01" * 20, b"\x02" * 20
(KEY,) = make_accounts(1, "lists", 1)
NOTHING = DeclaredLists(0, 0.0, None, None, 0, 0, 0, None, 0)


def slots(address: Address, *numbers: int) -> frozenset[Location]:
    return frozenset((address, STORAGE, number) for number in numbers)


def compare(*transactions: tuple[frozenset[Location], frozenset[Location]]) -> DeclaredLists:
    """Return the comparison for transactions that declare and touch (read and write) these slots."""
    raw = tuple(_signed(declared) for declared, _ in transactions)
    block = Block(make_header(0, raw, 30_000_000), raw, "Cancun")
    return declared_lists(block, [_result(touched) for _, touched in transactions])


def _signed(declared: frozenset[Location]) -> RawTransaction:
    return sign_access_list(Unsigned(0, 100_000, TO, access_list=encode_access_list(declared)), KEY)


def _result(touched: frozenset[Location]) -> TransactionResult:
    accounts: dict[Location, int | bytes] = {(address, CODE, 0): b"" for address, _, _ in touched}
    reads: dict[Location, int | bytes] = {(KEY.address, NONCE, 0): 0, **accounts, **dict.fromkeys(touched, 0)}
    return TransactionResult(reads, {}, WriteSet(dict.fromkeys(touched, 1), {}), {}, sender=KEY.address, success=True)


def test_without_lists_there_is_nothing_to_compare() -> None:
    assert compare() == NOTHING
    assert compare((frozenset(), slots(TO, 1))) == NOTHING


def test_an_exact_list_saves_a_hundred_for_each_slot() -> None:
    lists = compare((slots(THERE, 1, 2), slots(THERE, 1, 2)), (frozenset(), slots(TO, 1)))

    assert (lists.adoption, lists.precision, lists.recall, lists.exact) == (0.5, 1.0, 1.0, 1)
    assert lists.wasted_gas == -(2_500 - 2_400) - 2 * (2_000 - 1_900)
    assert lists.worst == ()


def test_missing_and_superfluous_slots_are_counted_and_paid_for() -> None:
    lists = compare((slots(THERE, 1, 2, 3), slots(THERE, 3, 4)), (slots(THERE, 9), slots(THERE, 9)))

    assert (lists.precision, lists.recall) == (2 / 4, 2 / 3)
    assert (lists.exact, lists.missing, lists.superfluous) == (1, 1, 2)
    assert lists.worst == ((0, 1, 2),)
    assert lists.wasted_gas == 2 * 1_900 - 2 * 100 - 2 * 100


def test_the_callee_is_warm_without_a_list() -> None:
    assert compare((slots(TO, 1), slots(TO, 1))).wasted_gas == 2_400 - 100


def test_an_address_that_was_never_used_is_wasted() -> None:
    assert compare((slots(THERE, 1), slots(TO, 1))).wasted_gas == 2_400 + 1_900


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ((slots(TO, 1), slots(TO, 1), slots(TO, 2), slots(TO, 2)), 0.0),
        ((slots(TO, 1), slots(TO, 1), slots(TO, 1, 2), slots(TO, 2)), 0.5),
        ((slots(TO, 1, 5), slots(TO, 1), slots(TO, 1, 2), slots(TO, 2, 5)), 1.0),
        ((slots(TO, 1), slots(TO, 1), frozenset(), slots(TO, 2)), 0.0),
    ],
)
def test_edges_that_only_lists_make_are_counted_against_real_ones(
    declared: Sequence[frozenset[Location]], expected: float
) -> None:
    """Really 1 waits for 0 and 3 for 2; who has no list counts on neither side."""
    touched = (slots(TO, 1), slots(TO, 1), slots(TO, 2), slots(TO, 2))
    lists = compare(*zip(declared, touched, strict=True))

    assert lists.over_serialisation == expected


def test_lists_of_recorded_blocks_agree_with_a_plain_count(each_block: Recorded) -> None:
    """Counted again slot by slot from what the transactions declare and what they read and wrote."""
    results = each_block.expected.transactions
    lists = declared_lists(each_block.capsule.block, results)
    declared = [access.reads for access in declared_sets(each_block.capsule.block)]
    hits = touched = 0
    for slots_declared, result in zip(declared, results, strict=True):
        if slots_declared:
            used = {at for at in (*result.reads, *result.writes.values) if at[1] == STORAGE}
            hits += len(used & slots_declared)
            touched += len(used)

    assert lists.superfluous == sum(map(len, declared)) - hits
    assert lists.missing >= touched - hits  # lists of addresses alone miss every slot
    assert lists.transactions_with_list >= sum(map(bool, declared))
