# pragma version 0.4.3
# pragma evm-version cancun
"""
@title CoverPool
@license MIT
@notice Underwriters stake capital, users buy cover against it, an assessor decides on claims.
@dev A premium is not the underwriters' before its cover has ended. Active cover never exceeds a part of the capital,
     so every cover can be paid in full. Who wants out must wait, and bears losses until then: nobody leaves between
     an accident and its claim, or comes for one premium. Every rounding is against the caller.
"""

from ethereum.ercs import IERC20

event Staked:
    underwriter: indexed(address)
    amount: uint256
    shares: uint256

event ExitRequested:
    underwriter: indexed(address)
    shares: uint256
    ready_at: uint256

event Left:
    underwriter: indexed(address)
    amount: uint256
    shares: uint256

event Bought:
    id: indexed(uint256)
    holder: indexed(address)
    amount: uint256
    premium: uint256
    ends_at: uint256

event Claimed:
    id: indexed(uint256)
    amount: uint256

event Assessed:
    id: indexed(uint256)
    paid: uint256

event Expired:
    id: indexed(uint256)
    premium: uint256

event AssessorSet:
    assessor: indexed(address)

# The cover is open while `amount` is not zero.
struct Cover:
    holder: address
    amount: uint256
    premium: uint256
    ends_at: uint256
    claimed: uint256

struct Exit:
    shares: uint256
    ready_at: uint256

BPS: constant(uint256) = 10_000
YEAR: constant(uint256) = 365 * 86_400
MOST_USED: constant(uint256) = 8_000  # active cover in basis points of the capital, at most
BASE_RATE: constant(uint256) = 200  # basis points a year of the amount
FULL_RATE: constant(uint256) = 1_800  # more at full use
SHORTEST: constant(uint256) = 86_400
LONGEST: constant(uint256) = 365 * 86_400
GRACE: constant(uint256) = 7 * 86_400  # after the end, in which a claim may still come
EXIT_DELAY: constant(uint256) = 7 * 86_400
EXIT_WINDOW: constant(uint256) = 7 * 86_400  # to leave in, once the delay is over
VIRTUAL: constant(uint256) = 10**3  # shares and units of capital of nobody: a share's price starts at 1

token: public(immutable(address))
assessor: public(address)
capital: public(uint256)
total_shares: public(uint256)
shares: public(HashMap[address, uint256])
exits: public(HashMap[address, Exit])
active: public(uint256)  # sum of the open covers' amounts
unearned: public(uint256)  # sum of the open covers' premiums
cover_count: public(uint256)
covers: public(HashMap[uint256, Cover])
premiums: public(uint256)  # taken since the beginning
payouts: public(uint256)  # paid since the beginning


@deploy
def __init__(what: address):
    assert what != empty(address), "bad token"
    token = what
    self.assessor = msg.sender


# -- underwriters -----------------------------------------------------------------------------------------


@external
@nonreentrant
def stake(amount: uint256) -> uint256:
    """
    @notice Add capital; return the shares of it.
    """
    made: uint256 = amount * (self.total_shares + VIRTUAL) // (self.capital + VIRTUAL)
    assert made != 0, "too little for a share"
    self.capital += amount
    self.total_shares += made
    self.shares[msg.sender] += made
    log Staked(underwriter=msg.sender, amount=amount, shares=made)
    self._pull(amount)
    return made


@external
def request_exit(shares: uint256):
    """
    @notice Announce to leave with so many shares, in place of what was announced before.
    """
    assert shares != 0 and shares <= self.shares[msg.sender], "not so many shares"
    ready_at: uint256 = block.timestamp + EXIT_DELAY
    self.exits[msg.sender] = Exit(shares=shares, ready_at=ready_at)
    log ExitRequested(underwriter=msg.sender, shares=shares, ready_at=ready_at)


@external
@nonreentrant
def leave() -> uint256:
    """
    @notice Take the announced shares' part of the capital, as far as active cover does not need it.
    """
    exit: Exit = self.exits[msg.sender]
    assert exit.shares != 0, "not announced"
    assert block.timestamp >= exit.ready_at, "too early"
    assert block.timestamp < exit.ready_at + EXIT_WINDOW, "too late"
    worth: uint256 = exit.shares * (self.capital + VIRTUAL) // (self.total_shares + VIRTUAL)
    # After losses all the shares are worth a part of the virtual capital, too, which is not there.
    amount: uint256 = min(worth, self.capital)
    assert amount != 0, "nothing to pay"
    capital: uint256 = self.capital - amount
    assert self.active * BPS <= capital * MOST_USED, "needed for cover"
    self.capital = capital
    self.total_shares -= exit.shares
    self.shares[msg.sender] -= exit.shares
    self.exits[msg.sender] = empty(Exit)
    log Left(underwriter=msg.sender, amount=amount, shares=exit.shares)
    self._push(msg.sender, amount)
    return amount


