# pragma version 0.4.3
# pragma evm-version cancun
"""
@title FractionLoans
@license MIT
@notice Money lent by its owner against fractions, which stay with the borrower, frozen.
@dev Interest is simple, on the principal alone, rounded up; payments go to the interest first. Prices are those of
     one fraction with 18 decimals. At any time: given + earned - lost = cash + lent.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

interface PriceOracle:
    def price(asset: address) -> uint256: view

interface Fractions:
    def freeze(holder: address, amount: uint256): nonpayable
    def release(holder: address, amount: uint256): nonpayable
    def seize(holder: address, receiver: address, amount: uint256): nonpayable

RAY: constant(uint256) = 10**27
BPS: constant(uint256) = 10_000

# Loan-to-value, threshold and penalty in basis points of value, rate per second of RAY.
struct Terms:
    ltv: uint256
    threshold: uint256
    penalty: uint256
    rate: uint256

struct Loan:
    fractions: uint256
    principal: uint256
    interest: uint256
    since: uint256

event Borrowed:
    borrower: indexed(address)
    token: indexed(address)
    fractions: uint256
    amount: uint256

event Repaid:
    borrower: indexed(address)
    token: indexed(address)
    amount: uint256
    released: uint256

event Liquidated:
    borrower: indexed(address)
    token: indexed(address)
    liquidator: indexed(address)
    amount: uint256
    seized: uint256
    lost: uint256

event Funded:
    amount: uint256

event Withdrawn:
    amount: uint256

event TermsSet:
    token: indexed(address)
    ltv: uint256
    threshold: uint256
    penalty: uint256
    rate: uint256

oracle: public(immutable(address))
money: public(immutable(address))
owner: public(immutable(address))
scale: immutable(uint256)  # value with 18 decimals over the smallest unit of money
terms: public(HashMap[address, Terms])
loans: public(HashMap[address, HashMap[address, Loan]])
cash: public(uint256)
lent: public(uint256)
given: public(uint256)
earned: public(uint256)
lost: public(uint256)


@deploy
def __init__(oracle_: address, money_: address):
    oracle = oracle_
    money = money_
    owner = msg.sender
    decimals: uint256 = convert(staticcall IERC20Detailed(money_).decimals(), uint256)
    assert decimals <= 18, "too many decimals"
    scale = 10**(18 - decimals)


# -- borrowers --------------------------------------------------------------------------------------------


@external
@nonreentrant
def borrow(token: address, fractions: uint256, amount: uint256):
    """
    @notice Freeze `fractions` more of the caller's and borrow `amount` more against all that are frozen.
    """
    assert self.terms[token].ltv != 0, "not a collateral"
    assert amount != 0, "nothing to borrow"
    self._accrue(msg.sender, token)
    self.loans[msg.sender][token].fractions += fractions
    self.loans[msg.sender][token].principal += amount
    assert self._within(msg.sender, token, self.terms[token].ltv), "not enough collateral"
    self._spend(amount)
    self.lent += amount
    log Borrowed(borrower=msg.sender, token=token, fractions=fractions, amount=amount)
    extcall Fractions(token).freeze(msg.sender, fractions)
    assert extcall IERC20(money).transfer(msg.sender, amount, default_return_value=True), "transfer failed"


@external
@nonreentrant
def repay(token: address, amount: uint256, released: uint256) -> uint256:
    """
    @notice Repay up to `amount` and release `released` fractions, as far as the rest of the loan allows; return what was
            taken. The last payment releases all.
    """
    self._accrue(msg.sender, token)
    loan: Loan = self.loans[msg.sender][token]
    owed: uint256 = loan.principal + loan.interest
    assert owed != 0, "no loan"
    paid: uint256 = min(amount, owed)
    freed: uint256 = loan.fractions if paid == owed else released
    assert paid != 0, "nothing to repay"
    assert freed <= loan.fractions, "not so much frozen"
    self._receive(msg.sender, token, paid)
    self.loans[msg.sender][token].fractions = loan.fractions - freed
    # A payment alone always helps, even where it is not enough.
    if paid != owed and freed != 0:
        assert self._within(msg.sender, token, self.terms[token].ltv), "not enough collateral"
    log Repaid(borrower=msg.sender, token=token, amount=paid, released=freed)
    if freed != 0:
        extcall Fractions(token).release(msg.sender, freed)
    assert extcall IERC20(money).transferFrom(msg.sender, self, paid, default_return_value=True), "transfer failed"
    return paid


@external
@nonreentrant
def liquidate(borrower: address, token: address):
    """
    @notice Pay off a loan above its threshold and take fractions of that value plus the penalty; the rest is released.
            Where all of them are worth less, they are sold for what they are worth less the penalty.
    """
    assert borrower != msg.sender, "own loan"
    self._accrue(borrower, token)
    loan: Loan = self.loans[borrower][token]
    owed: uint256 = loan.principal + loan.interest
    assert owed != 0, "no loan"
    assert not self._within(borrower, token, self.terms[token].threshold), "healthy"
    price: uint256 = staticcall PriceOracle(oracle).price(token)
    factor: uint256 = BPS + self.terms[token].penalty
    paid: uint256 = owed
    # Whole fractions: rounded down, so that none is had for less than its price less the penalty.
    seized: uint256 = owed * scale * factor // (price * BPS)
    if seized >= loan.fractions:
        seized = loan.fractions
        paid = min(owed, self._ceil_div(seized * price * BPS, scale * factor))
    assert paid != 0, "nothing to pay"
    principal: uint256 = self._receive(borrower, token, paid)
    self.lent -= principal
    self.lost += principal
    self.loans[borrower][token] = empty(Loan)
    log Liquidated(
        borrower=borrower, token=token, liquidator=msg.sender, amount=paid, seized=seized, lost=principal
    )
    if seized != 0:
        extcall Fractions(token).seize(borrower, msg.sender, seized)
    if seized != loan.fractions:
        extcall Fractions(token).release(borrower, loan.fractions - seized)
    assert extcall IERC20(money).transferFrom(msg.sender, self, paid, default_return_value=True), "transfer failed"


# -- the owner --------------------------------------------------------------------------------------------


@external
def set_terms(token: address, ltv: uint256, threshold: uint256, penalty: uint256, rate: uint256):
    """
    @notice Lend against a token, of which this contract must be the agent; a rate counts for all time not yet accrued.
    """
    assert msg.sender == owner, "only the owner"
    assert ltv != 0 and ltv < threshold, "ltv out of range"
    # A loan at its threshold must still pay for the penalty.
    assert threshold * (BPS + penalty) <= BPS * BPS, "threshold out of range"
    assert rate <= RAY // (365 * 86_400), "rate out of range"
    self.terms[token] = Terms(ltv=ltv, threshold=threshold, penalty=penalty, rate=rate)
    log TermsSet(token=token, ltv=ltv, threshold=threshold, penalty=penalty, rate=rate)


@external
@nonreentrant
def fund(amount: uint256):
    """
    @notice Give money to be lent.
    """
    assert msg.sender == owner, "only the owner"
    self.given += amount
    self.cash += amount
    log Funded(amount=amount)
    assert extcall IERC20(money).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take money that is not lent out.
    """
    assert msg.sender == owner, "only the owner"
    self._spend(amount)
    # What was earned is taken before what was given.
    gain: uint256 = min(amount, self.earned)
    self.earned -= gain
    self.given -= amount - gain
    log Withdrawn(amount=amount)
    assert extcall IERC20(money).transfer(owner, amount, default_return_value=True), "transfer failed"


