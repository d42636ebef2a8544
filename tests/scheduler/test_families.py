"""Small blocks that only validation saves: each forces one way of being wrong, in every order of completion."""

from __future__ import annotations

import random

import pytest

from scheduler.access import BALANCE, STORAGE
from tests.scheduler.test_block_scheduler import simulate
from tests.scheduler.toy import ADDRESSES, PlainState, Program

A, B, C, D = ADDRESSES
BASE = PlainState({(A, BALANCE, 0): 5, (C, STORAGE, 0): 2})
TELL = ("store", D, 1, 0)
"""Write down what was seen."""


def block(*programs: tuple[tuple[object, ...], ...]) -> list[Program]:
    """Return programs of alternating senders."""
    return [Program((A, B)[number % 2], operations) for number, operations in enumerate(programs)]


FAMILIES = {
    "drained by an earlier one": block((("pay", A, C, 4),), (("pay", A, D, 3),)),
    "funded by an earlier one": block((("pay", A, B, 4),), (("pay", B, D, 3),)),
    "debits that only together are too much": block(*[(("pay", A, C, 2),)] * 4),
    "balance read after blind credits": block((("pay", A, C, 2),), (("pay", A, C, 1),), (("balance", C), TELL)),
    "made to exist by money": block((("pay", A, D, 1),), (("exists", D), TELL)),
    "made to exist by code": block((("deploy", D),), (("exists", D), TELL)),
    "exists no more": block((("pay", A, C, 5),), (("destroy", C),), (("exists", C), TELL)),
    "slot of a destroyed account": block((("destroy", C),), (("load", C, 0), TELL)),
    "slot written after its account was destroyed": block((("destroy", C), ("store", C, 0, 1)), (("load", C, 0), TELL)),
    "slot written, then destroyed": block((("store", C, 0, 1),), (("destroy", C),), (("load", C, 0), TELL)),
    "writes only while it is wrong": block(
        (("store", C, 1, 1),), (("load", C, 1), ("store", D, 0, 2)), (("load", D, 0), TELL)
    ),
    "nonce raised by another": block((("bump", B),), (), (("bump", A),), ()),
    "account destroyed in mid-block": block((), (("destroy", A),), (), (("exists", A), TELL)),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@pytest.mark.parametrize("derived", [True, False])
def test_every_family_ends_in_the_sequential_state(family: list[Program], *, derived: bool) -> None:
    base = PlainState(BASE.cells, derived)
    for seed in range(25):
        simulate(family, base, random.Random(seed), barrier=bool(seed % 2))


def test_every_family_sees_its_conflict() -> None:
    for name, family in FAMILIES.items():
        conflicts = [simulate(family, BASE, random.Random(seed)).scheduler.conflicts for seed in range(25)]
        assert any(conflicts), name
