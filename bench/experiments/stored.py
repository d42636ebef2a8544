"""Outcomes as files, one JSON document per experiment in a folder, so that `all` can go on where it stopped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from bench.experiments.model import Comparison, Outcome, Table
from executor.errors import InputOutputError, InvalidInput

FORMAT = "parallel-evm-experiment/1"


def store(outcome: Outcome, folder: Path) -> Path:
    """Write the outcome into `folder` as <name>.json; InputOutputError where that cannot be."""
    path = folder / f"{outcome.name}.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(as_document(outcome), indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputOutputError(f"{path}: cannot be written ({error.strerror or error})") from None
    return path


def as_document(outcome: Outcome) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    return asdict(outcome)


def load(name: str, folder: Path) -> Outcome | None:
    """Return what is stored of experiment `name`, None if nothing is; InvalidInput where it is something else."""
    path = folder / f"{name}.json"
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise InputOutputError(f"{path}: cannot be read ({error})") from None
    try:
        return of_document(json.loads(text))
    except (ValueError, TypeError, KeyError, AttributeError):
        raise InvalidInput(f"{path}: is not the stored outcome of an experiment; remove it") from None


def kept(name: str, folder: Path, *, quick: bool) -> Outcome | None:
    """Return a stored outcome that need not be made again: one that did not fail, on inputs of the same size."""
    outcome = load(name, folder)
    return outcome if outcome is not None and outcome.error is None and outcome.quick == quick else None


def of_document(document: Mapping[str, Any]) -> Outcome:
    """Return the outcome in a document; ValueError, TypeError or KeyError where it holds none."""
    if document["format"] != FORMAT:
        raise ValueError(document["format"])
    values = {field.name: document[field.name] for field in fields(Outcome)}
    values["comparisons"] = tuple(Comparison(**one) for one in values["comparisons"])
    values["tables"] = tuple(
        Table(one["title"], tuple(one["headings"]), tuple(map(tuple, one["rows"])), one["digits"])
        for one in values["tables"]
    )
    values["drawings"] = tuple(values["drawings"])
    return Outcome(**values)
