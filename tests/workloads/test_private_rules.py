"""A pool of notes by direct calls: what a proof must say, that notes are spent once, and how loans begin and end."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workloads.pairings import remembered_pairings
from workloads.accounts import KeyPair, make_address
from workloads.notes import FIELD, GENERATOR, ORDER, VERIFIER_KEY, Claim, Note, multiple
from workloads.stage import ETHER, Stage, ether_of

DAY = 86_400
TERMS = (500, ETHER // 100, 2 * DAY)
"""500 tokens for a note's worth, at 1 % for two days."""


class Bourse:
    """Ann has paid in for a note, Ben has 1 000 tokens; a block a day."""

    def __init__(self) -> None:
        self.stage = Stage("private", 1, block_seconds=DAY)
        self.ann, self.ben, self.cid = self.stage.accounts("person", 3)
        self.token = self.stage.token("USD", {self.ben.address: 1_000}, 6)
        self.pool = self.stage.deploy("NotePool", self.token.address, *VERIFIER_KEY)
        self.stage.allow(self.token, [self.ben], self.pool.address)
        self.note, self.later = Note(b"one"), Note(b"two")
        self.payee = make_address(1, "payee")
        self.stage.begin_block()
        self.does(self.ann, "deposit", self.note.commitment, value=ETHER)
        self.root = self.stage.get(self.pool, "root").to_bytes(32, "big")

    def does(self, who: KeyPair, function: str, *arguments: int | bytes, value: int = 0) -> None:
        """Send a transaction that succeeds."""
        done = self.stage.send(function, who, self.pool, function, *arguments, value=value)
        assert done, self.refused(who, function, *arguments, value=value)

    def refused(self, who: KeyPair, function: str, *arguments: int | bytes, value: int = 0) -> str:
        """Return why a call would revert."""
        return self.stage.why(who, self.pool.address, self.pool.contract.call(function, *arguments), value)

    def wait(self, days: int) -> None:
        """Let blocks pass, one a day."""
        for _ in range(days):
            self.stage.end_block()
            self.stage.begin_block()

    def funding(self, loan: int = 1) -> tuple[int | bytes, ...]:
        """Return what spends Ann's note for a loan."""
        words = self.root, self.note.nullifier, self.payee
        proof = Claim(self.pool.address, *words, loan, self.later.commitment).prove()
        return loan, *words, self.later.commitment, *proof

    def ether(self, address: bytes) -> int:
        """Return what an address has, in wei."""
        return self.stage.balance(address)

    def tokens(self, address: bytes) -> int:
        """Return what an address has of the collateral."""
        return self.stage.get(self.token, "balanceOf", address)


@pytest.fixture
def bourse() -> Iterator[Bourse]:
    with remembered_pairings():
        yield Bourse()


def test_multiples_of_the_generator_are_points_and_come_round() -> None:
    x, y = multiple(123_456_789)
    assert (y * y - x**3 - 3) % FIELD == 0
    assert multiple(ORDER + 1) == multiple(1) == GENERATOR
    assert multiple(ORDER - 1) == (1, FIELD - 2)


@pytest.mark.slow
def test_a_note_is_withdrawn_once_and_only_as_its_proof_says(bourse: Bourse) -> None:
    receiver = make_address(1, "receiver")
    claim = Claim(bourse.pool.address, bourse.root, bourse.note.nullifier, receiver)
    words = bourse.root, bourse.note.nullifier
    assert bourse.refused(bourse.cid, "withdraw", *words, bourse.cid.address, *claim.prove()) == "wrong proof"
    bourse.does(bourse.ann, "deposit", bourse.later.commitment, value=ETHER)
    bourse.does(bourse.cid, "withdraw", *words, receiver, *claim.prove())
    assert bourse.ether(receiver) == ETHER == bourse.ether(bourse.pool.address)
    assert bourse.refused(bourse.cid, "withdraw", *words, receiver, *claim.prove()) == "spent already"


