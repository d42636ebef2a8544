# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Arbitrageur
@license MIT
@notice Buys on one pair and sells on another with borrowed tokens; what is left after the fee is the caller's.
@dev Holds nothing between calls, so anyone may call and name the pairs: an allowance left over is worth nothing.
"""

from ethereum.ercs import IERC20

interface Lender:
    def flashLoan(receiver: address, token: address, amount: uint256, data: Bytes[256]) -> bool: nonpayable

interface Exchange:
    def token0() -> address: view
    def token1() -> address: view
    def swap(token_in: address, amount_in: uint256, least_out: uint256) -> uint256: nonpayable

event Profit:
    caller: indexed(address)
    token: indexed(address)
    amount: uint256

ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

lender: public(immutable(address))


@deploy
def __init__(flash_lender: address):
    assert flash_lender != empty(address), "zero lender"
    lender = flash_lender


@external
@nonreentrant
def arbitrage(token: address, amount: uint256, first: address, second: address, least: uint256) -> uint256:
    """
    @notice Borrow `amount` of `token`, swap it on `first` and back on `second`; revert below `least` of profit.
    @dev What lay here before is not the caller's: profit is what the loan has added.
    """
    assert least > 0, "profit must be positive"
    before: uint256 = staticcall IERC20(token).balanceOf(self)
    assert extcall Lender(lender).flashLoan(self, token, amount, abi_encode(first, second)), "no loan"
    after: uint256 = staticcall IERC20(token).balanceOf(self)
    assert after >= before + least, "no profit"
    profit: uint256 = after - before
    log Profit(caller=msg.sender, token=token, amount=profit)
    self._push(token, msg.sender, profit)
    return profit


@external
def onFlashLoan(initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[256]) -> bytes32:
    """
    @notice Do both swaps; only the lender may call, and only for a loan that this contract has asked for.
    """
    assert msg.sender == lender, "only the lender"
    assert initiator == self, "not asked for"
    first: address = empty(address)
    second: address = empty(address)
    first, second = abi_decode(data, (address, address))
    zero: address = staticcall Exchange(first).token0()
    other: address = staticcall Exchange(first).token1() if zero == token else zero
    bought: uint256 = self._swap(first, token, amount)
    back: uint256 = self._swap(second, other, bought)
    assert back >= amount + fee, "no profit"
    self._allow(token, lender, amount + fee)
    return ACCEPTED


@internal
def _swap(pair: address, token: address, amount: uint256) -> uint256:
    self._allow(token, pair, amount)
    return extcall Exchange(pair).swap(token, amount, 1)


@internal
def _allow(token: address, spender: address, amount: uint256):
    assert extcall IERC20(token).approve(spender, amount, default_return_value=True), "approve failed"


@internal
def _push(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"
