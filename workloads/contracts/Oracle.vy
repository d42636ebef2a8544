# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Oracle
@license MIT
@notice Prices per asset, set by the owner: value of one whole token with 18 decimals.
"""

event PriceSet:
    asset: indexed(address)
    price: uint256

event OwnerSet:
    owner: indexed(address)

owner: public(address)
prices: HashMap[address, uint256]


@deploy
def __init__():
    self.owner = msg.sender


@external
def set_owner(owner: address):
    """
    @notice Hand the right to set prices to `owner`.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


@external
def set_price(asset: address, price: uint256):
    """
    @notice Set the price of `asset`; a price of zero is refused, since it would make debts free.
    """
    assert msg.sender == self.owner, "only the owner"
    assert price != 0, "zero price"
    self.prices[asset] = price
    log PriceSet(asset=asset, price=price)


@external
@view
def price(asset: address) -> uint256:
    """
    @notice Return the price of `asset`; reverts if there is none.
    """
    value: uint256 = self.prices[asset]
    assert value != 0, "no price"
    return value
