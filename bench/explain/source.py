"""What `explain` is asked about: a recorded block in a file, or a block of a generated workload."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from executor.capsule import load_capsule
from executor.errors import UsageError
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block

if TYPE_CHECKING:
    from workloads.workload import Workload


@dataclass(frozen=True, slots=True)
class Source:
    """A block to explain; of a generated one also its workload and what each transaction does."""

    label: str
    block: Block
    pre_state: MemoryState
    workload: Workload | None = None
    operations: tuple[str, ...] = ()


def load_source(
    name: str, transactions: int | None, seed: int, params: Sequence[str], position: int | None = None
) -> Source:
    """Return the block in the file `name`, or block number `position` (from 1) of the workload of that name.

    Raises UsageError for what is neither, InputOutputError and InvalidInput for a file that cannot be used.
    """
    if Path(name).exists():
        if position not in {None, 1} or transactions is not None or params:
            raise UsageError(f"{name} is one recorded block; --block, --transactions and --param are for workloads")
        capsule = load_capsule(Path(name))
        return Source(str(capsule.block.header.number), capsule.block, capsule.pre_state)
    from workloads.registry import WORKLOADS  # noqa: PLC0415 - generators are not needed for a file

    if name not in WORKLOADS:
        raise UsageError(
            f"{name!r} is neither a file nor a workload; name a block capsule (<block>.json.gz) or one of"
            f" {', '.join(WORKLOADS)}"
        )
    return _generated(name, transactions, seed, params, position or 1)


def _generated(name: str, transactions: int | None, seed: int, params: Sequence[str], position: int) -> Source:
    from bench.generated import CarriedCases, parse_params  # noqa: PLC0415 - as above
    from workloads.registry import generate  # noqa: PLC0415

    workload = generate(name, transactions, seed, parse_params(params))
    if position > len(workload.blocks):
        count = len(workload.blocks)
        raise UsageError(f"--block {position}: this workload has {count} block{'s' if count != 1 else ''}")
    for place, case in enumerate(CarriedCases(workload), 1):
        if place == position:
            operations = workload.operations[place - 1] if workload.operations else ()
            return Source(case.label, case.block, case.pre_state, workload, operations)
        assert case.done is not None
        case.done(execute_sequential(case.block, case.pre_state, case.pre_trie))
    raise UsageError(f"workload {name!r} has no block; ask for more transactions")
