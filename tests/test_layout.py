"""The shape of the tree: what import-linter cannot say."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def imported_names(path: Path) -> set[str]:
    """Return the top-level names of all modules that the file imports."""
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module.partition(".")[0])
    return names


def test_the_scheduler_needs_only_the_standard_library() -> None:
    allowed = sys.stdlib_module_names | {"scheduler"}
    foreign = {path.name: imported_names(path) - allowed for path in (ROOT / "scheduler").rglob("*.py")}
    assert not any(foreign.values()), foreign


def test_every_package_carries_its_types() -> None:
    for package in ("executor", "scheduler", "workloads", "bench"):
        assert (ROOT / package / "py.typed").is_file(), package
