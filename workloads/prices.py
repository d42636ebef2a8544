"""Price paths that generators share: constant, a random walk, a crash with or without recovery, a file."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Protocol

from executor.errors import InputOutputError, UsageError
from workloads.parameters import Parameter, Parameters

PATHS = ("constant", "gbm", "crash", "csv")
WAD = 10**18
PARTS = 10**6
"""Shares and growth factors are whole parts of a million: multiplied in integers, they are the same everywhere."""


class PricePath(Protocol):
    """Prices of whole tokens with 18 decimals; a step is a block unless the generator says otherwise."""

    def price(self, asset_index: int, step: int) -> int:
        """Return the price of an asset at a step, never 0; steps count from 0, before which `starts` held."""
        ...


@dataclass(frozen=True)
class Constant:
    """Prices that stay."""

    starts: tuple[int, ...]

    def price(self, asset_index: int, step: int) -> int:  # noqa: ARG002 - no step is like another
        """Return the start."""
        return self.starts[asset_index]


@dataclass(frozen=True)
class Gbm:
    """Geometric Brownian motion without drift: each step multiplies by exp(v z - v^2 / 2), z standard normal.

    `volatility` v is per step; `steady` names assets that stay. Same seed, same prices, asset by asset.
    """

    starts: tuple[int, ...]
    volatility: float
    seed: int
    steady: frozenset[int] = frozenset()
    _walks: dict[int, tuple[Random, list[int]]] = field(default_factory=dict, repr=False, compare=False)

    def price(self, asset_index: int, step: int) -> int:
        """Return the price; earlier steps are remembered."""
        start = self.starts[asset_index]
        if asset_index in self.steady:
            return start
        random, prices = self._walks.setdefault(asset_index, (Random(f"gbm/{self.seed}/{asset_index}"), []))
        while len(prices) <= step:
            exponent = self.volatility * random.gauss(0.0, 1.0) - self.volatility**2 / 2
            # Rounded: the last bits of exp and of gauss differ between C libraries, the bytes made of them may not.
            factor = max(1, round(math.exp(exponent) * PARTS))
            prices.append(max(1, (prices[-1] if prices else start) * factor // PARTS))
        return prices[step]


@dataclass(frozen=True)
class Crash:
    """At step `at` prices fall by `depth` parts of a million; over `recovery` steps they come back, 0 for never.

    `steady` names assets that do not fall, such as stablecoins.
    """

    starts: tuple[int, ...]
    at: int
    depth: int
    recovery: int = 0
    steady: frozenset[int] = frozenset()

    def price(self, asset_index: int, step: int) -> int:
        """Return the price: on a straight line from the bottom back to the start while it recovers."""
        start = self.starts[asset_index]
        since = step - self.at
        if asset_index in self.steady or since < 0 or (self.recovery and since >= self.recovery):
            return start
        lost = start * self.depth // PARTS
        regained = lost * since // self.recovery if self.recovery else 0
        return max(1, start - lost + regained)


@dataclass(frozen=True)
class Table:
    """Prices by (asset, step); between two steps of a table the earlier price stands, before the first the start."""

    starts: tuple[int, ...]
    known: dict[int, tuple[tuple[int, int], ...]]
    """Asset -> (step, price), ascending."""

    def price(self, asset_index: int, step: int) -> int:
        """Return the last price up to this step."""
        past = [price for at, price in self.known.get(asset_index, ()) if at <= step]
        return past[-1] if past else self.starts[asset_index]


def read_table(path: Path, symbols: Sequence[str], starts: tuple[int, ...]) -> Table:
    """Return the prices of a file with the columns `step,asset,price`: asset a symbol, price in whole dollars.

    Raises InputOutputError if it cannot be read, UsageError where it is not such a file.
    """
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except OSError as error:
        raise InputOutputError(f"{path}: {error.strerror}") from error
    known: dict[int, dict[int, int]] = {}
    for line, row in enumerate(rows, start=2):
        try:
            step, asset, price = int(row["step"]), symbols.index(row["asset"]), _decimal(row["price"])
        except (KeyError, ValueError, TypeError, AttributeError):
            raise UsageError(
                f"{path}, line {line}: needs step,asset,price with an asset of {', '.join(symbols)} and a price above 0"
            ) from None
        known.setdefault(asset, {})[step] = price
    return Table(starts, {asset: tuple(sorted(prices.items())) for asset, prices in known.items()})


def _decimal(text: str) -> int:
    """Return a decimal number above 0 with 18 decimals, without going through a float."""
    whole, _, fraction = text.strip().partition(".")
    if not (whole + fraction).isdecimal() or len(fraction) > 18:
        raise ValueError(text)
    value = int(whole or "0") * WAD + int(fraction.ljust(18, "0"))
    if not value:
        raise ValueError(text)
    return value


# -- as parameters of a generator -------------------------------------------------------------------------


def price_parameters(path: str = "constant", depth: float = 0.2) -> dict[str, Parameter]:
    """Return the parameters that `price_path` reads, with these defaults."""
    return {
        "price_path": Parameter(path, "how prices move from block to block", choices=PATHS),
        "depth": Parameter(depth, "share of its price that a volatile asset loses (crash)", 0, 0.999),
        "crash_at": Parameter(0, "block in which prices fall (crash)", minimum=0, maximum=10_000),
        "recovery": Parameter(0, "blocks until prices are back, 0: never (crash)", minimum=0, maximum=10_000),
        "volatility": Parameter(0.02, "standard deviation of a block's return (gbm)", minimum=0, maximum=1),
        "price_file": Parameter("", "file with the columns step,asset,price (csv)"),
    }


def price_path(
    parameters: Parameters, seed: int, symbols: Sequence[str], starts: tuple[int, ...], steady: frozenset[int]
) -> PricePath:
    """Return the path that was asked for; `starts` have 18 decimals, `steady` are the stablecoins."""
    kind = parameters.text("price_path")
    if kind == "gbm":
        return Gbm(starts, parameters.number("volatility"), seed, steady)
    if kind == "crash":
        depth = round(parameters.number("depth") * PARTS)
        return Crash(starts, parameters.integer("crash_at"), depth, parameters.integer("recovery"), steady)
    if kind == "csv":
        if not parameters.text("price_file"):
            raise UsageError("price_path=csv: name the file with price_file")
        return read_table(Path(parameters.text("price_file")), symbols, starts)
    return Constant(starts)
