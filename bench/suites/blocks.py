"""The blocks that the suites run: generated ones for every benchmark, recorded ones in addition where they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from bench.pyevm_baseline import data_folder
from executor.access_lists import observed_sets
from executor.capsule import load_capsule
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block, BlockResult
from scheduler.access import AccessSet
from workloads.registry import WORKLOADS, generate

SEED = 1
RECORDED = (4370000, 19933122)
"""Recorded blocks that the engine suite runs where the folder of data is there."""
ALL_WORKLOADS = tuple(name for name in WORKLOADS if name != "replayed")
"""Every generator that needs no recorded block to start from."""
_PARAMETERS: dict[str, dict[str, str]] = {"day": {"blocks": "1"}}


@dataclass(frozen=True, slots=True)
class Prepared:
    """A block with the state before it, what sequential execution makes of it, and its exact access sets."""

    block: Block
    pre_state: MemoryState
    expected: BlockResult
    sets: tuple[AccessSet, ...]


@lru_cache(maxsize=4)
def generated(name: str, transactions: int, parameters: tuple[tuple[str, str], ...] = ()) -> Prepared:
    """Return the first block of a workload, with its defaults for all but these parameters."""
    workload = generate(name, transactions, SEED, _PARAMETERS.get(name, {}) | dict(parameters))
    return _prepared(workload.blocks[0], workload.pre_state)


@lru_cache(maxsize=4)
def recorded(number: int) -> Prepared:
    """Return a recorded block."""
    capsule = load_capsule(data_folder() / "blocks" / f"{number}.json.gz")
    return _prepared(capsule.block, capsule.pre_state)


def recorded_numbers() -> tuple[int, ...]:
    """Return those of RECORDED that are there."""
    return tuple(number for number in RECORDED if (data_folder() / "blocks" / f"{number}.json.gz").is_file())


def _prepared(block: Block, pre_state: MemoryState) -> Prepared:
    expected = execute_sequential(block, pre_state)
    return Prepared(block, pre_state, expected, observed_sets(expected.transactions, pre_state))
