"""Recorded blocks under hundreds of random schedules each: one result, to the last byte."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path

import pytest

from executor.capsule import Capsule
from executor.pool import InlinePool
from executor.schedule import Schedule, ScheduleRecorder, Sent
from executor.schedule_file import dump_schedule, load_schedule
from executor.serialise import result_bytes
from executor.types import BlockResult
from scheduler.access import AccessSet
from tests.conftest import recorded
from tests.data import needs_data
from tests.oracle import damaged
from tests.schedules import Recording, Setting, assert_replays, replay

FEW = (2641321, 22615247)
CAPSULES = (
    116525, 2462997, 2641321, 3356896, 4370000, 5891667, 8889776, 11114732, 12243999, 12522062, 15050000, 15537394,
    18085863, 19934116, 22615247,
)  # fmt: skip
"""One of nearly every fork; calm ones and ones with a conflict in every third transaction, token sales and DEXs."""
CALM = {5891667}
"""Blocks in which no order makes a conflict: transfers by one sender."""
RUNS = 200
REPLAYED = 20
"""Of so many runs, one is also run again from its schedule."""
DAMAGED = "damaged"
COMBINATIONS = tuple(
    (strategy, lists)
    for strategy in ("graph", "optimistic", "waves")
    for lists in ("exact", DAMAGED, "observed", "declared", "none")
)


@dataclass(frozen=True)
class Draw:
    """One random schedule: all that decides it."""

    strategy: str
    lists: str
    workers: int
    seed: int
    limit: int

    def setting(self, exact: tuple[AccessSet, ...]) -> Setting:
        """Return how to ask an executor for it; damaged lists are exact ones that lie."""
        if self.lists == DAMAGED:
            return Setting(self.strategy, "exact", damaged(exact, self.seed))
        return Setting(self.strategy, self.lists, exact if self.lists == "exact" else None)


def drawn(number: int, runs: int) -> list[Draw]:
    """Return random schedules for a block, the same ones every time."""
    chance = random.Random(number)
    return [
        Draw(*chance.choice(COMBINATIONS), chance.randint(1, 8), chance.getrandbits(32), chance.randint(1, 12))
        for _ in range(runs)
    ]


def run_once(capsule: Capsule, draw: Draw, setting: Setting, expected: bytes, folder: Path) -> Recording:
    """Run one schedule; where the result is another one, write the schedule down and name the file."""
    number, recorder = capsule.block.header.number, ScheduleRecorder()
    pool = InlinePool(draw.workers, draw.seed, draw.limit)
    path = folder / f"{number}.jsonl.gz"
    try:
        result = setting.execute(capsule.block, capsule.pre_state, pool, recorder)
        assert result_bytes(result) == expected, f"block {number} differs, {draw}: {path}"
    except BaseException:
        dump_schedule(recorder.schedule, path)
        raise
    return Recording(result, recorder.schedule, path)


def assert_sound(result: BlockResult, draw: Draw) -> None:
    """Demand that no more was executed than the rules allow, and nothing twice where the access sets are exact."""
    assert result.stats.max_executions <= 3, draw
    if draw.lists == "exact" and draw.strategy != "optimistic":
        assert result.stats.executions == result.stats.transactions, draw


def assert_one_result(number: int, runs: int, folder: Path) -> None:
    block = recorded(number)
    capsule, exact, expected = block.capsule, block.exact_sets, result_bytes(block.expected)
    seen: set[Schedule] = set()
    conflicts = 0
    for place, draw in enumerate(drawn(number, runs)):
        setting = draw.setting(exact)
        run = run_once(capsule, draw, setting, expected, folder)
        assert_sound(run.result, draw)
        if place % REPLAYED == 0:
            assert_replays(capsule.block, capsule.pre_state, run, setting)
        seen.add(run.schedule)
        conflicts += run.result.stats.conflicts
    print(f"{number}: {runs} runs, {len(seen)} different schedules, {conflicts} conflicts")  # noqa: T201 - with -s
    assert len(seen) > 0.8 * runs  # with nine transactions some come twice
    assert conflicts > 0 or number in CALM


@needs_data
@pytest.mark.parametrize("number", FEW)
def test_ten_schedules_end_in_one_result(number: int, tmp_path: Path) -> None:
    assert_one_result(number, 10, tmp_path)


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("number", CAPSULES)
def test_two_hundred_schedules_end_in_one_result(number: int, tmp_path: Path) -> None:
    assert_one_result(number, RUNS, tmp_path)


@needs_data
def test_a_wrong_result_leaves_its_schedule(tmp_path: Path) -> None:
    capsule, draw = recorded(FEW[1]).capsule, Draw("optimistic", "none", workers=4, seed=1, limit=2)
    setting = draw.setting(())
    with pytest.raises(AssertionError, match=r"differs, Draw.*22615247\.jsonl\.gz"):
        run_once(capsule, draw, setting, b"another result", tmp_path)
    result, schedule = replay(capsule.block, capsule.pre_state, load_schedule(tmp_path / "22615247.jsonl.gz"), setting)
    assert result.stats.batches == sum(isinstance(event, Sent) for event in schedule[0].events) > 10
