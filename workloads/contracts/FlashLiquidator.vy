# pragma version 0.4.3
# pragma evm-version cancun
"""
@title FlashLiquidator
@license MIT
@notice Liquidates without capital: borrows the debt asset, liquidates, sells the collateral, repays the loan.
@dev Holds nothing between calls, so anyone may call and name the pair: an allowance left over is worth nothing.
"""

from ethereum.ercs import IERC20

interface Lender:
    def flashLoan(receiver: address, token: address, amount: uint256, data: Bytes[256]) -> bool: nonpayable

interface Pool:
    def liquidate(user: address, debt_asset: address, collateral_asset: address, amount: uint256): nonpayable

interface Exchange:
    def swap(token_in: address, amount_in: uint256, least_out: uint256) -> uint256: nonpayable

event Profit:
    caller: indexed(address)
    token: indexed(address)
    amount: uint256

ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

lender: public(immutable(address))
pool: public(immutable(address))


@deploy
def __init__(flash_lender: address, lending_pool: address):
    assert flash_lender != empty(address) and lending_pool != empty(address), "zero address"
    lender = flash_lender
    pool = lending_pool


@external
@nonreentrant
def liquidate(
    user: address, debt: address, collateral: address, amount: uint256, pair: address, least: uint256
) -> uint256:
    """
    @notice Repay `amount` of `user`'s debt with borrowed tokens, sell what is seized on `pair`, keep the rest;
            revert below `least` of profit.
    """
    assert debt != collateral, "same asset"
    assert least > 0, "profit must be positive"
    before: uint256 = staticcall IERC20(debt).balanceOf(self)
    assert extcall Lender(lender).flashLoan(self, debt, amount, abi_encode(user, collateral, pair)), "no loan"
    after: uint256 = staticcall IERC20(debt).balanceOf(self)
    assert after >= before + least, "no profit"
    profit: uint256 = after - before
    log Profit(caller=msg.sender, token=debt, amount=profit)
    self._push(debt, msg.sender, profit)
    return profit


@external
def onFlashLoan(initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[256]) -> bytes32:
    """
    @notice Liquidate and sell; only the lender may call, and only for a loan that this contract has asked for.
    """
    assert msg.sender == lender, "only the lender"
    assert initiator == self, "not asked for"
    user: address = empty(address)
    collateral: address = empty(address)
    pair: address = empty(address)
    user, collateral, pair = abi_decode(data, (address, address, address))
    before: uint256 = staticcall IERC20(collateral).balanceOf(self)
    self._allow(token, pool, amount)
    extcall Pool(pool).liquidate(user, token, collateral, amount)
    # The pool may have taken less than was borrowed.
    self._allow(token, pool, 0)
    seized: uint256 = staticcall IERC20(collateral).balanceOf(self) - before
    self._allow(collateral, pair, seized)
    extcall Exchange(pair).swap(collateral, seized, 1)
    assert staticcall IERC20(token).balanceOf(self) >= amount + fee, "no profit"
    self._allow(token, lender, amount + fee)
    return ACCEPTED


@internal
def _allow(token: address, spender: address, amount: uint256):
    assert extcall IERC20(token).approve(spender, amount, default_return_value=True), "approve failed"


@internal
def _push(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"
