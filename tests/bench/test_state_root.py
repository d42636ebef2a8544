"""The command `bench-root`: three ways to the same root, and a failure where one of them errs."""

from __future__ import annotations

import json
from random import Random

import pytest

from bench.pyevm_baseline import ShippedState
from bench.state_root import SEED, random_state, random_writes
from executor.roots import state_root
from executor.state_trie import StateTrie
from executor.types import StateDiff
from tests.bench.test_cli import run

SIZES = ("--accounts", 20, "--slots", 210, "--changed", 30, "--repeat", 2)


def test_all_ways_lead_to_the_root_of_the_state_after_each_round(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "bench-root", *SIZES, "--json")
    document = json.loads(out)
    assert code == 0
    assert (document["accounts"], document["slots"], document["changed"]) == (20, 210, 30)
    state, random = random_state(20, 210), Random(SEED + 1)
    for row in document["rows"]:
        after = state.copy()
        after.apply(random_writes(state, 30, random))
        assert row["root"] == "0x" + state_root(after).hex() != "0x" + state_root(state).hex()
        assert row["equal"] is True
        assert min(row["kept_seconds"], row["rebuilt_seconds"], row["shipped_seconds"]) > 0
    assert len(document["rows"]) == 2
    assert document["summary"]["ok"] is True
    assert document["summary"]["ratio"] > 0
    assert "python" in document["machine"]


def test_rounds_are_shown(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capfd, "bench-root", *SIZES)
    assert code == 0
    assert "30 of 210 slots changed, 20 accounts" in out
    assert out.count("yes") == 2
    assert "median" in out


def stale(trie: StateTrie, diff: StateDiff) -> StateTrie:
    """Stand in for an update that forgets all of `diff`."""
    assert diff.accounts
    return trie


def shifted(_: ShippedState, __: StateDiff) -> tuple[bytes, float]:
    """Stand in for a py-evm that finds another root."""
    return bytes(32), 1.0


def test_a_wrong_root_of_ours_fails(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StateTrie, "updated", stale)
    code, out, err = run(capfd, "bench-root", *SIZES)
    assert code == 1
    assert out.count("NO") == 2
    assert "a check failed" in err


def test_a_wrong_root_of_theirs_fails(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ShippedState, "slots_written", shifted)
    code, out, _ = run(capfd, "bench-root", *SIZES, "--json")
    assert code == 1
    assert json.loads(out)["summary"]["ok"] is False


def test_more_changes_than_slots_are_refused_in_one_line(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "bench-root", "--accounts", 3, "--slots", 5, "--changed", 6)
    assert (code, out) == (2, "")
    assert len(err.strip().splitlines()) == 1
    assert "--changed 6" in err


def test_states_and_writes_hold_what_is_asked_for() -> None:
    state = random_state(7, 100)
    shares = [len(account.storage) for account in state.accounts.values()]
    assert (len(shares), sum(shares), max(shares) - min(shares)) == (7, 100, 1)
    assert state_root(random_state(7, 100)) == state_root(state) != state_root(random_state(7, 100, seed=2))
    diff = random_writes(state, 40, Random(1))
    written = [(state.accounts[address].storage[slot], value) for address, change in diff.accounts.items()
               for slot, value in change.storage.items()]  # fmt: skip
    assert len(written) == 40
    assert all(value not in {0, before} for before, value in written)


def test_py_evm_starts_from_the_same_state_each_time() -> None:
    state = random_state(5, 60)
    shipped, random = ShippedState(state), Random(3)
    assert shipped.root == state_root(state)
    for _ in range(2):
        diff = random_writes(state, 20, random)
        after = state.copy()
        after.apply(diff)
        root, seconds = shipped.slots_written(diff)
        assert root == state_root(after)
        assert seconds > 0
