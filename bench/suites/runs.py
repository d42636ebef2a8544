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
    """One benchmark: seconds per round, and of each reference load beside it; `reference` names these loads.

    `wall` says that seconds are of the clock on the wall, `load` is the machine's load average per processor.
    """

    name: str
    reference: str
    seconds: tuple[float, ...]
    references: tuple[tuple[float, ...], ...]
    wall: bool = False
    load: float = 0.0


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
    seconds = _positive(_of(entry.get("stats"), "data"), f"{name}: stats.data")
    loads, where = _of(entry.get("extra_info"), "reference_seconds"), f"{name}: extra_info.reference_seconds"
    if not isinstance(loads, list) or not loads:
        raise InvalidInput(f"{where} is no list of lists; name {WHAT}")
    references = tuple(_positive(load, where) for load in loads)
    for load in references:
        if len(seconds) != len(load):
            raise InvalidInput(f"{name}: {len(seconds)} rounds beside {len(load)} reference loads; run it again")
    extra = entry["extra_info"]
    load = extra.get("load")
    return Rounds(
        name,
        str(extra.get("reference")),
        seconds,
        references,
        wall=extra.get("clock") == "perf_counter",
        load=float(load) if isinstance(load, int | float) else 0.0,
    )


def _of(holder: Any, key: str) -> Any:
    return holder.get(key) if isinstance(holder, dict) else None


def _positive(values: Any, where: str) -> tuple[float, ...]:
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
