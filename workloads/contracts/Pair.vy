# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Pair
@license MIT
@notice Exchange of two tokens at a constant product, with liquidity shares and a cumulative price.
@dev Reserves are what the pair has accounted for: tokens sent to it without a call belong to nobody.
"""

from ethereum.ercs import IERC20

event Swap:
    sender: indexed(address)
    token_in: indexed(address)
    amount_in: uint256
    amount_out: uint256

event Added:
    provider: indexed(address)
    amount0: uint256
    amount1: uint256
    shares: uint256

event Removed:
    provider: indexed(address)
    amount0: uint256
    amount1: uint256
    shares: uint256

FEE: constant(uint256) = 30  # basis points of what comes in, left to the providers
BPS: constant(uint256) = 10_000
LOCKED: constant(uint256) = 1_000  # shares of nobody, so that a share can never be made too dear
SCALE: constant(uint256) = 2**112

token0: public(immutable(address))
token1: public(immutable(address))
reserve0: public(uint256)
reserve1: public(uint256)
total_shares: public(uint256)
shares: public(HashMap[address, uint256])
cumulative0: public(uint256)  # sum of (price of token0 in token1) x SCALE x seconds, wrapping
updated_at: public(uint256)


@deploy
def __init__(a: address, b: address):
    assert a != b and a != empty(address) and b != empty(address), "bad tokens"
    token0 = a
    token1 = b
    self.updated_at = block.timestamp


@external
@nonreentrant
def swap(token_in: address, amount_in: uint256, least_out: uint256) -> uint256:
    """
    @notice Sell `amount_in` of one token for at least `least_out` of the other.
    """
    assert token_in == token0 or token_in == token1, "not a token of this pair"
    assert amount_in > 0, "nothing comes in"
    forward: bool = token_in == token0
    before_in: uint256 = self.reserve0 if forward else self.reserve1
    before_out: uint256 = self.reserve1 if forward else self.reserve0
    net: uint256 = amount_in * (BPS - FEE)
    # Rounded down: the product of the reserves never falls.
    amount_out: uint256 = net * before_out // (before_in * BPS + net)
    assert amount_out >= least_out and amount_out > 0, "too little comes out"
    self._note_price()
    if forward:
        self.reserve0 = before_in + amount_in
        self.reserve1 = before_out - amount_out
    else:
        self.reserve1 = before_in + amount_in
        self.reserve0 = before_out - amount_out
    self._pull(token_in, amount_in)
    self._push(token1 if forward else token0, msg.sender, amount_out)
    log Swap(sender=msg.sender, token_in=token_in, amount_in=amount_in, amount_out=amount_out)
    return amount_out


@external
@nonreentrant
def add(most0: uint256, most1: uint256) -> uint256:
    """
    @notice Add liquidity in the ratio of the reserves, at most so much of each token; return the shares.
    """
    total: uint256 = self.total_shares
    amount0: uint256 = most0
    amount1: uint256 = most1
    made: uint256 = 0
    self._note_price()
    if total == 0:
        made = isqrt(most0 * most1)
        assert made > LOCKED, "too little liquidity"
        self.shares[empty(address)] = LOCKED
        self.total_shares = made
        made -= LOCKED
    else:
        made = min(most0 * total // self.reserve0, most1 * total // self.reserve1)
        assert made > 0, "too little liquidity"
        # Rounded up: shares are never bought below what they are worth.
        amount0 = self._ceil_div(made * self.reserve0, total)
        amount1 = self._ceil_div(made * self.reserve1, total)
        self.total_shares = total + made
    self.shares[msg.sender] += made
    self.reserve0 += amount0
    self.reserve1 += amount1
    self._pull(token0, amount0)
    self._pull(token1, amount1)
    log Added(provider=msg.sender, amount0=amount0, amount1=amount1, shares=made)
    return made


@external
@nonreentrant
def remove(burnt: uint256):
    """
    @notice Give shares back for their part of both reserves, rounded down.
    """
    held: uint256 = self.shares[msg.sender]
    assert burnt > 0 and burnt <= held, "not so many shares"
    total: uint256 = self.total_shares
    amount0: uint256 = burnt * self.reserve0 // total
    amount1: uint256 = burnt * self.reserve1 // total
    self._note_price()
    self.shares[msg.sender] = held - burnt
    self.total_shares = total - burnt
    self.reserve0 -= amount0
    self.reserve1 -= amount1
    self._push(token0, msg.sender, amount0)
    self._push(token1, msg.sender, amount1)
    log Removed(provider=msg.sender, amount0=amount0, amount1=amount1, shares=burnt)


@external
@view
def quote(token_in: address, amount_in: uint256) -> uint256:
    """
    @notice Return what a swap would give now.
    """
    forward: bool = token_in == token0
    before_in: uint256 = self.reserve0 if forward else self.reserve1
    before_out: uint256 = self.reserve1 if forward else self.reserve0
    net: uint256 = amount_in * (BPS - FEE)
    return net * before_out // (before_in * BPS + net)


@internal
def _note_price():
    """
    @dev Add the price that stood since the last block with a trade (the average over time follows from it).
    """
    elapsed: uint256 = block.timestamp - self.updated_at
    if elapsed == 0:
        return
    self.updated_at = block.timestamp
    if self.reserve0 != 0:
        self.cumulative0 = unsafe_add(self.cumulative0, self.reserve1 * SCALE // self.reserve0 * elapsed)


@internal
def _pull(token: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@internal
def _push(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
