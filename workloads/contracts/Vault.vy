# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Vault
@license MIT
@notice ERC-4626 vault: shares of an asset to which a strategist adds yield. Shares are ERC-20 tokens.
@dev Assets are counted here and not asked of the token: what is sent without a call belongs to nobody. A share is
     worth (assets + 1) / (shares + 1000): the virtual part makes it useless to inflate an empty vault. Yield comes
     free over hours, so that nobody gains by a deposit around the moment when it arrives. Every rounding is
     against the caller. The asset must not take a fee on transfer.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event Deposit:
    sender: indexed(address)
    owner: indexed(address)
    assets: uint256
    shares: uint256

event Withdraw:
    sender: indexed(address)
    receiver: indexed(address)
    owner: indexed(address)
    assets: uint256
    shares: uint256

event Donated:
    amount: uint256
    free_at: uint256

event StrategistSet:
    strategist: indexed(address)

VIRTUAL_ASSETS: constant(uint256) = 1
VIRTUAL_SHARES: constant(uint256) = 10**3
UNLOCK_TIME: constant(uint256) = 6 * 3_600

asset: public(immutable(address))
name: public(constant(String[32])) = "Vault share"
symbol: public(constant(String[16])) = "VAULT"
decimals: public(immutable(uint8))
strategist: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])
managed: public(uint256)  # assets of the vault, free or not
locked: public(uint256)  # yield that was not free at `updated_at`
updated_at: public(uint256)
free_at: public(uint256)  # when all of the yield is


@deploy
def __init__(what: address):
    assert what != empty(address), "bad asset"
    asset = what
    # As many more as there are zeros in the virtual shares.
    decimals = staticcall IERC20Detailed(what).decimals() + 3
    self.strategist = msg.sender
    self.updated_at = block.timestamp


# -- ERC-4626 ---------------------------------------------------------------------------------------------


@external
@nonreentrant
def deposit(assets: uint256, receiver: address) -> uint256:
    """
    @notice Bring `assets` in; return the shares that `receiver` gets for them.
    """
    self._unlock()
    shares: uint256 = self._to_shares(assets)
    self._enter(assets, shares, receiver)
    return shares


@external
@nonreentrant
def mint(shares: uint256, receiver: address) -> uint256:
    """
    @notice Make `shares` for `receiver`; return the assets that are taken for them.
    """
    self._unlock()
    assets: uint256 = self._to_assets_up(shares)
    self._enter(assets, shares, receiver)
    return assets


