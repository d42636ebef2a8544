# pragma version 0.4.3
# pragma evm-version cancun
"""
@title PeggedOffers
@license MIT
@notice Makers offer tokens at an oracle's price plus a spread; takers buy from whom they choose.
@dev The contract never holds tokens: they move between maker and taker, who have allowed it. Prices have 18 decimals
     per whole token. An oracle that has no price, or an old one, reverts, and the sale with it.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

interface PriceOracle:
    def price(asset: address) -> uint256: view

BPS: constant(uint256) = 10_000
MAX_SPREAD: constant(uint256) = 1_000  # basis points

struct Offer:
    left: uint256
    sold: uint256
    spread: uint256

event Offered:
    maker: indexed(address)
    asset: indexed(address)
    left: uint256
    spread: uint256

event Taken:
    maker: indexed(address)
    asset: indexed(address)
    taker: indexed(address)
    amount: uint256
    cost: uint256

oracle: public(immutable(address))
money: public(immutable(address))
DECIMALS: immutable(uint256)
offers: public(HashMap[address, HashMap[address, Offer]])


@deploy
def __init__(price_oracle: address, payment_token: address):
    oracle = price_oracle
    money = payment_token
    DECIMALS = convert(staticcall IERC20Detailed(payment_token).decimals(), uint256)
    assert DECIMALS <= 18, "too many decimals"


@external
def offer(asset: address, left: uint256, spread: uint256):
    """
    @notice Offer `left` of `asset` at the oracle's price plus `spread` basis points, in place of what was offered
            before; nothing withdraws the offer.
    """
    assert spread <= MAX_SPREAD, "spread too high"
    self.offers[msg.sender][asset].left = left
    self.offers[msg.sender][asset].spread = spread
    log Offered(maker=msg.sender, asset=asset, left=left, spread=spread)


@external
@nonreentrant
def take(maker: address, asset: address, amount: uint256, most: uint256) -> uint256:
    """
    @notice Buy `amount` from `maker` for at most `most`; return what it cost.
    """
    offered: Offer = self.offers[maker][asset]
    assert amount != 0, "nothing to take"
    assert amount <= offered.left, "not so much on offer"
    cost: uint256 = self._cost(asset, amount, offered.spread)
    assert cost <= most, "too dear"
    self.offers[maker][asset].left = offered.left - amount
    self.offers[maker][asset].sold = offered.sold + amount
    log Taken(maker=maker, asset=asset, taker=msg.sender, amount=amount, cost=cost)
    self._move(money, msg.sender, maker, cost)
    self._move(asset, maker, msg.sender, amount)
    return cost


@external
@view
def quote(maker: address, asset: address, amount: uint256) -> uint256:
    """
    @notice Return what a sale would cost now.
    """
    return self._cost(asset, amount, self.offers[maker][asset].spread)


@internal
@view
def _cost(asset: address, amount: uint256, spread: uint256) -> uint256:
    """
    @dev Rounded up: a maker never sells below the price.
    """
    price: uint256 = staticcall PriceOracle(oracle).price(asset)
    unit: uint256 = 10 ** (convert(staticcall IERC20Detailed(asset).decimals(), uint256) + 18 - DECIMALS)
    worth: uint256 = amount * price * (BPS + spread)
    return (worth + unit * BPS - 1) // (unit * BPS)


@internal
def _move(token: address, giver: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(giver, receiver, amount, default_return_value=True), "transfer failed"
