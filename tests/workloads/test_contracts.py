"""The committed artefacts are what the sources compile to."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from workloads.compile import ARTEFACTS, compile_contract, render, sources

needs_vyper = pytest.mark.skipif(
    importlib.util.find_spec("vyper") is None,
    reason="vyper is not installed: pip install 'parallel-evm[contracts]'",
)


def test_every_source_has_its_artefact() -> None:
    assert {path.stem for path in sources()} == {path.stem for path in ARTEFACTS.glob("*.json")}


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize("source", sources(), ids=lambda path: path.stem)
def test_the_artefact_is_what_the_source_compiles_to(source: Path) -> None:
    committed = (ARTEFACTS / f"{source.stem}.json").read_text(encoding="utf-8")
    assert render(compile_contract(source)) == committed
