"""Every workload on both backends and strategies: equal to sequential, roots equal, every invariant holds.

With `-s` it prints what each came to: transactions, gas, failures, tied transactions, longest chain, executions.
"""

from __future__ import annotations

import pytest

from bench.generated import CarriedCases
from bench.measure import BlockReport, measure_all
from executor.block_executor import BlockExecutor
from executor.pool import InlinePool, Pool
from executor.ray_pool import RayPool
from workloads.registry import WORKLOADS, generate

NAMES = [name for name, spec in WORKLOADS.items() if not spec.needs]
WAYS = (("graph", "exact"), ("optimistic", "none"))
TRANSACTIONS, BLOCKS = 300, 3


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["inline", "ray"])
@pytest.mark.parametrize("name", NAMES)
def test_three_blocks_end_as_in_sequence(name: str, backend: str, ray_pool: RayPool) -> None:
    workload = generate(name, TRANSACTIONS, 1, {"blocks": str(BLOCKS)})
    pool: Pool = ray_pool if backend == "ray" else InlinePool(2, seed=1, batch_limit=4)
    for strategy, lists in WAYS:
        with BlockExecutor(strategy=strategy, access_lists=lists, pool=pool, gate=False) as executor:
            reports = [report for report, _ in measure_all(CarriedCases(workload), executor)]
        assert sum(report.transactions for report in reports) == TRANSACTIONS
        for report in reports:
            assert report.ok, report
            assert report.equal_to_sequential
            assert report.checks == {"state_root": True, "invariants": True}
            assert report.max_executions <= 3
            if lists == "exact" and name != "adversarial":  # some of whose access sets lie
                assert report.executions == report.transactions, report.number
        print(_row(f"{name} {backend} {strategy}/{lists}", reports))  # noqa: T201 - what the test is run by hand for


def _row(label: str, reports: list[BlockReport]) -> str:
    count = sum(report.transactions for report in reports)
    tied = sum(report.bound.dependent_transactions for report in reports)
    chains = "/".join(str(report.bound.critical_path_transactions) for report in reports)
    caps = "/".join(f"{report.bound.speedup_unlimited:.1f}" for report in reports)
    return (
        f"{label:40} txs {count} Mgas {sum(report.gas_used for report in reports) / 1e6:5.1f}"
        f" failed {sum(report.failed_transactions or 0 for report in reports) / count:4.0%} tied {tied / count:4.0%}"
        f" chain {chains:11} cap {caps:14} runs/tx {sum(report.executions for report in reports) / count:.2f}"
        f" conflicts {sum(report.conflicts for report in reports)}"
    )
