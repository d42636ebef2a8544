# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Synthetics
@license MIT
@notice Tokens that follow the price of something else, minted against ether; all who mint owe all of them together.
@dev Debts are shares of one register: the value of every synthetic token there is, at the oracle's prices, marked anew
     by every call that needs it. Who mints buys shares, who burns gives them back, both rounded against the user: no
     call but a write-off raises the debt per share at given prices. A loss that is written off is borne by all shares.
     Values have 18 decimals. Ether that arrives without a call is refused.
"""

interface PriceOracle:
    def price(asset: address) -> uint256: view

interface Synthetic:
    def mint(receiver: address, amount: uint256): nonpayable
    def burn(holder: address, amount: uint256): nonpayable

MAX_SYNTHS: constant(uint256) = 8
WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
NATIVE: constant(address) = 0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE  # ERC-7528
ISSUE_RATIO: constant(uint256) = 30_000  # collateral over debt in basis points, needed to mint or withdraw
LIQUIDATION_RATIO: constant(uint256) = 20_000
PENALTY: constant(uint256) = 1_000
FEE: constant(uint256) = 30  # of what is exchanged, to the good of all debts

# `issued` is what there is of the token, `price` the price at which the register was marked last.
struct Synth:
    token: address
    issued: uint256
    price: uint256

event SynthAdded:
    token: indexed(address)

event Deposited:
    user: indexed(address)
    amount: uint256

event Withdrawn:
    user: indexed(address)
    amount: uint256

event Issued:
    user: indexed(address)
    token: indexed(address)
    amount: uint256
    shares: uint256

event Burnt:
    user: indexed(address)
    token: indexed(address)
    amount: uint256
    shares: uint256

event Exchanged:
    user: indexed(address)
    token_in: indexed(address)
    token_out: indexed(address)
    amount_in: uint256
    amount_out: uint256

event Liquidated:
    user: indexed(address)
    liquidator: indexed(address)
    token: indexed(address)
    amount: uint256
    shares: uint256
    seized: uint256

event OwnerSet:
    owner: indexed(address)

oracle: public(immutable(address))
owner: public(address)
synth_count: public(uint256)
synths: public(HashMap[uint256, Synth])
synth_number: public(HashMap[address, uint256])  # from 1: an address without one is no synthetic token
register: public(uint256)
total_shares: public(uint256)
shares: public(HashMap[address, uint256])
collateral: public(HashMap[address, uint256])


@deploy
def __init__(oracle_: address):
    assert oracle_ != empty(address), "zero oracle"
    oracle = oracle_
    self.owner = msg.sender


# -- users ------------------------------------------------------------------------------------------------


@external
@payable
@nonreentrant
def deposit():
    """
    @notice Add the ether that is sent to the caller's collateral.
    """
    assert msg.value != 0, "nothing to deposit"
    self.collateral[msg.sender] += msg.value
    log Deposited(user=msg.sender, amount=msg.value)


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take ether out, as long as what is left covers the caller's debt as if it were minted now.
    """
    held: uint256 = self.collateral[msg.sender]
    assert amount != 0, "nothing to withdraw"
    assert amount <= held, "more than deposited"
    self.collateral[msg.sender] = held - amount
    if self.shares[msg.sender] != 0:
        self.register = self._mark()
        assert self._covered(msg.sender, self.register, ISSUE_RATIO), "not enough collateral"
    log Withdrawn(user=msg.sender, amount=amount)
    raw_call(msg.sender, b"", value=amount)


