"""What a command is given to run: recorded blocks in files and folders, or a generated workload by its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.measure import Case, Cases
from bench.ranges import files_of
from executor.capsule import load_capsule
from executor.errors import UsageError
from executor.files import printable


def cases_of(inputs: Sequence[str], transactions: int | None, seed: int, params: Sequence[str]) -> Cases:
    """Return the blocks that `inputs` name: files and folders, or one workload, made of the other arguments.

    Raises UsageError for what is neither, InputOutputError and InvalidInput for files that cannot be used.
    """
    paths = [Path(text) for text in inputs]
    if len(inputs) == 1 and not paths[0].exists():
        from bench.generated import workload_cases  # noqa: PLC0415 - generators are not needed for recorded blocks
        from workloads.registry import WORKLOADS  # noqa: PLC0415

        if inputs[0] in WORKLOADS:
            return workload_cases(inputs[0], transactions, seed, params)
        if len(paths[0].parts) == 1 and not paths[0].suffix:
            raise UsageError(f"{printable(inputs[0])} is neither a file nor a workload; see parallel-evm workloads")
    if transactions is not None or params:
        raise UsageError("--transactions and --param are about workloads, and these are files")
    capsules = [load_capsule(path) for path in files_of(paths)]
    return [Case(capsule.block, capsule.pre_state, capsule.witness) for capsule in capsules]
