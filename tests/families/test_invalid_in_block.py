"""An invalid transaction in the middle of a block: the block is rejected, with its index and for EELS' reason.

Every reason that the validity layer can name is tried on every schedule and in several orders of completion.
"""

from __future__ import annotations

from itertools import combinations
from typing import Any

import pytest
import rlp

from executor import errors
from executor.errors import InvalidRlp, InvalidTransaction, TransactionTypeError
from executor.evm import reason_class, validity
from executor.hashing import keccak256
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from tests import builders, eels
from tests.families.rejected import Invalid, assert_rejected_alike, assert_rejected_as_eels
from tests.signing import ACCESS_LIST, BLOB, FEE_MARKET, Key, Tx, sign
from tests.validity.case import ACCEPTED, ETHER, FORKS, PRICE, RECEIVER, SENDER, ValidityCase, legacy
from tests.validity.fees import dynamic
from tests.validity_cases import CASES

NEIGHBOURS = [Key(1000 + number) for number in range(4)]
PLACE = 2
"""The index of what is invalid: two transfers before it, two behind it."""


def among_transfers(fork: str, raw: bytes, pre: MemoryState, **changes: Any) -> tuple[Block, MemoryState]:
    """Return a block with `raw` at PLACE between the transfers of funded neighbours, and its pre-state."""
    state = pre.copy()
    for key in NEIGHBOURS:
        state.put(key.address, balance=ETHER)
    transfers = [sign(key, legacy()) for key in NEIGHBOURS]
    return builders.block(fork, [*transfers[:PLACE], raw, *transfers[PLACE:]], **changes), state


def first_and_last() -> list[ValidityCase]:
    """Return, for every reason to refuse, a case of the first fork that knows it and one of the last."""
    refused = sorted((case for case in CASES if case.demanded != ACCEPTED), key=lambda case: FORKS.index(case.fork))
    first = {case.demanded: case for case in reversed(refused)}
    last = {case.demanded: case for case in refused}
    return list({str(case): case for case in (*first.values(), *last.values())}.values())


CHOSEN = first_and_last()


def class_of(name: str) -> type[Invalid]:
    return InvalidRlp if name == InvalidRlp.__name__ else reason_class(name)


def test_every_reason_has_its_case() -> None:
    """A reason added to the validity layer has to be added to the cases."""
    named = {
        name
        for module in (validity, errors)
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, InvalidTransaction) and value is not InvalidTransaction
    }
    assert {case.demanded for case in CHOSEN} == named | {InvalidRlp.__name__}


@pytest.mark.parametrize("case", CHOSEN, ids=lambda case: f"{case.demanded}: {case}")
def test_the_block_is_rejected_with_index_and_reason(case: ValidityCase) -> None:
    block, state = among_transfers(case.fork, case.raw, case.pre, **case.changes)
    if case.claim == ACCEPTED:  # the protocol refuses what EELS 2.20.0 takes: `ValidityCase.protocol`
        assert_rejected_alike(block, state, class_of(case.demanded), PLACE)
    else:
        assert_rejected_as_eels(block, state, class_of(case.demanded), PLACE, eels_name=case.claim)


DEFECTS: dict[str, dict[str, Any]] = {
    "gas below the cost": {"gas": 20_000},
    "the last nonce": {"nonce": 2**64 - 1},
    "gas above the block's": {"gas": 30_000_001},
    "upper half of s": {"high_s": True},
    "priority above max": {"priority_fee": 2 * PRICE},
    "below the base fee": {"max_fee": 5},
    "a nonce gap": {"nonce": 9},
    "no funds": {"value": 10**30},
    "code": {},
}
"""One transaction may have several of them."""


@pytest.mark.parametrize(("one", "other"), list(combinations(DEFECTS, 2)))
def test_of_two_reasons_the_one_that_eels_names(one: str, other: str) -> None:
    """One transaction, two defects: the order of the checks is EELS' own."""
    plain: dict[str, Any] = {"tx_type": FEE_MARKET, "max_fee": PRICE, "to": RECEIVER, "value": 1}
    raw = sign(SENDER, Tx(**(plain | DEFECTS[other] | DEFECTS[one])))
    pre = builders.state("Prague")
    pre.put(SENDER.address, balance=100 * ETHER, code=b"\x00" if "code" in {one, other} else b"")
    block, state = among_transfers("Prague", raw, pre)
    expected = _named_by_eels(raw, state)
    assert_rejected_as_eels(block, state, class_of(expected), PLACE)


def _named_by_eels(raw: bytes, state: MemoryState) -> str:
    outcome = ValidityCase("", "Prague", raw, state).expected()
    name: str = getattr(outcome, "name", ACCEPTED)
    return name


def nested(depth: int) -> bytes:
    """Return the RLP of a list in a list in a list."""
    encoded = b"\xc0"
    for _ in range(depth):
        size = len(encoded).to_bytes(2, "big").lstrip(b"\x00")
        encoded = (bytes([0xC0 + len(encoded)]) if len(encoded) < 56 else bytes([0xF7 + len(size)]) + size) + encoded
    return encoded


