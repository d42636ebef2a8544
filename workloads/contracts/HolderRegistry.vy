# pragma version 0.4.3
# pragma evm-version cancun
"""
@title HolderRegistry
@license MIT
@notice Who may hold fractions of assets: its officers list persons whom they have identified.
@dev Nobody is taken off the list who still holds something, so whoever holds fractions is listed.
"""

MAX_TOKENS: constant(uint256) = 32

interface Holdings:
    def balanceOf(holder: address) -> uint256: view

event Listed:
    holder: indexed(address)
    officer: indexed(address)

event Delisted:
    holder: indexed(address)
    officer: indexed(address)

event OfficerSet:
    officer: indexed(address)
    appointed: bool

event TokenAdded:
    token: indexed(address)

event OwnerSet:
    owner: indexed(address)

owner: public(address)
officers: public(HashMap[address, bool])
listed: public(HashMap[address, bool])
token_count: public(uint256)
tokens: public(HashMap[uint256, address])


@deploy
def __init__():
    self.owner = msg.sender
    self.officers[msg.sender] = True


@external
def list_holder(holder: address):
    """
    @notice Let `holder` hold fractions; only officers may.
    """
    assert self.officers[msg.sender], "only an officer"
    assert holder != empty(address), "zero holder"
    assert not self.listed[holder], "listed already"
    self.listed[holder] = True
    log Listed(holder=holder, officer=msg.sender)


@external
def delist_holder(holder: address):
    """
    @notice Take `holder` off the list, who may hold no fractions of any asset.
    """
    assert self.officers[msg.sender], "only an officer"
    assert self.listed[holder], "not listed"
    for number: uint256 in range(self.token_count, bound=MAX_TOKENS):
        held: uint256 = staticcall Holdings(self.tokens[number]).balanceOf(holder)
        assert held == 0, "holds fractions"
    self.listed[holder] = False
    log Delisted(holder=holder, officer=msg.sender)


@external
def add_token(token: address):
    """
    @notice Watch one more token, before anybody but its issuer, who is listed, holds any of it.
    """
    assert msg.sender == self.owner, "only the owner"
    number: uint256 = self.token_count
    assert number < MAX_TOKENS, "too many tokens"
    for other: uint256 in range(number, bound=MAX_TOKENS):
        assert self.tokens[other] != token, "added already"
    self.tokens[number] = token
    self.token_count = number + 1
    log TokenAdded(token=token)


@external
def set_officer(officer: address, appointed: bool):
    """
    @notice Appoint or dismiss an officer.
    """
    assert msg.sender == self.owner, "only the owner"
    self.officers[officer] = appointed
    log OfficerSet(officer=officer, appointed=appointed)


@external
def set_owner(owner: address):
    """
    @notice Hand the choice of officers and tokens to another owner.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)
