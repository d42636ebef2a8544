# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Looper
@license MIT
@notice One owner's leveraged deposit in a lending pool: what is borrowed is deposited again, in one transaction.
@dev The pool sees this contract as its user. The same asset is deposited and borrowed, so prices cannot liquidate it;
     interest can. The last loan of a round is bounded by the pool's own limit: leverage stays below 1 / (1 - LTV).
"""

from ethereum.ercs import IERC20

struct Standing:
    limit: uint256
    threshold: uint256
    debt: uint256

interface LendingPool:
    def deposit(asset: address, amount: uint256): nonpayable
    def withdraw(asset: address, amount: uint256) -> uint256: nonpayable
    def borrow(asset: address, amount: uint256): nonpayable
    def repay(asset: address, amount: uint256) -> uint256: nonpayable
    def supplied(user: address, asset: address) -> uint256: view
    def owed(user: address, asset: address) -> uint256: view
    def standing(user: address) -> Standing: view

event Looped:
    amount: uint256
    borrowed: uint256
    rounds: uint256

event Unwound:
    repaid: uint256
    returned: uint256

BPS: constant(uint256) = 10_000
MAX_ROUNDS: constant(uint256) = 12
ALL: constant(uint256) = max_value(uint256)

owner: public(immutable(address))
pool: public(immutable(address))
asset: public(immutable(address))


@deploy
def __init__(who: address, where: address, what: address):
    owner = who
    pool = where
    asset = what
    assert extcall IERC20(what).approve(where, ALL, default_return_value=True), "approve failed"


@external
@nonreentrant
def loop(amount: uint256, rounds: uint256, part: uint256) -> uint256:
    """
    @notice Deposit `amount`, then `rounds` times borrow `part` (basis points) of the last deposit and deposit that.
    """
    self._only_owner()
    assert amount != 0, "nothing to deposit"
    assert rounds <= MAX_ROUNDS, "too many rounds"
    assert part < BPS, "part out of range"
    assert extcall IERC20(asset).transferFrom(owner, self, amount, default_return_value=True), "transfer failed"
    extcall LendingPool(pool).deposit(asset, amount)
    step: uint256 = amount
    borrowed: uint256 = 0
    for _: uint256 in range(rounds, bound=MAX_ROUNDS):
        step = step * part // BPS
        extcall LendingPool(pool).borrow(asset, step)
        extcall LendingPool(pool).deposit(asset, step)
        borrowed += step
    log Looped(amount=amount, borrowed=borrowed, rounds=rounds)
    return borrowed


@external
@nonreentrant
def unwind() -> uint256:
    """
    @notice Withdraw what the debt leaves free and repay with it, until there is no debt; return the rest to the owner.
    """
    self._only_owner()
    repaid: uint256 = 0
    for _: uint256 in range(4 * MAX_ROUNDS):
        owed: uint256 = staticcall LendingPool(pool).owed(self, asset)
        if owed == 0:
            break
        free: uint256 = min(self._free(), owed)
        assert free != 0, "nothing is free"
        extcall LendingPool(pool).withdraw(asset, free)
        repaid += extcall LendingPool(pool).repay(asset, free)
    extcall LendingPool(pool).withdraw(asset, ALL)
    rest: uint256 = staticcall IERC20(asset).balanceOf(self)
    log Unwound(repaid=repaid, returned=rest)
    assert extcall IERC20(asset).transfer(owner, rest, default_return_value=True), "transfer failed"
    return rest


@internal
@view
def _only_owner():
    assert msg.sender == owner, "only the owner"


@internal
@view
def _free() -> uint256:
    """
    @dev Return what can be withdrawn with the debt still covered: two units less, for what the pool rounds.
    """
    standing: Standing = staticcall LendingPool(pool).standing(self)
    needed: uint256 = standing.debt * BPS
    if needed >= standing.threshold:
        return 0
    supplied: uint256 = staticcall LendingPool(pool).supplied(self, asset)
    free: uint256 = supplied * (standing.threshold - needed) // standing.threshold
    return free - 2 if free > 2 else 0
