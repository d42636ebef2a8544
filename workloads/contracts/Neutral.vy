# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Neutral
@license MIT
@notice One owner's delta-neutral position: spot bought on a pair, and as much sold short in perpetual futures.
@dev What the price does to the one leg it undoes in the other; what is left is the funding, less the costs. Of the
     wealth, SPOT is held as spot; of the rest a third of the short's value is margin, and the remainder is free to
     buy spot or to back the short when the price moves. Short sizes are whole lots, so that, always:
     0 <= held - unhedged - short < LOT. Swaps must not be worse than the oracle's price by more than SLIPPAGE: anyone
     may call for a rebalance, and so nobody can make it trade at a price of his own.
"""

from ethereum.ercs import IERC20

struct Position:
    size: uint256
    margin: uint256
    cost: uint256
    index: int256

interface PriceOracle:
    def price(asset: address) -> uint256: view

interface SpotPair:
    def swap(token_in: address, amount_in: uint256, least_out: uint256) -> uint256: nonpayable

interface Futures:
    def token() -> address: view
    def oracle() -> address: view
    def collateral(trader: address) -> uint256: view
    def positions(trader: address, market: address, long: bool) -> Position: view
    def equity(trader: address, market: address, long: bool) -> int256: view
    def deposit(amount: uint256): nonpayable
    def withdraw(amount: uint256): nonpayable
    def open(market: address, long: bool, size: uint256, margin: uint256, limit: uint256): nonpayable
    def increase(market: address, long: bool, size: uint256, margin: uint256, limit: uint256): nonpayable
    def close(market: address, long: bool, size: uint256, limit: uint256) -> uint256: nonpayable

BPS: constant(uint256) = 10_000
SPOT: constant(uint256) = 6_000
LEVERAGE: constant(uint256) = 3  # of the short
BAND: constant(uint256) = 50  # basis points by which the spot may be off before a rebalance is due
SLIPPAGE: constant(uint256) = 300
FEE_ROOM: constant(uint256) = 20  # basis points of the short's value, for the futures' fee
LOT: constant(uint256) = 10**15
SCALE: constant(uint256) = 10**30  # 18 decimals of the asset, 18 of the price, 6 of the money

event Opened:
    amount: uint256
    held: uint256
    short: uint256

event Harvested:
    giver: indexed(address)
    amount: uint256

event Rebalanced:
    keeper: indexed(address)
    held: uint256
    short: uint256

event Closed:
    paid: uint256

owner: public(immutable(address))
asset: public(immutable(address))
money: public(immutable(address))
pair: public(immutable(address))
futures: public(immutable(address))
oracle: immutable(address)
held: public(uint256)
unhedged: public(uint256)


@deploy
def __init__(owner_: address, asset_: address, pair_: address, futures_: address):
    assert owner_ != empty(address), "zero owner"
    owner = owner_
    asset = asset_
    pair = pair_
    futures = futures_
    money = staticcall Futures(futures_).token()
    oracle = staticcall Futures(futures_).oracle()
    for spender: address in [pair_, futures_]:
        assert extcall IERC20(money).approve(spender, max_value(uint256), default_return_value=True), "approve failed"
    assert extcall IERC20(asset).approve(pair_, max_value(uint256), default_return_value=True), "approve failed"


@external
@nonreentrant
def open(amount: uint256, least: uint256):
    """
    @notice Put in `amount` of the owner's money: buy spot for its part of it, at least `least`, and short the same.
    """
    assert msg.sender == owner, "only the owner"
    assert self.held == 0, "already open"
    self._pull(money, amount)
    bought: uint256 = self._swap(money, amount * SPOT // BPS, least)
    extcall Futures(futures).deposit(amount - amount * SPOT // BPS)
    self.held = bought
    short: uint256 = self._hedge(bought)
    assert short != 0, "less than a lot"
    log Opened(amount=amount, held=bought, short=short)


@external
@nonreentrant
def harvest(amount: uint256):
    """
    @notice Bring in `amount` of the asset, as staking or lending it out would; the next rebalance hedges it.
    """
    assert self.held != 0, "not open"
    assert amount != 0, "nothing to harvest"
    self.held += amount
    self.unhedged += amount
    log Harvested(giver=msg.sender, amount=amount)
    self._pull(asset, amount)


@external
@nonreentrant
def rebalance():
    """
    @notice Bring the spot back to its part of the wealth, and the short back to the spot; anyone may, when it is due.
    """
    held: uint256 = self.held
    assert held != 0, "not open"
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    target: uint256 = self._target(held, price)
    assert self._due(held, target), "balanced"
    if held > target:
        extcall Futures(futures).deposit(self._swap(asset, held - target, 0))
        held = target
    else:
        free: uint256 = staticcall Futures(futures).collateral(self)
        spent: uint256 = min((target - held) * price // SCALE, free)
        if spent != 0:
            extcall Futures(futures).withdraw(spent)
            held += self._swap(money, spent, 0)
    self.held = held
    self.unhedged = 0
    log Rebalanced(keeper=msg.sender, held=held, short=self._hedge(held))


@external
@nonreentrant
def close() -> uint256:
    """
    @notice Close both legs and pay everything to the owner.
    """
    assert msg.sender == owner, "only the owner"
    held: uint256 = self.held
    assert held != 0, "not open"
    self.held = 0
    self.unhedged = 0
    short: uint256 = self._short()
    if short != 0:
        extcall Futures(futures).close(asset, False, short, max_value(uint256))
    paid: uint256 = self._swap(asset, held, 0)
    free: uint256 = staticcall Futures(futures).collateral(self)
    if free != 0:
        extcall Futures(futures).withdraw(free)
    paid += free
    log Closed(paid=paid)
    assert extcall IERC20(money).transfer(owner, paid, default_return_value=True), "transfer failed"
    return paid


@external
@view
def due() -> bool:
    """
    @notice Return whether a rebalance has something to do.
    """
    held: uint256 = self.held
    return held != 0 and self._due(held, self._target(held, staticcall PriceOracle(oracle).price(asset)))


@external
@view
def wealth() -> uint256:
    """
    @notice Return what both legs and the free money are worth at the oracle's price.
    """
    return self._wealth(self.held, staticcall PriceOracle(oracle).price(asset))


@internal
@view
def _due(held: uint256, target: uint256) -> bool:
    off: uint256 = max(held, target) - min(held, target)
    return self.unhedged >= LOT or off * BPS > target * BAND or self._short() + LOT <= held


@internal
@view
def _target(held: uint256, price: uint256) -> uint256:
    return self._wealth(held, price) * SPOT // BPS * SCALE // price


@internal
@view
def _wealth(held: uint256, price: uint256) -> uint256:
    return held * price // SCALE + self._equity() + staticcall Futures(futures).collateral(self)


@internal
@view
def _short() -> uint256:
    return (staticcall Futures(futures).positions(self, asset, False)).size


@internal
@view
def _equity() -> uint256:
    """
    @dev What the short is worth; a loss beyond its margin is the fund's, not ours.
    """
    return convert(max(staticcall Futures(futures).equity(self, asset, False), 0), uint256)


@internal
def _hedge(held: uint256) -> uint256:
    """
    @dev Make the short as many whole lots as are held, with its margin as far as there is free money; return its size.
    """
    wanted: uint256 = held // LOT * LOT
    short: uint256 = self._short()
    if wanted < short:
        extcall Futures(futures).close(asset, False, short - wanted, max_value(uint256))
    added: uint256 = max(wanted, short) - short
    exposure: uint256 = wanted * staticcall PriceOracle(oracle).price(asset) // SCALE
    needed: uint256 = exposure // LEVERAGE + added * exposure // max(wanted, 1) * FEE_ROOM // BPS
    equity: uint256 = self._equity()
    margin: uint256 = min(max(needed, equity) - equity, staticcall Futures(futures).collateral(self))
    if short == 0 and added != 0:
        extcall Futures(futures).open(asset, False, added, margin, 0)
    elif added != 0 or (wanted != 0 and margin != 0):
        extcall Futures(futures).increase(asset, False, added, margin, 0)
    return wanted


@internal
def _swap(token: address, amount: uint256, least: uint256) -> uint256:
    """
    @dev Sell on the pair, not much below the oracle's price.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    fair: uint256 = amount * price // SCALE if token == asset else amount * SCALE // price
    got: uint256 = extcall SpotPair(pair).swap(token, amount, least)
    assert got * BPS >= fair * (BPS - SLIPPAGE), "price too far from the oracle"
    return got


@internal
def _pull(token: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"
