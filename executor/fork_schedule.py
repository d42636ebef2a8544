"""Which fork a block is of: the networks of the test suites, which have one fork or go from one to another.

Source: the network names of ethereum/tests and EEST: `Cancun`, `BerlinToLondonAt5` (block number),
`ShanghaiToCancunAtTime15k` (seconds), `ArrowGlacierToParisAtDiffC0000` (total difficulty, hexadecimal).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from executor.forks import fork_rules

DAO_FORK = "DAOFork"
_TRANSITION = re.compile(
    r"(?P<first>\w+?)To(?P<then>\w+?)At(?:Time(?P<time>\d+)(?P<thousand>k?)|Diff(?P<difficulty>[0-9A-Fa-f]+)|(?P<number>\d+))"
)


@dataclass(frozen=True, slots=True)
class ForkSchedule:
    """A chain's forks: `first`, and from one point on `then`.

    The point is a block number, a timestamp in seconds, or the total difficulty that the parent must have
    reached (EIP-3675); at most one of the three is given.
    """

    first: str
    then: str | None = None
    number: int | None = None
    timestamp: int | None = None
    total_difficulty: int | None = None

    @classmethod
    def of(cls, network: str) -> ForkSchedule:
        """Return the schedule that a suite calls `network`; UnknownFork names the fork that is not known."""
        match = _TRANSITION.fullmatch(network)
        if match is None:
            return cls(fork_rules(network).name)
        first, then = fork_rules(match["first"]).name, fork_rules(match["then"]).name
        if match["time"]:
            return cls(first, then, timestamp=int(match["time"]) * (1000 if match["thousand"] else 1))
        if match["difficulty"]:
            return cls(first, then, total_difficulty=int(match["difficulty"], 16))
        return cls(first, then, number=int(match["number"]))

    @property
    def dao_fork_block(self) -> int | None:
        """The first block of the DAO fork, where the chain comes to it (EIP-779)."""
        return self.number if self.then == DAO_FORK else None

    def fork_at(self, number: int, timestamp: int, parent_total_difficulty: int) -> str:
        """Return the name of the fork of the block with these facts."""
        if self.then is None:
            return self.first
        reached = (
            (self.number is not None and number >= self.number)
            or (self.timestamp is not None and timestamp >= self.timestamp)
            or (self.total_difficulty is not None and parent_total_difficulty >= self.total_difficulty)
        )
        return self.then if reached else self.first
