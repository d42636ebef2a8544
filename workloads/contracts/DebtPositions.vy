# pragma version 0.4.3
# pragma evm-version cancun
"""
@title DebtPositions
@license MIT
@notice Coins minted against collateral: positions must stay worth a multiple of their debt, or are liquidated.
@dev Coins have 18 decimals and count as 1 in the oracle's unit. Debts are kept scaled by an index that grows with
     the stability fee. Nobody holds the fees until they are collected: they are debt without coins. So, in exact
     numbers: debts + written off >= supply of coins + fees not yet collected, the rest being roundings against users.
     Collateral is counted here and not asked of its token; tokens that take a fee on transfer must not be listed.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

interface PriceOracle:
    def price(asset: address) -> uint256: view

interface Coin:
    def mint(receiver: address, amount: uint256): nonpayable
    def burn(holder: address, amount: uint256): nonpayable

RAY: constant(uint256) = 10**27
BPS: constant(uint256) = 10_000
MAX_FEE: constant(uint256) = 10**20  # per second, of RAY: about 2 300 % a year

# Ratio and penalty in basis points, the fee per second of RAY, ceiling in coins, one whole token in its smallest units.
struct Terms:
    ratio: uint256
    penalty: uint256
    fee: uint256
    ceiling: uint256
    unit: uint256

struct Book:
    collateral: uint256
    scaled_debt: uint256
    index: uint256
    updated_at: uint256
    fees: uint256
    written_off: uint256

struct Position:
    collateral: uint256
    scaled_debt: uint256

event Deposited:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Withdrawn:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Minted:
    user: indexed(address)
    asset: indexed(address)
    coins: uint256

event Repaid:
    user: indexed(address)
    asset: indexed(address)
    coins: uint256

event Liquidated:
    user: indexed(address)
    asset: indexed(address)
    liquidator: indexed(address)
    coins: uint256
    seized: uint256

event WrittenOff:
    user: indexed(address)
    asset: indexed(address)
    coins: uint256

event FeesCollected:
    asset: indexed(address)
    receiver: indexed(address)
    coins: uint256

event TermsSet:
    asset: indexed(address)
    ratio: uint256
    penalty: uint256
    fee: uint256
    ceiling: uint256

event OwnerSet:
    owner: indexed(address)

coin: public(immutable(address))
oracle: public(immutable(address))
least_debt: public(immutable(uint256))  # the least that a position with debts owes, so that liquidating it pays
owner: public(address)
terms: public(HashMap[address, Terms])
books: public(HashMap[address, Book])
positions: public(HashMap[address, HashMap[address, Position]])


@deploy
def __init__(coin_: address, oracle_: address, least_debt_: uint256):
    assert coin_ != empty(address) and oracle_ != empty(address), "zero address"
    coin = coin_
    oracle = oracle_
    least_debt = least_debt_
    self.owner = msg.sender


@external
@nonreentrant
def open(asset: address, amount: uint256, coins: uint256):
    """
    @notice Deposit `amount` of collateral and mint `coins` against it in one transaction.
    """
    self._accrue(asset)
    self._deposit(asset, amount)
    self._mint(asset, coins)


@external
@nonreentrant
def deposit(asset: address, amount: uint256):
    """
    @notice Add `amount` of collateral to the caller's position.
    """
    self._accrue(asset)
    self._deposit(asset, amount)


@external
@nonreentrant
def mint(asset: address, coins: uint256):
    """
    @notice Mint `coins` against the caller's collateral, down to the minimum ratio.
    """
    self._accrue(asset)
    self._mint(asset, coins)


@external
@nonreentrant
def repay(asset: address, coins: uint256) -> uint256:
    """
    @notice Burn up to `coins` of the caller's for its debt, 2^256 - 1 for all of it; return how many.
    """
    index: uint256 = self._accrue(asset)
    scaled: uint256 = self.positions[msg.sender][asset].scaled_debt
    assert scaled != 0, "no debt"
    paid: uint256 = min(coins, self._ceil_div(scaled * index, RAY))
    self._reduce_debt(msg.sender, asset, index, scaled, paid)
    log Repaid(user=msg.sender, asset=asset, coins=paid)
    extcall Coin(coin).burn(msg.sender, paid)
    return paid


@external
@nonreentrant
def withdraw(asset: address, amount: uint256):
    """
    @notice Take collateral out, as long as what is left is worth the minimum ratio.
    """
    index: uint256 = self._accrue(asset)
    held: uint256 = self.positions[msg.sender][asset].collateral
    assert amount != 0, "nothing to withdraw"
    assert amount <= held, "more than deposited"
    self.positions[msg.sender][asset].collateral = held - amount
    self.books[asset].collateral -= amount
    if self.positions[msg.sender][asset].scaled_debt != 0:
        assert self._covered(msg.sender, asset, index), "below the minimum ratio"
    log Withdrawn(user=msg.sender, asset=asset, amount=amount)
    self._push(asset, msg.sender, amount)


@external
@nonreentrant
def liquidate(user: address, asset: address, coins: uint256):
    """
    @notice Burn up to `coins` of the caller's for the debt of a position below the minimum ratio, and take collateral
            of that worth plus the penalty. Where no collateral is left, the rest of the debt is written off.
    """
    assert user != msg.sender, "own position"
    index: uint256 = self._accrue(asset)
    scaled: uint256 = self.positions[user][asset].scaled_debt
    held: uint256 = self.positions[user][asset].collateral
    assert scaled != 0, "no debt"
    assert not self._covered(user, asset, index), "above the minimum ratio"
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    factor: uint256 = BPS + self.terms[asset].penalty
    paid: uint256 = min(coins, self._ceil_div(scaled * index, RAY))
    seized: uint256 = paid * factor * self.terms[asset].unit // (price * BPS)
    if seized >= held:
        seized = held
        paid = min(paid, self._ceil_div(held * price * BPS, self.terms[asset].unit * factor))
    assert seized != 0, "nothing to seize"
    self.positions[user][asset].collateral = held - seized
    self.books[asset].collateral -= seized
    if seized == held:
        self._write_off(user, asset, index, scaled, paid)
    else:
        self._reduce_debt(user, asset, index, scaled, paid)
    log Liquidated(user=user, asset=asset, liquidator=msg.sender, coins=paid, seized=seized)
    extcall Coin(coin).burn(msg.sender, paid)
    self._push(asset, msg.sender, seized)


@external
@nonreentrant
def set_terms(asset: address, ratio: uint256, penalty: uint256, fee: uint256, ceiling: uint256):
    """
    @notice Admit a collateral, or change its terms; the fee until now is reckoned with the old ones.
    """
    assert msg.sender == self.owner, "only the owner"
    # A liquidation at the ratio must leave something to the user: ratio > 100 % + penalty.
    assert ratio > BPS + penalty and ratio <= 10 * BPS, "ratio out of range"
    assert fee <= MAX_FEE, "fee out of range"
    unit: uint256 = self.terms[asset].unit
    if unit == 0:
        decimals: uint256 = convert(staticcall IERC20Detailed(asset).decimals(), uint256)
        assert decimals <= 24, "too many decimals"
        unit = 10**decimals
        self.books[asset].index = RAY
        self.books[asset].updated_at = block.timestamp
    else:
        self._accrue(asset)
    self.terms[asset] = Terms(ratio=ratio, penalty=penalty, fee=fee, ceiling=ceiling, unit=unit)
    log TermsSet(asset=asset, ratio=ratio, penalty=penalty, fee=fee, ceiling=ceiling)


@external
@nonreentrant
def collect_fees(asset: address, receiver: address) -> uint256:
    """
    @notice Mint the fees that have come due, after they have made good what was written off; return how many coins.
    """
    assert msg.sender == self.owner, "only the owner"
    self._accrue(asset)
    fees: uint256 = self.books[asset].fees
    used: uint256 = min(fees, self.books[asset].written_off)
    self.books[asset].fees = 0
    self.books[asset].written_off -= used
    log FeesCollected(asset=asset, receiver=receiver, coins=fees - used)
    extcall Coin(coin).mint(receiver, fees - used)
    return fees - used


@external
def set_owner(owner: address):
    """
    @notice Hand the terms and the fees to another owner.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