@external
@nonreentrant
def withdraw(assets: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Pay `assets` to `receiver`; return the shares of `owner` that are destroyed for them.
    """
    self._unlock()
    shares: uint256 = self._to_shares_up(assets)
    self._leave(assets, shares, receiver, owner)
    return shares


@external
@nonreentrant
def redeem(shares: uint256, receiver: address, owner: address) -> uint256:
    """
    @notice Destroy `shares` of `owner`; return the assets that `receiver` is paid for them.
    """
    self._unlock()
    assets: uint256 = self._to_assets(shares)
    self._leave(assets, shares, receiver, owner)
    return assets


@external
@view
def totalAssets() -> uint256:
    """
    @notice Return the assets that are free now: those that shares stand for.
    """
    return self._assets()


@external
@view
def convertToShares(assets: uint256) -> uint256:
    """
    @notice Return how many shares so many assets are worth, rounded down.
    """
    return self._to_shares(assets)


@external
@view
def convertToAssets(shares: uint256) -> uint256:
    """
    @notice Return how many assets so many shares are worth, rounded down.
    """
    return self._to_assets(shares)


@external
@view
def previewDeposit(assets: uint256) -> uint256:
    """
    @notice Return the shares that a deposit gives now.
    """
    return self._to_shares(assets)


@external
@view
def previewMint(shares: uint256) -> uint256:
    """
    @notice Return the assets that so many new shares cost now.
    """
    return self._to_assets_up(shares)


@external
@view
def previewWithdraw(assets: uint256) -> uint256:
    """
    @notice Return the shares that a withdrawal takes now.
    """
    return self._to_shares_up(assets)


@external
@view
def previewRedeem(shares: uint256) -> uint256:
    """
    @notice Return the assets that so many shares are paid now.
    """
    return self._to_assets(shares)


@external
@view
def maxDeposit(receiver: address) -> uint256:
    """
    @notice Return how much may be deposited: there is no limit.
    """
    return max_value(uint256)


@external
@view
def maxMint(receiver: address) -> uint256:
    """
    @notice Return how many shares may be made: there is no limit.
    """
    return max_value(uint256)


@external
@view
def maxWithdraw(owner: address) -> uint256:
    """
    @notice Return the assets that `owner` can withdraw now.
    """
    return self._to_assets(self.balanceOf[owner])


@external
@view
def maxRedeem(owner: address) -> uint256:
    """
    @notice Return the shares that `owner` can redeem now.
    """
    return self.balanceOf[owner]


# -- the strategist ---------------------------------------------------------------------------------------


@external
@nonreentrant
def donate(amount: uint256):
    """
    @notice Add yield; it and what is still locked come free over the next hours.
    """
    assert msg.sender == self.strategist, "only the strategist"
    assert amount != 0, "nothing to donate"
    self._unlock()
    self.managed += amount
    self.locked += amount
    self.free_at = block.timestamp + UNLOCK_TIME
    log Donated(amount=amount, free_at=self.free_at)
    assert extcall IERC20(asset).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "transfer failed"


@external
def set_strategist(strategist: address):
    """
    @notice Hand the right to add yield to `strategist`.
    """
    assert msg.sender == self.strategist, "only the strategist"
    assert strategist != empty(address), "zero strategist"
    self.strategist = strategist
    log StrategistSet(strategist=strategist)


# -- ERC-20 -----------------------------------------------------------------------------------------------


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move `amount` shares from the caller to `receiver`.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move `amount` shares from `sender`, who has allowed the caller so many.
    """
    self._spend_allowance(sender, amount)
    self._move(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow `spender` to move `amount` of the caller's shares, in place of what was allowed before.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


# -- inside -----------------------------------------------------------------------------------------------


@internal
def _enter(assets: uint256, shares: uint256, receiver: address):
    assert shares != 0, "too little for a share"
    assert receiver != empty(address), "zero receiver"
    self.managed += assets
    self.totalSupply += shares
    self.balanceOf[receiver] += shares
    log Transfer(sender=empty(address), receiver=receiver, value=shares)
    log Deposit(sender=msg.sender, owner=receiver, assets=assets, shares=shares)
    assert extcall IERC20(asset).transferFrom(
        msg.sender, self, assets, default_return_value=True
    ), "transfer failed"


@internal
def _leave(assets: uint256, shares: uint256, receiver: address, owner: address):
    assert assets != 0, "nothing to pay"
    if msg.sender != owner:
        self._spend_allowance(owner, shares)
    held: uint256 = self.balanceOf[owner]
    assert shares <= held, "insufficient shares"
    self.balanceOf[owner] = held - shares
    self.totalSupply -= shares
    self.managed -= assets
    log Transfer(sender=owner, receiver=empty(address), value=shares)
    log Withdraw(sender=msg.sender, receiver=receiver, owner=owner, assets=assets, shares=shares)
    assert extcall IERC20(asset).transfer(receiver, assets, default_return_value=True), "transfer failed"


@internal
def _move(sender: address, receiver: address, amount: uint256):
    assert receiver != empty(address), "zero receiver"
    held: uint256 = self.balanceOf[sender]
    assert amount <= held, "insufficient shares"
    self.balanceOf[sender] = held - amount
    self.balanceOf[receiver] += amount
    log Transfer(sender=sender, receiver=receiver, value=amount)


@internal
def _spend_allowance(owner: address, amount: uint256):
    """
    @dev An allowance of 2^256 - 1 stays.
    """
    allowed: uint256 = self.allowance[owner][msg.sender]
    if allowed != max_value(uint256):
        assert amount <= allowed, "insufficient allowance"
        self.allowance[owner][msg.sender] = allowed - amount


@internal
@view
def _still_locked() -> uint256:
    """
    @dev What comes free is rounded down.
    """
    if block.timestamp >= self.free_at:
        return 0
    elapsed: uint256 = block.timestamp - self.updated_at
    return self.locked - self.locked * elapsed // (self.free_at - self.updated_at)


@internal
def _unlock():
    """
    @dev Let the yield that time has freed count; the first call of a block does.
    """
    if block.timestamp != self.updated_at:
        self.locked = self._still_locked()
        self.updated_at = block.timestamp


@internal
@view
def _assets() -> uint256:
    return self.managed - self._still_locked()


@internal
@view
def _to_shares(assets: uint256) -> uint256:
    return assets * (self.totalSupply + VIRTUAL_SHARES) // (self._assets() + VIRTUAL_ASSETS)


@internal
@view
def _to_shares_up(assets: uint256) -> uint256:
    return self._ceil_div(assets * (self.totalSupply + VIRTUAL_SHARES), self._assets() + VIRTUAL_ASSETS)


@internal
@view
def _to_assets(shares: uint256) -> uint256:
    return shares * (self._assets() + VIRTUAL_ASSETS) // (self.totalSupply + VIRTUAL_SHARES)


@internal
@view
def _to_assets_up(shares: uint256) -> uint256:
    return self._ceil_div(shares * (self._assets() + VIRTUAL_ASSETS), self.totalSupply + VIRTUAL_SHARES)


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
