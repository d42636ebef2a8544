# pragma version 0.4.3
# pragma evm-version cancun
"""
@title NftLoans
@license MIT
@notice Loans between peers against single tokens: a borrower asks and a lender accepts, or a lender offers and a
        borrower takes. The collateral lies here exactly while its loan is open; money goes from peer to peer.
@dev Who accepts names the terms, so that the other side cannot change them in between. Which collection is worth
     a loan is for the lender to say; a false one can harm only who lends on it. Interest counts by days begun.
"""

from ethereum.ercs import IERC20

interface Collection:
    def ownerOf(id: uint256) -> address: view
    def transferFrom(sender: address, receiver: address, id: uint256): nonpayable

BPS: constant(uint256) = 10_000
DAY: constant(uint256) = 86_400
YEAR: constant(uint256) = 365  # days
MAX_RATE: constant(uint256) = 100_000
MAX_DURATION: constant(uint256) = 365 * DAY
MAX_PRINCIPAL: constant(uint256) = 2**128

OPEN: constant(uint256) = 1
REPAID: constant(uint256) = 2
SEIZED: constant(uint256) = 3

# `rate` is in basis points a year, `duration` in seconds.
struct Terms:
    principal: uint256
    rate: uint256
    duration: uint256

struct Request:
    borrower: address
    principal: uint256
    rate: uint256
    duration: uint256

struct Offer:
    left: uint256
    principal: uint256
    rate: uint256
    duration: uint256

struct Loan:
    status: uint256
    lender: address
    borrower: address
    collection: address
    token_id: uint256
    principal: uint256
    rate: uint256
    started: uint256
    due: uint256
    paid: uint256

event Requested:
    borrower: indexed(address)
    collection: indexed(address)
    token_id: uint256
    terms: Terms

event Offered:
    lender: indexed(address)
    collection: indexed(address)
    count: uint256
    terms: Terms

event Lent:
    id: indexed(uint256)
    lender: indexed(address)
    borrower: indexed(address)
    collection: address
    token_id: uint256
    terms: Terms

event Repaid:
    id: indexed(uint256)
    paid: uint256

event Seized:
    id: indexed(uint256)

money: public(immutable(address))
next_id: public(uint256)
requests: public(HashMap[address, HashMap[uint256, Request]])
offers: public(HashMap[address, HashMap[address, Offer]])
loans: public(HashMap[uint256, Loan])


@deploy
def __init__(token: address):
    assert token != empty(address), "zero token"
    money = token
    self.next_id = 1


@external
def request(collection: address, token_id: uint256, terms: Terms):
    """
    @notice Ask for a loan against a token of the caller, in place of what was asked for it before.
    """
    self._check(terms)
    assert staticcall Collection(collection).ownerOf(token_id) == msg.sender, "not the owner"
    self.requests[collection][token_id] = Request(
        borrower=msg.sender, principal=terms.principal, rate=terms.rate, duration=terms.duration
    )
    log Requested(borrower=msg.sender, collection=collection, token_id=token_id, terms=terms)


@external
def offer(collection: address, count: uint256, terms: Terms):
    """
    @notice Offer `count` loans against any token of a collection, in place of the caller's offer before; 0 for none.
    """
    self._check(terms)
    self.offers[msg.sender][collection] = Offer(
        left=count, principal=terms.principal, rate=terms.rate, duration=terms.duration
    )
    log Offered(lender=msg.sender, collection=collection, count=count, terms=terms)


@external
@nonreentrant
def lend(collection: address, token_id: uint256, terms: Terms) -> uint256:
    """
    @notice Accept a request on exactly these terms; return the loan's id.
    """
    asked: Request = self.requests[collection][token_id]
    assert asked.borrower != empty(address), "no such request"
    assert self._same(terms, asked.principal, asked.rate, asked.duration), "other terms"
    return self._start(msg.sender, asked.borrower, collection, token_id, terms)


