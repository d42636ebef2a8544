# pragma version 0.4.3
# pragma evm-version cancun
"""
@title LendingPool
@license MIT
@notice Deposit, borrow, withdraw, repay and liquidate in several assets.
@dev Balances are kept scaled by an index that grows with interest. Every division rounds against the user, so in
     exact numbers, per asset: cash + debts + deficit - fees >= what suppliers own. Cash is counted here and not
     asked of the token: a gift of tokens changes nothing. State changes before tokens move.
     Tokens that take a fee on transfer or rebase must not be listed.
"""

from ethereum.ercs import IERC20
from ethereum.ercs import IERC20Detailed

interface PriceOracle:
    def price(asset: address) -> uint256: view

MAX_ASSETS: constant(uint256) = 8
RAY: constant(uint256) = 10**27
BPS: constant(uint256) = 10_000
YEAR: constant(uint256) = 365 * 86_400
CLOSE_FACTOR: constant(uint256) = 5_000
MAX_RATE: constant(uint256) = 1_000_000
MASK16: constant(uint256) = 2**16 - 1
MASK32: constant(uint256) = 2**32 - 1
MASK128: constant(uint256) = 2**128 - 1
SUPPLIES: constant(uint256) = (4**MAX_ASSETS - 1) // 3
DEBTS: constant(uint256) = SUPPLIES * 2

# An asset's configuration is one word: ltv, threshold, bonus, reserve factor (16 bits each), then these.
ID_SHIFT: constant(uint256) = 64
DECIMALS_SHIFT: constant(uint256) = 72
EAGER: constant(uint256) = 1 << 80
LISTED: constant(uint256) = 1 << 81

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

# `accrual` is the borrow index in the upper and the borrow rate per second in the lower half: whoever asks for the
# index has read the rate as well, as in Aave.
struct Reserve:
    config: uint256
    curve: uint256
    updated_at: uint256
    accrual: uint256
    supply_index: uint256
    scaled_supply: uint256
    scaled_debt: uint256
    cash: uint256
    fees: uint256
    deficit: uint256

struct Position:
    scaled_supply: uint256
    scaled_debt: uint256

struct Growth:
    supply_index: uint256
    borrow_index: uint256
    fees: uint256

# Values with 18 decimals; limit and threshold are collateral weighted in basis points.
struct Standing:
    limit: uint256
    threshold: uint256
    debt: uint256

struct Seizure:
    repaid: uint256
    seized: uint256
    scaled: uint256

event Deposit:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Withdraw:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Borrow:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Repay:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event Liquidate:
    user: indexed(address)
    debt_asset: indexed(address)
    collateral_asset: indexed(address)
    liquidator: address
    repaid: uint256
    seized: uint256

event WrittenOff:
    user: indexed(address)
    asset: indexed(address)
    amount: uint256

event DeficitCovered:
    asset: indexed(address)
    amount: uint256

event FeesCollected:
    asset: indexed(address)
    receiver: indexed(address)
    amount: uint256

event AssetSet:
    asset: indexed(address)
    config: uint256
    curve: uint256

event OwnerSet:
    owner: indexed(address)

event OracleSet:
    oracle: indexed(address)

owner: public(address)
oracle: public(address)
asset_count: public(uint256)
assets: public(address[MAX_ASSETS])
reserves: public(HashMap[address, Reserve])
positions: public(HashMap[address, HashMap[address, Position]])
# Two bits per asset id: the user supplies it, the user owes it.
user_assets: public(HashMap[address, uint256])


@deploy
def __init__(oracle: address):
    self.owner = msg.sender
    self.oracle = oracle


# -- users ------------------------------------------------------------------------------------------------


