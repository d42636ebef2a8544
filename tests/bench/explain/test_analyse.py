"""An explanation as a whole: its parts fit together on every recorded block, and say what is known of small ones."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.explain.analyse import Executed, execute, explain_block, explain_executed
from bench.explain.model import KEY_SETS, Explanation, HotLocation
from bench.explain.names import Names
from bench.explain.verdict import sentence
from executor.errors import UsageError
from tests.asm import asm
from tests.blocks import BASE_FEE, COINBASE, Builder, user
from tests.conftest import Recorded
from tests.data import needs_data

COUNT = asm("1 0 SLOAD ADD 0 SSTORE")


def counters(*choices: int) -> Builder:
    """Return a block in which transaction i, of a sender of its own, raises the counter choices[i]."""
    builder = Builder()
    targets = {number: builder.contract(number, COUNT) for number in choices}
    for place, number in enumerate(choices):
        builder.fund(user(place))
        builder.send(user(place), targets[number])
    return builder


def explained(builder: Builder, *what_if: str) -> Explanation:
    """Return a block's explanation in which a unit of gas takes 10 ns, so that no clock decides."""
    executed = execute(builder.block(), builder.state)
    executed = replace(executed, seconds=tuple(1e-8 * gas for gas in executed.gas))
    return explain_executed(executed, label="small", what_if=what_if)


def test_a_chain_is_followed_step_by_step() -> None:
    found = explained(counters(1, 2, 1, 1))
    assert [step.index for step in found.path] == [0, 2, 3]
    assert [step.waits_for for step in found.path] == [None, 0, 2]
    assert [len(step.through) for step in found.path] == [0, 1, 1]
    assert found.path[-1].until_gas == sum(found.nodes[index].gas for index in (0, 2, 3))
    assert found.path[-1].until_seconds == pytest.approx(found.key_sets[3].span.seconds)
    assert found.components == 2
    assert [(edge.before, edge.after, edge.locations) for edge in found.edges] == [(0, 2, 1), (2, 3, 1)]
    assert [node.level for node in found.nodes] == [0, 0, 1, 2]
    assert [node.on_path for node in found.nodes] == [True, False, True, True]


def test_the_location_that_holds_a_block_back_is_named_and_weighed() -> None:
    found = explained(counters(1, 1, 1, 2, 2))
    hot = found.hot[0]
    assert (hot.path_steps, hot.edges, hot.writers, hot.readers) == (2, 2, 3, 3)
    assert hot.path_seconds == pytest.approx(sum(step.seconds for step in found.path[1:]))
    assert hot.path_gas == sum(step.gas for step in found.path[1:])
    assert hot.span_without_seconds < found.key_sets[3].span.seconds
    longest = max(node.seconds for node in found.nodes)
    assert found.hot[-1].cap_with_these == pytest.approx(found.work.seconds / longest)
    assert "3 of 5 transactions form one chain through" in found.verdict
    assert hot.location.name in found.verdict


def test_what_comes_next_is_ranked_behind_the_path() -> None:
    found = explained(counters(1, 1, 1, 2, 2))
    assert [one.path_steps for one in found.hot] == [2, 0]
    caps = [one.cap_with_these for one in found.hot]
    assert caps == sorted(caps)


def test_what_if_is_asked_of_the_block() -> None:
    builder = counters(1, 1, 1)
    counter = "0x" + (bytes([0xCC]) * 18 + (1).to_bytes(2, "big")).hex()
    found = explained(builder, f"commutative={counter}:0x0")
    (answer,) = found.what_if
    assert answer.cap_before_gas == pytest.approx(found.key_sets[3].cap.gas)
    assert answer.cap_after_gas == pytest.approx(found.work.gas / max(node.gas for node in found.nodes))
    with pytest.raises(UsageError, match="nothing in conflict"):
        explained(builder, "commutative=elsewhere")


def test_small_blocks_have_a_verdict_of_their_own() -> None:
    assert explained(counters()).verdict == "An empty block: there is nothing to run."
    assert explained(counters(1)).verdict == "One transaction: there is nothing to run beside it."
    independent = explained(counters(1, 2, 3))
    assert independent.verdict.startswith("No transaction waits for another; the longest")
    assert not independent.hot


def test_a_cure_is_named_by_the_fewest_locations_that_work() -> None:
    found = explained(counters(1, 1, 1, 1, 2, 2))
    first, second = (replace(found.hot[0], cap_with_these=cap) for cap in (1.6, 9.0))
    name = first.location.name
    assert f"Without edges through {name} and {name} the cap would be 9.00x." in sentence(_with(found, first, second))
    assert f"Without edges through {name} the cap would be 9.00x." in sentence(_with(found, second, second))
    assert f"Even without edges through {name} it would be 1.60x." in sentence(_with(found, first))
    assert "without the 4 costliest locations the cap would be 1.60x" in sentence(_with(found, *[first] * 4))


def _with(explanation: Explanation, *hot: HotLocation) -> Explanation:
    return replace(explanation, hot=hot)


def test_a_transaction_that_is_most_of_its_chain_is_named() -> None:
    builder = counters(1, 1)
    heavy = builder.contract(2, COUNT + asm("0 0 MSTORE 0x20000 0 KECCAK256 POP") * 3)
    for place in (5, 6, 7):
        builder.fund(user(place))
    builder.send(user(5), heavy)
    builder.send(user(6), heavy)
    builder.send(user(7), b"\x77" * 20, value=1)
    found = explained(builder)
    assert [step.index for step in found.path] == [2, 3]
    assert "of that in transaction" in found.verdict
    assert "one transaction is tied to no other" in found.verdict


def test_fee_recipient_and_operations_are_told() -> None:
    builder = Builder()
    builder.fund(user(1), user(2))
    builder.send(user(1), COINBASE, value=1, price=BASE_FEE)
    builder.send(user(2), b"", data=asm("0 0 RETURN"))
    found = explain_block(builder.block(), builder.state, label="small", repeat=2)
    assert [node.operation for node in found.nodes] == ["transfer", "create"]
    assert found.nodes[1].to == ""
    named = explain_block(builder.block(), builder.state, label="small", operations=("pay", "deploy"))
    assert [node.operation for node in named.nodes] == ["pay", "deploy"]


@needs_data
def test_parts_of_an_explanation_fit_together(each_block: Recorded) -> None:
    block, pre_state = each_block.capsule.block, each_block.capsule.pre_state
    results = each_block.expected.transactions
    executed = Executed(block, pre_state, results, tuple(one.seconds for one in results))
    found = explain_executed(executed, label=str(each_block.number), names=Names([], {}, {}, {}))
    assert tuple(one.key_set for one in found.key_sets) == KEY_SETS
    assert len(found.nodes) == len(results) == found.transactions
    assert found.work.gas == each_block.expected.gas_used
    real = found.key_sets[3]
    assert len(found.edges) == real.edges_last_writer
    assert sum(step.seconds for step in found.path) == pytest.approx(real.span.seconds)
    edges = {(edge.before, edge.after) for edge in found.edges}
    assert all((step.waits_for, step.index) in edges for step in found.path[1:])
    assert all(step.through for step in found.path[1:])
    assert 1 + max((node.level for node in found.nodes), default=-1) == real.span.transactions
    caps = [real.cap.seconds, *(one.cap_with_these for one in found.hot)]
    assert caps == sorted(caps)
    assert all(one.span_without_seconds <= real.span.seconds for one in found.hot)
    assert found.verdict
