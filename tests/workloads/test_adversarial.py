"""Worst cases: every kind ends as in sequence, does the work that its conflicts cost, and can be seen to fail."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from functools import cache

import pytest

from executor.access_lists import declared_sets, observed_sets
from executor.state import MemoryState
from scheduler.access import NONCE, Location
from scheduler.graph import build
from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import Run, run_all, success_share, wrong_access_sets
from tests.workloads.test_contracts import needs_vyper
from workloads import stage
from workloads.adversarial import KINDS, LIARS, RING, SETTLED
from workloads.adversarial_checks import CHILD, ChainCheck, GoneCheck, StakeCheck, TallyCheck, child_of
from workloads.registry import generate
from workloads.stage import Deployed
from workloads.workload import Workload

HONEST = [kind for kind in KINDS if kind not in LIARS]


@cache
def make(kind: str = "mixed", transactions: int = 90, blocks: int = 1, lies: float = 0.5) -> Workload:
    params = {"kind": kind, "users": "20", "blocks": str(blocks), "lies": str(lies)}
    return generate("adversarial", transactions, 3, params)


@cache
def run_of(workload_kind: str) -> Run:
    return run_all(make(workload_kind))[0]


def arena(workload: Workload) -> Deployed:
    return next(check.arena for check in workload.checks if isinstance(check, ChainCheck))


def tally(workload: Workload, label: str) -> TallyCheck:
    return next(check for check in workload.checks if isinstance(check, TallyCheck) and check.label.startswith(label))


@pytest.mark.parametrize("kind", KINDS)
def test_every_invariant_holds_after_every_block(kind: str) -> None:
    workload = make(kind, 45, 3)
    runs = run_all(workload)
    for index, run in enumerate(runs):
        assert workload.check(run.after, index, run.before) == []
    assert bool(wrong_access_sets(workload, runs)) == (kind in LIARS)


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_runs_in_parallel_as_in_sequence(kind: str) -> None:
    workload = make(kind, 16 if kind in HONEST else 24)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    if kind in HONEST:
        assert compared.executions("graph", "exact") == [16, 16]
    else:
        assert min(compared.executions("graph", "exact")) > 24, "a lie costs executions"
    assert compared.conflicts > 0


def test_lists_of_both_kinds_lie() -> None:
    workload = make("lying-lists", 40, lies=1.0)
    block, run = workload.blocks[0], run_all(workload)[0]
    observed = observed_sets(run.result.transactions, run.before)
    wrong = [mine != theirs for mine, theirs in zip(block.access_sets or (), observed, strict=True)]
    assert sum(wrong) > 30
    for declared, theirs in zip(declared_sets(block), observed, strict=True):
        assert declared.reads - theirs.reads, "a slot that is not touched"


def test_who_lies_not_at_all_tells_the_truth() -> None:
    assert wrong_access_sets(make("mixed", 30, lies=0.0)) == []


@pytest.mark.parametrize("kind", ["counter", "chain", "value-chain"])
def test_chains_are_as_long_as_the_block(kind: str) -> None:
    workload = make(kind, 16)
    assert max(build(workload.blocks[0].access_sets or ()).levels()) == 15


@pytest.mark.parametrize(
    ("kind", "least", "most"),
    [("mixed", 0.8, 0.95), ("counter", 1, 1), ("lying-lists", 1, 1), ("revert-storm", 0.1, 0.6),
     ("out-of-gas", 0.1, 0.6), ("create-destroy", 0.8, 0.95), ("deploy-and-call", 1, 1)],
)  # fmt: skip
def test_what_is_meant_to_fail_fails(kind: str, least: float, most: float) -> None:
    assert least <= success_share(make(kind)) <= most


def test_each_operation_comes_and_only_some_of_them_fail() -> None:
    names = Counter(make().operations[0])
    assert {name.removesuffix("-reverts") for name in names} == set(KINDS["mixed"])
    assert {name for name in names if name.endswith("-reverts")} <= {
        "turn-reverts", "work-reverts", "waste-reverts", "taken-reverts",
    }  # fmt: skip
    assert not names["waste"]


def test_code_is_called_in_the_block_that_creates_it_and_before() -> None:
    workload = make("deploy-and-call")
    names = workload.operations[0]
    assert "early" in names[: max(at for at, name in enumerate(names) if name == "deploy")]
    newest = [check for check in workload.checks if isinstance(check, TallyCheck) and " of 0x" in check.label]
    assert len(newest) > 3
    assert sum(check.expected[0] for check in newest) == names.count("call") > 50


def test_the_same_address_is_born_many_times() -> None:
    workload = make("create-destroy")
    lives = [tally(workload, f"lives of {salt}").expected[0] for salt in range(4)]
    assert min(lives) > 3
    assert sum(lives) == workload.operations[0].count("cycle")


Place = Callable[[Workload], Location]


def slot(label: str, part: int = 0) -> Place:
    return lambda workload: tally(workload, label).parts[part]


@pytest.mark.parametrize(
    ("place", "delta", "words"),
    [
        (slot("counter"), -1, "counter: "),
        (slot("bumps"), 1, "bumps of the senders"),
        (slot("visits"), -1, "visits"),
        (slot("works"), 1, "works"),
        (slot("rubbish"), 1, "rubbish"),
        (slot("ruins"), 1, "ruins"),
        (slot("counter of 0x"), -1, "counter of 0x"),
        (slot("lives of"), 1, "lives of"),
        (slot("pokes of"), -1, "pokes of"),
        (slot("calls that child"), -1, "calls that child"),
        (lambda workload: arena(workload).at("cells", 3), 1, "the cell at 3 holds 4"),
    ],
    ids=["counter", "bumps", "visits", "works", "rubbish", "ruins", "new", "lives", "pokes", "child", "chain"],
)
def test_each_invariant_can_fail(place: Place, delta: int, words: str) -> None:
    workload = make()
    assert_seen(workload, run_of("mixed"), place(workload), delta, words)


def seen(change: Callable[[Workload, MemoryState], None]) -> list[str]:
    """Return what is found wrong once the state after the mixed block was changed."""
    workload, run = make(), run_of("mixed")
    wrong = run.after.copy()
    change(workload, wrong)
    return workload.check(wrong, 0, run.before)


def test_a_stake_passed_twice_or_lost_is_seen() -> None:
    ring = next(check.ring for check in make().checks if isinstance(check, StakeCheck))
    assert len(ring) == RING

    def twice(_workload: Workload, state: MemoryState) -> None:
        state.accounts[ring[0]].balance += 10**18

    def lost(_workload: Workload, state: MemoryState) -> None:
        for address in ring:
            state.accounts[address].balance %= 10**18

    assert any("number 0 of the ring has 1" in line for line in seen(twice))
    assert any("the stake is with number" in line for line in seen(lost))


def test_ether_of_children_and_what_the_dead_leave_is_seen() -> None:
    gone = next(check for check in make().checks if isinstance(check, GoneCheck))

    def kept_ether(_workload: Workload, state: MemoryState) -> None:
        state.put(gone.children[0], balance=1)

    def kept_nonce(_workload: Workload, state: MemoryState) -> None:
        state.put(gone.children[0], nonce=1)

    def kept_slot(_workload: Workload, state: MemoryState) -> None:
        state.put(gone.children[0], storage={0: 1})

    assert any("ether of the nursery" in line for line in seen(kept_ether))
    for change in (kept_ether, kept_nonce, kept_slot):
        assert f"0x{gone.children[0].hex()} was destroyed, but has left something" in seen(change)
    assert run_of("mixed").after.read((gone.children[0], NONCE, 0)) == 0


# -- the contracts ----------------------------------------------------------------------------------------


def opened() -> tuple[stage.Stage, Deployed, Deployed]:
    work = stage.Stage("adversarial", 1)
    places = work.deploy("Arena"), work.deploy("Nursery")
    return work, *places


def test_reverts_say_why() -> None:
    work, pit, nursery = opened()
    (user,) = work.accounts("user", 1)

    def why(place: Deployed, function: str, *arguments: int) -> str:
        return work.why(user, place.address, place.contract.call(function, *arguments))

    assert why(pit, "link", 1) == "chain is not there yet"
    assert why(pit, "turn", 2) == "not your turn"
    assert why(nursery, "poke", 5) == why(nursery, "drain", 5) == "nobody there"
    work.setup(user, pit, "link", 0)
    work.setup(user, nursery, "settle", 5)
    assert why(pit, "link", 0) == "linked already"
    assert why(nursery, "cycle", 5) == why(nursery, "settle", 5) == "address is taken"


def test_children_live_where_the_salt_says_and_survive_a_later_destruction() -> None:
    work, _, nursery = opened()
    (user,) = work.accounts("user", 1)
    child = child_of(nursery.address, SETTLED)
    work.setup(user, nursery, "settle", SETTLED, value=7)
    assert work.get(nursery, "homes", SETTLED) == int.from_bytes(child, "big")
    work.setup(user, nursery, "poke", SETTLED)
    assert (work.balance(child), work.balance(nursery.address)) == (7, 0)
    work.setup(user, nursery, "drain", SETTLED)
    assert (work.balance(child), work.balance(nursery.address)) == (0, 7)
    work.setup(user, nursery, "poke", SETTLED)
    assert work.get(nursery, "pokes", SETTLED) == 2, "code and storage outlive it (EIP-6780)"
    assert CHILD in nursery.contract.runtime


def test_work_takes_the_gas_that_the_counter_says() -> None:
    work, pit, _ = opened()
    (user,) = work.accounts("user", 1)
    fitting = []
    for _ in range(8):
        fitting.append(work.succeeds(user, pit, "work", gas=150_000))
        work.setup(user, pit, "bump")
    assert fitting == [True] * 5 + [False] * 3


FAULTS = {
    "Arena": ("self.bumps[msg.sender] += 1", "self.bumps[msg.sender] += 2", "bumps of the senders"),
    "Nursery": ("    self._destroy(child)\n    self.lives", "    self.lives", "has left something"),
}


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_of_a_contract_is_seen(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new, words = FAULTS[name]
    plant(monkeypatch, name, old, new)
    workload = generate("adversarial", 90, 3, {"users": "20"})
    (run,) = run_all(workload)
    assert any(words in line for line in workload.check(run.after, 0, run.before))
