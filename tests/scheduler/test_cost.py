"""Predicted costs: learned per callee and selector, guessed by gas else, and robust."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scheduler.cost import CostModel, Features

SWAP = Features(b"router", b"swap", 200_000, 260)
TRANSFER = Features(b"somebody", b"", 21_000, 0)


def trained(features: Features, seconds: float, times: int = 30) -> CostModel:
    model = CostModel()
    for _ in range(times):
        model.learn(features, seconds)
    return model


def test_what_was_measured_is_predicted() -> None:
    assert trained(SWAP, 0.004).predict(SWAP) == pytest.approx(0.004, rel=0.01)


def test_selectors_and_creations_are_kept_apart() -> None:
    model = trained(SWAP, 0.004)
    model.learn(SWAP._replace(selector=b"view"), 0.001)
    model.learn(SWAP._replace(to=b"", selector=b"\x60\x80"), 0.002)
    assert model.predict(SWAP) == pytest.approx(0.004, rel=0.01)


def test_the_unknown_is_guessed_by_gas() -> None:
    model = trained(SWAP, 0.004)
    assert model.predict(TRANSFER) < model.predict(SWAP._replace(to=b"other")) == pytest.approx(0.004, rel=0.05)


def test_calldata_takes_gas_but_no_time() -> None:
    blob = Features(b"inbox", b"post", 600_000, 30_000)
    assert CostModel().predict(blob) < CostModel().predict(blob._replace(data_size=0))


def test_a_huge_gas_limit_means_little() -> None:
    assert CostModel().predict(SWAP._replace(gas_limit=30_000_000)) == CostModel().predict(
        SWAP._replace(gas_limit=2_000_000)
    )


def test_one_pause_is_not_believed() -> None:
    model = trained(SWAP, 0.001)
    model.learn(SWAP, 3.0)
    assert model.predict(SWAP) < 0.003


def test_a_lasting_change_is_followed() -> None:
    model = trained(SWAP, 0.001)
    for _ in range(30):
        model.learn(SWAP, 0.05)
    assert model.predict(SWAP) == pytest.approx(0.05, rel=0.05)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("scheduler.cost._KEYS", 3)
    model = CostModel()
    for number in range(10):
        model.learn(TRANSFER._replace(to=bytes([number])), 0.001)
    assert len(model._seconds) == 3


@given(
    st.lists(
        st.tuples(
            st.builds(
                Features,
                st.binary(max_size=1),
                st.binary(max_size=1),
                st.integers(0, 2**64),
                st.integers(0, 9),
            ),
            st.floats(0, 1e6),
        )
    )
)
def test_predictions_stay_positive_and_finite(measured: list[tuple[Features, float]]) -> None:
    model = CostModel()
    for features, seconds in measured:
        model.learn(features, seconds)
        assert 0 < model.predict(features) < 1e9
