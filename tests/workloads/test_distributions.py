"""Draws: Zipf weights, capped amounts, mixes in whole numbers."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workloads.distributions import Zipf, draw_mix, log_normal


def test_zipf_weighs_the_first_rank_as_it_should() -> None:
    random, zipf = Random(1), Zipf(10, 1.0)
    counts = Counter(zipf.draw(random) for _ in range(20_000))
    harmonic = sum(1 / rank for rank in range(1, 11))
    assert counts[0] / 20_000 == pytest.approx(1 / harmonic, rel=0.05)
    assert set(counts) == set(range(10))


def test_exponent_zero_is_uniform() -> None:
    random, zipf = Random(1), Zipf(4, 0)
    counts = Counter(zipf.draw(random) for _ in range(8_000))
    assert all(count == pytest.approx(2_000, rel=0.1) for count in counts.values())


def test_amounts_are_capped() -> None:
    random = Random(1)
    draws = [log_normal(random, 10.0, sigma=3.0, cap=5.0) for _ in range(1_000)]
    assert 0 < min(draws) < max(draws) == 50.0


@given(
    st.dictionaries(st.text(min_size=1), st.floats(0.001, 1000), min_size=1, max_size=6),
    st.integers(0, 300),
    st.integers(),
)
def test_a_mix_has_the_asked_number_and_shares(weights: dict[str, float], count: int, seed: int) -> None:
    counts = Counter(draw_mix(Random(seed), weights, count))
    assert sum(counts.values()) == count
    assert count < len(weights) or set(counts) == set(weights)
    total = sum(weights.values())
    slack = len(weights) + 1
    assert all(abs(counts[name] - count * weight / total) <= slack for name, weight in weights.items())
