"""Our validity, gas and roots against EELS: every case, sequentially and on every schedule."""

from __future__ import annotations

import pytest

from executor.errors import InvalidInput, InvalidTransaction
from executor.sequential import execute_sequential
from tests import eels
from tests.oracle import assert_same_as_sequential, root_after
from tests.validity_cases import ACCEPTED, CASES, ValidityCase

REFUSED = [case for case in CASES if case.demanded != ACCEPTED]
TAKEN = [case for case in CASES if case.demanded == ACCEPTED]


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_our_engine_refuses_for_the_reason_that_eels_names(case: ValidityCase) -> None:
    with pytest.raises((InvalidTransaction, InvalidInput)) as caught:
        execute_sequential(case.block, case.pre)
    assert type(caught.value).__name__ == case.demanded


@pytest.mark.parametrize("case", TAKEN, ids=str)
def test_our_engine_ends_where_eels_ends(case: ValidityCase) -> None:
    expected = eels.execute_block(case.block, case.pre)
    assert isinstance(expected, eels.EelsResult)
    ours = assert_same_as_sequential(case.block, case.pre).sequential
    assert ours.gas_used == expected.gas_used
    assert ours.bloom == expected.bloom
    assert ours.requests_hash == expected.requests_hash
    assert [receipt.status for receipt in ours.receipts] == [one.status for one in expected.receipts]
    assert ours.receipts_root == expected.receipts_root
    assert root_after(case.pre, ours) == expected.state_root
