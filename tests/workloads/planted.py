"""Faults in the state after a block, as a wrong merge or a wrong contract would leave it: invariants must see them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from executor.state import MemoryState
from scheduler.access import Location
from tests.workloads.runs import Run
from workloads import artefacts, stage
from workloads.workload import Workload, read_int


def changed(state: MemoryState, location: Location, delta: int) -> MemoryState:
    """Return the state with a slot off by `delta`: a write lost, doubled, or made by a stale run."""
    wrong = state.copy()
    address, _, slot = location
    wrong.accounts[address].storage[slot] = read_int(state, location) + delta
    return wrong


def assert_seen(workload: Workload, run: Run, location: Location, delta: int, words: str, block: int = 0) -> None:
    """Demand that the invariants hold as the block left the state, and that one names the fault once planted."""
    assert workload.check(run.after, block, run.before) == []
    lines = workload.check(changed(run.after, location, delta), block, run.before)
    assert any(words in line for line in lines), (words, lines)


def plant(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str) -> None:
    """Let stages deploy a contract with one line of its source changed (needs vyper)."""
    load = artefacts.load_contract
    creation, runtime = (with_source_changed(name, old, new, kind) for kind in ("bytecode", "bytecode_runtime"))
    wrong = replace(load(name), creation=creation, runtime=runtime)
    monkeypatch.setattr(stage, "load_contract", lambda asked: wrong if asked == name else load(asked))


def with_source_changed(name: str, old: str, new: str, output_format: str = "bytecode") -> bytes:
    """Return the creation bytecode of a contract with one line of its source changed (needs vyper).

    `bytecode_runtime` as format is what lies on the chain, for contracts without immutables.
    """
    from vyper.compiler import compile_code  # noqa: PLC0415 - an extra
    from vyper.compiler.settings import Settings  # noqa: PLC0415

    from workloads.compile import CONTRACTS, EVM_VERSION  # noqa: PLC0415

    source = (CONTRACTS / f"{name}.vy").read_text(encoding="utf-8")
    assert source.count(old) == 1, (name, old)
    output = compile_code(
        source.replace(old, new), output_formats=[output_format], settings=Settings(evm_version=EVM_VERSION)
    )
    return bytes.fromhex(output[output_format][2:])
