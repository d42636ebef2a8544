"""Two runs of the suites side by side: real losses are found, noise and slow machines are none."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.bench.test_cli import run

NAMES = [f"bench/suites/test_wire.py::test_{number}[case]" for number in range(40)]
Speeds = Callable[[Random], float]


def entry(name: str, seconds: float, rounds: int, seed: int, machine: Speeds, noise: float) -> dict[str, Any]:
    """Return a benchmark whose rounds take `seconds` of a machine of speed 1, give or take `noise`."""
    random, data = Random(f"{name} {seed}"), []
    references: list[list[float]] = [[], []]
    for _ in range(rounds):
        slowness = machine(random)
        data.append(seconds * slowness * (1 + noise * abs(random.gauss(0, 1))))
        for load, values in enumerate(references):
            values.append((0.012 + load * 0.005) * slowness * (1 + noise * abs(random.gauss(0, 1))))
    return {
        "fullname": name,
        "stats": {"data": data},
        "extra_info": {"reference": "load/1", "reference_seconds": references},
    }


def steady(_: Random) -> float:
    """Stand in for a machine that has no neighbours."""
    return 1.0


def moody(random: Random) -> float:
    """Stand in for one whose speed moves by half from round to round."""
    return random.uniform(1.0, 1.5)


def document(
    seed: int,
    *,
    slower: dict[str, float] | None = None,
    machine: Speeds = moody,
    noise: float = 0.05,
    names: list[str] = NAMES,
) -> dict[str, Any]:
    """Return a run of the suites in which some benchmarks take so many times longer."""
    factors = slower or {}
    rounds = [5 + 5 * (place % 7) for place in range(len(names))]
    return {
        "machine_info": {"cpu": {"brand_raw": "one"}, "python_version": "3.11"},
        "commit_info": {"id": f"{seed:040x}"},
        "benchmarks": [
            entry(name, 0.02 * factors.get(name, 1.0), count, seed, machine, noise)
            for name, count in zip(names, rounds, strict=True)
        ],
    }


@pytest.fixture
def compare(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Return a function that writes two documents (or texts) and compares them."""

    def written(*documents: dict[str, Any] | str, options: tuple[object, ...] = ()) -> tuple[int, str, str]:
        paths = []
        for place, one in enumerate(documents):
            paths.append(tmp_path / f"{place}.json")
            paths[-1].write_text(one if isinstance(one, str) else json.dumps(one), encoding="utf-8")
        return run(capfd, "compare-benchmarks", *paths, *options)

    return written


Compare = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize("seed", range(5))
def test_noise_and_a_moody_machine_are_no_regression(compare: Compare, seed: int) -> None:
    code, out, _ = compare(document(2 * seed), document(2 * seed + 1), options=("--json",))
    rows = json.loads(out)["rows"]
    assert code == 0
    assert {row["verdict"] for row in rows} == {"same"}
    assert len(rows) == len(NAMES)


def test_a_machine_of_half_the_speed_is_no_regression(compare: Compare) -> None:
    code, out, _ = compare(
        document(1, machine=steady), document(2, machine=lambda random: 2 * moody(random)), options=("--json",)
    )
    rows = json.loads(out)["rows"]
    assert code == 0
    assert all(row["new_seconds"] > 1.8 * row["old_seconds"] for row in rows)
    assert all(2 < row["machine"] < 3 for row in rows)


@pytest.mark.parametrize("seed", range(5))
def test_thirty_per_cent_slower_is_found_and_nothing_else(compare: Compare, seed: int) -> None:
    slower = {NAMES[6]: 1.3, NAMES[20]: 1.3}  # 35 rounds each, as most benchmarks have
    code, out, err = compare(document(2 * seed), document(2 * seed + 1, slower=slower), options=("--json",))
    rows = json.loads(out)["rows"]
    assert code == 1
    assert {row["name"] for row in rows if row["verdict"] == "slower"} == set(slower)
    assert [row["name"] in slower for row in rows[:3]] == [True, True, False]
    assert "a check failed" in err


def test_code_that_slows_as_either_load_does_is_no_regression(compare: Compare) -> None:
    """A busy machine slows what does not fit its caches by more: the load of that kind explains it."""
    new = document(2, slower=dict.fromkeys(NAMES, 1.5))
    for benchmark in new["benchmarks"]:
        loads = benchmark["extra_info"]["reference_seconds"]
        loads[1] = [1.5 * seconds for seconds in loads[1]]
    assert compare(document(1), new)[0] == 0
    for benchmark in new["benchmarks"]:
        loads = benchmark["extra_info"]["reference_seconds"]
        loads[1] = [seconds / 1.5 for seconds in loads[1]]
    assert compare(document(1), new)[0] == 1


def test_a_slower_machine_does_not_hide_a_regression(compare: Compare) -> None:
    faster = document(2, slower={NAMES[6]: 1.3}, machine=lambda random: 0.6 * moody(random))
    code, out, _ = compare(document(1), faster, options=("--json",))
    row = json.loads(out)["rows"][0]
    assert code == 1
    assert (row["name"], row["verdict"]) == (NAMES[6], "slower")
    assert row["new_seconds"] < row["old_seconds"]