@external
@nonreentrant
def borrow(lender: address, collection: address, token_id: uint256, terms: Terms) -> uint256:
    """
    @notice Take a lender's offer on exactly these terms, against a token of the caller; return the loan's id.
    """
    offered: Offer = self.offers[lender][collection]
    assert offered.left != 0, "no such offer"
    assert self._same(terms, offered.principal, offered.rate, offered.duration), "other terms"
    self.offers[lender][collection].left = offered.left - 1
    return self._start(lender, msg.sender, collection, token_id, terms)


@external
@nonreentrant
def repay(id: uint256) -> uint256:
    """
    @notice Pay a loan of the caller back with interest, until it is due, and get the collateral.
    """
    loan: Loan = self.loans[id]
    assert loan.status == OPEN, "not open"
    assert msg.sender == loan.borrower, "only the borrower"
    assert block.timestamp <= loan.due, "too late"
    paid: uint256 = loan.principal + self._interest(loan)
    self.loans[id].status = REPAID
    self.loans[id].paid = paid
    log Repaid(id=id, paid=paid)
    self._pay(loan.borrower, loan.lender, paid)
    # Without a question to the receiver: nobody's contract may keep a loan from being closed.
    extcall Collection(loan.collection).transferFrom(self, loan.borrower, loan.token_id)
    return paid


@external
@nonreentrant
def seize(id: uint256):
    """
    @notice Take the collateral of a loan of the caller's that was not repaid in time.
    """
    loan: Loan = self.loans[id]
    assert loan.status == OPEN, "not open"
    assert msg.sender == loan.lender, "only the lender"
    assert block.timestamp > loan.due, "not yet due"
    self.loans[id].status = SEIZED
    log Seized(id=id)
    extcall Collection(loan.collection).transferFrom(self, loan.lender, loan.token_id)


@external
@view
def owed(id: uint256) -> uint256:
    """
    @notice Return what it costs to repay an open loan now.
    """
    loan: Loan = self.loans[id]
    assert loan.status == OPEN, "not open"
    return loan.principal + self._interest(loan)


@internal
def _start(lender: address, borrower: address, collection: address, token_id: uint256, terms: Terms) -> uint256:
    assert lender != borrower, "own loan"
    id: uint256 = self.next_id
    self.next_id = id + 1
    if self.requests[collection][token_id].borrower != empty(address):
        self.requests[collection][token_id] = empty(Request)
    self.loans[id] = Loan(
        status=OPEN,
        lender=lender,
        borrower=borrower,
        collection=collection,
        token_id=token_id,
        principal=terms.principal,
        rate=terms.rate,
        started=block.timestamp,
        due=block.timestamp + terms.duration,
        paid=0,
    )
    log Lent(id=id, lender=lender, borrower=borrower, collection=collection, token_id=token_id, terms=terms)
    extcall Collection(collection).transferFrom(borrower, self, token_id)
    # A collection that only says that it moved a token must not get anybody's money.
    assert staticcall Collection(collection).ownerOf(token_id) == self, "no collateral"
    self._pay(lender, borrower, terms.principal)
    return id


@internal
@view
def _interest(loan: Loan) -> uint256:
    """
    @dev Rounded up, and for every day begun: a loan is never free, not even within a block.
    """
    days: uint256 = (block.timestamp - loan.started) // DAY + 1
    scaled: uint256 = loan.principal * loan.rate * days
    return (scaled + BPS * YEAR - 1) // (BPS * YEAR)


@internal
@pure
def _check(terms: Terms):
    assert terms.principal != 0 and terms.principal <= MAX_PRINCIPAL, "principal out of range"
    assert terms.rate != 0 and terms.rate <= MAX_RATE, "rate out of range"
    assert terms.duration >= DAY and terms.duration <= MAX_DURATION, "duration out of range"


@internal
@pure
def _same(terms: Terms, principal: uint256, rate: uint256, duration: uint256) -> bool:
    return terms.principal == principal and terms.rate == rate and terms.duration == duration


@internal
def _pay(sender: address, receiver: address, amount: uint256):
    assert extcall IERC20(money).transferFrom(sender, receiver, amount, default_return_value=True), "transfer failed"
