# pragma version 0.4.3
# pragma evm-version cancun
"""
@title IssuedToken
@license MIT
@notice ERC-20 token that its owner, a protocol, mints and burns.
@dev The owner burns without an allowance: it is a contract that burns what its caller owns, and nothing else.
"""

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    value: uint256

event Approval:
    owner: indexed(address)
    spender: indexed(address)
    value: uint256

event OwnerSet:
    owner: indexed(address)

name: public(String[32])
symbol: public(String[16])
decimals: public(uint8)
owner: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
allowance: public(HashMap[address, HashMap[address, uint256]])


@deploy
def __init__(name: String[32], symbol: String[16], decimals: uint8):
    self.name = name
    self.symbol = symbol
    self.decimals = decimals
    self.owner = msg.sender


@external
def transfer(receiver: address, amount: uint256) -> bool:
    """
    @notice Move `amount` from the caller to `receiver`.
    """
    self._move(msg.sender, receiver, amount)
    return True


@external
def transferFrom(sender: address, receiver: address, amount: uint256) -> bool:
    """
    @notice Move `amount` from `sender`, who has allowed the caller so much; an allowance of 2^256 - 1 stays.
    """
    allowed: uint256 = self.allowance[sender][msg.sender]
    if allowed != max_value(uint256):
        assert allowed >= amount, "insufficient allowance"
        self.allowance[sender][msg.sender] = unsafe_sub(allowed, amount)
    self._move(sender, receiver, amount)
    return True


@external
def approve(spender: address, amount: uint256) -> bool:
    """
    @notice Allow `spender` to move `amount` of the caller's tokens, in place of what was allowed before.
    """
    self.allowance[msg.sender][spender] = amount
    log Approval(owner=msg.sender, spender=spender, value=amount)
    return True


@external
def mint(receiver: address, amount: uint256):
    """
    @notice Create `amount` new tokens; only the owner may.
    """
    assert msg.sender == self.owner, "only the owner"
    assert receiver != empty(address), "zero receiver"
    self.totalSupply += amount
    self.balanceOf[receiver] = unsafe_add(self.balanceOf[receiver], amount)
    log Transfer(sender=empty(address), receiver=receiver, value=amount)


@external
def burn(holder: address, amount: uint256):
    """
    @notice Destroy `amount` of the tokens of `holder`; only the owner may.
    """
    assert msg.sender == self.owner, "only the owner"
    held: uint256 = self.balanceOf[holder]
    assert held >= amount, "insufficient balance"
    self.balanceOf[holder] = unsafe_sub(held, amount)
    self.totalSupply -= amount
    log Transfer(sender=holder, receiver=empty(address), value=amount)


@external
def set_owner(owner: address):
    """
    @notice Hand the right to mint and burn to `owner`.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


@internal
def _move(sender: address, receiver: address, amount: uint256):
    assert receiver != empty(address), "zero receiver"
    held: uint256 = self.balanceOf[sender]
    assert held >= amount, "insufficient balance"
    self.balanceOf[sender] = unsafe_sub(held, amount)
    # The supply bounds every balance, so this cannot overflow.
    self.balanceOf[receiver] = unsafe_add(self.balanceOf[receiver], amount)
    log Transfer(sender=sender, receiver=receiver, value=amount)
