"""The shared conformance suites, with the parallel path forced: a sample by default, all of them as slow tests."""

from __future__ import annotations

import re
from collections.abc import Iterator
from zlib import crc32

import pytest

from bench.blocktest import Selection, run_fixture, run_suites, suite_executor
from bench.conformance.fixtures import Fixture, parse_fixtures
from bench.conformance.outcome import Outcome, Verdict, Work
from bench.conformance.sources import read_sources
from tests.data import data_dir

SUITES = data_dir() / "suites"
MODES = (("graph", "observed"), ("optimistic", "none"))
SLOW_CURVES = re.compile("full_discount_table|max_discount")  # minutes of pairings in Python, no state to speak of
pytestmark = [
    pytest.mark.needs_data,
    pytest.mark.skipif(
        not SUITES.is_dir(),
        reason=f"no conformance suites in {SUITES}: set PARALLEL_EVM_DATA to a folder that holds suites/",
    ),
]

EXECUTABLE = {
    "eest_cancun": 884,
    "eest_prague": 804,
    "ethtests_blockchain_valid": 278,
    "ethtests_eip2930": 39 + 99,
}
"""Archive -> tests in it; 99 of the last are cases of state tests."""
AMSTERDAM = {"eest_amsterdam_bal": 338, "eest_zkevm_witness": 118}
Outcomes = list[Outcome]


def work_of(outcomes: Outcomes) -> Work:
    total = Work()
    for outcome in outcomes:
        total.add(outcome.work)
    return total


def assert_all_passed(outcomes: Outcomes) -> None:
    """Demand that every test passed, and that every expected reason was one that the table knows."""
    assert [(one.name, one.error) for one in outcomes if one.verdict is not Verdict.PASSED] == []
    assert not work_of(outcomes).unknown_reasons


def sample(archive: str, every: int) -> Iterator[Fixture]:
    """Yield one test in `every`, always the same ones, whatever else the archive comes to hold."""
    for source in read_sources([SUITES / f"{archive}.tar.xz"]):
        for fixture in parse_fixtures(source):
            if crc32(fixture.name.encode()) % every == 0 and not SLOW_CURVES.search(fixture.name):
                yield fixture


@pytest.mark.parametrize(("archive", "every", "least"), [
    ("eest_cancun", 8, 90), ("eest_prague", 12, 50), ("ethtests_blockchain_valid", 6, 40), ("ethtests_eip2930", 3, 10),
])  # fmt: skip
def test_a_sample_passes(archive: str, every: int, least: int) -> None:
    outcomes: Outcomes = []
    with suite_executor("graph", "observed", "inline", 4, 1, None) as executor:
        for fixture in sample(archive, every):
            outcomes += run_fixture(fixture, executor)
    assert_all_passed(outcomes)
    assert len(outcomes) >= least


@pytest.mark.parametrize("mode", MODES, ids=" ".join)
def test_blocks_of_several_transactions_pass(mode: tuple[str, str]) -> None:
    """Run all blocks of at least two transactions: only these can go wrong side by side."""
    archives = [SUITES / f"{archive}.tar.xz" for archive in ("eest_cancun", "eest_prague")]
    with suite_executor(*mode, "inline", 4, 1, None) as executor:
        outcomes = list(run_suites(archives, Selection.of("", multi_only=True), executor))
    assert_all_passed(outcomes)
    work = work_of(outcomes)
    assert work.multi_blocks >= 110
    assert work.conflicting_blocks >= 20


@pytest.mark.parametrize("archive", AMSTERDAM)
def test_forks_that_py_evm_lacks_are_counted(archive: str) -> None:
    with suite_executor("graph", "observed", "inline", 4, 1, None) as executor:
        outcomes = list(run_suites([SUITES / f"{archive}.tar.xz"], Selection.of(""), executor))
    assert len(outcomes) == AMSTERDAM[archive]
    assert {outcome.verdict for outcome in outcomes} == {Verdict.NOT_EXECUTABLE}
    assert {outcome.error.split(":")[0] for outcome in outcomes} == {"fork Amsterdam is not executable"}


@pytest.mark.slow
@pytest.mark.parametrize("mode", MODES, ids=" ".join)
@pytest.mark.parametrize("archive", EXECUTABLE)
def test_all_tests_pass(archive: str, mode: tuple[str, str]) -> None:
    with suite_executor(*mode, "inline", 4, 1, None) as executor:
        outcomes = list(run_suites([SUITES / f"{archive}.tar.xz"], Selection.of(""), executor))
    assert_all_passed(outcomes)
    assert len(outcomes) == EXECUTABLE[archive]


@pytest.mark.slow
def test_blocks_of_several_transactions_pass_on_ray() -> None:
    archives = [SUITES / f"{archive}.tar.xz" for archive in EXECUTABLE]
    with suite_executor("graph", "observed", "ray", 2, None, None) as executor:
        outcomes = list(run_suites(archives, Selection.of("", multi_only=True), executor))
    assert_all_passed(outcomes)
    assert work_of(outcomes).multi_blocks >= 200
