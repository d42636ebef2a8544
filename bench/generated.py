"""Generated workloads as cases to measure: blocks in order, each on the state that the one before it left."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Case
from executor.errors import UsageError
from executor.state import MemoryState
from executor.state_trie import StateTrie
from executor.types import BlockResult
from executor.versions import VersionedState
from workloads.registry import WORKLOADS, generate
from workloads.workload import Workload

DEMO = (
    ("lending", 400, ["shards=16"]),
    ("transfers", 1_000, ["kind=erc20", "accounts=1000"]),
)


def workload_cases(name: str, transactions: int | None, seed: int, params: Sequence[str]) -> CarriedCases:
    """Return the blocks of a workload; UsageError names what does not exist."""
    return CarriedCases(generate(name, transactions, seed, parse_params(params)))


def parse_params(params: Sequence[str]) -> dict[str, str]:
    """Return `name=value` texts as a mapping."""
    pairs = [text.partition("=") for text in params]
    for text, (name, equals, _) in zip(params, pairs, strict=True):
        if not (name and equals):
            msg = f"--param {text!r}: write name=value"
            raise UsageError(msg)
    return {name: value for name, _, value in pairs}


class CarriedCases:
    """A workload's blocks as cases, each on the state that the measured result of the one before it left.

    One state and its trie are held at a time; they share what a block does not touch with the next.
    """

    def __init__(self, workload: Workload) -> None:
        self._workload = workload

    def __len__(self) -> int:
        """Return the number of blocks."""
        return len(self._workload.blocks)

    def summary(self) -> list[str]:
        """Return what the workload tells about itself."""
        tell = self._workload.summary
        return [] if tell is None else tell(self._workload)

    def __iter__(self) -> Iterator[Case]:
        """Yield one case after another; each must be told its result before the next is asked for."""
        workload, state = self._workload, VersionedState.of(self._workload.pre_state)
        trie = StateTrie.of(state) if state.complete else None
        for position, block in enumerate(workload.blocks):
            results: list[BlockResult] = []
            yield Case(
                block,
                state,
                recorded=False,
                label=f"{workload.name} {block.header.number}",
                check=_check(workload, position, state),
                pre_trie=trie,
                done=results.append,
            )
            (result,) = results
            state = state.after(result.state_diff)
            trie = None if trie is None else trie.updated(result.state_diff)


def _check(workload: Workload, position: int, before: MemoryState) -> Any:
    return lambda after: workload.check(after, position, before)


def demo_cases() -> list[Case]:
    """Return the demo's blocks, one of each: lending over 16 shards, and ERC-20 transfers."""
    return [next(iter(workload_cases(name, transactions, 1, params))) for name, transactions, params in DEMO]


def workload_list() -> list[dict[str, Any]]:
    """Return what `workloads --json` prints."""
    return [
        {
            "name": spec.name,
            "description": spec.description,
            "parameters": [
                {
                    "name": name,
                    "type": parameter.type_name,
                    "default": parameter.default,
                    "minimum": parameter.minimum,
                    "maximum": parameter.maximum,
                    "help": parameter.help,
                }
                for name, parameter in spec.parameters.items()
            ],
        }
        for spec in WORKLOADS.values()
    ]


def show_workloads(console: Console) -> None:
    """Print a table of parameters per workload."""
    for spec in WORKLOADS.values():
        table = Table(title=f"{spec.name}: {spec.description}", title_justify="left")
        for heading in ("parameter", "type", "default", "what it does"):
            table.add_column(heading)
        for name, parameter in spec.parameters.items():
            table.add_row(name, parameter.type_name, str(parameter.default), parameter.help)
        console.print(table)