@external
@nonreentrant
def issue(token: address, amount: uint256):
    """
    @notice Mint `amount` of a synthetic token against the caller's collateral.
    """
    number: uint256 = self._number(token)
    total: uint256 = self._mark()
    value: uint256 = self._ceil_div(amount * self.synths[number].price, WAD)
    assert value != 0, "nothing to issue"
    # Rounded up: shares are never bought below what they owe.
    made: uint256 = value
    if self.total_shares != 0 and total != 0:
        made = self._ceil_div(value * self.total_shares, total)
    self.shares[msg.sender] += made
    self.total_shares += made
    self.register = self._set_issued(number, self.synths[number].issued + amount, total)
    assert self._covered(msg.sender, self.register, ISSUE_RATIO), "not enough collateral"
    log Issued(user=msg.sender, token=token, amount=amount, shares=made)
    extcall Synthetic(token).mint(msg.sender, amount)


@external
@nonreentrant
def burn(token: address, amount: uint256) -> uint256:
    """
    @notice Burn up to `amount` of a synthetic token for the caller's debt; what the debt does not need is kept.
    """
    number: uint256 = self._number(token)
    total: uint256 = self._mark()
    held: uint256 = self.shares[msg.sender]
    assert held != 0, "no debt"
    price: uint256 = self.synths[number].price
    debt: uint256 = self._ceil_div(held * total, self.total_shares)
    # More than any debt is worth: the least that pays for all of it.
    burnt: uint256 = min(amount, self._ceil_div(debt * WAD, price))
    value: uint256 = burnt * price // WAD
    cancelled: uint256 = held if value >= debt else value * self.total_shares // total
    assert cancelled != 0, "nothing to burn"
    self._cancel(msg.sender, held, cancelled)
    self.register = self._set_issued(number, self.synths[number].issued - burnt, total)
    log Burnt(user=msg.sender, token=token, amount=burnt, shares=cancelled)
    extcall Synthetic(token).burn(msg.sender, burnt)
    return burnt


@external
@nonreentrant
def exchange(token_in: address, amount: uint256, token_out: address, least_out: uint256) -> uint256:
    """
    @notice Turn one synthetic token into at least `least_out` of another, at the oracle's prices less the fee.
    """
    number_in: uint256 = self._number(token_in)
    number_out: uint256 = self._number(token_out)
    assert number_in != number_out, "same token"
    total: uint256 = self._mark()
    value: uint256 = amount * self.synths[number_in].price // WAD
    amount_out: uint256 = value * (BPS - FEE) * WAD // (BPS * self.synths[number_out].price)
    assert amount_out != 0 and amount_out >= least_out, "too little comes out"
    total = self._set_issued(number_in, self.synths[number_in].issued - amount, total)
    self.register = self._set_issued(number_out, self.synths[number_out].issued + amount_out, total)
    log Exchanged(
        user=msg.sender, token_in=token_in, token_out=token_out, amount_in=amount, amount_out=amount_out
    )
    extcall Synthetic(token_in).burn(msg.sender, amount)
    extcall Synthetic(token_out).mint(msg.sender, amount_out)
    return amount_out


