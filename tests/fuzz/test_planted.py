"""The fuzzer finds faults: planted ones, by random blocks and by the small blocks it once made of these."""

from __future__ import annotations

import pytest

from tests.fuzz import regressions
from tests.fuzz.campaign import failure, smallest
from tests.fuzz.check import Difference, check
from tests.fuzz.fault import Fault
from tests.fuzz.planted import CAP, FAULTS, first_found, reveals, shows, witness_path

SOON = {
    "an exact balance is not recorded": 300,
    "a clear is not seen by others": 300,
    "a word of init code costs 1": 100,
}


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.name in SOON], ids=str)
def test_random_blocks_find_a_planted_fault_soon(fault: Fault) -> None:
    found = first_found(fault, 0, SOON[fault.name])
    assert found is not None
    assert not shows(None, found[1]), "without the fault the block passes"


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_random_blocks_find_every_planted_fault(fault: Fault) -> None:
    assert first_found(fault, 1_000_000, CAP) is not None


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_the_witness_of_a_fault_shows_it_and_nothing_else(fault: Fault) -> None:
    block, pre, schedules = regressions.read(witness_path(fault))
    assert check(block, pre, schedules).transactions > 0
    assert reveals(fault, block, pre, schedules)


def test_a_failure_is_made_small_and_still_fails() -> None:
    fault = next(fault for fault in FAULTS if fault.name == "validation is off")
    found = first_found(fault, 0, 100)
    assert found is not None
    example = found[1]
    with fault.plant():
        message = failure(example, against_eels=False)
        assert message is not None
        small = smallest(example, message, against_eels=False)
    assert 2 <= len(small.example.case.transactions) <= len(example.case.transactions), "a writer and a reader"
    assert len(small.example.case.accounts) < len(example.case.accounts)
    assert "parallel execution differs from sequential" in small.message
    assert shows(fault, small.example)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("refunds reach a quarter of the gas", r"\nreceipt \d+: ours status 1 gas \d+.*; EELS status 1 gas \d+"),
        ("a delta replaces those before it", r"\n0x[0-9a-f]{40}: ours \(\d+, .*\); EELS \(\d+, .*\)"),
    ],
)
def test_a_difference_is_told_by_receipt_and_by_account(name: str, line: str) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    block, pre, _ = regressions.read(witness_path(fault))
    with fault.plant(), pytest.raises(Difference, match=line):
        check(block, pre, ())
