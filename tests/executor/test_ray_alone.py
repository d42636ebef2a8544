"""Ray under the command line, in processes of its own: what it prints, what it joins, what it needs of a machine."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic, sleep

import pytest

RUN = [sys.executable, "-c", "from bench.cli import main; main()", "run", "lending", "--workers", "2", "--json"]
LOOPBACK = ["unshare", "-rn", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]
"""Starts a command on a machine that has no network but itself."""


def loopback() -> list[str]:
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        pytest.skip("no `unshare` and `ip`, which take the network away")
    if subprocess.run([*LOOPBACK, "true"], capture_output=True, check=False).returncode:  # noqa: S603 - fixed words
        pytest.skip("this user may not make a network namespace")
    return LOOPBACK


def busy_workers() -> dict[int, int]:
    """Return the Ray workers on this machine that are executing something, each with its parent."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "cmdline").read_bytes().startswith(b"ray::RayWorker.take"):
                found[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:  # it has ended meanwhile
            continue
    return found


def ancestors(pid: int) -> set[int]:
    found = set()
    while pid > 1:
        found.add(pid)
        try:
            pid = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            break
    return found


@pytest.mark.slow
@pytest.mark.parametrize("network", [True, False])
def test_one_document_is_printed_though_a_worker_dies(network: bool) -> None:
    # RAY_ADDRESS names a cluster that is not there: a local run must not ask for it.
    environment = os.environ | {"RAY_ADDRESS": "192.0.2.1:6379"}
    command = [*([] if network else loopback()), *RUN, "--transactions", "200", "--repeat", "5"]
    with subprocess.Popen(  # noqa: S603 - our own program
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        deadline, victims = monotonic() + 120, set[int]()
        while not victims and process.poll() is None and monotonic() < deadline:
            sleep(0.002)
            victims = {worker for worker, parent in busy_workers().items() if process.pid in ancestors(parent)}
        assert victims, process.communicate()
        os.kill(min(victims), signal.SIGKILL)
        out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert "worker died or was killed" in err, "Ray wrote its news elsewhere: the test shows nothing"
    (block,) = json.loads(out)["blocks"]
    assert block["equal_to_sequential"]
    assert block["lost_workers"] == 1
