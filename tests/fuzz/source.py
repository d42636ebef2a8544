"""Bytes as a sequence of choices: shorter and lower bytes mean simpler blocks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

T = TypeVar("T")


class Source:
    """Hands out choices made by `data`; once it is used up every choice is the first, the simplest."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._position = 0

    def byte(self) -> int:
        """Return the next byte."""
        position = self._position
        self._position = position + 1
        return self._data[position] if position < len(self._data) else 0

    def below(self, limit: int) -> int:
        """Return a number from 0 to `limit` - 1; above 256 two bytes make it."""
        if limit <= 256:
            return self.byte() % limit
        return (self.byte() << 8 | self.byte()) % limit

    def chance(self, percent: int) -> bool:
        """Return True in so many of a hundred draws; False is the simpler answer."""
        return self.byte() * 100 >= (100 - percent) * 256

    def pick(self, options: Sequence[T]) -> T:
        """Return one of `options`, of which the first is the simplest."""
        return options[self.below(len(options))]

    def bytes(self, size: int) -> bytes:
        """Return `size` bytes."""
        return bytes(self.byte() for _ in range(size))


def spread(weights: Mapping[T, int]) -> tuple[T, ...]:
    """Return each option as often as its weight says, for `Source.pick`; 256 in all is the most."""
    options = tuple(option for option, weight in weights.items() for _ in range(weight))
    assert len(options) <= 256, "one byte picks among them"
    return options
