# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Farm
@license MIT
@notice Stake one token and earn another, which is emitted at a constant rate and shared by stake.
@dev Whoever changes a stake brings the reward per staked unit up to date first, so each second's emission goes to
     who was staked in it. Every division rounds down: rewards earned never exceed what was emitted. While nobody is
     staked nothing is emitted, the period waits. Stakes and rewards must be different tokens, without a fee on
     transfer.
"""

from ethereum.ercs import IERC20

event Staked:
    user: indexed(address)
    amount: uint256

event Unstaked:
    user: indexed(address)
    amount: uint256

event Claimed:
    user: indexed(address)
    amount: uint256

event Funded:
    amount: uint256
    rate: uint256
    period_end: uint256

event OwnerSet:
    owner: indexed(address)

RAY: constant(uint256) = 10**27
MAX_FUNDING: constant(uint256) = 2**128
LONGEST: constant(uint256) = 4 * 365 * 86_400

stake_token: public(immutable(address))
reward_token: public(immutable(address))
owner: public(address)
rate: public(uint256)  # reward units per second x RAY
period_end: public(uint256)
updated_at: public(uint256)
per_unit: public(uint256)  # rewards per staked unit since the beginning, x RAY
total: public(uint256)
stakes: public(HashMap[address, uint256])
entered: public(HashMap[address, uint256])  # `per_unit` up to which a user's rewards are in `accrued`
accrued: public(HashMap[address, uint256])
funded: public(uint256)
paid: public(uint256)


@deploy
def __init__(staked: address, reward: address):
    assert staked != empty(address) and reward != empty(address) and staked != reward, "bad tokens"
    stake_token = staked
    reward_token = reward
    self.owner = msg.sender
    self.updated_at = block.timestamp
    self.period_end = block.timestamp


@external
@nonreentrant
def stake(amount: uint256):
    """
    @notice Stake `amount` from now on.
    """
    assert amount != 0, "nothing to stake"
    self._settle(msg.sender)
    self.total += amount
    self.stakes[msg.sender] += amount
    log Staked(user=msg.sender, amount=amount)
    assert extcall IERC20(stake_token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "transfer failed"


@external
@nonreentrant
def unstake(amount: uint256):
    """
    @notice Take `amount` of the stake back; rewards earned until now stay claimable.
    """
    self._unstake(msg.sender, amount)


@external
@nonreentrant
def claim() -> uint256:
    """
    @notice Pay the caller's rewards out; reverts if there are none.
    """
    earned: uint256 = self._claim(msg.sender)
    assert earned != 0, "nothing to claim"
    return earned


@external
@nonreentrant
def leave():
    """
    @notice Take the whole stake back, with all rewards.
    """
    self._unstake(msg.sender, self.stakes[msg.sender])
    self._claim(msg.sender)


@external
@nonreentrant
def fund(amount: uint256, duration: uint256):
    """
    @notice Bring `amount` of rewards; it and what is not yet emitted are emitted over `duration` seconds from now.
    """
    assert msg.sender == self.owner, "only the owner"
    assert duration != 0 and duration <= LONGEST, "duration out of range"
    assert amount <= MAX_FUNDING, "amount out of range"
    self._emit()
    left: uint256 = self.rate * (max(self.period_end, block.timestamp) - block.timestamp)
    self.rate = (left + amount * RAY) // duration
    self.period_end = block.timestamp + duration
    self.funded += amount
    log Funded(amount=amount, rate=self.rate, period_end=self.period_end)
    assert extcall IERC20(reward_token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "transfer failed"


@external
def set_owner(owner: address):
    """
    @notice Hand the right to fund to `owner`.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


@external
@view
def earned(user: address) -> uint256:
    """
    @notice Return what `user` could claim now.
    """
    per_unit: uint256 = self.per_unit
    if self.total != 0:
        per_unit += self._emission() // self.total
    return self.accrued[user] + self.stakes[user] * (per_unit - self.entered[user]) // RAY


# -- inside -----------------------------------------------------------------------------------------------


@internal
@view
def _emission() -> uint256:
    """
    @dev Return what was emitted since the last update, x RAY.
    """
    until: uint256 = min(block.timestamp, self.period_end)
    return self.rate * (until - self.updated_at) if until > self.updated_at else 0


@internal
def _emit():
    """
    @dev Share what was emitted since the last update; the period waits while nobody is staked.
    """
    elapsed: uint256 = block.timestamp - self.updated_at
    if elapsed == 0:
        return
    if self.total != 0:
        self.per_unit += self._emission() // self.total
    elif self.period_end > self.updated_at:
        self.period_end += elapsed
    self.updated_at = block.timestamp


@internal
def _settle(user: address):
    """
    @dev Credit what `user` earned with the stake as it is, before it changes.
    """
    self._emit()
    per_unit: uint256 = self.per_unit
    gained: uint256 = self.stakes[user] * (per_unit - self.entered[user]) // RAY
    self.entered[user] = per_unit
    if gained != 0:
        self.accrued[user] += gained


@internal
def _unstake(user: address, amount: uint256):
    held: uint256 = self.stakes[user]
    assert amount != 0, "nothing to unstake"
    assert amount <= held, "more than staked"
    self._settle(user)
    self.stakes[user] = held - amount
    self.total -= amount
    log Unstaked(user=user, amount=amount)
    assert extcall IERC20(stake_token).transfer(user, amount, default_return_value=True), "transfer failed"


@internal
def _claim(user: address) -> uint256:
    self._settle(user)
    amount: uint256 = self.accrued[user]
    if amount != 0:
        self.accrued[user] = 0
        self.paid += amount
        log Claimed(user=user, amount=amount)
        assert extcall IERC20(reward_token).transfer(user, amount, default_return_value=True), "transfer failed"
    return amount
