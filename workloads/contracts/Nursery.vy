# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Nursery
@license MIT
@notice Creates small contracts at addresses that follow from a salt (CREATE2), uses them and destroys them.
@dev From EIP-6780 on a contract that destroys itself in the transaction of its birth is gone with its storage, and its
    address may be born on again; any later it only hands over its ether.
"""

event Lived:
    salt: indexed(uint256)
    life: uint256

event Poked:
    salt: indexed(uint256)
    pokes: uint256

# Returns the last 22 bytes as code:
#     PUSH1 22 DUP1 PUSH1 9 PUSH0 CODECOPY PUSH0 RETURN
# which is, with PUSH0 for each 0:
#     CALLDATASIZE PUSH1 18 JUMPI
#     0 SLOAD PUSH1 1 ADD DUP1 0 SSTORE 0 MSTORE PUSH1 32 0 RETURN    no data: count calls in slot 0, return the count
#     JUMPDEST 0 CALLDATALOAD SELFDESTRUCT                            data: the heir's address
CHILD: constant(Bytes[31]) = x"60168060095f395ff3366012575f54600101805f555f5260205ff35b5f35ff"

lives: public(HashMap[uint256, uint256])
homes: public(HashMap[uint256, address])
pokes: public(HashMap[uint256, uint256])


@external
@payable
@nonreentrant
def cycle(salt: uint256):
    """
    @notice Create a child, use it, and let it destroy itself: the address is free again after the transaction.
    """
    child: address = self._create(salt)
    assert self._poke(child) == 1, "not new born"
    self._destroy(child)
    self.lives[salt] += 1
    log Lived(salt=salt, life=self.lives[salt])


@external
@payable
@nonreentrant
def settle(salt: uint256):
    """
    @notice Create a child that stays.
    """
    self.homes[salt] = self._create(salt)


@external
@nonreentrant
def poke(salt: uint256):
    """
    @notice Call a child that stays; it counts for itself.
    """
    child: address = self.homes[salt]
    assert child != empty(address), "nobody there"
    self.pokes[salt] = self._poke(child)
    log Poked(salt=salt, pokes=self.pokes[salt])


@external
@nonreentrant
def drain(salt: uint256):
    """
    @notice Let a child that stays destroy itself: it hands over its ether and lives on (EIP-6780).
    """
    child: address = self.homes[salt]
    assert child != empty(address), "nobody there"
    self._destroy(child)


@internal
@payable
def _create(salt: uint256) -> address:
    child: address = raw_create(CHILD, value=msg.value, salt=convert(salt, bytes32), revert_on_failure=False)
    assert child != empty(address), "address is taken"
    return child


@internal
def _poke(child: address) -> uint256:
    return abi_decode(raw_call(child, b"", max_outsize=32), uint256)


@internal
def _destroy(child: address):
    raw_call(child, abi_encode(self))
