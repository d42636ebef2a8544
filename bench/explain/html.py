"""The report as one HTML file: the explanation as JSON beside the hand-written page that draws it, nothing fetched."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import fields, is_dataclass
from html import escape
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any

from bench.explain.model import Explanation
from executor.files import write_whole

SCRIPTS = (
    "base.js",
    "summary.js",
    "tables.js",
    "pan.js",
    "layout.js",
    "marks.js",
    "card.js",
    "paint.js",
    "steer.js",
    "graph.js",
    "lanes.js",
    "gantt.js",
    "start.js",
)
"""The page's scripts in the order in which they are joined into one."""
_LONG_HEX = re.compile(r"0x([0-9a-f]{6})[0-9a-f]{7,}([0-9a-f]{4})", re.IGNORECASE)
_SLOT = re.compile(r"@@(\w+)@@")


def write_html(explanation: Explanation, path: Path) -> None:
    """Write the report to `path`, whole or not at all; InputOutputError where that is not possible."""
    write_whole(path, render_html(explanation).encode())


def render_html(explanation: Explanation) -> str:
    """Return the report: a page that needs no other file, no network and no library."""
    parts = {
        "title": escape(explanation.label),
        "verdict": escape(_LONG_HEX.sub(r"0x\1…\2", explanation.verdict)),
        "style": _asset("report.css"),
        "data": script_safe(json.dumps(compact(explanation), separators=(",", ":"), allow_nan=False)),
        "script": "\n".join(map(_asset, SCRIPTS)),
    }
    # One pass over the template alone: nothing that is put in is read again for slots.
    return _SLOT.sub(lambda slot: parts[slot[1]], _asset("report.html"))


def compact(value: Any) -> Any:
    """Return the value for JSON: a dataclass as an object, a tuple of dataclasses as a table of columns and rows.

    A table names its fields once: {"columns": [name, ...], "rows": [[value, ...], ...]}; the empty one is [].
    """
    if is_dataclass(value):
        return {each.name: compact(getattr(value, each.name)) for each in fields(value)}
    if isinstance(value, float) and not isfinite(value):
        return None  # JSON has no word for it; the page shows a dash
    if not isinstance(value, tuple):
        return value
    if value and all(map(is_dataclass, value)):
        return _table(value)
    return [compact(each) for each in value]


def script_safe(text: str) -> str:
    """Return JSON text that can stand in a script element: no name in it can close the element or open a comment."""
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _table(rows: Iterable[Any]) -> dict[str, Any]:
    rows = list(rows)
    columns = [each.name for each in fields(rows[0])]
    return {"columns": columns, "rows": [[compact(getattr(row, name)) for name in columns] for row in rows]}


def _asset(name: str) -> str:
    return resources.files("bench.explain").joinpath("report_assets", name).read_text(encoding="utf-8")
