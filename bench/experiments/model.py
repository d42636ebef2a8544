"""The nouns of an experiment: what was published, what we found, how they differ; frozen data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from bench.experiments.settings import Settings

Cell: TypeAlias = str | int | float | None


@dataclass(frozen=True, slots=True)
class Published:
    """A figure of the literature: `what` it is, its text as printed, the source, and the range that the text means.

    `low` and `high` are inclusive, in `unit`; equal for a single figure, None where the text sets no limit on that
    side. Both None: nothing was published, the row is ours alone.
    """

    what: str
    text: str
    source: str
    low: float | None = None
    high: float | None = None
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Table:
    """Headings and rows; numbers are not rounded, `digits` says how many decimals a fraction is shown with."""

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    digits: int = 2


@dataclass(frozen=True, slots=True)
class Findings:
    """What an experiment found.

    `measured` maps the `what` of published figures to ours, in their unit, None where the inputs cannot say;
    `sentence` says in one honest sentence how and why they differ; `inputs` what was measured on.
    """

    measured: Mapping[str, float | None]
    tables: tuple[Table, ...]
    sentence: str
    inputs: str = ""
    drawings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Experiment:
    """A row of experiments.md: a question, what was published about it, and how we measure it."""

    name: str
    title: str
    question: str
    published: tuple[Published, ...]
    measure: Callable[[Settings], Findings]
    needs_data: bool = True


@dataclass(frozen=True, slots=True)
class Comparison:
    """A published figure beside ours; `difference` is computed, never written by hand."""

    what: str
    published: str
    source: str
    measured: float | None
    unit: str
    difference: str


@dataclass(frozen=True, slots=True)
class Outcome:
    """One run of an experiment as it is stored; `error` is the reason where it failed, with no findings then.

    `seconds` of the clock, without those for executing blocks that experiments share (`shared_seconds`, spent by
    whichever came first). `load` is the machine's load average of the minute before: high ones spoil measured times.
    """

    name: str
    title: str
    question: str
    command: str
    commit: str
    date: str
    seconds: float
    shared_seconds: float
    quick: bool
    load: float
    machine: Mapping[str, object]
    comparisons: tuple[Comparison, ...] = ()
    tables: tuple[Table, ...] = ()
    drawings: tuple[str, ...] = ()
    sentence: str = ""
    inputs: str = ""
    error: str | None = None
    format: str = field(default="parallel-evm-experiment/1")
