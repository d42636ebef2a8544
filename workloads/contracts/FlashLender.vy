# pragma version 0.4.3
# pragma evm-version cancun
"""
@title FlashLender
@license MIT
@notice Lends tokens within one transaction for a fee (ERC-3156).
@dev Cash is counted here and not asked of the token: a gift of tokens changes nothing. The fee is rounded up.
     Tokens that take a fee on transfer or rebase must not be funded.
"""

from ethereum.ercs import IERC20

interface Borrower:
    def onFlashLoan(
        initiator: address, token: address, amount: uint256, fee: uint256, data: Bytes[256]
    ) -> bytes32: nonpayable

event FlashLoan:
    receiver: indexed(address)
    token: indexed(address)
    initiator: address
    amount: uint256
    fee: uint256

event Funded:
    token: indexed(address)
    amount: uint256

event Withdrawn:
    token: indexed(address)
    amount: uint256

BPS: constant(uint256) = 10_000
MAX_FEE: constant(uint256) = 100
ACCEPTED: constant(bytes32) = keccak256("ERC3156FlashBorrower.onFlashLoan")

owner: public(immutable(address))
fee_bps: public(immutable(uint256))
cash: public(HashMap[address, uint256])


@deploy
def __init__(fee: uint256):
    assert fee <= MAX_FEE, "fee too high"
    owner = msg.sender
    fee_bps = fee


@external
@nonreentrant
def flashLoan(receiver: address, token: address, amount: uint256, data: Bytes[256]) -> bool:
    """
    @notice Lend `amount` to `receiver`, call its `onFlashLoan`, and take amount and fee back from it.
    """
    held: uint256 = self.cash[token]
    assert amount > 0, "nothing asked for"
    assert amount <= held, "not enough cash"
    fee: uint256 = self._fee(amount)
    self.cash[token] = held + fee
    self._push(token, receiver, amount)
    answer: bytes32 = extcall Borrower(receiver).onFlashLoan(msg.sender, token, amount, fee, data)
    assert answer == ACCEPTED, "not accepted"
    log FlashLoan(receiver=receiver, token=token, initiator=msg.sender, amount=amount, fee=fee)
    self._pull(token, receiver, amount + fee)
    return True


@external
@view
def maxFlashLoan(token: address) -> uint256:
    """
    @notice Return the most that can be lent now.
    """
    return self.cash[token]


@external
@view
def flashFee(token: address, amount: uint256) -> uint256:
    """
    @notice Return the fee of a loan; reverts for a token that is not lent.
    """
    assert self.cash[token] > 0, "not lent"
    return self._fee(amount)


@external
@nonreentrant
def fund(token: address, amount: uint256):
    """
    @notice Add tokens to lend; they are the owner's then.
    """
    assert amount > 0, "nothing comes in"
    self.cash[token] += amount
    log Funded(token=token, amount=amount)
    self._pull(token, msg.sender, amount)


@external
@nonreentrant
def withdraw(token: address, amount: uint256):
    """
    @notice Take tokens and earned fees out; only the owner may.
    """
    assert msg.sender == owner, "only the owner"
    assert amount > 0 and amount <= self.cash[token], "not enough cash"
    self.cash[token] -= amount
    log Withdrawn(token=token, amount=amount)
    self._push(token, msg.sender, amount)


@internal
@view
def _fee(amount: uint256) -> uint256:
    return (amount * fee_bps + BPS - 1) // BPS


@internal
def _pull(token: address, giver: address, amount: uint256):
    assert extcall IERC20(token).transferFrom(giver, self, amount, default_return_value=True), "transfer failed"


@internal
def _push(token: address, receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"