# -- views ------------------------------------------------------------------------------------------------


@external
@view
def owed(user: address, asset: address) -> uint256:
    """
    @notice Return what a position owes now.
    """
    return self._ceil_div(self.positions[user][asset].scaled_debt * self._grown(asset), RAY)


@external
@view
def liquidatable(user: address, asset: address) -> bool:
    """
    @notice Return whether a position can be liquidated now.
    """
    return self.positions[user][asset].scaled_debt != 0 and not self._covered(user, asset, self._grown(asset))


@external
@view
def most(user: address, asset: address) -> uint256:
    """
    @notice Return how much debt a position's collateral allows now, ceiling apart.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    worth: uint256 = self.positions[user][asset].collateral * price // self.terms[asset].unit
    return worth * BPS // self.terms[asset].ratio


# -- inside -----------------------------------------------------------------------------------------------


@internal
def _accrue(asset: address) -> uint256:
    """
    @dev Return the index as of now, stored. Fees are what debts have grown by, rounded down.
    """
    assert self.terms[asset].unit != 0, "not a collateral"
    index: uint256 = self.books[asset].index
    if self.books[asset].updated_at == block.timestamp:
        return index
    grown: uint256 = self._grown(asset)
    self.books[asset].fees += self.books[asset].scaled_debt * (grown - index) // RAY
    self.books[asset].index = grown
    self.books[asset].updated_at = block.timestamp
    return grown


@internal
@view
def _grown(asset: address) -> uint256:
    """
    @dev Return the index as of now. The fee is simple between two accruals.
    """
    index: uint256 = self.books[asset].index
    elapsed: uint256 = block.timestamp - self.books[asset].updated_at
    return index + self._ceil_div(index * self.terms[asset].fee * elapsed, RAY)


@internal
def _deposit(asset: address, amount: uint256):
    assert amount != 0, "nothing to deposit"
    self.positions[msg.sender][asset].collateral += amount
    self.books[asset].collateral += amount
    log Deposited(user=msg.sender, asset=asset, amount=amount)
    assert extcall IERC20(asset).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@internal
def _mint(asset: address, coins: uint256):
    assert coins != 0, "nothing to mint"
    index: uint256 = self.books[asset].index
    # Rounded up: the debt is never less than the coins.
    scaled: uint256 = self._ceil_div(coins * RAY, index)
    debt: uint256 = self.positions[msg.sender][asset].scaled_debt + scaled
    total: uint256 = self.books[asset].scaled_debt + scaled
    self.positions[msg.sender][asset].scaled_debt = debt
    self.books[asset].scaled_debt = total
    assert debt * index // RAY >= least_debt, "debt below the floor"
    assert total * index // RAY <= self.terms[asset].ceiling, "above the ceiling"
    assert self._covered(msg.sender, asset, index), "below the minimum ratio"
    log Minted(user=msg.sender, asset=asset, coins=coins)
    extcall Coin(coin).mint(msg.sender, coins)


@internal
@view
def _covered(user: address, asset: address, index: uint256) -> bool:
    """
    @dev Return whether collateral, rounded down, is worth the minimum ratio of the debt, rounded up.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    worth: uint256 = self.positions[user][asset].collateral * price // self.terms[asset].unit
    debt: uint256 = self._ceil_div(self.positions[user][asset].scaled_debt * index, RAY)
    return worth * BPS >= debt * self.terms[asset].ratio