# -- covers -----------------------------------------------------------------------------------------------


@external
@nonreentrant
def buy(amount: uint256, duration: uint256, most: uint256) -> uint256:
    """
    @notice Buy cover of `amount` for `duration` seconds, for a premium of at most `most`; return its id.
    """
    premium: uint256 = self._premium(amount, duration)
    assert premium <= most, "premium too high"
    id: uint256 = self.cover_count + 1
    ends_at: uint256 = block.timestamp + duration
    self.cover_count = id
    self.covers[id] = Cover(holder=msg.sender, amount=amount, premium=premium, ends_at=ends_at, claimed=0)
    self.active += amount
    self.unearned += premium
    self.premiums += premium
    log Bought(id=id, holder=msg.sender, amount=amount, premium=premium, ends_at=ends_at)
    self._pull(premium)
    return id


@external
def claim(id: uint256, amount: uint256):
    """
    @notice Claim `amount` of a loss; only the holder may, while no other claim waits.
    """
    cover: Cover = self.covers[id]
    assert cover.holder == msg.sender, "only the holder"
    assert cover.amount != 0, "not open"
    assert cover.claimed == 0, "claimed already"
    assert block.timestamp < cover.ends_at + GRACE, "too late"
    assert amount != 0 and amount <= cover.amount, "more than covered"
    self.covers[id].claimed = amount
    log Claimed(id=id, amount=amount)


@external
@nonreentrant
def assess(id: uint256, paid: uint256):
    """
    @notice Pay `paid` of a claim, which ends the cover; or refuse it with 0. Only the assessor may.
    """
    assert msg.sender == self.assessor, "only the assessor"
    cover: Cover = self.covers[id]
    assert cover.claimed != 0, "no claim"
    assert paid <= cover.claimed, "more than claimed"
    log Assessed(id=id, paid=paid)
    if paid == 0:
        self.covers[id].claimed = 0
        return
    self._end(id, cover)
    self.capital -= paid
    self.payouts += paid
    self._push(cover.holder, paid)


@external
def expire(id: uint256):
    """
    @notice Close a cover that has ended without a claim; anyone may. Its premium is the underwriters' now.
    """
    cover: Cover = self.covers[id]
    assert cover.amount != 0, "not open"
    assert cover.claimed == 0, "a claim waits"
    assert block.timestamp >= cover.ends_at + GRACE, "too early"
    self._end(id, cover)
    log Expired(id=id, premium=cover.premium)


@external
@view
def quote(amount: uint256, duration: uint256) -> uint256:
    """
    @notice Return the premium of a cover now; reverts where it cannot be bought.
    """
    return self._premium(amount, duration)


@external
def set_assessor(assessor: address):
    """
    @notice Hand the decisions on claims to `assessor`.
    """
    assert msg.sender == self.assessor, "only the assessor"
    assert assessor != empty(address), "zero assessor"
    self.assessor = assessor
    log AssessorSet(assessor=assessor)


# -- inside -----------------------------------------------------------------------------------------------


@internal
@view
def _premium(amount: uint256, duration: uint256) -> uint256:
    """
    @dev The rate grows with the use of the capital, this cover included.
    """
    assert amount != 0, "nothing to cover"
    assert duration >= SHORTEST and duration <= LONGEST, "duration out of range"
    used: uint256 = self.active + amount
    limit: uint256 = self.capital * MOST_USED
    assert used * BPS <= limit, "not enough capital"
    rate: uint256 = BASE_RATE + self._ceil_div(FULL_RATE * used * BPS, limit)
    return self._ceil_div(amount * rate * duration, BPS * YEAR)


@internal
def _end(id: uint256, cover: Cover):
    """
    @dev Release the capital behind a cover; its premium is earned.
    """
    self.covers[id].amount = 0
    self.covers[id].claimed = 0
    self.active -= cover.amount
    self.unearned -= cover.premium
    self.capital += cover.premium


@internal
def _pull(amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@internal
def _push(receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
