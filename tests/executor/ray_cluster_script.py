"""A Ray cluster of several nodes on this machine, in a process of its own: nodes go and come under an executor.

Prints one JSON document of facts; any result that is not the sequential one ends it with a traceback.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic
from typing import Any

import ray
from ray.cluster_utils import Cluster

from bench.console import print_json, results_stream
from executor.errors import PoolError
from executor.ray_pool import RayPool
from tests.executor.ray_runs import run_checked, spinning_block


def lost(pool: RayPool, before: Callable[[int], None] | None = None) -> int:
    """Return how many workers were lost in a block."""
    stats, _ = run_checked(pool, spinning_block(200, contracts=10), before=before)
    return stats.lost_workers


def lost_with_a_node(cluster: Cluster, pool: RayPool) -> tuple[int, str]:
    """Take a node with a worker away, hard and in the middle of a block; return the losses and the node."""
    nodes = {node.node_id: node for node in cluster.worker_nodes}
    victim = next(name for name in pool.nodes() if name in nodes)

    def remove(event: int) -> None:
        if event == 3:
            cluster.remove_node(nodes[victim], allow_graceful=False)

    return lost(pool, remove), victim


def refusal(workers: int, address: str) -> str:
    """Return why a pool is not to be had."""
    try:
        RayPool(workers, address).close()
    except PoolError as error:
        return str(error)
    return ""


@contextmanager
def three_nodes() -> Iterator[Cluster]:
    """Yield a cluster of three nodes of one CPU, which notices a dead one in 2 seconds, not 30."""
    quick = {"health_check_period_ms": 500, "health_check_failure_threshold": 3, "health_check_initial_delay_ms": 0}
    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "_system_config": quick})
    try:
        cluster.add_node(num_cpus=1)
        cluster.add_node(num_cpus=1)
        yield cluster
    finally:
        ray.shutdown()
        cluster.shutdown()  # type: ignore[no-untyped-call]


def facts(cluster: Cluster) -> dict[str, Any]:
    """Run the cluster through its life."""
    address = str(cluster.address)
    told: dict[str, Any] = {}
    first, second = RayPool(1, address), RayPool(1, address)
    told["lost side by side"] = lost(first) + lost(second)
    first.close()
    told["lost beside a closed pool"] = lost(second)
    second.close()
    told["left"] = not ray.is_initialized()

    pool = RayPool(2, address)
    told["nodes"] = len(set(pool.nodes()))
    told["lost at peace"] = lost(pool)

    told["lost with a node"], gone = lost_with_a_node(cluster, pool)
    told["nodes after a loss"] = len(set(pool.nodes()) - {gone})

    told["lost with the last room"], gone = lost_with_a_node(cluster, pool)
    told["nodes without room"] = len(set(pool.nodes()) - {gone})
    told["processes without room"] = len(set(pool.pids()))
    told["lost when crowded"] = lost(pool)
    pool.close()

    told["refused"] = refusal(3, address)
    given_up = monotonic() + 10
    while " 0 of them free" in told["refused"] and monotonic() < given_up:  # the closed pool's CPU is on its way back
        told["refused"] = refusal(3, address)
    cluster.add_node(num_cpus=2)
    pool = RayPool(3, address)
    told["nodes after joining"] = len(set(pool.nodes()))
    told["lost after joining"] = lost(pool)
    pool.close()
    return told


if __name__ == "__main__":
    with results_stream() as stream, three_nodes() as nodes:
        print_json(stream, facts(nodes))