@pytest.mark.parametrize(
    ("root", "proof", "reason"),
    [(b"\1" * 32, GENERATOR, "no such root"), (None, (1, 3), "wrong proof"), (None, (FIELD, 2), "wrong proof")],
)
def test_unknown_roots_and_what_is_no_point_are_refused(
    bourse: Bourse, root: bytes | None, proof: tuple[int, int], reason: str
) -> None:
    words = root or bourse.root, bourse.note.nullifier, bourse.ann.address
    assert bourse.refused(bourse.cid, "withdraw", *words, *proof) == reason


def test_a_loan_is_funded_by_a_note_and_repaid_as_a_note_with_interest_for_the_lender(bourse: Bourse) -> None:
    bourse.does(bourse.ben, "request", *TERMS)
    assert (bourse.tokens(bourse.ben.address), bourse.tokens(bourse.pool.address)) == (500, 500)
    before = bourse.ether(bourse.ben.address)
    bourse.does(bourse.cid, "fund", *bourse.funding())
    assert bourse.ether(bourse.ben.address) == before + ETHER
    assert bourse.refused(bourse.cid, "fund", *bourse.funding()) == "not requested"
    assert bourse.refused(bourse.ben, "cancel", 1) == "not requested"
    bourse.wait(2)
    assert bourse.refused(bourse.cid, "seize", 1) == "not yet due"
    assert bourse.refused(bourse.ben, "repay", 1, value=ETHER) == "not what is owed"
    bourse.does(bourse.ben, "repay", 1, value=ETHER + TERMS[1])
    assert bourse.ether(bourse.payee) == TERMS[1]
    assert bourse.tokens(bourse.ben.address) == 1_000
    assert (bourse.stage.get(bourse.pool, "next_leaf"), bourse.ether(bourse.pool.address)) == (2, ETHER)
    assert bourse.refused(bourse.ben, "repay", 1, value=ETHER + TERMS[1]) == "not open"


def test_collateral_goes_to_the_lender_when_the_loan_is_past_due(bourse: Bourse) -> None:
    bourse.does(bourse.ben, "request", *TERMS)
    assert bourse.refused(bourse.cid, "seize", 1) == "not open"
    bourse.does(bourse.cid, "fund", *bourse.funding())
    bourse.wait(3)
    assert bourse.refused(bourse.ben, "repay", 1, value=ETHER + TERMS[1]) == "too late"
    bourse.does(bourse.cid, "seize", 1)
    assert bourse.tokens(bourse.payee) == 500
    assert bourse.ether(bourse.pool.address) == 0


def test_a_payee_that_refuses_ether_keeps_no_loan_open(bourse: Bourse) -> None:
    bourse.payee = bourse.token.address  # a contract that takes none
    bourse.does(bourse.ben, "request", *TERMS)
    bourse.does(bourse.cid, "fund", *bourse.funding())
    bourse.does(bourse.ben, "repay", 1, value=ETHER + TERMS[1])
    assert bourse.ether(bourse.token.address) == 0
    assert bourse.ether(bourse.pool.address) == ETHER, "the interest went back, and is not in the pool"
    assert ether_of(bourse.stage.state, bourse.token.address) == 0


def test_a_request_is_taken_back_by_its_borrower_alone(bourse: Bourse) -> None:
    bourse.does(bourse.ben, "request", *TERMS)
    assert bourse.refused(bourse.cid, "cancel", 1) == "only the borrower"
    bourse.does(bourse.ben, "cancel", 1)
    assert bourse.tokens(bourse.ben.address) == 1_000
    assert bourse.refused(bourse.cid, "fund", *bourse.funding()) == "not requested"


@pytest.mark.parametrize(
    ("function", "arguments", "value", "reason"),
    [
        ("deposit", (5,), ETHER - 1, "not the price of a note"),
        ("deposit", (0,), ETHER, "zero commitment"),
        ("withdraw", (1, 1, 0, 1, 2), 0, "zero receiver"),
        ("request", (0, 0, DAY), 0, "no collateral"),
        ("request", (5, ETHER + 1, DAY), 0, "interest too high"),
        ("request", (5, 0, 0), 0, "duration out of range"),
        ("request", (1_001, 0, DAY), 0, "insufficient balance"),
    ],
)
def test_what_makes_no_sense_is_refused(
    bourse: Bourse, function: str, arguments: tuple[int, ...], value: int, reason: str
) -> None:
    assert bourse.refused(bourse.ben, function, *arguments, value=value) == reason