@internal
def _reduce_debt(user: address, asset: address, index: uint256, scaled: uint256, paid: uint256):
    """
    @dev Take `paid` coins off a debt, rounded down; all of it where all is paid. No debt below the floor is left.
    """
    cancelled: uint256 = min(paid * RAY // index, scaled)
    if paid == self._ceil_div(scaled * index, RAY):
        cancelled = scaled
    assert cancelled != 0, "nothing to repay"
    left: uint256 = scaled - cancelled
    assert left == 0 or left * index // RAY >= least_debt, "debt below the floor"
    self.positions[user][asset].scaled_debt = left
    self.books[asset].scaled_debt -= cancelled


@internal
def _write_off(user: address, asset: address, index: uint256, scaled: uint256, paid: uint256):
    """
    @dev Close a position whose collateral is gone: what its last collateral did not pay for is written off.
    """
    lost: uint256 = self._ceil_div(scaled * index, RAY) - paid
    self.positions[user][asset].scaled_debt = 0
    self.books[asset].scaled_debt -= scaled
    if lost != 0:
        self.books[asset].written_off += lost
        log WrittenOff(user=user, asset=asset, coins=lost)


@internal
def _push(asset: address, receiver: address, amount: uint256):
    assert extcall IERC20(asset).transfer(receiver, amount, default_return_value=True), "transfer failed"


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
