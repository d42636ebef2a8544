"""Engines on the same transactions, one core: ours, py-evm as shipped, and EELS, the specification."""

from __future__ import annotations

from typing import Any

import pytest

from bench.pyevm_baseline import run_as_shipped
from bench.suites.blocks import Prepared, generated, recorded, recorded_numbers
from bench.suites.conftest import Timed
from executor.sequential import execute_sequential
from tests.eels_bridge import Specification, block_body, eels_state, specification

BLOCKS = (
    ("lending", 20, (("users", "20"),)),
    ("transfers", 60, (("accounts", "100"),)),
    ("amm", 30, (("users", "20"), ("pairs", "8"))),
)
"""Small, for EELS copies the whole state in every call."""
pytestmark = pytest.mark.benchmark(group="engine")


@pytest.fixture(
    scope="module", params=[*BLOCKS, *recorded_numbers()], ids=lambda it: it[0] if isinstance(it, tuple) else str(it)
)
def prepared(request: pytest.FixtureRequest) -> Prepared:
    """Return generated blocks and then recorded ones."""
    return recorded(request.param) if isinstance(request.param, int) else generated(*request.param)


@pytest.fixture(scope="module", params=BLOCKS, ids=lambda it: it[0])
def small(request: pytest.FixtureRequest) -> Prepared:
    """Return the generated blocks alone: EELS takes seconds for a recorded one."""
    return generated(*request.param)


def test_ours(timed: Timed, prepared: Prepared) -> None:
    """The flat engine: decoding, signatures, transactions, receipts root."""
    result = timed(lambda: execute_sequential(prepared.block, prepared.pre_state))
    assert result.receipts_root == prepared.expected.receipts_root


def test_pyevm(timed: Timed, prepared: Prepared) -> None:
    """py-evm as shipped; unlike `bench-engine` with seeding and decoding, for a round is timed from outside."""
    result = timed(lambda: run_as_shipped(prepared.block, prepared.pre_state))
    assert result.receipts_root == prepared.expected.receipts_root


def test_eels(timed: Timed, small: Prepared) -> None:
    """EELS' `apply_body`; its state is made before the clock starts."""
    block, spec = small.block, specification(small.block.fork)

    def fresh() -> tuple[Any, ...]:
        return spec, block_body(spec, block, eels_state(spec, small.pre_state))

    assert timed(_apply_body, fresh=fresh) == small.expected.gas_used


def _apply_body(spec: Specification, body: dict[str, Any]) -> int:
    return int(spec.fork.apply_body(**body).block_gas_used)