def test_wide_spread_asks_for_more_before_it_cries(compare: Compare) -> None:
    slower = {NAMES[0]: 1.3}  # five rounds only
    code, out, _ = compare(document(1, noise=0.6), document(2, slower=slower, noise=0.6), options=("--json",))
    noise = {row["name"]: row["noise"] for row in json.loads(out)["rows"]}
    assert code == 0
    assert noise[NAMES[0]] > 0.2


def test_what_became_faster_is_named_and_passes(compare: Compare) -> None:
    code, out, _ = compare(document(1), document(2, slower={NAMES[6]: 0.5}), options=("--json",))
    assert code == 0
    assert [row["name"] for row in json.loads(out)["rows"] if row["verdict"] == "faster"] == [NAMES[6]]


@pytest.mark.parametrize(("clock", "verdict", "code"), [("perf_counter", "busy", 0), ("thread_time", "slower", 1)])
def test_time_on_the_wall_of_a_busy_machine_is_not_judged(
    compare: Compare, clock: str, verdict: str, code: int
) -> None:
    new = document(2, slower={NAMES[6]: 3.0})
    for benchmark in new["benchmarks"]:
        benchmark["extra_info"] |= {"clock": clock, "load": 7.0}
    exit_code, out, _ = compare(document(1), new, options=("--json",))
    assert (exit_code, json.loads(out)["rows"][0]["verdict"]) == (code, verdict)
    assert ("1 not judged" in compare(document(1), new)[1]) == (verdict == "busy")


def test_the_threshold_is_the_readers(compare: Compare) -> None:
    documents = document(1), document(2, slower={NAMES[6]: 1.3})
    assert compare(*documents, options=("--threshold", "0.5"))[0] == 0
    assert compare(*documents, options=("--threshold", "0.0", "--json"))[0] == 1


def test_the_table_names_what_is_slower_and_what_only_one_run_has(compare: Compare) -> None:
    old = document(1, names=NAMES[:8])
    new = document(2, names=NAMES[1:9], slower={NAMES[4]: 2.0})
    new["machine_info"]["cpu"]["brand_raw"] = "another"
    code, out, _ = compare(old, new)
    assert code == 1
    assert [line.split()[1:3] for line in out.splitlines() if "SLOWER" in line] == [["wire", "4[case]"]]
    assert "only in the old run: wire 0[case]" in out
    assert "only in the new run: wire 8[case]" in out
    assert "two machines: one" in out
    assert "7 compared, 1 slower" in out


def test_another_reference_load_gives_no_verdict(compare: Compare) -> None:
    new = document(2, slower=dict.fromkeys(NAMES, 9.0))
    for benchmark in new["benchmarks"]:
        benchmark["extra_info"]["reference"] = "load/2"
    code, out, _ = compare(document(1), new, options=("--json",))
    assert code == 0
    assert {row["verdict"] for row in json.loads(out)["rows"]} == {"new load"}


def damage(path: tuple[str | int, ...], value: object) -> dict[str, Any]:
    """Return a run with something else at a place."""
    whole = document(1)
    holder: Any = whole
    for key in path[:-1]:
        holder = holder[key]
    holder[path[-1]] = value
    return whole


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{", "is not JSON"),
        ("[" * 99, "nested deeper"),
        ("[]", "no list `benchmarks`"),
        ("", "empty"),
        (damage(("benchmarks", 0), 5), "without `fullname`"),
        (damage(("benchmarks", 3, "fullname"), NAMES[2]), "twice"),
        (damage(("benchmarks", 0, "stats", "data"), [1.0, 2.0]), "at least 3 numbers"),
        (damage(("benchmarks", 0, "stats"), None), "stats.data"),
        (damage(("benchmarks", 0, "stats", "data", 1), 0), "above 0"),
        (damage(("benchmarks", 0, "stats", "data", 1), float("nan")), "above 0"),
        (damage(("benchmarks", 0, "stats", "data", 1), "1"), "above 0"),
        (damage(("benchmarks", 0, "extra_info"), {}), "reference_seconds"),
        (damage(("benchmarks", 0, "extra_info", "reference_seconds"), [[1.0] * 3]), "5 rounds beside 3"),
        (damage(("benchmarks", 0, "extra_info", "reference_seconds"), [1.0] * 5), "at least 3 numbers"),
    ],
)
def test_documents_of_another_kind_are_refused_in_one_line(
    compare: Compare, bad: dict[str, Any] | str, reason: str
) -> None:
    code, out, err = compare(document(1), bad)
    assert (code, out) == (10, "")
    assert len(err.strip().splitlines()) == 1
    assert reason in err
    assert "1.json" in err


def test_nothing_in_common_is_a_usage_error(compare: Compare) -> None:
    code, _, err = compare(document(1, names=NAMES[:3]), document(1, names=NAMES[3:6]))
    assert code == 2
    assert "share no benchmark" in err


def test_a_file_that_is_not_there_is_an_input_error(compare: Compare, capfd: pytest.CaptureFixture[str]) -> None:
    assert compare(document(1), document(2))[0] == 0
    code, _, err = run(capfd, "compare-benchmarks", "absent.json", "absent.json")
    assert code == 11
    assert "absent.json" in err