@external
@nonreentrant
def deposit(asset: address, amount: uint256):
    """
    @notice Supply `amount`; it earns interest and counts as collateral.
    """
    config: uint256 = self._open(asset)
    scaled: uint256 = amount * RAY // self.reserves[asset].supply_index
    assert scaled != 0, "amount too small"
    self.reserves[asset].scaled_supply += scaled
    self.reserves[asset].cash += amount
    self.positions[msg.sender][asset].scaled_supply += scaled
    self._mark(msg.sender, self._supply_bit(config))
    self._refresh(asset, config)
    log Deposit(user=msg.sender, asset=asset, amount=amount)
    self._pull(asset, amount)


@external
@nonreentrant
def withdraw(asset: address, amount: uint256) -> uint256:
    """
    @notice Take `amount` back, 2^256 - 1 for all, as long as the rest covers the caller's debts.
    """
    config: uint256 = self._open(asset)
    index: uint256 = self.reserves[asset].supply_index
    held: uint256 = self.positions[msg.sender][asset].scaled_supply
    paid: uint256 = amount
    burnt: uint256 = held
    if amount == max_value(uint256):
        paid = held * index // RAY
    else:
        burnt = self._ceil_div(amount * RAY, index)
    assert paid != 0, "nothing to withdraw"
    assert burnt <= held, "more than supplied"
    self._spend_cash(asset, paid)
    self._reduce_supply(msg.sender, asset, config, held, burnt)
    bitmap: uint256 = self.user_assets[msg.sender]
    if bitmap & DEBTS != 0:
        standing: Standing = self._standing(msg.sender, bitmap)
        assert standing.debt * BPS <= standing.threshold, "unhealthy"
    self._refresh(asset, config)
    log Withdraw(user=msg.sender, asset=asset, amount=paid)
    self._push(asset, msg.sender, paid)
    return paid


@external
@nonreentrant
def borrow(asset: address, amount: uint256):
    """
    @notice Borrow `amount`, as far as the loan-to-value of the caller's collateral allows.
    """
    config: uint256 = self._open(asset)
    assert amount != 0, "amount too small"
    self._spend_cash(asset, amount)
    scaled: uint256 = self._ceil_div(amount * RAY, self._borrow_index(asset))
    self.reserves[asset].scaled_debt += scaled
    self.positions[msg.sender][asset].scaled_debt += scaled
    self._mark(msg.sender, self._supply_bit(config) << 1)
    standing: Standing = self._standing(msg.sender, self.user_assets[msg.sender])
    assert standing.debt * BPS <= standing.limit, "not enough collateral"
    self._refresh(asset, config)
    log Borrow(user=msg.sender, asset=asset, amount=amount)
    self._push(asset, msg.sender, amount)


@external
@nonreentrant
def repay(asset: address, amount: uint256) -> uint256:
    """
    @notice Pay back `amount` of the caller's debt; what is above the debt is not taken.
    """
    config: uint256 = self._open(asset)
    index: uint256 = self._borrow_index(asset)
    scaled_debt: uint256 = self.positions[msg.sender][asset].scaled_debt
    assert scaled_debt != 0, "no debt"
    paid: uint256 = min(amount, self._ceil_div(scaled_debt * index, RAY))
    burnt: uint256 = self._repaid(paid, scaled_debt, index)
    assert burnt != 0, "amount too small"
    self.reserves[asset].cash += paid
    self._reduce_debt(msg.sender, asset, config, scaled_debt, burnt)
    self._refresh(asset, config)
    log Repay(user=msg.sender, asset=asset, amount=paid)
    self._pull(asset, paid)
    return paid