@external
@nonreentrant
def liquidate(user: address, token: address, amount: uint256):
    """
    @notice Burn up to `amount` of the caller's tokens for the debt of a user below the liquidation ratio, and take
            ether of that value plus the penalty. Where no ether is left, the rest of the debt falls to all others.
    """
    assert user != msg.sender, "own position"
    number: uint256 = self._number(token)
    total: uint256 = self._mark()
    held: uint256 = self.shares[user]
    locked: uint256 = self.collateral[user]
    assert held != 0, "no debt"
    assert not self._covered(user, total, LIQUIDATION_RATIO), "healthy"
    price: uint256 = self.synths[number].price
    ether_price: uint256 = staticcall PriceOracle(oracle).price(NATIVE)
    debt: uint256 = self._ceil_div(held * total, self.total_shares)
    value: uint256 = min(amount * price // WAD, debt)
    seized: uint256 = value * (BPS + PENALTY) * WAD // (ether_price * BPS)
    if seized >= locked:
        seized = locked
        value = min(value, self._ceil_div(locked * ether_price * BPS, WAD * (BPS + PENALTY)))
    assert seized != 0, "nothing to seize"
    burnt: uint256 = self._ceil_div(value * WAD, price)
    cancelled: uint256 = held if value == debt or seized == locked else value * self.total_shares // total
    self._cancel(user, held, cancelled)
    self.collateral[user] = locked - seized
    self.register = self._set_issued(number, self.synths[number].issued - burnt, total)
    log Liquidated(
        user=user, liquidator=msg.sender, token=token, amount=burnt, shares=cancelled, seized=seized
    )
    extcall Synthetic(token).burn(msg.sender, burnt)
    raw_call(msg.sender, b"", value=seized)


# -- the owner --------------------------------------------------------------------------------------------


@external
@nonreentrant
def add_synth(token: address):
    """
    @notice Admit a token of 18 decimals with a price, of which nothing exists and which this contract mints.
    """
    assert msg.sender == self.owner, "only the owner"
    assert self.synth_number[token] == 0, "added already"
    number: uint256 = self.synth_count + 1
    assert number <= MAX_SYNTHS, "too many tokens"
    self.synth_count = number
    self.synth_number[token] = number
    price: uint256 = staticcall PriceOracle(oracle).price(token)
    self.synths[number] = Synth(token=token, issued=0, price=price)
    log SynthAdded(token=token)


@external
def set_owner(owner: address):
    """
    @notice Hand the choice of tokens to another owner.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


# -- views ------------------------------------------------------------------------------------------------


@external
@view
def debt_of(user: address) -> uint256:
    """
    @notice Return what a user owes now, at the oracle's prices.
    """
    if self.shares[user] == 0:
        return 0
    return self._ceil_div(self.shares[user] * self._value(), self.total_shares)


@external
@view
def limit_of(user: address) -> uint256:
    """
    @notice Return how much debt a user's collateral allows now.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(NATIVE)
    return self.collateral[user] * price // WAD * BPS // ISSUE_RATIO


@external
@view
def liquidatable(user: address) -> bool:
    """
    @notice Return whether a user can be liquidated now.
    """
    return self.shares[user] != 0 and not self._covered(user, self._value(), LIQUIDATION_RATIO)


# -- inside -----------------------------------------------------------------------------------------------


@internal
@view
def _number(token: address) -> uint256:
    number: uint256 = self.synth_number[token]
    assert number != 0, "not a synthetic token"
    return number


@internal
def _mark() -> uint256:
    """
    @dev Bring the marked prices up to date; return the value of all tokens at them, each rounded down.
    """
    total: uint256 = 0
    for number: uint256 in range(1, self.synth_count + 1, bound=MAX_SYNTHS):
        price: uint256 = staticcall PriceOracle(oracle).price(self.synths[number].token)
        if price != self.synths[number].price:
            self.synths[number].price = price
        total += self.synths[number].issued * price // WAD
    return total


@internal
@view
def _value() -> uint256:
    total: uint256 = 0
    for number: uint256 in range(1, self.synth_count + 1, bound=MAX_SYNTHS):
        price: uint256 = staticcall PriceOracle(oracle).price(self.synths[number].token)
        total += self.synths[number].issued * price // WAD
    return total


@internal
def _set_issued(number: uint256, issued: uint256, total: uint256) -> uint256:
    """
    @dev Note what there is of a token now; return the value of all tokens, which was `total`.
    """
    price: uint256 = self.synths[number].price
    before: uint256 = self.synths[number].issued * price // WAD
    self.synths[number].issued = issued
    return total - before + issued * price // WAD


@internal
def _cancel(user: address, held: uint256, cancelled: uint256):
    self.shares[user] = held - cancelled
    self.total_shares -= cancelled


@internal
@view
def _covered(user: address, total: uint256, ratio: uint256) -> bool:
    """
    @dev Return whether ether, rounded down, is worth `ratio` of the user's part of the register, rounded up.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(NATIVE)
    worth: uint256 = self.collateral[user] * price // WAD
    debt: uint256 = self._ceil_div(self.shares[user] * total, self.total_shares)
    return worth * BPS >= debt * ratio


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
