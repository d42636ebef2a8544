"""The analytic experiments on two blocks of which everything is known: a chain of twelve, and twelve that are free."""

from __future__ import annotations

from statistics import mean

import pytest

from bench.experiments import chain_share, commutative, keyset, lists, ordered_scheduling, six_histograms, two_phase
from bench.experiments.commutative import hottest_slots
from bench.experiments.differences import compare, difference
from bench.experiments.histogram import histogram
from bench.experiments.model import Experiment, Findings, Published
from bench.experiments.registry import experiment, names
from bench.experiments.settings import Executed, Settings, executed
from bench.explain.model import KEY_SETS
from executor.capsule import Capsule
from scheduler.access import STORAGE, AccessSet, Location
from tests.blocks import Builder, user
from tests.executor.test_settling import COUNTER

COUNT = 12


def block(*, counters: int) -> Executed:
    """Return a block in which as many users as there are transactions call these counters in turn."""
    builder = Builder()
    builder.fund(*(user(n) for n in range(COUNT)))
    contracts = [builder.contract(n, COUNTER, storage={0: 1}) for n in range(counters)]
    for n in range(COUNT):
        builder.send(user(n), contracts[n % counters])
    return executed(Capsule(builder.block(), builder.state, None, "tests", b""))


CHAIN, FREE = block(counters=1), block(counters=COUNT)
SETTINGS = Settings(quick=True, given=(CHAIN, FREE))


def found(one: Experiment) -> Findings:
    """Return what an experiment finds; it must say something about every published figure."""
    findings = one.measure(SETTINGS)
    assert len(compare(one.published, findings.measured)) == len(one.published)
    assert findings.sentence.endswith(".")
    assert all(len(row) == len(table.headings) for table in findings.tables for row in table.rows)
    return findings


def test_the_chain_is_one_by_every_key_set_and_the_free_are_tied_by_fees_alone() -> None:
    for name in KEY_SETS:
        assert CHAIN.metrics[name].cap.gas == pytest.approx(1.0)
        assert FREE.metrics[name].cap.gas == pytest.approx(1.0 if name == "A" else COUNT)


def test_keyset_takes_medians_and_shows_every_block() -> None:
    findings = found(keyset.EXPERIMENT)
    expected = {"A": 1.0} | dict.fromkeys("BCDS", (1 + COUNT) / 2)
    assert findings.measured == pytest.approx(
        {f"median cap by gas, key set {k}": v for k, v in expected.items()} | {keyset.SECOND_TRIAL: expected["D"]}
    )
    assert len(findings.tables[1].rows) == 2


def test_the_histograms_are_of_storage() -> None:
    findings = found(six_histograms.EXPERIMENT)
    assert findings.measured[six_histograms.ISOLATED] == pytest.approx(50)
    assert findings.measured[six_histograms.CHAIN] == pytest.approx((1 + COUNT) / 2)
    assert findings.measured[six_histograms.DEGREE] == pytest.approx((COUNT - 1) / COUNT)
    assert len(findings.drawings) == 6


def test_chains_and_independence() -> None:
    findings = found(chain_share.EXPERIMENT)
    for name in chain_share.COMPARED:
        assert findings.measured[chain_share.CHAIN.format(name)] == pytest.approx(100 * mean([1, 1 / COUNT]))
        assert findings.measured[chain_share.INDEPENDENT.format(name)] == 50


def test_two_phases_by_year() -> None:
    findings = found(two_phase.EXPERIMENT)
    assert set(findings.measured.values()) == {None}  # no block of 2016 or 2017
    years = {(row[0], row[1]): row[-1] for row in findings.tables[0].rows}
    assert set(years) == {("2023", name) for name in two_phase.SHOWN}
    assert years["2023", "S"] == pytest.approx(mean([1.0, COUNT]))  # a phase in vain, then all but the first


def test_a_counter_that_commutes_frees_the_chain() -> None:
    findings = found(commutative.EXPERIMENT)
    for what in commutative.GAINS:
        assert findings.measured[what] == pytest.approx((1 + COUNT) / 2)
    assert findings.measured[commutative.CAP] == pytest.approx(COUNT)
    assert [row[-2] for row in findings.tables[1].rows] == pytest.approx([COUNT, COUNT])
    assert "double the cap in 1 of 2 blocks; in 1 the" in findings.sentence


def test_lists_of_blocks_without_any() -> None:
    findings = found(lists.EXPERIMENT)
    assert findings.measured == {lists.ADOPTION: 0, lists.IMPERFECT: None}
    assert findings.sentence == "No transaction of 24 declares anything."


def test_list_scheduling_of_a_chain_is_optimal() -> None:
    findings = found(ordered_scheduling.EXPERIMENT)
    assert findings.measured[ordered_scheduling.ABOVE.format(2)] == 0
    assert findings.measured[ordered_scheduling.FASTER.format(2)] == pytest.approx(1.5)
    assert findings.measured[ordered_scheduling.FASTER.format(8)] == pytest.approx(mean([1, 6]))


SLOTS: list[Location] = [(b"\x01" * 20, STORAGE, number) for number in range(3)]


def access(reads: str, writes: str) -> AccessSet:
    return AccessSet(frozenset(SLOTS[int(n)] for n in reads), frozenset(SLOTS[int(n)] for n in writes))


def test_the_hottest_slot_is_the_one_that_the_critical_path_waits_for_longest() -> None:
    sets = [access("0", "0"), access("0", "0"), access("0", "0"), access("1", "1"), access("1", "1")]
    assert hottest_slots(sets, [1.0] * 5, 1) == [SLOTS[0]]
    assert hottest_slots(sets, [1.0, 1.0, 1.0, 9.0, 9.0], 1) == [SLOTS[1]]
    assert hottest_slots(sets, [1.0] * 5, 9) == [SLOTS[0], SLOTS[1]]


def test_a_slot_that_is_only_read_by_who_waits_is_no_counter() -> None:
    assert hottest_slots([access("", "2"), access("2", "")], [1.0, 1.0], 3) == []


def test_differences_are_computed_from_the_nearest_end() -> None:
    assert difference(Published("x", "> 10", "", 10.0, None), 9.0) == "-10.0 %"
    assert difference(Published("x", "0", "", 0.0, 0.0), 0.5) == "+0.50"
    assert difference(Published("x", "3.46", "", 3.46, 3.46), 3.46) == "exact"
    assert difference(Published("x", "3.46", "", 3.46, 3.46), None) == "not measurable"


def test_a_histogram_of_nothing_has_empty_bars() -> None:
    assert histogram("none", [], [1, 2]).splitlines() == [
        "none (0 values)",
        "     < 1 | 0",
        "   1 - 2 | 0",
        "    >= 2 | 0",
    ]


def test_names_are_modules() -> None:
    assert {experiment(name).name for name in names()} == set(names())
