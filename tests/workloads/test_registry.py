"""The registry refuses what does not exist, in one line that names what does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from executor.errors import UsageError
from workloads.fingerprint import fingerprint
from workloads.registry import WORKLOADS, generate

GENERATED = [name for name, spec in WORKLOADS.items() if not spec.needs]
"""What needs no file to begin with."""
FINGERPRINTS: dict[str, str] = json.loads((Path(__file__).parent / "fingerprints.json").read_text(encoding="utf-8"))
"""Workload -> fingerprint of 50 transactions with seed 1; `python -m tests.workloads.fingerprints` writes them."""


@pytest.mark.parametrize(
    ("name", "params", "message"),
    [
        ("lendin", {}, "unknown workload 'lendin'; did you mean 'lending'?"),
        ("zzz", {}, "unknown workload 'zzz'; known are transfers, lending"),
        ("lending", {"user": "5"}, "unknown parameter 'user' of workload 'lending'; did you mean 'users'?"),
        ("lending", {"users": "many"}, "users=many: not a number of type int"),
        ("lending", {"users": "0"}, "users=0: must be between 1 and 100000"),
        ("lending", {"zipf_users": "nan"}, "zipf_users=nan: must be between 0 and 3"),
        ("lending", {"rate": "slow"}, "rate=slow: choose one of lazy, eager"),
        ("transfers", {"hot": "0"}, "hot=0: must be at least 1"),
        ("lending", {"mix": "steal:1"}, "mix=steal:1: unknown operation 'steal'; known are deposit, "),
        ("lending", {"mix": "deposit:x"}, "mix=deposit:x: the weight of 'deposit' is not a number"),
        ("lending", {"mix": "deposit:-1"}, "mix=deposit:-1: the weight of 'deposit' must be at least 0"),
        ("lending", {"mix": "deposit:0"}, "mix=deposit:0: at least one weight must be positive"),
    ],
)
def test_wrong_names_and_values_are_refused(name: str, params: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        generate(name, 10, 1, params)
    assert str(caught.value).startswith(message)


def test_a_negative_number_of_transactions_is_refused() -> None:
    with pytest.raises(UsageError, match="transactions=-1: must be at least 0"):
        generate("transfers", -1)


@pytest.mark.slow
@pytest.mark.parametrize("name", GENERATED)
def test_every_workload_makes_empty_blocks_and_its_default_number(name: str) -> None:
    assert {block.transactions for block in generate(name, 0).blocks} == {()}
    blocks = generate(name).blocks
    assert sum(len(block.transactions) for block in blocks) == WORKLOADS[name].transactions
    assert all(len(block.access_sets or ()) == len(block.transactions) for block in blocks)


@pytest.mark.parametrize("name", FINGERPRINTS)
def test_seed_one_gives_these_bytes_everywhere(name: str) -> None:
    assert fingerprint(generate(name, 50)) == FINGERPRINTS[name]


@pytest.mark.slow
@pytest.mark.parametrize("name", FINGERPRINTS)
def test_seed_two_gives_others(name: str) -> None:
    assert fingerprint(generate(name, 50, seed=2)) != FINGERPRINTS[name]


def test_every_workload_has_its_fingerprint() -> None:
    assert set(FINGERPRINTS) == set(GENERATED)


@pytest.mark.parametrize("name", WORKLOADS)
def test_every_parameter_says_what_it_is(name: str) -> None:
    for parameter in WORKLOADS[name].parameters.values():
        assert parameter.help
        assert parameter.type_name
