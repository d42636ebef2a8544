"""Features are peeked from raw bytes: the same as decoding gives, and harmless for garbage."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from executor.costs import UNKNOWN, BlockCosts, features_of
from executor.transactions import decode_transaction
from scheduler.cost import CostModel, Features
from tests.blocks import Builder, authorization, sign_typed, user


def decoded(raw: bytes) -> Features:
    tx = decode_transaction(raw)
    return Features(tx.to, tx.data[:4], tx.gas, len(tx.data))


def of_every_type(data: bytes, to: bytes) -> list[bytes]:
    builder = Builder()
    builder.send(user(0), to, data=data, gas=100_000)
    price, gas = b"\x0a", b"\x01\x86\xa0"
    head = [b"\x01", b"", price]
    raws = [
        sign_typed(user(0), 1, [*head, gas, to, b"", data, []]),
        sign_typed(user(0), 2, [*head, price, gas, to, b"", data, []]),
        sign_typed(user(0), 3, [*head, price, gas, to, b"", data, [], b"\x01", [b"\x01" * 32]]),
        sign_typed(user(0), 4, [*head, price, gas, to, b"", data, [], [authorization(user(1), to, 0)]]),
    ]
    return [*builder.raws, *raws]


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
    costs = BlockCosts(builder.block(), CostModel())
    assert costs.seconds_left(2) == float("inf")
    costs.learn(0, 0.002)
    assert costs.seconds_left(1) == 0.002
    assert costs[1] > 0
