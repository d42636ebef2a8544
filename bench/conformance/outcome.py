"""What a test came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from enum import Enum

from executor.types import BlockResult


class Verdict(Enum):
    """Passed; failed; or not to be executed here, which is no pass either."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_EXECUTABLE = "not executable"


@dataclass(slots=True)
class Work:
    """What was executed.

    `blocks` counts those given, rejected ones too, `transactions` those settled, `multi_blocks` valid blocks of
    two or more, `conflicting_blocks` those of them in which a stale result was found; `unknown_reasons` counts
    expected exceptions that the table lacks.
    """

    blocks: int = 0
    transactions: int = 0
    multi_blocks: int = 0
    conflicting_blocks: int = 0
    unknown_reasons: Counter[str] = field(default_factory=Counter)

    def note(self, result: BlockResult) -> None:
        """Count an executed block."""
        self.transactions += len(result.receipts)
        if len(result.receipts) > 1:
            self.multi_blocks += 1
            self.conflicting_blocks += bool(result.stats.conflicts)

    def add(self, other: Work) -> None:
        """Take in the work of another test."""
        self.blocks += other.blocks
        self.transactions += other.transactions
        self.multi_blocks += other.multi_blocks
        self.conflicting_blocks += other.conflicting_blocks
        self.unknown_reasons.update(other.unknown_reasons)


@dataclass(frozen=True, slots=True)
class Outcome:
    """A test's verdict; `error` says in one line why it did not pass, `state_root` is that of the last head."""

    name: str
    category: str
    fork: str
    verdict: Verdict
    error: str = ""
    state_root: bytes | None = None
    work: Work = field(default_factory=Work)


class MismatchError(Exception):
    """The test demands something that did not happen; the message says what."""


def explained(error: Exception) -> str:
    """Return an error's class and message; those of transactions name their class themselves."""
    name, message = type(error).__name__, str(error)
    return message if f"{name}:" in message else f"{name}: {message}"