@external
@nonreentrant
def liquidate(user: address, debt_asset: address, collateral_asset: address, amount: uint256):
    """
    @notice Repay up to `amount`, at most half of an unhealthy user's debt in one asset, and take collateral of
            that value plus the bonus. Where no collateral is left, the rest of the debts is written off.
    """
    assert user != msg.sender, "own position"
    debt_config: uint256 = self._open(debt_asset)
    config: uint256 = self._open(collateral_asset)
    standing: Standing = self._standing(user, self.user_assets[user])
    assert standing.debt * BPS > standing.threshold, "healthy"

    index: uint256 = self._borrow_index(debt_asset)
    scaled_debt: uint256 = self.positions[user][debt_asset].scaled_debt
    held: uint256 = self.positions[user][collateral_asset].scaled_supply
    closable: uint256 = self._ceil_div(self._ceil_div(scaled_debt * index, RAY) * CLOSE_FACTOR, BPS)
    terms: Seizure = self._seizure(
        min(amount, closable), held, debt_asset, debt_config, collateral_asset, config
    )
    assert terms.seized != 0, "nothing to seize"
    burnt: uint256 = self._repaid(terms.repaid, scaled_debt, index)
    # The last dust of collateral may be worth less than one scaled unit of debt; its price is paid all the same.
    assert burnt != 0 or terms.scaled == held, "amount too small"

    self.reserves[debt_asset].cash += terms.repaid
    self._spend_cash(collateral_asset, terms.seized)
    self._reduce_debt(user, debt_asset, debt_config, scaled_debt, burnt)
    self._reduce_supply(user, collateral_asset, config, held, terms.scaled)
    self._write_off(user)
    self._refresh(debt_asset, debt_config)
    self._refresh(collateral_asset, config)
    log Liquidate(
        user=user,
        debt_asset=debt_asset,
        collateral_asset=collateral_asset,
        liquidator=msg.sender,
        repaid=terms.repaid,
        seized=terms.seized,
    )
    self._pull(debt_asset, terms.repaid)
    self._push(collateral_asset, msg.sender, terms.seized)


@external
@nonreentrant
def cover_deficit(asset: address, amount: uint256):
    """
    @notice Give tokens to make good written-off debts; anyone may.
    """
    config: uint256 = self._open(asset)
    paid: uint256 = min(amount, self.reserves[asset].deficit)
    assert paid != 0, "no deficit"
    self.reserves[asset].deficit -= paid
    self.reserves[asset].cash += paid
    self._refresh(asset, config)
    log DeficitCovered(asset=asset, amount=paid)
    self._pull(asset, paid)


@external
@nonreentrant
def accrue(asset: address):
    """
    @notice Bring an asset's indexes and rate up to now; anyone may. Later calls of the block find them current.
    """
    self._open(asset)


# -- the owner --------------------------------------------------------------------------------------------


@external
@nonreentrant
def list_asset(asset: address, risk: Risk, curve: Curve, eager: bool):
    """
    @notice Open a market. `eager` recomputes the rate at every action, otherwise only when time has passed.
    """
    self._only_owner()
    assert self.reserves[asset].config == 0, "listed already"
    id: uint256 = self.asset_count
    assert id < MAX_ASSETS, "too many assets"
    decimals: uint256 = convert(staticcall IERC20Detailed(asset).decimals(), uint256)
    assert decimals <= 24, "too many decimals"
    self.assets[id] = asset
    self.asset_count = id + 1
    self.reserves[asset].supply_index = RAY
    self.reserves[asset].accrual = RAY << 128
    self.reserves[asset].updated_at = block.timestamp
    self._configure(asset, (id << ID_SHIFT) | (decimals << DECIMALS_SHIFT) | LISTED, risk, curve, eager)


@external
@nonreentrant
def set_asset(asset: address, risk: Risk, curve: Curve, eager: bool):
    """
    @notice Change a market's parameters; interest until now is reckoned with the old ones.
    """
    self._only_owner()
    config: uint256 = self._open(asset)
    kept: uint256 = LISTED | (255 << ID_SHIFT) | (255 << DECIMALS_SHIFT)
    self._configure(asset, config & kept, risk, curve, eager)


@external
@nonreentrant
def collect_fees(asset: address, receiver: address):
    """
    @notice Pay out the reserve factor's share of the interest, as far as there is cash.
    """
    self._only_owner()
    config: uint256 = self._open(asset)
    paid: uint256 = min(self.reserves[asset].fees, self.reserves[asset].cash)
    self.reserves[asset].fees -= paid
    self._spend_cash(asset, paid)
    self._refresh(asset, config)
    log FeesCollected(asset=asset, receiver=receiver, amount=paid)
    self._push(asset, receiver, paid)


