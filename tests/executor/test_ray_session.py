"""Who starts, joins, shares and shuts down Ray, against a Ray that only pretends."""

from __future__ import annotations

import gc
import socket
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from executor.errors import PoolError
from executor.ray_session import RaySession


class Owner:
    """Stands for a pool."""


class FakeRay:
    """A Ray of some nodes; `free` lists the free CPUs at each question in turn, the last for ever."""

    def __init__(self, nodes: list[float], free: list[float]) -> None:
        self.told: list[str] = []
        self.exceptions = SimpleNamespace(RayError=KeyError)
        self.alive, self._free = nodes, free
        self._up = False

    def is_initialized(self) -> bool:
        return self._up

    def init(self, address: str, **options: Any) -> None:
        if address == "nonsense":
            msg = "not an address\nreally"
            raise ValueError(msg)
        self._up = True
        self.told.append(f"init {address} {options.get('num_cpus')}")

    def shutdown(self) -> None:
        self._up = False
        self.told.append("shutdown")

    def nodes(self) -> list[dict[str, Any]]:
        dead = {"Alive": False, "Resources": {"CPU": 64.0}}
        return [dead, {"Alive": True, "Resources": {}}, *({"Alive": True, "Resources": {"CPU": n}} for n in self.alive)]

    def available_resources(self) -> dict[str, float]:
        return {"CPU": self._free.pop(0) if len(self._free) > 1 else self._free[0]}

    def get_runtime_context(self) -> SimpleNamespace:
        return SimpleNamespace(gcs_address="10.0.0.1:6379")


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.ray_session.FREE_SECONDS", 0.25)


def test_ray_is_shut_down_after_the_last_pool_and_not_after_the_one_that_started_it() -> None:
    ray = FakeRay([4.0], [4.0])
    session, first, second = RaySession(ray), Owner(), Owner()
    session.enter(first, 2, None)
    session.enter(second, 2, None)
    session.leave(first)
    assert (session.alive(first), session.alive(second)) == (False, True)
    assert len(ray.told) == 1
    assert ray.told[0].startswith("init local ")
    session.leave(second)
    session.leave(second)
    assert ray.told[1:] == ["shutdown"]


def test_a_ray_started_by_the_caller_is_left_running() -> None:
    ray = FakeRay([4.0], [4.0])
    ray.init("local")
    session, pool = RaySession(ray), Owner()
    session.enter(pool, 2, None)
    session.leave(pool)
    assert ray.told == ["init local None"]


def test_a_ray_that_was_shut_down_under_its_pools_is_started_again() -> None:
    ray = FakeRay([4.0], [4.0])
    session, first, second = RaySession(ray), Owner(), Owner()
    session.enter(first, 4, None)
    ray.shutdown()
    assert not session.alive(first)
    session.enter(second, 4, None)
    session.leave(first)
    assert session.alive(second)
    assert [line.split()[0] for line in ray.told] == ["init", "shutdown", "init"]


def test_pools_wait_for_the_cpus_of_one_that_closes() -> None:
    session, pool = RaySession(FakeRay([4.0], [0.0, 1.0, 2.0])), Owner()
    session.enter(pool, 2, None)
    assert session.alive(pool)


@pytest.mark.parametrize(
    ("nodes", "free", "room"),
    [
        ([2.0], [2.0], "Ray has 2 CPUs on 2 nodes, 2 of them free"),
        ([1.5, 1.5], [3.0], "Ray has 2 CPUs on 3 nodes, 2 of them free"),
        ([4.0], [1.0], "Ray has 4 CPUs on 2 nodes, 1 of them free"),
    ],
)
def test_room_that_is_not_there_is_an_error_and_leaves_nothing_behind(
    nodes: list[float], free: list[float], room: str
) -> None:
    ray = FakeRay(nodes, free)
    with pytest.raises(PoolError) as caught:
        RaySession(ray).enter(Owner(), 3, None)
    advice = "; ask for fewer with --workers, close another executor, or let nodes join"
    assert str(caught.value) == f"3 workers need 3 free CPUs: {room}{advice}"
    assert ray.told[-1] == "shutdown"


def test_a_cluster_is_crowded_when_nodes_are_gone() -> None:
    ray = FakeRay([1.0, 1.0], [2.0])
    session, pool = RaySession(ray), Owner()
    session.enter(pool, 2, None)
    assert not session.crowded()
    ray.alive = [1.0]
    assert session.crowded()
    del pool
    gc.collect()
    assert not session.crowded()


def test_another_cluster_than_the_one_joined_is_refused() -> None:
    session, pool = RaySession(FakeRay([4.0], [4.0])), Owner()
    session.enter(pool, 1, None)
    for same in ("10.0.0.1:6379", "auto", "local", None):
        session.enter(Owner(), 1, same)
    with pytest.raises(PoolError, match=r"part of the Ray at 10\.0\.0\.1:6379; close what uses it"):
        session.enter(Owner(), 1, "10.0.0.2:6379")


@pytest.fixture
def listener() -> Iterator[str]:
    """Address at which something listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_addresses_are_tried_before_ray_tries_them_for_minutes(
    listener: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ray = FakeRay([4.0], [4.0])
    RaySession(ray).enter(Owner(), 1, listener)
    assert ray.told == [f"init {listener} None"]
    silent = "127.0.0.1:1"
    monkeypatch.setenv("RAY_ADDRESS", silent)
    for address in (silent, "auto"):
        with pytest.raises(PoolError, match=f"no Ray answers at {silent} .*; `ray start --head`"):
            RaySession(FakeRay([4.0], [4.0])).enter(Owner(), 1, address)
    monkeypatch.delenv("RAY_ADDRESS")
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path))
    (tmp_path / "ray").mkdir()
    (tmp_path / "ray" / "ray_current_cluster").write_text(f"{silent}\n")
    with pytest.raises(PoolError, match="no Ray answers at"):
        RaySession(FakeRay([4.0], [4.0])).enter(Owner(), 1, "auto")


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("nonsense", "Ray could not be joined at nonsense: not an address really"),
        ("ray://10.0.0.1:10001", "ray://10.0.0.1:10001: Ray Client is not supported"),
    ],
)
def test_an_address_that_is_none_is_told_in_one_line(address: str, reason: str) -> None:
    with pytest.raises(PoolError) as caught:
        RaySession(FakeRay([4.0], [4.0])).enter(Owner(), 1, address)
    assert str(caught.value).startswith(reason)


def test_a_forked_child_makes_no_pools() -> None:
    session = RaySession(FakeRay([4.0], [4.0]))
    session._owner += 1
    with pytest.raises(PoolError, match="forked"):
        session.enter(Owner(), 1, None)
