# pragma version 0.4.3
# pragma evm-version cancun
"""
@title Perp
@license MIT
@notice Perpetual futures at an oracle's price, with isolated margin, funding between the sides, and liquidation.
@dev Sizes and prices have 18 decimals, amounts are units of the margin token. The insurance fund of a market is the
     counterparty of what its two sides do not hold against each other: it pays profits, takes losses, and passes
     funding on. Every division rounds against the trader, what is left over stays in the fund. So, exactly:
     token balance = collateral + margins + funds + fees, and per market fund = given - pnl + funding + seized.
     The margin token may take no fee on transfer, and the oracle must refuse assets without a price.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

interface PriceOracle:
    def price(asset: address) -> uint256: view

WAD: constant(uint256) = 10**18
BPS: constant(uint256) = 10_000
LOT: constant(uint256) = 10**15  # sizes are whole lots: what a hedge may be off by
FEE: constant(uint256) = 10  # basis points of what is opened or closed
REWARD: constant(uint256) = 50  # basis points of what a liquidator closes
MAX_LEVERAGE: constant(uint256) = 100
MAX_FUNDING: constant(uint256) = 10**14  # a second

# Most notional per equity; least equity per notional in basis points; funding per second where all is on one side,
# with 18 decimals; most size per side.
struct Terms:
    leverage: uint256
    maintenance: uint256
    funding: uint256
    cap: uint256

# `index` is what one whole unit of size has paid in funding since the start, at the price's decimals; receivers' falls.
struct Side:
    size: uint256
    cost: uint256
    index: int256

# Since the start: `given` to the fund, `pnl` of the traders and `funding` paid less received, as far as settled, and
# `seized`: equity of liquidated positions less rewards, below zero where losses went beyond margins.
struct Book:
    updated_at: uint256
    fund: uint256
    fees: uint256
    given: uint256
    pnl: int256
    funding: int256
    seized: int256

# `cost` is what the size was worth when it was opened.
struct Position:
    size: uint256
    margin: uint256
    cost: uint256
    index: int256

event Deposited:
    trader: indexed(address)
    amount: uint256

event Withdrawn:
    trader: indexed(address)
    amount: uint256

event Entered:
    trader: indexed(address)
    market: indexed(address)
    long: bool
    size: uint256
    margin: uint256
    price: uint256

event Closed:
    trader: indexed(address)
    market: indexed(address)
    long: bool
    size: uint256
    proceeds: uint256
    price: uint256

event Liquidated:
    trader: indexed(address)
    market: indexed(address)
    liquidator: indexed(address)
    long: bool
    size: uint256
    reward: uint256
    price: uint256

event FundingAccrued:
    market: indexed(address)
    longs_pay: bool
    paid: uint256

event Insured:
    market: indexed(address)
    giver: indexed(address)
    amount: uint256

event FeesCollected:
    market: indexed(address)
    receiver: indexed(address)
    amount: uint256

event MarketListed:
    market: indexed(address)
    terms: Terms

event OwnerSet:
    owner: indexed(address)

owner: public(address)
token: public(immutable(address))
oracle: public(immutable(address))
SCALE: immutable(uint256)  # size x price / SCALE is an amount
terms: public(HashMap[address, Terms])
books: public(HashMap[address, Book])
sides: public(HashMap[address, HashMap[bool, Side]])
collateral: public(HashMap[address, uint256])
positions: public(HashMap[address, HashMap[address, HashMap[bool, Position]]])


@deploy
def __init__(margin_token: address, price_oracle: address):
    decimals: uint256 = convert(staticcall IERC20Detailed(margin_token).decimals(), uint256)
    assert decimals <= 18, "too many decimals"
    self.owner = msg.sender
    token = margin_token
    oracle = price_oracle
    SCALE = 10 ** (36 - decimals)


# -- collateral -------------------------------------------------------------------------------------------


@external
@nonreentrant
def deposit(amount: uint256):
    """
    @notice Bring collateral in; positions take their margin from it.
    """
    assert amount != 0, "nothing to deposit"
    self.collateral[msg.sender] += amount
    log Deposited(trader=msg.sender, amount=amount)
    self._pull(amount)


@external
@nonreentrant
def withdraw(amount: uint256):
    """
    @notice Take free collateral out.
    """
    assert amount != 0, "nothing to withdraw"
    self._spend(msg.sender, amount)
    log Withdrawn(trader=msg.sender, amount=amount)
    self._push(msg.sender, amount)


# -- positions --------------------------------------------------------------------------------------------


@external
@nonreentrant
def open(market: address, long: bool, size: uint256, margin: uint256, limit: uint256):
    """
    @notice Open a position of `size` with `margin` of the caller's collateral; longs pay at most `limit`, shorts sell
            for at least that price.
    """
    assert self.positions[msg.sender][market][long].size == 0, "already open"
    self._enter(market, long, size, margin, limit)


@external
@nonreentrant
def increase(market: address, long: bool, size: uint256, margin: uint256, limit: uint256):
    """
    @notice Add `size` and `margin` to an open position; either may be zero.
    """
    assert self.positions[msg.sender][market][long].size != 0, "no position"
    self._enter(market, long, size, margin, limit)


@external
@nonreentrant
def close(market: address, long: bool, size: uint256, limit: uint256) -> uint256:
    """
    @notice Close `size` of a position with its part of the margin; return what comes back as collateral.
    """
    position: Position = self.positions[msg.sender][market][long]
    assert size != 0 and size <= position.size, "not so much open"
    assert size % LOT == 0, "not whole lots"
    price: uint256 = self._accrue(market)
    assert (price >= limit if long else price <= limit), "price beyond the limit"
    margin: uint256 = self._settle(market, long, position)
    margin_part: uint256 = margin * size // position.size
    cost_part: uint256 = position.cost * size // position.size
    gain: int256 = self._gain(long, size, cost_part, price)
    fee: uint256 = self._fee(self._value(size, price, True))
    proceeds: int256 = convert(margin_part, int256) + gain - convert(fee, int256)
    assert proceeds >= 0, "underwater"
    self._pay(market, gain)
    self.books[market].pnl += gain
    self.books[market].fees += fee
    self.sides[market][long].size -= size
    self.sides[market][long].cost -= cost_part
    self.collateral[msg.sender] += convert(proceeds, uint256)
    rest: Position = empty(Position)
    if size != position.size:
        rest = Position(
            size=position.size - size,
            margin=margin - margin_part,
            cost=position.cost - cost_part,
            index=self.sides[market][long].index,
        )
    self.positions[msg.sender][market][long] = rest
    log Closed(
        trader=msg.sender,
        market=market,
        long=long,
        size=size,
        proceeds=convert(proceeds, uint256),
        price=price,
    )
    return convert(proceeds, uint256)


@external
@nonreentrant
def liquidate(trader: address, market: address, long: bool):
    """
    @notice Close a position whose equity is below maintenance. The caller gets a reward out of the margin, the fund
            what is left; where the loss is above the margin, the fund bears the rest.
    """
    position: Position = self.positions[trader][market][long]
    assert position.size != 0, "no position"
    price: uint256 = self._accrue(market)
    index: int256 = self.sides[market][long].index
    value: uint256 = self._value(position.size, price, True)
    equity: int256 = self._equity(long, position, index, price)
    assert equity < convert(self._ceil_div(value * self.terms[market].maintenance, BPS), int256), "healthy"
    reward: uint256 = min(value * REWARD // BPS, position.margin)
    self.books[market].fund += position.margin - reward
    self.books[market].funding += self._owed(position, index)
    self.books[market].pnl += self._gain(long, position.size, position.cost, price)
    self.books[market].seized += equity - convert(reward, int256)
    self.sides[market][long].size -= position.size
    self.sides[market][long].cost -= position.cost
    self.positions[trader][market][long] = empty(Position)
    self.collateral[msg.sender] += reward
    log Liquidated(
        trader=trader,
        market=market,
        liquidator=msg.sender,
        long=long,
        size=position.size,
        reward=reward,
        price=price,
    )


# -- the fund and the owner -------------------------------------------------------------------------------


@external
@nonreentrant
def insure(market: address, amount: uint256):
    """
    @notice Give `amount` to the insurance fund of a market; anyone may, nobody gets it back.
    """
    assert self.books[market].updated_at != 0, "market not listed"
    assert amount != 0, "nothing to give"
    self.books[market].fund += amount
    self.books[market].given += amount
    log Insured(market=market, giver=msg.sender, amount=amount)
    self._pull(amount)


@external
@nonreentrant
def collect_fees(market: address, receiver: address):
    """
    @notice Pay out the fees of a market.
    """
    assert msg.sender == self.owner, "only the owner"
    fees: uint256 = self.books[market].fees
    assert fees != 0, "no fees"
    self.books[market].fees = 0
    log FeesCollected(market=market, receiver=receiver, amount=fees)
    self._push(receiver, fees)


@external
def list_market(market: address, terms: Terms):
    """
    @notice Open a market in an asset that the oracle prices; its terms stay as they are.
    """
    assert msg.sender == self.owner, "only the owner"
    assert self.books[market].updated_at == 0, "listed already"
    assert terms.leverage != 0 and terms.leverage <= MAX_LEVERAGE, "leverage out of range"
    # Who opens at the cap must not be liquidatable, and what is left at maintenance must pay the reward.
    assert terms.maintenance * terms.leverage < BPS and terms.maintenance > REWARD, "maintenance out of range"
    assert terms.funding <= MAX_FUNDING, "funding out of range"
    assert terms.cap >= LOT and terms.cap < 2**100, "cap out of range"
    self.terms[market] = terms
    self.books[market].updated_at = block.timestamp
    log MarketListed(market=market, terms=terms)


@external
def set_owner(owner: address):
    """
    @notice Hand fees and listing to another owner.
    """
    assert msg.sender == self.owner, "only the owner"
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


# -- views ------------------------------------------------------------------------------------------------


@external
@view
def equity(trader: address, market: address, long: bool) -> int256:
    """
    @notice Return margin, gain and funding of a position as of now; below zero if the margin does not cover the loss.
    """
    return self._equity_now(trader, market, long, staticcall PriceOracle(oracle).price(market))


@external
@view
def liquidatable(trader: address, market: address, long: bool) -> bool:
    """
    @notice Return whether a liquidation would succeed now.
    """
    size: uint256 = self.positions[trader][market][long].size
    price: uint256 = staticcall PriceOracle(oracle).price(market)
    least: uint256 = self._ceil_div(self._value(size, price, True) * self.terms[market].maintenance, BPS)
    return size != 0 and self._equity_now(trader, market, long, price) < convert(least, int256)


# -- funding ----------------------------------------------------------------------------------------------


@internal
def _accrue(market: address) -> uint256:
    """
    @dev Bring the indexes up to now and return the price.
    """
    updated_at: uint256 = self.books[market].updated_at
    assert updated_at != 0, "market not listed"
    price: uint256 = staticcall PriceOracle(oracle).price(market)
    if updated_at == block.timestamp:
        return price
    longs: uint256 = self.sides[market][True].size
    shorts: uint256 = self.sides[market][False].size
    paid: uint256 = self._paid_since(market, longs, shorts, price)
    self.books[market].updated_at = block.timestamp
    if paid != 0:
        longs_pay: bool = longs > shorts
        self.sides[market][longs_pay].index += convert(paid, int256)
        self.sides[market][not longs_pay].index -= convert(self._received(paid, longs, shorts), int256)
        log FundingAccrued(market=market, longs_pay=longs_pay, paid=paid)
    return price


@internal
@view
def _paid_since(market: address, longs: uint256, shorts: uint256, price: uint256) -> uint256:
    """
    @dev Return what a whole unit of the larger side owes since the last accrual: nothing if nobody would receive it.
    """
    if longs == 0 or shorts == 0:
        return 0
    skew: uint256 = max(longs, shorts) - min(longs, shorts)
    rate: uint256 = self.terms[market].funding * skew // (longs + shorts)
    return price * rate * (block.timestamp - self.books[market].updated_at) // WAD


@internal
@pure
def _received(paid: uint256, longs: uint256, shorts: uint256) -> uint256:
    """
    @dev Return what a whole unit of the smaller side receives: all that is paid, rounded down.
    """
    return paid * max(longs, shorts) // min(longs, shorts)


@internal
@view
def _owed(position: Position, index: int256) -> int256:
    """
    @dev Return the funding that a position owes, rounded up; below zero it receives.
    """
    owed: int256 = convert(position.size, int256) * (index - position.index)
    scale: int256 = convert(SCALE, int256)
    # Division truncates towards zero: that is up for who receives.
    return (owed + scale - 1) // scale if owed > 0 else owed // scale


@internal
def _settle(market: address, long: bool, position: Position) -> uint256:
    """
    @dev Pay the funding of the caller's position out of its margin, or into it; return the margin.
    """
    owed: int256 = self._owed(position, self.sides[market][long].index)
    margin: int256 = convert(position.margin, int256) - owed
    assert margin >= 0, "underwater"
    if owed != 0:
        self._pay(market, -owed)
        self.books[market].funding += owed
    return convert(margin, uint256)


# -- trading ----------------------------------------------------------------------------------------------


@internal
def _enter(market: address, long: bool, size: uint256, added: uint256, limit: uint256):
    assert size % LOT == 0, "not whole lots"
    assert size != 0 or added != 0, "nothing to open"
    price: uint256 = self._accrue(market)
    assert (price <= limit if long else price >= limit), "price beyond the limit"
    self._spend(msg.sender, added)
    position: Position = self.positions[msg.sender][market][long]
    margin: uint256 = self._settle(market, long, position) + added
    # What a long pays is rounded up, what a short gets is rounded down.
    cost: uint256 = self._value(size, price, long)
    fee: uint256 = self._fee(cost)
    assert margin >= fee, "margin below the fee"
    entered: Position = Position(
        size=position.size + size,
        margin=margin - fee,
        cost=position.cost + cost,
        index=self.sides[market][long].index,
    )
    assert entered.size != 0, "nothing to open"
    equity: int256 = convert(entered.margin, int256) + self._gain(long, entered.size, entered.cost, price)
    exposure: int256 = convert(self._value(entered.size, price, True), int256)
    assert exposure <= equity * convert(self.terms[market].leverage, int256), "leverage above the cap"
    total: uint256 = self.sides[market][long].size + size
    assert total <= self.terms[market].cap, "open interest above the cap"
    self.sides[market][long].size = total
    self.sides[market][long].cost += cost
    self.books[market].fees += fee
    self.positions[msg.sender][market][long] = entered
    log Entered(trader=msg.sender, market=market, long=long, size=size, margin=added, price=price)


@internal
@view
def _equity_now(trader: address, market: address, long: bool, price: uint256) -> int256:
    longs: uint256 = self.sides[market][True].size
    shorts: uint256 = self.sides[market][False].size
    paid: uint256 = self._paid_since(market, longs, shorts, price)
    index: int256 = self.sides[market][long].index
    if paid != 0 and long == (longs > shorts):
        index += convert(paid, int256)
    elif paid != 0:
        index -= convert(self._received(paid, longs, shorts), int256)
    return self._equity(long, self.positions[trader][market][long], index, price)


@internal
@view
def _equity(long: bool, position: Position, index: int256, price: uint256) -> int256:
    gain: int256 = self._gain(long, position.size, position.cost, price)
    return convert(position.margin, int256) - self._owed(position, index) + gain


@internal
@view
def _gain(long: bool, size: uint256, cost: uint256, price: uint256) -> int256:
    value: int256 = convert(self._value(size, price, not long), int256)
    return value - convert(cost, int256) if long else convert(cost, int256) - value


@internal
@view
def _value(size: uint256, price: uint256, up: bool) -> uint256:
    return self._ceil_div(size * price, SCALE) if up else size * price // SCALE


@internal
@pure
def _fee(amount: uint256) -> uint256:
    return self._ceil_div(amount * FEE, BPS)


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1


# -- money ------------------------------------------------------------------------------------------------


@internal
def _pay(market: address, amount: int256):
    """
    @dev Let the fund pay `amount` to a trader, or take it where it is below zero.
    """
    left: int256 = convert(self.books[market].fund, int256) - amount
    assert left >= 0, "fund is short"
    self.books[market].fund = convert(left, uint256)


@internal
def _spend(trader: address, amount: uint256):
    held: uint256 = self.collateral[trader]
    assert amount <= held, "not enough collateral"
    self.collateral[trader] = held - amount


@internal
def _pull(amount: uint256):
    assert extcall IERC20(token).transferFrom(msg.sender, self, amount, default_return_value=True), "transfer failed"


@internal
def _push(receiver: address, amount: uint256):
    assert extcall IERC20(token).transfer(receiver, amount, default_return_value=True), "transfer failed"
