"""Headers and what they commit to: equal to py-evm's encoders, and refused where they are damaged."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256

import pytest
import rlp
from eth.rlp.headers import BlockHeader
from eth.vm.forks.cancun.blocks import CancunBlockHeader
from eth.vm.forks.london.blocks import LondonBlockHeader
from eth.vm.forks.prague.blocks import PragueBlockHeader
from eth.vm.forks.shanghai.blocks import ShanghaiBlockHeader
from eth.vm.forks.shanghai.withdrawals import Withdrawal as EthWithdrawal
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.capsule import load_capsule
from executor.errors import InvalidRlp
from executor.header import (
    HEADER_FIELDS,
    decode_header,
    encode_header,
    encode_withdrawal,
    header_hash,
    requests_hash,
    transactions_root,
    uncles_hash,
    withdrawals_root,
)
from executor.trie import EMPTY_ROOT, ordered_root
from executor.types import Header, Withdrawal
from tests.data import capsule_path, needs_data
from tests.small import WITHDRAWAL, small_block, small_header

FORKS = {
    "Frontier": BlockHeader,
    "London": LondonBlockHeader,
    "Shanghai": ShanghaiBlockHeader,
    "Cancun": CancunBlockHeader,
    "Prague": PragueBlockHeader,
}


def values(header: Header) -> list[object]:
    """Return the fields of a header that are there, in order; the bloom as py-evm holds it."""
    present = [getattr(header, name) for name in HEADER_FIELDS if getattr(header, name) is not None]
    bloom = HEADER_FIELDS.index("bloom")
    return [*present[:bloom], int.from_bytes(header.bloom, "big"), *present[bloom + 1 :]]


@pytest.mark.parametrize("fork", FORKS)
def test_headers_are_encoded_as_by_py_evm_and_come_back(fork: str) -> None:
    header = replace(small_header(fork), bloom=b"\x07" * 256, difficulty=2**70, gas_used=300)
    names = [name for name, _ in FORKS[fork]._meta.fields]
    theirs = FORKS[fork](**dict(zip(names, values(header), strict=True)))
    assert encode_header(header) == rlp.encode(theirs)
    assert header_hash(header) == theirs.hash
    assert decode_header(encode_header(header)) == header


@needs_data
def test_the_hash_of_a_recorded_header_is_the_blocks() -> None:
    block = load_capsule(capsule_path(46147)).block
    assert header_hash(block.header).hex().startswith("4e3a3754410177e6937ef1f84bba68ea")
    assert uncles_hash(block.uncles) == block.header.uncles_hash


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"\xc0",
        b"\x80",
        encode_header(small_header())[:-1],
        encode_header(replace(small_header(), coinbase=b"short")),
        encode_header(replace(small_header(), nonce=b"")),
        rlp.encode([b""] * 22),
        rlp.encode([[]] * 15),
    ],
)
def test_a_damaged_header_is_refused(damaged: bytes) -> None:
    with pytest.raises(InvalidRlp):
        decode_header(damaged)


@settings(deadline=None)
@given(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.binary(min_size=20, max_size=20))
def test_withdrawals_are_encoded_as_by_py_evm(index: int, amount: int, address: bytes) -> None:
    theirs = EthWithdrawal(index, 5, address, amount)
    assert encode_withdrawal(Withdrawal(index, 5, address, amount)) == rlp.encode(theirs)


def test_roots_are_over_the_items_in_order() -> None:
    transactions = small_block().transactions
    assert transactions_root(transactions) == ordered_root([entry.raw for entry in transactions])
    assert withdrawals_root([WITHDRAWAL]) == ordered_root([encode_withdrawal(WITHDRAWAL)])
    assert transactions_root([]) == withdrawals_root([]) == EMPTY_ROOT


def test_requests_that_are_only_their_type_do_not_count() -> None:
    deposit, exit_ = b"\x00deposit", b"\x01exit"
    expected = sha256(sha256(deposit).digest() + sha256(exit_).digest()).digest()
    assert requests_hash([deposit, exit_]) == requests_hash([deposit, exit_, b"\x02"]) == expected
    assert requests_hash([]) == requests_hash([b"\x00"]) == sha256(b"").digest()
    assert requests_hash([exit_, deposit]) != expected
