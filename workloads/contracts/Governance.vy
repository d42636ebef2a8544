# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Governance
@license MIT
@notice Who locks tokens votes on the markets of a LendingPool that this contract owns. A proposal is voted on for
        some time, queued if it passed, and executed by anyone after a delay in which who disagrees can leave.
@dev Power counts as it was before the block of the proposal, by checkpoints. So tokens that are borrowed for a block
     have no vote, and tokens that were unlocked and passed on do not vote again.
"""

from ethereum.ercs import IERC20

struct Risk:
    ltv: uint256
    threshold: uint256
    bonus: uint256
    reserve_factor: uint256

struct Curve:
    base: uint256
    slope1: uint256
    slope2: uint256
    kink: uint256

interface LendingPool:
    def set_asset(asset: address, risk: Risk, curve: Curve, eager: bool): nonpayable

GRACE: constant(uint256) = 14 * 86_400  # seconds in which a queued proposal can be executed
MAX_TIME: constant(uint256) = 365 * 86_400

struct Checkpoint:
    at: uint256
    power: uint256

# `action` is the hash of what to do, `eta` the earliest time to do it, 0 until queued.
struct Proposal:
    proposer: address
    action: bytes32
    snapshot: uint256
    ends: uint256
    eta: uint256
    supporting: uint256
    opposing: uint256
    executed: bool

struct Ballot:
    weight: uint256
    supports: bool

event Locked:
    user: indexed(address)
    amount: uint256

event Unlocked:
    user: indexed(address)
    amount: uint256

event Proposed:
    id: indexed(uint256)
    proposer: indexed(address)
    asset: indexed(address)
    risk: Risk
    curve: Curve
    eager: bool

event Voted:
    id: indexed(uint256)
    voter: indexed(address)
    supports: bool
    weight: uint256

event Queued:
    id: indexed(uint256)
    eta: uint256

event Executed:
    id: indexed(uint256)

token: public(immutable(address))
pool: public(immutable(address))
quorum: public(immutable(uint256))
least_power: public(immutable(uint256))
period: public(immutable(uint256))
delay: public(immutable(uint256))
next_id: public(uint256)
proposals: public(HashMap[uint256, Proposal])
ballots: public(HashMap[uint256, HashMap[address, Ballot]])
checkpoint_count: public(HashMap[address, uint256])
checkpoints: public(HashMap[address, HashMap[uint256, Checkpoint]])


@deploy
def __init__(
    votes: address, lending_pool: address, least_votes: uint256, to_propose: uint256, voting: uint256, waiting: uint256
):
    assert votes != empty(address) and lending_pool != empty(address), "zero address"
    assert least_votes != 0, "no quorum"
    assert voting != 0 and voting <= MAX_TIME and waiting != 0 and waiting <= MAX_TIME, "time out of range"
    token = votes
    pool = lending_pool
    quorum = least_votes
    least_power = to_propose
    period = voting
    delay = waiting
    self.next_id = 1


@external
@nonreentrant
def lock(amount: uint256):
    """
    @notice Exchange tokens for voting power on later proposals.
    """
    assert amount != 0, "nothing to lock"
    self._note(msg.sender, self._power(msg.sender) + amount)
    log Locked(user=msg.sender, amount=amount)
    assert extcall IERC20(token).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "transfer failed"


@external
@nonreentrant
def unlock(amount: uint256):
    """
    @notice Take tokens back; votes that were cast with them stay.
    """
    power: uint256 = self._power(msg.sender)
    assert amount != 0 and amount <= power, "not so much locked"
    self._note(msg.sender, power - amount)
    log Unlocked(user=msg.sender, amount=amount)
    assert extcall IERC20(token).transfer(msg.sender, amount, default_return_value=True), "transfer failed"


@external
def propose(asset: address, risk: Risk, curve: Curve, eager: bool) -> uint256:
    """
    @notice Put new parameters of a market to the vote; return the proposal's id.
    """
    assert self._power_before(msg.sender, block.timestamp) >= least_power, "too little power"
    id: uint256 = self.next_id
    self.next_id = id + 1
    self.proposals[id] = Proposal(
        proposer=msg.sender,
        action=self._hash(asset, risk, curve, eager),
        snapshot=block.timestamp,
        ends=block.timestamp + period,
        eta=0,
        supporting=0,
        opposing=0,
        executed=False,
    )
    log Proposed(id=id, proposer=msg.sender, asset=asset, risk=risk, curve=curve, eager=eager)
    return id


@external
def vote(id: uint256, supports: bool):
    """
    @notice Cast the power that the caller had before the proposal, once.
    """
    snapshot: uint256 = self.proposals[id].snapshot
    assert snapshot != 0, "no such proposal"
    assert block.timestamp <= self.proposals[id].ends, "voting is over"
    assert self.ballots[id][msg.sender].weight == 0, "voted already"
    weight: uint256 = self._power_before(msg.sender, snapshot)
    assert weight != 0, "no power"
    self.ballots[id][msg.sender] = Ballot(weight=weight, supports=supports)
    if supports:
        self.proposals[id].supporting += weight
    else:
        self.proposals[id].opposing += weight
    log Voted(id=id, voter=msg.sender, supports=supports, weight=weight)


@external
def queue(id: uint256):
    """
    @notice Start the delay of a proposal that passed; anyone may.
    """
    proposal: Proposal = self.proposals[id]
    assert proposal.snapshot != 0, "no such proposal"
    assert block.timestamp > proposal.ends, "voting goes on"
    assert proposal.eta == 0, "queued already"
    assert proposal.supporting > proposal.opposing, "rejected"
    assert proposal.supporting + proposal.opposing >= quorum, "no quorum"
    eta: uint256 = block.timestamp + delay
    self.proposals[id].eta = eta
    log Queued(id=id, eta=eta)


@external
@nonreentrant
def execute(id: uint256, asset: address, risk: Risk, curve: Curve, eager: bool):
    """
    @notice Do what a queued proposal says, after its delay; anyone may.
    """
    proposal: Proposal = self.proposals[id]
    assert proposal.eta != 0, "not queued"
    assert not proposal.executed, "executed already"
    assert block.timestamp >= proposal.eta, "too early"
    assert block.timestamp <= proposal.eta + GRACE, "expired"
    assert proposal.action == self._hash(asset, risk, curve, eager), "another action"
    self.proposals[id].executed = True
    log Executed(id=id)
    extcall LendingPool(pool).set_asset(asset, risk, curve, eager)


@external
@view
def power(user: address) -> uint256:
    """
    @notice Return what a user has locked now.
    """
    return self._power(user)


@external
@view
def power_before(user: address, time: uint256) -> uint256:
    """
    @notice Return what a user had locked before the block of that time.
    """
    return self._power_before(user, time)


@internal
@view
def _power(user: address) -> uint256:
    return self.checkpoints[user][self.checkpoint_count[user]].power


@internal
def _note(user: address, power: uint256):
    """
    @dev Checkpoints are numbered from 1; those of one block are one, since only what was before it counts.
    """
    count: uint256 = self.checkpoint_count[user]
    if count == 0 or self.checkpoints[user][count].at != block.timestamp:
        count += 1
        self.checkpoint_count[user] = count
        self.checkpoints[user][count].at = block.timestamp
    self.checkpoints[user][count].power = power


@internal
@view
def _power_before(user: address, time: uint256) -> uint256:
    """
    @dev Search the last checkpoint before `time`; it lies in low..high, and number 0 stands for nothing.
    """
    low: uint256 = 0
    high: uint256 = self.checkpoint_count[user]
    for _: uint256 in range(64):
        if low == high:
            break
        middle: uint256 = (low + high + 1) // 2
        if self.checkpoints[user][middle].at < time:
            low = middle
        else:
            high = middle - 1
    return self.checkpoints[user][low].power


@internal
@pure
def _hash(asset: address, risk: Risk, curve: Curve, eager: bool) -> bytes32:
    return keccak256(abi_encode(asset, risk, curve, eager))
