"""The check against the header: what is compared, what cannot be, and what is said where they differ."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.capsule import load_capsule
from executor.header import requests_hash
from executor.receipts import encode_receipt
from executor.roots import state_root
from executor.trie import EMPTY_ROOT, ordered_root
from executor.types import AccountDiff, Block, BlockResult, Receipt, StateDiff, Witness
from executor.validation import HeaderCheck, check_header, describe_failure
from tests.data import capsule_path, needs_data
from tests.small import SENDER, small_block, small_header, small_state

DIFF = StateDiff({SENDER: AccountDiff(balance=1, nonce=8)})


def executed(fork: str, *receipts: Receipt) -> tuple[Block, BlockResult]:
    """Return a block of `fork` and the result that its header states."""
    block = small_block(fork)
    after = small_state()
    after.apply(DIFF)
    gas = receipts[-1].cumulative_gas_used if receipts else 0
    hashed = requests_hash([]) if fork == "Prague" else None
    header = replace(
        block.header,
        gas_used=gas,
        receipts_root=ordered_root([encode_receipt(receipt) for receipt in receipts]),
        state_root=state_root(after),
        requests_hash=hashed,
    )
    result = BlockResult(receipts, DIFF, gas, 0, header.bloom, header.receipts_root, (), hashed)
    return replace(block, header=header), result


def receipt(*, status: int | None = 1, post_state: bytes | None = None) -> Receipt:
    """Return a receipt without logs."""
    return Receipt(0, status, 21_000, 21_000, bytes(256), b"\xc0", post_state)


def test_a_whole_state_is_compared_in_every_field_of_the_fork() -> None:
    block, result = executed("Prague", receipt())
    check = check_header(block, result, small_state())
    assert set(check.checks) == {
        "gas_used",
        "logs_bloom",
        "receipts_root",
        "withdrawals_root",
        "blob_gas_used",
        "requests_hash",
        "state_root",
    }
    assert check.ok
    assert all(check.checks.values())
    assert check.state_root == block.header.state_root
    assert describe_failure(check) is None


@pytest.mark.parametrize(
    ("fork", "names"),
    [
        ("Byzantium", {"gas_used", "logs_bloom", "receipts_root", "state_root"}),
        ("Shanghai", {"gas_used", "logs_bloom", "receipts_root", "state_root", "withdrawals_root"}),
    ],
)
def test_only_the_fields_of_the_fork_are_compared(fork: str, names: set[str]) -> None:
    assert set(check_header(*executed(fork), small_state()).checks) == names


def test_the_pre_state_itself_is_not_changed() -> None:
    state = small_state()
    check_header(*executed("Prague"), state)
    assert state_root(state) == small_header().state_root


def test_a_partial_state_without_witness_has_no_root_to_compare() -> None:
    check = check_header(*executed("London", receipt()), small_state(complete=False))
    assert check.checks["state_root"] is None
    assert check.state_root is None
    assert "no witness" in check.reasons["state_root"]
    assert check.ok


def test_receipts_before_byzantium_are_compared_where_their_post_states_are_known() -> None:
    unknown = check_header(*executed("Homestead", receipt(status=None)), small_state())
    assert unknown.checks["receipts_root"] is None
    assert "state roots" in unknown.reasons["receipts_root"]
    known = check_header(*executed("Homestead", receipt(status=None, post_state=b"\x01" * 32)), small_state())
    assert known.checks["receipts_root"] is True


@pytest.mark.parametrize(
    ("field", "value", "name"),
    [
        ("gas_used", 7, "gas_used"),
        ("bloom", b"\x01" * 256, "logs_bloom"),
        ("receipts_root", EMPTY_ROOT, "receipts_root"),
        ("blob_gas_used", 1, "blob_gas_used"),
        ("requests_hash", None, "requests_hash"),
        ("state_diff", StateDiff(), "state_root"),
    ],
)
def test_a_difference_is_said_in_one_line(field: str, value: object, name: str) -> None:
    block, result = executed("Prague", receipt())
    check = check_header(block, replace(result, **{field: value}), small_state())  # type: ignore[arg-type]
    assert [key for key, equal in check.checks.items() if equal is False] == [name]
    assert not check.ok
    said = describe_failure(check)
    assert said is not None
    assert said.startswith(f"{name}: the header says ")
    assert "computed" in said
    assert "\n" not in said


def test_several_differences_are_all_said() -> None:
    block, result = executed("Prague", receipt())
    said = describe_failure(check_header(block, replace(result, gas_used=7, blob_gas_used=9), small_state()))
    assert said == "gas_used: the header says 21000, computed 7; blob_gas_used: the header says 0, computed 9"


def test_withdrawals_that_are_not_the_headers_are_seen() -> None:
    block, result = executed("Shanghai")
    check = check_header(replace(block, withdrawals=()), result, small_state())
    assert check.checks["withdrawals_root"] is False


def test_a_witness_that_does_not_reach_leaves_the_other_checks_standing() -> None:
    block, result = executed("Prague", receipt())
    witness = Witness(small_header(), ())
    check = check_header(block, result, small_state(complete=False), witness)
    assert check.checks["state_root"] is None
    assert "is missing" in check.reasons["state_root"]
    assert check.checks["gas_used"] is True


@needs_data
@pytest.mark.parametrize("number", [15537394, 22615247])
def test_a_diff_of_nothing_does_not_give_the_post_state_of_a_recorded_block(number: int) -> None:
    capsule = load_capsule(capsule_path(number, "witness"))
    header = capsule.block.header
    result = BlockResult((), StateDiff(), header.gas_used, 0, header.bloom, header.receipts_root)
    check = check_header(capsule.block, result, capsule.pre_state, capsule.witness)
    assert capsule.witness is not None
    assert check.state_root == capsule.witness.parent_header.state_root
    assert check.checks["state_root"] is False


def test_a_check_without_comparable_fields_is_not_a_failure() -> None:
    assert HeaderCheck({"state_root": None}, {}, {}).ok
