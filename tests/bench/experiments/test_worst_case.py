"""In order against greedy: the closed forms give the published figures, and schedules reach them."""

from __future__ import annotations

from decimal import Decimal
from math import floor

import pytest

from bench.experiments.scheduling import makespan_in_order
from bench.experiments.settings import Settings
from bench.experiments.worst_case import (
    BLOCK_MGAS,
    CAP_AS_PUBLISHED,
    CAP_MGAS,
    EXPERIMENT,
    cents,
    greedy,
    in_order,
    worst_equal,
)

IN_ORDER = [(4, "87.58"), (8, "52.18"), (16, "34.48"), (32, "25.63")]
GREEDY = [(4, "83.90"), (8, "50.34"), (16, "33.56"), (32, "16.78")]


@pytest.mark.parametrize(("threads", "published"), IN_ORDER)
@pytest.mark.parametrize("cap", [CAP_AS_PUBLISHED, CAP_MGAS])
def test_in_order_is_exactly_as_published_with_either_cap(threads: int, published: str, cap: Decimal) -> None:
    assert str(cents(in_order(BLOCK_MGAS, cap, threads))) == published


@pytest.mark.parametrize(("threads", "published"), GREEDY)
def test_greedy_is_exactly_as_published_with_the_cap_rounded_as_there(threads: int, published: str) -> None:
    assert str(cents(greedy(BLOCK_MGAS, CAP_AS_PUBLISHED, threads))) == published


def test_greedy_with_the_unrounded_cap_is_a_cent_off() -> None:
    assert str(cents(greedy(BLOCK_MGAS, CAP_MGAS, 4))) == "83.89"


@pytest.mark.parametrize("threads", [4, 8, 16, 32])
def test_a_block_reaches_the_worst_case_in_order_and_none_of_many_exceeds_it(threads: int) -> None:
    block, cap = float(BLOCK_MGAS), float(CAP_MGAS)
    small = (block - cap) / (threads * 100)
    limit = float(in_order(BLOCK_MGAS, CAP_MGAS, threads))
    assert makespan_in_order([small] * threads * 100 + [cap], threads) == pytest.approx(limit)
    for large in range(18):
        rest = block - large * cap
        assert makespan_in_order([rest / 500] * 500 + [cap] * large, threads) <= limit * (1 + 1e-9)


@pytest.mark.parametrize("threads", [4, 8, 16, 32])
def test_a_block_of_full_transactions_takes_what_greedy_says(threads: int) -> None:
    full = [float(CAP_MGAS)] * floor(BLOCK_MGAS / CAP_MGAS)
    assert makespan_in_order(full, threads) == pytest.approx(float(greedy(BLOCK_MGAS, CAP_MGAS, threads)))


@pytest.mark.parametrize(("threads", "count"), [(4, 21), (32, 33)])
def test_slightly_smaller_transactions_are_worse_than_full_ones(threads: int, count: int) -> None:
    longest, found = worst_equal(BLOCK_MGAS, CAP_MGAS, threads)
    assert found == count
    assert longest > greedy(BLOCK_MGAS, CAP_MGAS, threads)
    assert makespan_in_order([float(BLOCK_MGAS) / count] * count, threads) == pytest.approx(float(longest))


def test_the_experiment_says_that_all_agree() -> None:
    findings = EXPERIMENT.measure(Settings())
    assert findings.measured == {one.what: one.low for one in EXPERIMENT.published}
    assert findings.sentence.startswith("8 of 8 figures agree")
