"""Reads what `pytest --benchmark-json` wrote: rounds in seconds, and beside each the seconds of the reference load."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

from executor.errors import InvalidInput, ParallelEvmError
from executor.files import printable, read_whole
from executor.json_fields import is_nested_deeper

WHAT = "a document of `make bench` (pytest --benchmark-json)"
MAX_NESTING = 16
LEAST_ROUNDS = 3
"""Fewer have no spread to speak of."""


@dataclass(frozen=True, slots=True)
class Rounds:
    """One benchmark: seconds per round, and of the reference load beside each; `reference` names that load."""

    name: str
    reference: str
    seconds: tuple[float, ...]
    references: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Run:
    """One run of the suites: its benchmarks by name, the commit and the machine as pytest-benchmark tells them."""

    benchmarks: Mapping[str, Rounds]
    commit: str
    machine: str


def read_run(path: Path) -> Run:
    """Return a run; InputOutputError where the file cannot be read, InvalidInput where it is something else."""
    try:
        return parse_run(read_whole(path, WHAT))
    except ParallelEvmError as error:
        error.where = printable(path)
        raise


def parse_run(text: bytes) -> Run:
    """Return what a document holds; InvalidInput names what is missing."""
    if is_nested_deeper(text, MAX_NESTING):
        raise InvalidInput(f"the JSON is nested deeper than {MAX_NESTING} levels; name {WHAT}")
    try:
        document = json.loads(text)
    except ValueError as error:
        raise InvalidInput(f"is not JSON ({error}); name {WHAT}") from None
    entries = document.get("benchmarks") if isinstance(document, dict) else None
    if not isinstance(entries, list):
        raise InvalidInput(f"has no list `benchmarks`; name {WHAT}")
    rounds = [_rounds(entry) for entry in entries]
    names = {one.name: one for one in rounds}
    if len(names) != len(rounds):
        raise InvalidInput("names a benchmark twice; run the suites again")
    return Run(names, _text(document, "commit_info", "id")[:10], _machine(document))


def _rounds(entry: Any) -> Rounds:
    name = entry.get("fullname") if isinstance(entry, dict) else None
    if not isinstance(name, str):
        raise InvalidInput(f"has a benchmark without `fullname`; name {WHAT}")
    extra, stats = entry.get("extra_info"), entry.get("stats")
    seconds = _positive(stats, "data", f"{name}: stats.data")
    references = _positive(extra, "reference_seconds", f"{name}: extra_info.reference_seconds")
    if len(seconds) != len(references):
        raise InvalidInput(f"{name}: {len(seconds)} rounds beside {len(references)} reference loads; run it again")
    return Rounds(name, str(extra.get("reference")), seconds, references)


def _positive(holder: Any, key: str, where: str) -> tuple[float, ...]:
    values = holder.get(key) if isinstance(holder, dict) else None
    if not isinstance(values, list) or len(values) < LEAST_ROUNDS:
        raise InvalidInput(f"{where} is no list of at least {LEAST_ROUNDS} numbers; name {WHAT}")
    for value in values:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value) or value <= 0:
            raise InvalidInput(f"{where} holds {value!r}, which is no number of seconds above 0")
    return tuple(map(float, values))


def _text(document: dict[str, Any], *keys: str) -> str:
    value: Any = document
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return str(value) if isinstance(value, str | int) else "unknown"


def _machine(document: dict[str, Any]) -> str:
    """Return processor and interpreter: runs on different ones are not comparable beyond the reference load."""
    processor, python = ("machine_info", "cpu", "brand_raw"), ("machine_info", "python_version")
    return f"{_text(document, *processor)}, Python {_text(document, *python)}"
