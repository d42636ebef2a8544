"""Single tokens and loans against them, by direct calls: who may do what, when, on which terms, at what cost."""

from __future__ import annotations

import pytest

from workloads.accounts import KeyPair
from workloads.nft_checks import DAY
from workloads.stage import Deployed, Stage

MONEY = 10**9
TERMS = (MONEY, 3_650, 10 * DAY)
"""0.1 % of the principal a day."""
BLOCK = 6 * 3_600


class Street:
    """Ann owns token 1, Ben lends money, Cid watches; each has 10^12 of money."""

    def __init__(self) -> None:
        self.stage = Stage("nft", 1, block_seconds=BLOCK)
        self.ann, self.ben, self.cid = self.people = self.stage.accounts("person", 3)
        self.money = self.stage.token("USD", {person.address: 10**12 for person in self.people}, 6)
        self.nft = self.stage.deploy("Nft")
        self.loans = self.stage.deploy("NftLoans", self.money.address)
        self.stage.allow(self.money, self.people, self.loans.address)
        self.stage.setup(self.stage.owner, self.nft, "mint", self.ann.address)
        self.stage.setup(self.ann, self.nft, "setApprovalForAll", self.loans.address, 1)
        self.stage.begin_block()

    def does(self, who: KeyPair, place: Deployed, function: str, *arguments: int | bytes) -> None:
        """Send a transaction that succeeds."""
        assert self.stage.send(function, who, place, function, *arguments)

    def refused(self, who: KeyPair, place: Deployed, function: str, *arguments: int | bytes) -> str:
        """Return why a call would revert."""
        return self.stage.why(who, place.address, place.contract.call(function, *arguments))

    def wait(self, seconds: int) -> None:
        """Let blocks pass."""
        for _ in range(seconds // BLOCK):
            self.stage.end_block()
            self.stage.begin_block()

    def balance(self, who: KeyPair) -> int:
        """Return somebody's money."""
        return self.stage.get(self.money, "balanceOf", who.address)

    def owner(self) -> bytes:
        """Return who owns token 1."""
        return (self.stage.ask(self.nft, "ownerOf", 1) or 0).to_bytes(20, "big")

    def lent(self) -> None:
        """Let Ann ask and Ben accept."""
        self.does(self.ann, self.loans, "request", self.nft.address, 1, *TERMS)
        self.does(self.ben, self.loans, "lend", self.nft.address, 1, *TERMS)


@pytest.fixture
def street() -> Street:
    return Street()


def test_a_request_accepted_escrows_the_token_and_pays_the_borrower(street: Street) -> None:
    street.lent()
    assert street.owner() == street.loans.address
    assert (street.balance(street.ann), street.balance(street.ben)) == (10**12 + MONEY, 10**12 - MONEY)
    assert street.refused(street.cid, street.loans, "lend", street.nft.address, 1, *TERMS) == "no such request"


@pytest.mark.parametrize(("waited", "days"), [(0, 1), (18 * 3_600, 1), (DAY, 2), (10 * DAY, 11)])
def test_interest_counts_days_begun(street: Street, waited: int, days: int) -> None:
    street.lent()
    street.wait(waited)
    street.does(street.ann, street.loans, "repay", 1)
    assert street.balance(street.ben) == 10**12 + days * MONEY // 1_000
    assert street.owner() == street.ann.address
    assert street.refused(street.ann, street.loans, "repay", 1) == "not open"
    assert street.refused(street.ben, street.loans, "seize", 1) == "not open"


def test_interest_is_rounded_up(street: Street) -> None:
    terms = (1, 1, DAY)
    street.does(street.ann, street.loans, "request", street.nft.address, 1, *terms)
    street.does(street.ben, street.loans, "lend", street.nft.address, 1, *terms)
    assert street.stage.ask(street.loans, "owed", 1) == 2


def test_only_the_lender_seizes_and_only_after_the_loan_is_due(street: Street) -> None:
    street.lent()
    street.wait(10 * DAY)
    assert street.refused(street.ben, street.loans, "seize", 1) == "not yet due"
    assert street.refused(street.cid, street.loans, "repay", 1) == "only the borrower"
    street.wait(BLOCK)
    assert street.refused(street.ann, street.loans, "repay", 1) == "too late"
    assert street.refused(street.cid, street.loans, "seize", 1) == "only the lender"
    street.does(street.ben, street.loans, "seize", 1)
    assert street.owner() == street.ben.address
    assert street.balance(street.ann) == 10**12 + MONEY


def test_an_offer_is_taken_as_often_as_it_says(street: Street) -> None:
    street.does(street.ben, street.loans, "offer", street.nft.address, 1, *TERMS)
    taken = street.ben.address, street.nft.address, 1
    assert street.refused(street.ann, street.loans, "borrow", *taken, MONEY + 1, *TERMS[1:]) == "other terms"
    assert street.refused(street.cid, street.loans, "borrow", *taken, *TERMS) == "not the owner"
    street.does(street.ann, street.loans, "borrow", *taken, *TERMS)
    assert street.owner() == street.loans.address
    assert street.refused(street.ann, street.loans, "borrow", *taken, *TERMS) == "no such offer"


def test_a_loan_clears_the_request_for_the_same_token(street: Street) -> None:
    street.does(street.ann, street.loans, "request", street.nft.address, 1, *TERMS)
    street.does(street.ben, street.loans, "offer", street.nft.address, 2, *TERMS)
    street.does(street.ann, street.loans, "borrow", street.ben.address, street.nft.address, 1, *TERMS)
    street.does(street.ann, street.loans, "repay", 1)
    assert street.refused(street.ben, street.loans, "lend", street.nft.address, 1, *TERMS) == "no such request"


def test_terms_and_owners_must_be_right(street: Street) -> None:
    ask = street.loans, "request", street.nft.address
    assert street.refused(street.ben, *ask, 1, *TERMS) == "not the owner"
    assert street.refused(street.ann, *ask, 2, *TERMS) == "no such token"
    assert street.refused(street.ann, *ask, 1, 0, 1, DAY) == "principal out of range"
    assert street.refused(street.ann, *ask, 1, 1, 0, DAY) == "rate out of range"
    assert street.refused(street.ann, *ask, 1, 1, 1, DAY - 1) == "duration out of range"
    street.does(street.ann, *ask, 1, *TERMS)
    assert street.refused(street.ann, street.loans, "lend", street.nft.address, 1, *TERMS) == "own loan"
    street.does(street.ann, *ask, 1, 5, *TERMS[1:])
    assert street.refused(street.ben, street.loans, "lend", street.nft.address, 1, *TERMS) == "other terms"
    street.does(street.ann, street.nft, "transferFrom", street.ann.address, street.cid.address, 1)
    assert street.refused(street.ben, street.loans, "lend", street.nft.address, 1, 5, *TERMS[1:]) == "not the owner"


def test_a_token_moves_only_as_its_owner_allowed(street: Street) -> None:
    ann, ben, cid = (person.address for person in street.people)
    nft = street.nft
    assert street.refused(street.ben, nft, "mint", ben) == "only the minter"
    assert street.refused(street.stage.owner, nft, "mint", 0) == "zero receiver"
    assert street.refused(street.ben, nft, "transferFrom", ann, ben, 1) == "not allowed"
    assert street.refused(street.ben, nft, "approve", ben, 1) == "not allowed"
    assert street.refused(street.ann, nft, "transferFrom", ann, 0, 1) == "zero receiver"
    street.does(street.ann, nft, "approve", ben, 1)
    street.does(street.ben, nft, "transferFrom", ann, cid, 1)
    assert street.owner() == cid
    assert street.refused(street.ben, nft, "transferFrom", cid, ben, 1) == "not allowed", "it moved: approval is over"
    assert street.stage.ask(nft, "supportsInterface", 0x80AC58CD << 224) == 1
    assert street.stage.ask(nft, "supportsInterface", 0xFFFFFFFF << 224) == 0
    assert street.stage.get(nft, "balanceOf", ann) == 0