GOOD_LEGACY = sign(SENDER, legacy())
GOOD_TYPED = sign(SENDER, Tx(FEE_MARKET, max_fee=PRICE, to=RECEIVER, value=1))
GARBAGE: dict[str, tuple[bytes, type[Invalid]]] = {
    "no bytes": (b"", InvalidRlp),
    "an empty list": (b"\xc0", InvalidRlp),
    "a string": (b"\x83abc", InvalidRlp),
    "a legacy transaction cut short": (GOOD_LEGACY[:-1], InvalidRlp),
    "a byte behind a legacy transaction": (GOOD_LEGACY + b"\x00", InvalidRlp),
    "a typed transaction cut short": (GOOD_TYPED[:-1], InvalidRlp),
    "a byte behind a typed transaction": (GOOD_TYPED + b"\x00", InvalidRlp),
    "a type and nothing else": (b"\x02", InvalidRlp),
    "a number with a leading zero": (rlp.encode([b"\x00\x01", *rlp.decode(GOOD_LEGACY)[1:]]), InvalidRlp),
    "a list of a number": (rlp.encode([[b"\x01"], *rlp.decode(GOOD_LEGACY)[1:]]), InvalidRlp),
    "an address of 19 bytes": (
        rlp.encode([*rlp.decode(GOOD_LEGACY)[:3], b"\xaa" * 19, b"", b"", 27, 1, 1]),
        InvalidRlp,
    ),
    "lists in lists, 3000 deep": (nested(3_000), InvalidRlp),
    "type 0": (b"\x00" + GOOD_LEGACY, TransactionTypeError),
    "type 127": (b"\x7f" + GOOD_TYPED[1:], TransactionTypeError),
}


NOTHING: list[bytes] = []
"""An empty list, where RLP writes the number 0 and an empty list of slots in one way each."""


def resigned(prefix: bytes, items: list[Any]) -> bytes:
    """Return a transaction of these items, the last three of which are replaced by SENDER's signature of the others."""
    body = items[:-3]
    parity, r, s = SENDER.sign(keccak256(prefix + rlp.encode(body)))
    return prefix + bytes(rlp.encode([*body, parity if prefix else 27 + parity, r, s]))


def replaced(raw: bytes, at: int, item: object) -> bytes:
    """Return the transaction with one item replaced, and signed like that."""
    prefix = raw[:1] if raw[0] < 0xC0 else b""
    items = rlp.decode(raw[len(prefix) :])
    return resigned(prefix, [*items[:at], item, *items[at + 1 :]])


def listed(slots: object) -> bytes:
    """Return a transaction with an access list of RECEIVER and these slots."""
    plain = sign(SENDER, Tx(ACCESS_LIST, gas_price=PRICE, gas=30_000, to=RECEIVER, value=1))
    return replaced(plain, 7, [[RECEIVER, slots]])


def parity_as_a_list() -> bytes:
    """Return a well-signed transaction whose parity, 0, is written as an empty list."""
    signed = (sign(SENDER, Tx(nonce=0, max_fee=PRICE, to=RECEIVER, value=value)) for value in range(1, 99))
    items = next(fields for fields in (rlp.decode(raw[1:]) for raw in signed) if not fields[9])
    return b"\x02" + bytes(rlp.encode([*items[:9], NOTHING, *items[10:]]))


TWISTED = {
    "a nonce that is a list": replaced(GOOD_LEGACY, 0, NOTHING),
    "a value that is a list": replaced(GOOD_LEGACY, 4, NOTHING),
    "a priority fee that is a list": replaced(GOOD_TYPED, 2, NOTHING),
    "a parity that is a list": parity_as_a_list(),
    "slots that are a string": listed(b""),
    "blob hashes that are a string": replaced(sign(SENDER, dynamic(BLOB)), 10, b""),
}
"""Well-signed bytes that hold a list for a string or a string for a list: none of them is a transaction."""


@pytest.mark.parametrize("name", TWISTED)
def test_a_list_is_no_number_and_a_string_is_no_list(name: str) -> None:
    pre = builders.state("Prague")
    pre.put(SENDER.address, balance=ETHER)
    block, state = among_transfers("Prague", TWISTED[name], pre)
    assert_rejected_as_eels(block, state, InvalidRlp, PLACE, eels_name="DecodingError")


def test_the_same_bytes_untwisted_are_taken() -> None:
    """What is wrong with them is the twist alone: neither their signatures nor their fields."""
    for raw in (replaced(GOOD_LEGACY, 0, b""), replaced(GOOD_TYPED, 2, b""), listed([])):
        pre = builders.state("Prague")
        pre.put(SENDER.address, balance=ETHER)
        assert isinstance(eels.execute_block(builders.block("Prague", [raw]), pre), eels.EelsResult)
        assert len(execute_sequential(builders.block("Prague", [raw]), pre).receipts) == 1


@pytest.mark.parametrize("name", GARBAGE)
def test_bytes_that_are_no_transaction(name: str) -> None:
    """Whatever stands there, the transactions before it are decided first and the index is its own."""
    raw, reason = GARBAGE[name]
    pre = builders.state("Prague")
    pre.put(SENDER.address, balance=ETHER)
    block, state = among_transfers("Prague", raw, pre)
    assert_rejected_alike(block, state, reason, PLACE)
