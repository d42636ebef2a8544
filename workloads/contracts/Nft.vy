# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Nft
@license MIT
@notice Collection of single tokens after ERC-721 (EIP-721), without metadata; its owner may mint.
"""

interface Receiver:
    def onERC721Received(operator: address, sender: address, id: uint256, data: Bytes[1024]) -> bytes4: nonpayable

event Transfer:
    sender: indexed(address)
    receiver: indexed(address)
    id: indexed(uint256)

event Approval:
    owner: indexed(address)
    approved: indexed(address)
    id: indexed(uint256)

event ApprovalForAll:
    owner: indexed(address)
    operator: indexed(address)
    approved: bool

# EIP-165 ids of EIP-165 itself and of EIP-721.
INTERFACES: constant(bytes4[2]) = [0x01ffc9a7, 0x80ac58cd]

minter: public(address)
totalSupply: public(uint256)
balanceOf: public(HashMap[address, uint256])
isApprovedForAll: public(HashMap[address, HashMap[address, bool]])
owners: HashMap[uint256, address]
approvals: HashMap[uint256, address]


@deploy
def __init__():
    self.minter = msg.sender


@external
def mint(receiver: address) -> uint256:
    """
    @notice Create the next token, numbered from 1; only the minter may.
    """
    assert msg.sender == self.minter, "only the minter"
    assert receiver != empty(address), "zero receiver"
    id: uint256 = self.totalSupply + 1
    self.totalSupply = id
    self.owners[id] = receiver
    self.balanceOf[receiver] += 1
    log Transfer(sender=empty(address), receiver=receiver, id=id)
    return id


@external
def approve(approved: address, id: uint256):
    """
    @notice Let one address move a token, until it moves.
    """
    owner: address = self._owner(id)
    assert msg.sender == owner or self.isApprovedForAll[owner][msg.sender], "not allowed"
    self.approvals[id] = approved
    log Approval(owner=owner, approved=approved, id=id)


@external
def setApprovalForAll(operator: address, approved: bool):
    """
    @notice Let `operator` move all tokens of the caller, or no longer.
    """
    self.isApprovedForAll[msg.sender][operator] = approved
    log ApprovalForAll(owner=msg.sender, operator=operator, approved=approved)


@external
def transferFrom(sender: address, receiver: address, id: uint256):
    """
    @notice Move a token; its owner, its operators and who is approved for it may.
    """
    self._move(sender, receiver, id)


@external
def safeTransferFrom(sender: address, receiver: address, id: uint256, data: Bytes[1024] = b""):
    """
    @notice Move a token; a contract that receives it must say that it knows what to do with it.
    """
    self._move(sender, receiver, id)
    if receiver.is_contract:
        answer: bytes4 = extcall Receiver(receiver).onERC721Received(msg.sender, sender, id, data)
        assert answer == method_id("onERC721Received(address,address,uint256,bytes)", output_type=bytes4), "refused"


@external
@view
def ownerOf(id: uint256) -> address:
    """
    @notice Return the owner of a token; reverts if there is no such token.
    """
    return self._owner(id)


@external
@view
def getApproved(id: uint256) -> address:
    """
    @notice Return who is approved for this token alone.
    """
    self._owner(id)
    return self.approvals[id]


@external
@pure
def supportsInterface(interface_id: bytes4) -> bool:
    """
    @notice Return whether the contract is what EIP-165 calls by this id.
    """
    return interface_id in INTERFACES


@internal
@view
def _owner(id: uint256) -> address:
    owner: address = self.owners[id]
    assert owner != empty(address), "no such token"
    return owner


@internal
def _move(sender: address, receiver: address, id: uint256):
    owner: address = self._owner(id)
    assert sender == owner, "not the owner"
    assert receiver != empty(address), "zero receiver"
    if msg.sender != owner and not self.isApprovedForAll[owner][msg.sender]:
        assert msg.sender == self.approvals[id], "not allowed"
    if self.approvals[id] != empty(address):
        self.approvals[id] = empty(address)
    self.owners[id] = receiver
    self.balanceOf[sender] -= 1
    self.balanceOf[receiver] += 1
    log Transfer(sender=sender, receiver=receiver, id=id)
