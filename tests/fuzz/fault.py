"""A fault that can be planted in this process for as long as a `with` lasts."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, TypeAlias
from unittest.mock import patch

Planting: TypeAlias = Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Fault:
    """A fault; one `in_parallel` shows against sequential execution, the others against EELS only."""

    name: str
    plant: Planting
    in_parallel: bool = False

    def __str__(self) -> str:
        return self.name


def instead(target: object, name: str, new: object) -> Planting:
    """Return what puts `new` in the place of a member."""
    return lambda: patch.object(target, name, new)


def computed(target: type, name: str, value: Callable[[], object]) -> Planting:
    """Return what answers a field of every instance with `value()`, whatever is stored in it."""
    return instead(target, name, property(lambda _self: value(), lambda _self, _value: None))
