"""Features are peeked from raw bytes: the same as decoding gives, and harmless for garbage."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from executor.costs import PLAIN, UNKNOWN, BlockCosts, features_of
from executor.transactions import decode_transaction
from scheduler.cost import CostModel, Features
from tests.blocks import Builder, user
from tests.signing import LEGACY, Key, Tx, authorize, sign


def decoded(raw: bytes) -> Features:
    tx = decode_transaction(raw)
    return Features(tx.to, tx.data[:4], tx.gas, len(tx.data))


def of_every_type(data: bytes, to: bytes) -> list[bytes]:
    plain = Tx(
        LEGACY, gas=100_000, to=to, data=data, blob_hashes=(b"\x01" * 32,), authorizations=(authorize(Key(2), to),)
    )
    return [sign(Key(1), replace(plain, tx_type=tx_type)) for tx_type in range(5)]


@given(st.binary(max_size=400))
@settings(deadline=None, max_examples=60)
def test_features_are_those_of_the_decoded_transaction(data: bytes) -> None:
    for raw in of_every_type(data, to=b"\x77" * 20):
        assert features_of(raw) == decoded(raw)


@given(st.binary(max_size=80))
@settings(deadline=None)
def test_garbage_has_features_too(raw: bytes) -> None:
    assert isinstance(features_of(raw), Features)


def test_nothing_is_unknown() -> None:
    assert features_of(b"") == UNKNOWN


def test_costs_learn_from_what_was_measured() -> None:
    builder = Builder()
    builder.send(user(0), b"\x77" * 20)
    builder.send(user(0), b"\x77" * 20)
    costs = BlockCosts(builder.block(), CostModel(), builder.state)
    assert costs.seconds_left(2) == float("inf")
    assert costs.forecast().work == costs.seconds_left(2)
    costs.learn(0, 0.002)
    assert costs.seconds_left(1) == 0.002
    assert costs[1] > 0


def test_who_has_no_code_costs_what_all_such_cost() -> None:
    """Whatever its gas limit promises; what runs code, a precompile or a creation is told apart by what it calls."""
    builder = Builder()
    contract = builder.contract(1, b"\x00")
    for number, (to, gas) in enumerate([(b"\x77" * 20, 21_000), (b"\x78" * 20, 900_000), (contract, 21_000)]):
        builder.send(user(number), to, gas=gas)
    builder.send(user(3), (1).to_bytes(20, "big"))
    costs = BlockCosts(builder.block(), CostModel(), builder.state)
    costs.forecast()
    assert [features == PLAIN for features in costs._features] == [True, True, False, False]
    costs.learn(0, 0.0002)
    assert costs[1] == costs[0] == 0.0002
    assert costs.forecast().guessed > 0


def test_a_large_block_teaches_by_a_sample_and_still_counts_all() -> None:
    builder = Builder()
    for number in range(1_100):
        builder.send(user(number), number.to_bytes(20, "big"), data=number.to_bytes(4, "big"))
    model = CostModel()
    costs = BlockCosts(builder.block(), model, builder.state)
    for index in range(1_100):
        costs.learn(index, 0.001)
    assert costs.seconds_left(1) == pytest.approx(0.001)
    taught = CostModel()
    costs = BlockCosts(builder.block(), taught, builder.state)
    for index in range(1_100):
        costs.teach(index, 0.001)
    assert len(taught._seconds) > 2 * len(model._seconds) > 600


def test_a_forecast_is_kept_where_it_was_measured() -> None:
    builder = Builder()
    for number in range(3):
        builder.send(user(number), b"\x77" * 20)
    model = CostModel()
    guessed = BlockCosts(builder.block(), model, builder.state)
    first = guessed.forecast().seconds
    guessed.learn(0, 0.002)
    assert guessed.predictions[1] == guessed[1] != first[1], "nothing was known: the model says"
    known = BlockCosts(builder.block(), model, builder.state)
    forecast = known.forecast().seconds
    known.learn(0, 0.004)
    assert list(known.predictions) == forecast
    assert known[1] > forecast[1]
