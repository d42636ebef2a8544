"""Where tests find the recorded blocks: PARALLEL_EVM_DATA, or ../shared/data beside the repository."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent


def data_dir() -> Path:
    """Return the folder with `blocks`, `witness` and `golden`; it need not be there."""
    configured = os.environ.get("PARALLEL_EVM_DATA")
    return Path(configured) if configured else ROOT.parent / "shared" / "data"


def capsule_paths(kind: str = "blocks") -> list[Path]:
    """Return the capsules of a kind (`blocks`, `witness`) by rising number; none without the folder."""
    return sorted(data_dir().joinpath(kind).glob("*.json.gz"), key=block_number)


def block_number(path: Path) -> int:
    """Return the number in the name of a capsule."""
    return int(path.name.partition(".")[0])


def capsule_path(number: int, kind: str = "blocks") -> Path:
    """Return the path of the capsule of block `number`."""
    return data_dir() / kind / f"{number}.json.gz"


def golden(number: int) -> list[dict[str, Any]]:
    """Return, per transaction of block `number`: gas, status, reads, writes."""
    with gzip.open(data_dir() / "golden" / f"{number}.json.gz") as file:
        entries: list[dict[str, Any]] = json.load(file)
    return entries


def needs_data(test: Callable[..., None]) -> Callable[..., None]:
    """Mark a test that reads recorded blocks; it is skipped, with the reason, where they are absent."""
    absent = pytest.mark.skipif(
        not data_dir().joinpath("blocks").is_dir(),
        reason=f"no recorded blocks in {data_dir()}: set PARALLEL_EVM_DATA to a folder that holds blocks/",
    )
    marked: Callable[..., None] = pytest.mark.needs_data(absent(test))
    return marked