# -- views ------------------------------------------------------------------------------------------------


@external
@view
def owed(borrower: address, token: address) -> uint256:
    """
    @notice Return principal and interest of a loan now.
    """
    loan: Loan = self.loans[borrower][token]
    return loan.principal + loan.interest + self._growth(borrower, token)


@external
@view
def liquidatable(borrower: address, token: address) -> bool:
    """
    @notice Return whether a loan can be liquidated now.
    """
    loan: Loan = self.loans[borrower][token]
    owed: uint256 = loan.principal + loan.interest + self._growth(borrower, token)
    price: uint256 = staticcall PriceOracle(oracle).price(token)
    return owed * scale * BPS > loan.fractions * price * self.terms[token].threshold


# -- inside -----------------------------------------------------------------------------------------------


@internal
@view
def _growth(borrower: address, token: address) -> uint256:
    elapsed: uint256 = block.timestamp - self.loans[borrower][token].since
    return self._ceil_div(self.loans[borrower][token].principal * self.terms[token].rate * elapsed, RAY)


@internal
def _accrue(borrower: address, token: address):
    self.loans[borrower][token].interest += self._growth(borrower, token)
    self.loans[borrower][token].since = block.timestamp


@internal
@view
def _within(borrower: address, token: address, part: uint256) -> bool:
    """
    @dev Return whether a loan is at most `part` basis points of what its fractions are worth.
    """
    loan: Loan = self.loans[borrower][token]
    price: uint256 = staticcall PriceOracle(oracle).price(token)
    return (loan.principal + loan.interest) * scale * BPS <= loan.fractions * price * part


@internal
def _receive(borrower: address, token: address, paid: uint256) -> uint256:
    """
    @dev Book a payment, interest first; return what is left of the principal.
    """
    loan: Loan = self.loans[borrower][token]
    interest: uint256 = min(paid, loan.interest)
    principal: uint256 = paid - interest
    self.loans[borrower][token].interest = loan.interest - interest
    self.loans[borrower][token].principal = loan.principal - principal
    self.cash += paid
    self.earned += interest
    self.lent -= principal
    return loan.principal - principal


@internal
def _spend(amount: uint256):
    assert amount <= self.cash, "not enough cash"
    self.cash -= amount


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
