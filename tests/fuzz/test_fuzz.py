"""Random blocks: EELS, sequential and parallel execution agree on all of them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from tests.fuzz import regressions
from tests.fuzz.campaign import campaign, drawn, numbered, run

SLOW_BLOCKS, SLOW_RUNS = 1_000, 20


@settings(
    max_examples=150,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(st.binary(min_size=500, max_size=2_500))
def test_a_random_block_gives_the_same_everywhere(data: bytes) -> None:
    example = drawn(data)
    try:
        run(example)
    except Exception:
        note(f"{example}\nkeep what the plain driver makes of it: python -m tests.fuzz")
        raise


def test_numbered_blocks_agree_and_meet_what_they_are_for() -> None:
    tally, failures = campaign(range(150))
    assert not failures, failures[0].message
    done = tally.checked
    assert tally.blocks == 150
    assert done.schedules >= 300
    assert done.succeeded > 200
    assert done.failed > 50
    assert done.conflicts > 30, "transactions have to meet"
    assert done.executions > 2 * (done.succeeded + done.failed), "and run again"
    assert len(tally.forks) > 8
    assert len(tally.refusals) > 3
    assert len(tally.opcodes) > 80


@pytest.mark.slow
@pytest.mark.parametrize("part", range(SLOW_RUNS))
def test_many_blocks_agree(part: int) -> None:
    first = 100_000 + part * SLOW_BLOCKS
    tally, failures = campaign(range(first, first + SLOW_BLOCKS))
    assert not failures, failures[0].message
    assert tally.blocks == SLOW_BLOCKS


@pytest.mark.parametrize("path", regressions.paths(), ids=lambda path: path.stem)
def test_what_failed_once_or_with_a_fault_agrees_now(path: Path) -> None:
    assert regressions.replay(path).schedules > 0


def test_the_same_number_is_the_same_block() -> None:
    assert numbered(7) == numbered(7)
    assert numbered(7) != numbered(8)


def test_bytes_that_are_used_up_choose_the_simplest_block() -> None:
    example = drawn(b"")
    assert len(example.case.transactions) == 1
    assert run(example).succeeded == 1
