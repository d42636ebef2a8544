"""Costs measured here: what a fit finds, what a block's costs hold, what a real run says; and the command."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import partial

import pytest
import typer

from bench import simulation
from bench.calibrate import (
    TRANSPORTS,
    Prepared,
    Validation,
    _fitted,
    _learned_goal,
    _timed,
    calibrate,
    sequential_medians,
    validate,
)
from bench.simulate import MessageCosts, simulate
from bench.simulation import simulate_command
from executor.access_lists import observed_sets
from executor.errors import UsageError
from executor.sequential import execute_sequential
from scheduler.batching import MESSAGE_SHARE
from tests.blocks import Builder
from tests.oracle import assert_same
from workloads.registry import generate

QUICK = ("transfers", "--transactions", "30", "--workers", "1,3", "--repeat", "1")


def command(capfd: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    app = typer.Typer()
    app.command()(simulate_command)
    try:
        code = app(list(arguments), standalone_mode=False) or 0
    except typer.Exit as stop:
        code = stop.exit_code
    return code, *capfd.readouterr()


@pytest.fixture(scope="module")
def prepared() -> Prepared:
    """A small generated block with its measured costs."""
    workload = generate("transfers", 40, 1, {})
    block, pre_state = workload.blocks[0], workload.pre_state
    sequential = sequential_medians(block, pre_state, None, 3)
    sets = observed_sets(sequential.transactions, pre_state)
    return Prepared("small", block, pre_state, sequential, sets, calibrate(block, pre_state, sets, repeat=1))


def test_a_fit_finds_what_things_cost() -> None:
    counts = [(10.0, 4.0, 3.0), (10.0, 8.0, 1.0), (20.0, 4.0, 9.0), (5.0, 5.0, 5.0)]
    equations = [(row, 2.0 * row[0] + 0.5 * row[1] + 0.25 * row[2]) for row in counts]
    assert _fitted(equations) == pytest.approx([2.0, 0.5, 0.25])


def test_a_fit_has_no_negative_costs() -> None:
    equations = [((1.0, 0.0), 1.0), ((1.0, 1.0), 0.5), ((1.0, 2.0), 0.3)]
    assert _fitted(equations) == pytest.approx([0.6, 0.0])
    assert _fitted([((1.0, 1.0), -1.0)]) == [0.0, 0.0]


def test_what_cannot_be_told_apart_is_counted_once() -> None:
    found = _fitted([((1.0, 2.0), 4.0), ((2.0, 4.0), 8.0)])
    assert found[0] + 2 * found[1] == pytest.approx(4.0)
    assert 0.0 in found


def test_a_goal_is_what_a_pool_would_learn() -> None:
    assert _learned_goal(0.004, 0.0002, 0.00005) == pytest.approx(0.0002 / MESSAGE_SHARE)
    assert _learned_goal(0.004, 0.0, 0.00005) == pytest.approx(0.001)


def test_medians_leave_the_result_as_it_is(prepared: Prepared) -> None:
    again = execute_sequential(prepared.block, prepared.pre_state)
    assert_same(prepared.sequential, again, prepared.pre_state)
    pairs = zip(prepared.sequential.transactions, again.transactions, strict=True)
    assert all(ours._replace(seconds=theirs.seconds) == theirs for ours, theirs in pairs)


def test_costs_are_measured_beside_what_the_transport_says(prepared: Prepared) -> None:
    costs, transport = prepared.costs, TRANSPORTS["process"]
    assert (costs.latency, costs.background) == (transport.latency, transport.background)
    assert costs.batch_limit == transport.batch_limit
    assert transport.goal_seconds / 4 <= costs.goal_seconds <= transport.goal_seconds * 4
    fixed = (costs.driver_plan, costs.driver_worker, costs.driver_prepare, costs.driver_end, costs.worker_start)
    assert min(fixed) > 0
    assert costs.driver_transaction + costs.driver_message > 0
    assert costs.worker_transaction + costs.worker_message > 0
    assert min(costs.driver_transaction, costs.driver_message, costs.worker_transaction, costs.worker_message) >= 0
    assert min(costs.driver_update, costs.worker_update, costs.execution) > 0


def test_an_empty_block_has_only_a_transport() -> None:
    builder = Builder()
    block, pre_state = builder.block(), builder.state
    assert not block.transactions
    assert calibrate(block, pre_state, (), "ray") == TRANSPORTS["ray"]


@pytest.mark.parametrize(("workers", "limit"), [(1, 1), (2, 3), (4, 2)])
def test_a_timed_run_counts_its_traffic(prepared: Prepared, workers: int, limit: int) -> None:
    count = len(prepared.block.transactions)
    run = _timed(prepared.block, prepared.pre_state, prepared.sets, workers, limit, repeat=1)
    assert -(-count // limit) <= run.messages <= count
    assert 1 <= run.last <= limit
    # All are told of what others did, but for the answers that came after their own last message.
    assert run.updates <= (workers - 1) * count
    assert (run.updates > 0) == (workers > 1)
    assert min(run.told_bytes, run.sent_bytes) > 0


def test_costs_only_slow_a_block_down(prepared: Prepared) -> None:
    arguments = (prepared.block, prepared.pre_state, prepared.sequential, prepared.sets, 4)
    costly, free = simulate(*arguments, prepared.costs), simulate(*arguments, MessageCosts())
    assert costly.sound
    assert free.sound
    assert costly.executions == free.executions == len(prepared.block.transactions)
    assert costly.driver_busy > free.driver_busy == 0.0


def test_a_simulation_is_compared_with_real_runs(prepared: Prepared) -> None:
    found = validate([prepared, prepared], "inline", workers=(1, 2), cores=1, repeat=1)
    assert [(one.label, one.workers) for one in found] == [("small", 1)] * 2 + [("small", 2)] * 2
    assert all(one.measured_seconds > 0 and one.simulated_seconds > 0 and one.load >= 0 for one in found)
    # Nothing was left to the driver, whatever a gate would say.
    assert all(0 < one.measured_messages <= 40 and 0 < one.simulated_messages <= 40 for one in found)
    one = found[0]
    work = one.simulated_driver_seconds + one.simulated_worker_seconds
    assert one.simulated_seconds >= work * (1 - 1e-9)  # on one processor nothing is done side by side
    assert min(one.measured_driver_seconds, one.measured_worker_seconds) > 0
    assert one.measured_seconds * (1 + one.error_percent / 100) == pytest.approx(one.simulated_seconds)


def test_the_command_prints_one_json_document(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, _ = command(capfd, *QUICK, "--json")
    document = json.loads(out)
    assert (code, document["ok"], document["backend"], document["validated"]) == (0, True, "process", [])
    blocks = document["blocks"]
    assert sum(block["transactions"] for block in blocks) == 30
    for block in blocks:
        assert [row["workers"] for row in block["simulated"]] == [1, 3]
        assert all(row["executions"] == block["transactions"] and row["sound"] for row in block["simulated"])
        assert block["costs"]["execution"] > 0


def inline(prepared: Prepared, _: Sequence[Prepared], __: str, workers: Sequence[int], repeat: int) -> list[Validation]:
    """Stand in for a validation with processes."""
    return validate([prepared], "inline", workers, cores=1, repeat=repeat)


def test_the_command_shows_a_table_per_block(
    prepared: Prepared, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(simulation, "VALIDATED_WORKERS", (1,))
    monkeypatch.setattr(simulation, "validate", partial(inline, prepared))
    code, out, _ = command(capfd, *QUICK, "--validate")
    assert code == 0
    assert "30 transactions" in out
    assert "measured here and simulated" in out
    assert out.count("small") == 1
    assert all(heading in out for heading in ("speed-up", "bound", "workers busy", "driver busy"))
    assert "per transaction / message / update" in out


@pytest.mark.parametrize("workers", ["", "0", "1,x", "2,,4"])
def test_numbers_of_workers_are_checked(workers: str) -> None:
    with pytest.raises(UsageError, match="--workers"):
        simulate_command(["transfers"], workers=workers)
