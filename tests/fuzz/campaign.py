"""Many blocks from one seed: draws, checks and counts; makes a small block of one that fails."""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from ethereum import trace

from tests.fuzz.blocks import draw_case
from tests.fuzz.check import Checked, check, draw_schedules
from tests.fuzz.plans import Case, build
from tests.fuzz.shrink import shrink
from tests.fuzz.source import Source
from tests.oracle import Schedule

DRAWN_BYTES = 4096
"""More than the choices of any block."""


@dataclass(frozen=True, slots=True)
class Example:
    """A case and the schedules it runs on; `number` is its seed."""

    number: int
    case: Case
    schedules: tuple[Schedule, ...]


@dataclass
class Tally:
    """Counts over many blocks."""

    blocks: int = 0
    checked: Checked = field(default_factory=Checked)
    forks: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    opcodes: Counter[str] = field(default_factory=Counter)

    def add(self, fork: str, checked: Checked) -> None:
        """Take in a block."""
        self.blocks += 1
        self.checked += checked
        self.forks[fork] += 1
        if checked.rejected:
            self.refusals[checked.rejected] += 1

    def merge(self, other: Tally) -> None:
        """Take in the counts of another."""
        self.blocks += other.blocks
        self.checked += other.checked
        self.forks += other.forks
        self.refusals += other.refusals
        self.opcodes += other.opcodes


@dataclass(frozen=True, slots=True)
class Failure:
    """An example on which executions disagree, made small, and in which words."""

    example: Example
    message: str


def drawn(data: bytes, number: int = 0, forks: Sequence[str] = (), schedules: int = 2) -> Example:
    """Return the example that these bytes make."""
    source = Source(data)
    ways = draw_schedules(source, schedules)
    return Example(number, draw_case(source, forks), ways)


def numbered(number: int, forks: Sequence[str] = (), schedules: int = 2) -> Example:
    """Return example `number`, always the same."""
    return drawn(random.Random(number).randbytes(DRAWN_BYTES), number, forks, schedules)


def run(example: Example, *, against_eels: bool = True) -> Checked:
    """Build and check one example; whatever is wrong is raised."""
    block, pre = build(example.case)
    return check(block, pre, example.schedules, against_eels=against_eels)


def campaign(
    numbers: Sequence[int], forks: Sequence[str] = (), most_failures: int = 1, *, against_eels: bool = True
) -> tuple[Tally, list[Failure]]:
    """Run examples until so many have failed; return the counts and the failures, made small."""
    tally, failures = Tally(), list[Failure]()
    with counting_opcodes(tally.opcodes):
        for number in numbers:
            example = numbered(number, forks)
            message = failure(example, against_eels=against_eels, tally=tally)
            if message is not None:
                failures.append(smallest(example, message, against_eels=against_eels))
                if len(failures) >= most_failures:
                    break
    return tally, failures


def failure(example: Example, *, against_eels: bool = True, tally: Tally | None = None) -> str | None:
    """Return what is wrong with an example, None if nothing is; a crash of any executor is wrong, too."""
    try:
        checked = run(example, against_eels=against_eels)
    except Exception as error:  # noqa: BLE001 - whatever an executor raises here is what the fuzzer looks for
        return f"{type(error).__name__}: {error}"
    if tally is not None:
        tally.add(example.case.fork, checked)
    return None


def smallest(example: Example, message: str, *, against_eels: bool = True) -> Failure:
    """Return the failure of a smaller example that fails in the same way."""
    kind = _kind(message)

    def fails(case: Case) -> bool:
        found = failure(Example(example.number, case, example.schedules), against_eels=against_eels)
        return found is not None and _kind(found) == kind

    small = Example(example.number, shrink(example.case, fails), example.schedules)
    return Failure(small, failure(small, against_eels=against_eels) or message)


def _kind(message: str) -> str:
    """Return what tells one kind of failure from another: the first line without numbers and what is in brackets."""
    return re.sub(r"\(.*\)|0x[0-9a-f]+|\d+", "", message.split("\n", 1)[0])


@contextmanager
def counting_opcodes(counts: Counter[str]) -> Iterator[None]:
    """Count the opcodes that EELS executes, by name."""

    def count(evm: object, event: trace.TraceEvent) -> None:  # noqa: ARG001 - EELS' protocol
        if isinstance(event, trace.OpStart):
            counts[event.op.name] += 1

    before = trace.set_evm_trace(count)
    try:
        yield
    finally:
        trace.set_evm_trace(before)