@external
def set_oracle(oracle: address):
    """
    @notice Take prices from another oracle.
    """
    self._only_owner()
    assert oracle != empty(address), "zero oracle"
    self.oracle = oracle
    log OracleSet(oracle=oracle)


@external
def set_owner(owner: address):
    """
    @notice Hand the configuration to another owner, for instance a governance contract.
    """
    self._only_owner()
    assert owner != empty(address), "zero owner"
    self.owner = owner
    log OwnerSet(owner=owner)


# -- views ------------------------------------------------------------------------------------------------


@external
@view
def supplied(user: address, asset: address) -> uint256:
    """
    @notice Return what `user` could withdraw now, debts and cash apart.
    """
    growth: Growth = self._grown(asset, self.reserves[asset].config)
    return self.positions[user][asset].scaled_supply * growth.supply_index // RAY


@external
@view
def owed(user: address, asset: address) -> uint256:
    """
    @notice Return what `user` owes now.
    """
    growth: Growth = self._grown(asset, self.reserves[asset].config)
    return self._ceil_div(self.positions[user][asset].scaled_debt * growth.borrow_index, RAY)


@external
@view
def standing(user: address) -> Standing:
    """
    @notice Return borrowing limit and liquidation threshold (value x basis points) and debt (value).
    """
    return self._standing(user, self.user_assets[user])


@external
@view
def health_factor(user: address) -> uint256:
    """
    @notice Return collateral at its thresholds over debt, with 18 decimals; below 10^18 it can be liquidated.
    """
    standing: Standing = self._standing(user, self.user_assets[user])
    if standing.debt == 0:
        return max_value(uint256)
    return standing.threshold * 10**18 // (standing.debt * BPS)


# -- interest ---------------------------------------------------------------------------------------------


@internal
def _open(asset: address) -> uint256:
    """
    @dev Return the configuration of a listed asset after bringing its indexes up to now.
    """
    config: uint256 = self.reserves[asset].config
    assert config != 0, "asset not listed"
    if self.reserves[asset].updated_at != block.timestamp:
        growth: Growth = self._grown(asset, config)
        self.reserves[asset].updated_at = block.timestamp
        self.reserves[asset].supply_index = growth.supply_index
        self.reserves[asset].fees += growth.fees
        self._set_rate(asset, growth.borrow_index)
    return config


@internal
@view
def _grown(asset: address, config: uint256) -> Growth:
    """
    @dev Return the indexes as of now, and the fees since they were stored. Suppliers and fees get what borrowers
         owe more, never above it.
    """
    accrual: uint256 = self.reserves[asset].accrual
    grown: Growth = Growth(
        supply_index=self.reserves[asset].supply_index,
        borrow_index=accrual >> 128,
        fees=0,
    )
    elapsed: uint256 = block.timestamp - self.reserves[asset].updated_at
    if elapsed == 0:
        return grown
    increase: uint256 = self._ceil_div(grown.borrow_index * (accrual & MASK128) * elapsed, RAY)
    interest: uint256 = self.reserves[asset].scaled_debt * increase // RAY
    scaled_supply: uint256 = self.reserves[asset].scaled_supply
    grown.borrow_index += increase
    if scaled_supply == 0:
        grown.fees = interest
    else:
        grown.fees = interest * self._part(config, 48) // BPS
        grown.supply_index += (interest - grown.fees) * RAY // scaled_supply
    return grown


@internal
def _refresh(asset: address, config: uint256):
    if config & EAGER != 0:
        self._set_rate(asset, self._borrow_index(asset))


@internal
@view
def _borrow_index(asset: address) -> uint256:
    return self.reserves[asset].accrual >> 128


