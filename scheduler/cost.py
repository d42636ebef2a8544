"""What a transaction will probably cost in seconds, learned from those already measured."""

from __future__ import annotations

from typing import NamedTuple

_NEW_SHARE = 0.25
"""Weight of a new measurement in a moving average: the last dozen count."""
_SURPRISE = 8.0
"""A measurement counts at most as this multiple of what was predicted: a pause is not a trend."""
_KEYS = 65_536
"""Keys remembered; the oldest goes first."""
_PLAIN_GAS = 21_000
"""Gas of a transfer: what every transaction pays before it executes anything."""
_GAS_CAP = 1_000_000
"""Gas limits are wishes; above this they say nothing more about the gas used."""
_GAS_PER_BYTE = 16
"""Of calldata, at most."""
_CREATION = b"create"
"""Stands for the callee of a creation."""
_LEAST = 1e-6
"""Seconds that any execution takes."""
_FIRST_SECONDS_PER_GAS = 8e-9
"""Before anything was measured: 0.2 ms for a transfer, 8 ms at the cap (py-evm on one core)."""


class Features(NamedTuple):
    """What is known of a transaction before it runs; `to` is empty for a creation, `data_size` in bytes."""

    to: bytes
    selector: bytes
    gas_limit: int
    data_size: int


class CostModel:
    """Predicts seconds by (callee, selector), else by what a unit of promised gas has cost so far."""

    __slots__ = ("_seconds", "_seconds_per_gas")

    def __init__(self, seconds_per_gas: float = _FIRST_SECONDS_PER_GAS) -> None:
        self._seconds_per_gas = seconds_per_gas
        self._seconds: dict[tuple[bytes, bytes], float] = {}

    def copy(self) -> CostModel:
        """Return an independent copy."""
        other = CostModel(self._seconds_per_gas)
        other._seconds = dict(self._seconds)
        return other

    def predict(self, features: Features) -> float:
        """Return the expected seconds of one execution; always positive.

        >>> model = CostModel()
        >>> swap = Features(to=b"pool", selector=b"swap", gas_limit=200_000, data_size=260)
        >>> for _ in range(20):
        ...     model.learn(swap, 0.004)
        >>> round(model.predict(swap), 3)
        0.004
        """
        to, selector, gas_limit, data_size = features
        known = self._seconds.get((to or _CREATION, selector))
        return self._seconds_per_gas * _promised_gas(gas_limit, data_size) if known is None else known

    def knows(self, features: Features) -> bool:
        """Return whether an execution like this one has been measured."""
        return (features.to or _CREATION, features.selector) in self._seconds

    def learn(self, features: Features, seconds: float) -> None:
        """Take in that an execution took `seconds`."""
        # Nearly without calls: asked once for every execution, on the driver.
        to, selector, gas_limit, data_size = features
        key = (to or _CREATION, selector)
        promised, usual = _promised_gas(gas_limit, data_size), self._seconds_per_gas
        known = self._seconds.get(key)
        expected = usual * promised if known is None else known
        most = _SURPRISE * expected
        counted = most if seconds > most else seconds if seconds > _LEAST else min(_LEAST, most)
        if known is not None:
            self._seconds[key] = expected + _NEW_SHARE * (counted - expected)
        else:
            if len(self._seconds) >= _KEYS:
                del self._seconds[next(iter(self._seconds))]
            self._seconds[key] = counted
        per_gas, most = counted / promised, _SURPRISE * usual
        self._seconds_per_gas = usual + _NEW_SHARE * (min(per_gas, most) - usual)


def _promised_gas(gas_limit: int, data_size: int) -> int:
    """Return the gas left for execution: calldata is paid by gas too, and costs next to no time."""
    capped = gas_limit if gas_limit < _GAS_CAP else _GAS_CAP  # noqa: FURB136 - without a call
    left = capped - _PLAIN_GAS - _GAS_PER_BYTE * data_size
    return _PLAIN_GAS + left if left > 0 else _PLAIN_GAS
