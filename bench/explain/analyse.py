"""A block explained: executed one transaction after another, then counted, followed, ranked and named."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from bench.explain.causes import Causes, causes
from bench.explain.declared_lists import declared_lists
from bench.explain.facts import Facts, callee, transaction_facts
from bench.explain.hot import hot_locations
from bench.explain.metrics import conflict_metrics
from bench.explain.model import (
    KEY_SETS,
    Edge,
    Explanation,
    Measure,
    Node,
    PathStep,
    WhatIf,
)
from bench.explain.names import Names, names_for
from bench.explain.paths import Namer, critical_path
from bench.explain.suggest import suggestions
from bench.explain.verdict import verdict
from bench.explain.what_if import what_if as answer
from executor.key_sets import key_sets
from executor.sequential import execute_sequential
from executor.state import PreState
from executor.types import Block, TransactionResult
from scheduler.access import AccessSet
from scheduler.graph import DependencyGraph


@dataclass(frozen=True, slots=True)
class Executed:
    """A block that ran sequentially: its transactions and what each took, in seconds (medians over the runs)."""

    block: Block
    pre_state: PreState
    transactions: tuple[TransactionResult, ...]
    seconds: tuple[float, ...]

    @property
    def gas(self) -> tuple[int, ...]:
        """Gas used by each transaction."""
        return tuple(one.gas_used for one in self.transactions)


def execute(block: Block, pre_state: PreState, repeat: int = 1) -> Executed:
    """Execute a block `repeat` times in order; raises what `execute_sequential` raises."""
    runs = [execute_sequential(block, pre_state).transactions for _ in range(repeat)]
    seconds = tuple(median(one.seconds for one in same) for same in zip(*runs, strict=True))
    return Executed(block, pre_state, runs[-1], seconds)


def explain_block(
    block: Block,
    pre_state: PreState,
    *,
    label: str,
    names: Names | None = None,
    what_if: Sequence[str] = (),
    repeat: int = 1,
    operations: Sequence[str] = (),
) -> Explanation:
    """Return what holds a block back, without a measured parallel run.

    `names` decodes locations, `operations` says what each transaction does where a workload knows it; `what_if` are
    changes as the command line writes them; without any the counters that cost most are tried. Raises UsageError for
    a change that is none, InvalidBlock and ExecutionFailed where the block cannot be executed.
    """
    executed = execute(block, pre_state, repeat)
    return explain_executed(executed, label=label, names=names, what_if=what_if, operations=operations)


def explain_executed(
    executed: Executed,
    *,
    label: str,
    names: Names | None = None,
    what_if: Sequence[str] = (),
    operations: Sequence[str] = (),
) -> Explanation:
    """Return what holds an executed block back; see `explain_block`."""
    block, gas, seconds = executed.block, executed.gas, executed.seconds
    sets = key_sets(executed.transactions, block.header.coinbase, executed.pre_state)
    tied = {key_set: causes(sets[key_set]) for key_set in KEY_SETS}
    metrics = tuple(conflict_metrics(key_set, tied[key_set], gas, seconds) for key_set in KEY_SETS)
    names = names or names_for(block, executed.pre_state, executed.transactions)
    name = names.of
    facts = _facts(executed, names, operations)
    real, graph = tied["D"], tied["D"].graph()
    path = critical_path(real, facts, name)
    hot = hot_locations(sets["D"], real, facts, name)
    explanation = Explanation(
        label=label,
        number=block.header.number,
        fork=block.fork,
        transactions=len(facts),
        work=Measure(len(facts), sum(gas), sum(seconds)),
        key_sets=metrics,
        path=path,
        hot=hot,
        what_if=_what_ifs(what_if, sets["D"], executed, names),
        lists=declared_lists(block, executed.transactions),
        nodes=_nodes(facts, graph, path),
        edges=_edges(real, graph, name),
        components=len(graph.components()),
        verdict="",
    )
    return verdict(explanation)


def _facts(executed: Executed, names: Names, operations: Sequence[str]) -> tuple[Facts, ...]:
    callees = [callee(transaction.raw) for transaction in executed.block.transactions]
    contracts = [(names.contract(to) or f"0x{to.hex()}") if to else "" for to in callees]
    return transaction_facts(executed.block, executed.transactions, executed.seconds, contracts, operations)


def _what_ifs(
    changes: Sequence[str], sets: Sequence[AccessSet], executed: Executed, names: Names
) -> tuple[WhatIf, ...]:
    senders = [one.sender for one in executed.transactions]
    asked = changes or suggestions(sets, executed.seconds, senders, names)
    return tuple(answer(change, sets, executed.gas, executed.seconds, senders, names) for change in asked)


def _nodes(facts: Sequence[Facts], graph: DependencyGraph, path: Sequence[PathStep]) -> tuple[Node, ...]:
    on_path = {step.index for step in path}
    return tuple(
        Node(
            index=fact.index,
            hash=fact.hash,
            level=level,
            gas=fact.gas,
            seconds=fact.seconds,
            sender=fact.sender,
            to=fact.to,
            contract=fact.contract,
            operation=fact.operation,
            success=fact.success,
            on_path=fact.index in on_path,
        )
        for fact, level in zip(facts, graph.levels(), strict=True)
    )


def _edges(tied: Causes, graph: DependencyGraph, name: Namer) -> tuple[Edge, ...]:
    edges = []
    for after, predecessors in enumerate(graph.predecessors):
        for before in predecessors:
            through = tied.through(before, after)
            edges.append(Edge(before, after, name(through[0]).name, len(through)))
    return tuple(edges)
