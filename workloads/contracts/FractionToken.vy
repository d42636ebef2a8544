# pragma version 0.4.3
# pragma evm-version cancun
"""
@title FractionToken
@license MIT
@notice Indivisible fractions of one asset: only listed persons hold them, and the issuer's dividends go to all of them.
@dev Dividends are shared by an accumulator: money per fraction times SCALE. What does not divide is carried over to the
     next dividend, and what a holder has earned is kept times SCALE too: so nothing is lost, to the last digit:
     sum over holders of (credit + balance x (accumulator - mark)) + carry + paid x SCALE = deposited x SCALE.
     The agent, a contract that lends against fractions, freezes them where they are: they go on earning.
"""

from ethereum.ercs import IERC20

interface Registry:
    def listed(holder: address) -> bool: view

SCALE: constant(uint256) = 10**18

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event Frozen:
    holder: indexed(address)
    amount: uint256

event Released:
    holder: indexed(address)
    amount: uint256

event DividendDeposited:
    amount: uint256
    accumulator: uint256

event DividendPaid:
    holder: indexed(address)
    amount: uint256

event AgentSet:
    agent: indexed(address)

registry: public(immutable(address))
money: public(immutable(address))
document: public(immutable(bytes32))  # hash of the deed
issuer: public(immutable(address))
decimals: public(constant(uint8)) = 0
totalSupply: public(immutable(uint256))
agent: public(address)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
frozen: public(HashMap[address, uint256])
accumulator: public(uint256)
carry: public(uint256)
deposited: public(uint256)
paid: public(uint256)
marks: public(HashMap[address, uint256])
credits: public(HashMap[address, uint256])


@deploy
def __init__(registry_: address, money_: address, document_: bytes32, issued: uint256):
    assert registry_ != empty(address) and money_ != empty(address), "zero address"
    assert issued != 0 and issued < 2**64, "issue out of range"
    assert staticcall Registry(registry_).listed(msg.sender), "not listed"
    registry = registry_
    money = money_
    document = document_
    issuer = msg.sender
    totalSupply = issued
    self.balanceOf[msg.sender] = issued
    log Transfer(sender=empty(address), receiver=msg.sender, value=issued)


@external
@nonreentrant
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move `amount` of the caller's fractions that are not frozen to `receiver`; both must be listed.
    """
    self._move_free(msg.sender, receiver, amount)
    return True


@external
@nonreentrant
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move fractions of `sender`, who has allowed the caller so many; an allowance of 2^256 - 1 stays.
    """
    allowed: uint256 = self.allowance[sender][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "insufficient allowance"
        self.allowance[sender][msg.sender] = unsafe_sub(allowed, amount)
    self._move_free(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow `spender` to move `amount` of the caller's fractions, in place of what was allowed before.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


# -- dividends --------------------------------------------------------------------------------------------


@external
@nonreentrant
def deposit_dividend(amount: uint256):
    """
    @notice Share `amount` of money among all who hold fractions now; only the issuer may.
    """
    assert msg.sender == issuer, "only the issuer"
    assert amount != 0 and amount < 2**128, "amount out of range"
    undivided: uint256 = amount * SCALE + self.carry
    self.accumulator += undivided // totalSupply
    self.carry = undivided % totalSupply
    self.deposited += amount
    log DividendDeposited(amount=amount, accumulator=self.accumulator)
    assert extcall IERC20(money).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@external
@nonreentrant
def claim() -> uint256:
    """
    @notice Pay out what the caller, who must be listed, has earned, in whole units of money; return how much.
    """
    assert staticcall Registry(registry).listed(msg.sender), "not listed"
    self._settle(msg.sender)
    credit: uint256 = self.credits[msg.sender]
    due: uint256 = credit // SCALE
    assert due != 0, "nothing to claim"
    self.credits[msg.sender] = credit % SCALE
    self.paid += due
    log DividendPaid(holder=msg.sender, amount=due)
    assert extcall IERC20(money).transfer(msg.sender, due, default_return_value=True), "transfer failed"
    return due


@external
@view
def claimable(holder: address) -> uint256:
    """
    @notice Return what a holder has earned and not claimed, in whole units of money.
    """
    grown: uint256 = self.accumulator - self.marks[holder]
    return (self.credits[holder] + self.balanceOf[holder] * grown) // SCALE


# -- the agent --------------------------------------------------------------------------------------------


@external
def set_agent(agent: address):
    """
    @notice Let a contract freeze fractions; once appointed, it stays: holders must know whom they trust.
    """
    assert msg.sender == issuer, "only the issuer"
    assert self.agent == empty(address), "agent set already"
    assert agent != empty(address), "zero agent"
    self.agent = agent
    log AgentSet(agent=agent)


@external
@nonreentrant
def freeze(holder: address, amount: uint256):
    """
    @notice Make fractions of a listed holder immovable; only the agent may, which has the holder's word for it.
    """
    assert msg.sender == self.agent, "only the agent"
    assert staticcall Registry(registry).listed(holder), "not listed"
    assert self.balanceOf[holder] - self.frozen[holder] >= amount, "insufficient balance"
    self.frozen[holder] += amount
    log Frozen(holder=holder, amount=amount)


@external
@nonreentrant
def release(holder: address, amount: uint256):
    """
    @notice Make frozen fractions movable again.
    """
    assert msg.sender == self.agent, "only the agent"
    self._release(holder, amount)


@external
@nonreentrant
def seize(holder: address, receiver: address, amount: uint256):
    """
    @notice Move frozen fractions to a listed receiver: the collateral of a loan that was not repaid.
    """
    assert msg.sender == self.agent, "only the agent"
    self._release(holder, amount)
    self._move(holder, receiver, amount)


# -- inside -----------------------------------------------------------------------------------------------


@internal
def _release(holder: address, amount: uint256):
    assert self.frozen[holder] >= amount, "not so much frozen"
    self.frozen[holder] -= amount
    log Released(holder=holder, amount=amount)


@internal
def _move_free(sender: address, receiver: address, amount: uint256):
    assert staticcall Registry(registry).listed(sender), "not listed"
    held: uint256 = self.balanceOf[sender]
    assert held >= amount and held - amount >= self.frozen[sender], "insufficient balance"
    self._move(sender, receiver, amount)


@internal
def _move(sender: address, receiver: address, amount: uint256):
    assert staticcall Registry(registry).listed(receiver), "not listed"
    self._settle(sender)
    self._settle(receiver)
    self.balanceOf[sender] -= amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)


@internal
def _settle(holder: address):
    """
    @dev Credit a holder with the dividends since the last time, before the balance changes.
    """
    accumulator: uint256 = self.accumulator
    mark: uint256 = self.marks[holder]
    if mark == accumulator:
        return
    self.marks[holder] = accumulator
    held: uint256 = self.balanceOf[holder]
    if held != 0:
        self.credits[holder] += held * (accumulator - mark)