@internal
def _set_rate(asset: address, index: uint256):
    """
    @dev Store the index, and the rate per second of the kinked curve at the present utilisation,
         debt / (debt + cash).
    """
    debt: uint256 = self.reserves[asset].scaled_debt * index // RAY
    total: uint256 = debt + self.reserves[asset].cash
    utilisation: uint256 = 0
    if total != 0:
        utilisation = debt * RAY // total
    curve: uint256 = self.reserves[asset].curve
    kink: uint256 = (curve >> 96) * RAY // BPS
    rate: uint256 = (curve & MASK32) * RAY
    slope1: uint256 = (curve >> 32) & MASK32
    slope2: uint256 = (curve >> 64) & MASK32
    if utilisation <= kink:
        rate += slope1 * utilisation * RAY // kink
    else:
        rate += slope1 * RAY + slope2 * (utilisation - kink) * RAY // (RAY - kink)
    self.reserves[asset].accrual = (index << 128) | (rate // (BPS * YEAR))


# -- positions --------------------------------------------------------------------------------------------


@internal
def _mark(user: address, bit: uint256):
    bitmap: uint256 = self.user_assets[user]
    if bitmap & bit == 0:
        self.user_assets[user] = bitmap | bit


@internal
def _unmark(user: address, bit: uint256):
    self.user_assets[user] &= ~bit


@internal
def _reduce_supply(user: address, asset: address, config: uint256, held: uint256, burnt: uint256):
    self.reserves[asset].scaled_supply -= burnt
    self.positions[user][asset].scaled_supply = held - burnt
    if held == burnt:
        self._unmark(user, self._supply_bit(config))


@internal
def _reduce_debt(user: address, asset: address, config: uint256, scaled_debt: uint256, burnt: uint256):
    self.reserves[asset].scaled_debt -= burnt
    self.positions[user][asset].scaled_debt = scaled_debt - burnt
    if scaled_debt == burnt:
        self._unmark(user, self._supply_bit(config) << 1)


@internal
@view
def _standing(user: address, bitmap: uint256) -> Standing:
    """
    @dev Weigh the assets that the user has: collateral rounded down, debt up.
    """
    standing: Standing = Standing(limit=0, threshold=0, debt=0)
    oracle: PriceOracle = PriceOracle(self.oracle)
    for id: uint256 in range(MAX_ASSETS):
        bits: uint256 = (bitmap >> (2 * id)) & 3
        if bits == 0:
            continue
        asset: address = self.assets[id]
        config: uint256 = self.reserves[asset].config
        grown: Growth = self._grown(asset, config)
        price: uint256 = staticcall oracle.price(asset)
        unit: uint256 = self._unit(config)
        if bits & 1 != 0:
            held: uint256 = self.positions[user][asset].scaled_supply * grown.supply_index // RAY
            worth: uint256 = held * price // unit
            standing.limit += worth * self._part(config, 0)
            standing.threshold += worth * self._part(config, 16)
        if bits & 2 != 0:
            owed: uint256 = self._ceil_div(self.positions[user][asset].scaled_debt * grown.borrow_index, RAY)
            standing.debt += self._ceil_div(owed * price, unit)
    return standing


@internal
@view
def _seizure(
    amount: uint256,
    held: uint256,
    debt_asset: address,
    debt_config: uint256,
    collateral_asset: address,
    config: uint256,
) -> Seizure:
    """
    @dev Return what `amount` of debt buys of the collateral, at most all of it; then less is repaid.
    """
    oracle: PriceOracle = PriceOracle(self.oracle)
    gain: uint256 = staticcall oracle.price(debt_asset) * self._unit(config) * (BPS + self._part(config, 32))
    cost: uint256 = staticcall oracle.price(collateral_asset) * self._unit(debt_config) * BPS
    index: uint256 = self.reserves[collateral_asset].supply_index
    balance: uint256 = held * index // RAY
    seized: uint256 = amount * gain // cost
    if seized < balance:
        return Seizure(repaid=amount, seized=seized, scaled=self._ceil_div(seized * RAY, index))
    return Seizure(repaid=min(amount, self._ceil_div(balance * cost, gain)), seized=balance, scaled=held)


@internal
def _write_off(user: address):
    """
    @dev Turn debts without any collateral into a recorded deficit, so that they stop growing.
    """
    bitmap: uint256 = self.user_assets[user]
    if bitmap & SUPPLIES != 0 or bitmap == 0:
        return
    for id: uint256 in range(MAX_ASSETS):
        if bitmap & (2 << (2 * id)) == 0:
            continue
        asset: address = self.assets[id]
        config: uint256 = self._open(asset)
        scaled: uint256 = self.positions[user][asset].scaled_debt
        lost: uint256 = self._ceil_div(scaled * self._borrow_index(asset), RAY)
        self.reserves[asset].deficit += lost
        self._reduce_debt(user, asset, config, scaled, scaled)
        self._refresh(asset, config)
        log WrittenOff(user=user, asset=asset, amount=lost)


# -- cash and tokens --------------------------------------------------------------------------------------


@internal
def _spend_cash(asset: address, amount: uint256):
    cash: uint256 = self.reserves[asset].cash
    assert amount <= cash, "not enough cash"
    self.reserves[asset].cash = cash - amount


@internal
def _pull(asset: address, amount: uint256):
    assert extcall IERC20(asset).transferFrom(
        msg.sender, self, amount, default_return_value=True
    ), "transfer failed"


@internal
def _push(asset: address, receiver: address, amount: uint256):
    assert extcall IERC20(asset).transfer(receiver, amount, default_return_value=True), "transfer failed"


# -- configuration ----------------------------------------------------------------------------------------


@internal
@view
def _only_owner():
    assert msg.sender == self.owner, "only the owner"


@internal
def _configure(asset: address, fixed: uint256, risk: Risk, curve: Curve, eager: bool):
    assert risk.ltv <= risk.threshold, "limit above threshold"
    # At the threshold the collateral must still pay debt and bonus, or liquidation makes things worse.
    assert risk.threshold * (BPS + risk.bonus) <= BPS * BPS, "threshold too high"
    assert risk.bonus <= BPS and risk.reserve_factor <= BPS // 2, "out of range"
    assert curve.kink != 0 and curve.kink < BPS, "kink out of range"
    assert max(curve.base, max(curve.slope1, curve.slope2)) <= MAX_RATE, "rate too high"
    config: uint256 = fixed | risk.ltv | (risk.threshold << 16) | (risk.bonus << 32) | (risk.reserve_factor << 48)
    if eager:
        config |= EAGER
    packed: uint256 = curve.base | (curve.slope1 << 32) | (curve.slope2 << 64) | (curve.kink << 96)
    self.reserves[asset].config = config
    self.reserves[asset].curve = packed
    self._set_rate(asset, self._borrow_index(asset))
    log AssetSet(asset=asset, config=config, curve=packed)


@internal
@pure
def _part(config: uint256, at: uint256) -> uint256:
    return (config >> at) & MASK16


@internal
@pure
def _unit(config: uint256) -> uint256:
    return 10 ** ((config >> DECIMALS_SHIFT) & 255)


@internal
@pure
def _supply_bit(config: uint256) -> uint256:
    return 1 << (2 * ((config >> ID_SHIFT) & 255))


# -- arithmetic -------------------------------------------------------------------------------------------


@internal
@pure
def _repaid(paid: uint256, scaled_debt: uint256, index: uint256) -> uint256:
    """
    @dev Return by how much a payment reduces a scaled debt: rounded down, unless it pays everything.
    """
    if paid == self._ceil_div(scaled_debt * index, RAY):
        return scaled_debt
    return paid * RAY // index


@internal
@pure
def _ceil_div(a: uint256, b: uint256) -> uint256:
    if a == 0:
        return 0
    return (a - 1) // b + 1
