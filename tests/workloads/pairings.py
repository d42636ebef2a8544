"""Pairings that are checked once a process: each costs py-evm half a second, and is a function of its input alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from importlib import import_module
from unittest.mock import patch

precompile = import_module("eth.precompiles.ecpairing")  # the package's own name for it is a function
pairing = cache(precompile._ecpairing)


@contextmanager
def remembered_pairings() -> Iterator[None]:
    """Let the precompile 0x08 answer from memory where it has answered before."""
    with patch.object(precompile, "_ecpairing", lambda data: pairing(bytes(data))):
        yield
