"""Generated workloads as cases to measure: blocks in order, each on the state that the one before it left."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measure import Case
from executor.errors import UsageError
from executor.sequential import execute_sequential
from executor.state import MemoryState
from workloads.registry import WORKLOADS, generate
from workloads.workload import Workload

DEMO = (
    ("lending", 400, {"shards": "16"}),
    ("transfers", 1_000, {"kind": "erc20", "accounts": "1000"}),
)


def workload_cases(name: str, transactions: int | None, seed: int, params: Sequence[str]) -> list[Case]:
    """Return the blocks of a workload; UsageError names what does not exist."""
    return cases_of(generate(name, transactions, seed, parse_params(params)))


def parse_params(params: Sequence[str]) -> dict[str, str]:
    """Return `name=value` texts as a mapping."""
    pairs = [text.partition("=") for text in params]
    for text, (name, equals, _) in zip(params, pairs, strict=True):
        if not (name and equals):
            msg = f"--param {text!r}: write name=value"
            raise UsageError(msg)
    return {name: value for name, _, value in pairs}


def cases_of(workload: Workload) -> list[Case]:
    """Return a case per block; the state between blocks comes from an untimed sequential run."""
    cases, state = [], workload.pre_state
    for position, block in enumerate(workload.blocks):
        before = state
        if position + 1 < len(workload.blocks):
            state = before.copy()
            state.apply(execute_sequential(block, before).state_diff)
        cases.append(
            Case(
                block,
                before,
                recorded=False,
                label=f"{workload.name} {block.header.number}",
                check=_check(workload, position, before),
            )
        )
    return cases


def _check(workload: Workload, position: int, before: MemoryState) -> Any:
    return lambda after: workload.check(after, position, before)


def demo_cases() -> list[Case]:
    """Return the demo's blocks: lending over 16 shards, and ERC-20 transfers."""
    workloads = [generate(name, transactions, 1, params) for name, transactions, params in DEMO]
    return [case for workload in workloads for case in cases_of(workload)]


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
