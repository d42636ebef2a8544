"""The difficulty that a proof-of-work block must have.

Sources: yellow paper 4.4.4; EIP-2 (Homestead), EIP-100 (Byzantium); EIP-649, 1234, 2384, 3554, 4345, 5133 (the
bomb's delays). Near the least difficulty clients add the bomb to the floor, as here; mainnet never was there.
"""

from __future__ import annotations

from executor.forks import ForkRules
from executor.header import uncles_hash
from executor.types import Header

LEAST_DIFFICULTY = 131_072
NO_UNCLES = uncles_hash(())
_STEP_QUOTIENT = 2048
_LOWEST_FACTOR = -99
_FRONTIER_SECONDS, _HOMESTEAD_SECONDS, _BYZANTIUM_SECONDS = 13, 10, 9
_BOMB_PERIOD = 100_000
_FREE_PERIODS = 2


def expected_difficulty(number: int, timestamp: int, parent: Header, rules: ForkRules) -> int:
    """Return the difficulty of block `number`, made at `timestamp` (seconds, after the parent's)."""
    step = parent.difficulty // _STEP_QUOTIENT
    difficulty = parent.difficulty + step * _factor(timestamp - parent.timestamp, parent, rules)
    return max(difficulty, LEAST_DIFFICULTY) + _bomb(number - rules.bomb_delay)


def _factor(seconds: int, parent: Header, rules: ForkRules) -> int:
    """Return by how many steps the difficulty changes after so many seconds."""
    if not rules.homestead:
        return 1 if seconds < _FRONTIER_SECONDS else -1
    if not rules.status_receipts:  # which came with EIP-100, in Byzantium
        return max(1 - seconds // _HOMESTEAD_SECONDS, _LOWEST_FACTOR)
    uncles = 1 if parent.uncles_hash == NO_UNCLES else 2
    return max(uncles - seconds // _BYZANTIUM_SECONDS, _LOWEST_FACTOR)


def _bomb(number: int) -> int:
    periods = number // _BOMB_PERIOD - _FREE_PERIODS
    return 1 << periods if periods >= 0 else 0
