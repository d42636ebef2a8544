# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Arena
@license MIT
@notice The worst that transactions can do to each other: one counter, one chain, and calls that fail after they read.
@dev Every failing call touches the counter first, so that an executor must undo it and must know that it was read.
"""

event Bumped:
    sender: indexed(address)
    count: uint256

STEPS: constant(uint256) = 8

count: public(uint256)
bumps: public(HashMap[address, uint256])
visits: public(HashMap[address, uint256])
works: public(HashMap[address, uint256])
cells: public(HashMap[uint256, uint256])  # place -> how many links lead there
rubbish: public(HashMap[uint256, uint256])
ruins: public(HashMap[uint256, uint256])  # nothing is ever left here


@external
def bump():
    """
    @notice Add one to the counter that everybody shares.
    """
    self._bump()


@external
def visit():
    """
    @notice Write a slot of the caller alone.
    """
    self.visits[msg.sender] += 1


@external
def link(place: uint256):
    """
    @notice Write the cell after `place` from the cell at `place`: a chain without a slot in common.
    """
    reached: uint256 = self.cells[place]
    assert reached == place, "chain is not there yet"
    assert self.cells[place + 1] == 0, "linked already"
    self.cells[place + 1] = reached + 1


@external
def turn(modulus: uint256):
    """
    @notice Bump the counter if that makes it a multiple of `modulus`.
    """
    self._bump()
    assert self.count % modulus == 0, "not your turn"


@external
def work():
    """
    @notice Write as many new slots as the counter says, 0 to 7: the gas it takes depends on it.
    """
    count: uint256 = self.count
    self.works[msg.sender] += 1
    for step: uint256 in range(count % STEPS, bound=STEPS):
        self.rubbish[count * STEPS + step] += 1


@external
def waste():
    """
    @notice Bump the counter, then write until the gas is gone.
    """
    self._bump()
    for place: uint256 in range(2**64):
        self.ruins[place] = 1


@internal
def _bump():
    self.count += 1
    self.bumps[msg.sender] += 1
    log Bumped(sender=msg.sender, count=self.count)
