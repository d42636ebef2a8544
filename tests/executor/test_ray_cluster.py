"""Ray beyond one machine: nodes die under a block and join between blocks; the results stay the sequential ones."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_nodes_go_and_come_under_an_executor() -> None:
    command = [sys.executable, "-m", "tests.executor.ray_cluster_script"]  # its Ray is not the one of this session
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)  # noqa: S603 - our own
    assert done.returncode == 0, done.stderr[-3000:]
    refused = "3 workers need 3 free CPUs: Ray has 1 CPU on 1 node, 1 of them free; "
    facts = json.loads(done.stdout)
    assert facts.pop("refused").startswith(refused)
    assert facts == {
        "lost side by side": 0,
        "lost beside a closed pool": 0,
        "left": True,
        "nodes": 2,
        "lost at peace": 0,
        "lost with a node": 1,
        "nodes after a loss": 2,
        "lost with the last room": 1,
        "nodes without room": 1,
        "processes without room": 2,
        "lost when crowded": 0,
        "nodes after joining": 2,
        "lost after joining": 0,
    }
