"""What tests of the conformance runner share."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.bench.fixtures import Fixture


@pytest.fixture
def write_tests(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes tests by name into a file of a folder."""

    def into_file(folder: str = "eip1_things", file: str = "some.json", **tests: Fixture) -> Path:
        path = tmp_path / "suite" / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(tests), encoding="utf-8")
        return path

    return into_file
