"""Validity is held against EELS: the cases are what they claim, and py-evm as shipped gets some wrong."""

from __future__ import annotations

import pytest
from eth.exceptions import PyEVMError
from eth_utils.exceptions import ValidationError

from bench.pyevm_baseline import run_as_shipped
from tests.eels import EelsRejection
from tests.validity_cases import ACCEPTED, CASES, ValidityCase

FAULTS = [case for case in CASES if case.shipped]


def outcome_in_eels(case: ValidityCase) -> tuple[str, int | None]:
    """Return (accepted or the exception's name, the receipt's gas), by running EELS."""
    expected = case.expected()
    if isinstance(expected, EelsRejection):
        return expected.name, None
    return ACCEPTED, expected.receipt.gas_used


def outcome_as_shipped(case: ValidityCase) -> tuple[str, int | None]:
    """Return (accepted or the exception's name, the receipt's gas) of py-evm with nothing corrected."""
    try:
        result = run_as_shipped(case.block, case.pre)
    except (ValidationError, PyEVMError) as error:
        return type(error).__name__, None
    return ACCEPTED, result.gas_used


@pytest.mark.parametrize("case", CASES, ids=str)
def test_eels_says_what_the_case_claims(case: ValidityCase) -> None:
    verdict, gas = outcome_in_eels(case)
    assert verdict == case.claim
    if case.gas is not None:
        assert gas == case.gas


@pytest.mark.parametrize("case", FAULTS, ids=str)
def test_py_evm_as_shipped_still_has_the_fault(case: ValidityCase) -> None:
    assert outcome_as_shipped(case) != outcome_in_eels(case)


def test_names_are_unique() -> None:
    assert len({str(case) for case in CASES}) == len(CASES)
