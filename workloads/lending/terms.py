"""The numbers of a lending market: risk limits, rate curves, how they are packed, what they come to."""

from __future__ import annotations

from dataclasses import dataclass

RAY = 10**27
BPS = 10_000
YEAR = 365 * 86_400
WAD = 10**18
MAX_ASSETS = 8
ALL_SUPPLIES = (4**MAX_ASSETS - 1) // 3
ALL_DEBTS = ALL_SUPPLIES * 2
EAGER, LISTED = 1 << 80, 1 << 81


@dataclass(frozen=True, slots=True)
class Risk:
    """Limits of one asset in basis points."""

    ltv: int
    threshold: int
    bonus: int
    reserve_factor: int


@dataclass(frozen=True, slots=True)
class Curve:
    """Borrow rate per year in basis points: base, plus slope1 up to the kink, plus slope2 beyond it."""

    base: int
    slope1: int
    slope2: int
    kink: int


@dataclass(frozen=True, slots=True)
class Asset:
    """An asset as it is listed; `price` is the value of one whole token with 18 decimals."""

    symbol: str
    decimals: int
    price: int
    risk: Risk
    curve: Curve

    @property
    def unit(self) -> int:
        """Return how many base units make one token."""
        return int(10**self.decimals)


VOLATILE = Curve(0, 400, 8_000, 8_000)
STABLE = Curve(0, 500, 6_000, 9_000)
ASSETS = (
    Asset("WETH", 18, 3_000 * WAD, Risk(8_000, 8_250, 500, 1_500), VOLATILE),
    Asset("USDC", 6, WAD, Risk(7_500, 7_800, 450, 1_000), STABLE),
    Asset("WBTC", 8, 60_000 * WAD, Risk(7_300, 7_800, 500, 2_000), VOLATILE),
    Asset("DAI", 18, WAD, Risk(7_500, 7_800, 450, 1_000), STABLE),
    Asset("wstETH", 18, 3_500 * WAD, Risk(7_850, 8_100, 600, 1_500), VOLATILE),
    Asset("LINK", 18, 15 * WAD, Risk(6_800, 7_300, 700, 2_000), VOLATILE),
    Asset("USDT", 6, WAD, Risk(7_000, 7_500, 450, 1_000), STABLE),
    Asset("AAVE", 18, 100 * WAD, Risk(6_600, 7_300, 750, 2_000), VOLATILE),
)
"""What is listed, the first `assets` of it; limits as Aave v3 has them, roughly."""


def pack_config(index: int, asset: Asset, *, eager: bool) -> int:
    """Return the word that the pool keeps as `config`."""
    risk = asset.risk
    limits = risk.ltv | risk.threshold << 16 | risk.bonus << 32 | risk.reserve_factor << 48
    return limits | index << 64 | asset.decimals << 72 | LISTED | (EAGER if eager else 0)


def pack_curve(curve: Curve) -> int:
    """Return the word that the pool keeps as `curve`."""
    return curve.base | curve.slope1 << 32 | curve.slope2 << 64 | curve.kink << 96


def pack_accrual(index: int, rate: int) -> int:
    """Return the word that the pool keeps as `accrual`: borrow index and borrow rate per second, in ray."""
    return index << 128 | rate


def unpack_accrual(accrual: int) -> tuple[int, int]:
    """Return borrow index and borrow rate per second."""
    return accrual >> 128, accrual & (1 << 128) - 1


def borrow_rate(curve: Curve, debt: int, cash: int) -> int:
    """Return the rate per second in ray at the utilisation debt / (debt + cash)."""
    total = debt + cash
    utilisation = debt * RAY // total if total else 0
    kink = curve.kink * RAY // BPS
    if utilisation <= kink:
        rate = curve.base * RAY + curve.slope1 * utilisation * RAY // kink
    else:
        beyond = curve.slope2 * (utilisation - kink) * RAY // (RAY - kink)
        rate = (curve.base + curve.slope1) * RAY + beyond
    return rate // (BPS * YEAR)


def ceil_div(a: int, b: int) -> int:
    """Return a / b rounded up."""
    return -(-a // b)


def value_of(amount: int, asset: Asset) -> int:
    """Return the value of an amount at the listing price, 18 decimals."""
    return amount * asset.price // asset.unit


def amount_of(value: float, asset: Asset) -> int:
    """Return the amount that `value` whole dollars buy at the listing price."""
    return int(value * WAD) * asset.unit // asset.price
