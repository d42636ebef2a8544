"""An explanation made by hand, as large as a test wants it: a chain, small groups, isolated transactions, a run."""

from __future__ import annotations

import random
from itertools import pairwise

from bench.explain.model import (
    CAP_WORKERS,
    KEY_SETS,
    ConflictMetrics,
    DeclaredLists,
    Edge,
    Explanation,
    HotLocation,
    Makespan,
    Measure,
    NamedLocation,
    Node,
    PathStep,
    Schedule,
    Span,
    WhatIf,
)

_CONTRACTS = ("pool", "router", "USDC", "WETH", "oracle", "registry", "vault", "auction", "bridge", "")
_GAS_A_SECOND = 20_000_000


def example(transactions: int = 1400, chain: int = 200, *, seed: int = 6, label: str = "example") -> Explanation:
    """Return a block whose first `chain` of every few transactions form the critical path; the same for a seed."""
    draw = random.Random(seed)
    chain = min(chain, transactions)
    path = sorted(draw.sample(range(transactions), chain))
    nodes, edges = _graph(draw, transactions, path)
    gas, seconds = sum(node.gas for node in nodes), sum(node.seconds for node in nodes)
    work = Measure(transactions, gas, seconds)
    steps = _path(nodes, path)
    span = Measure(chain, steps[-1].until_gas, steps[-1].until_seconds) if steps else Measure(0, 0, 0.0)
    return Explanation(
        label=label,
        number=17_666_333,
        fork="London",
        transactions=transactions,
        work=work,
        key_sets=tuple(_metrics(key_set, work, span, len(edges)) for key_set in KEY_SETS),
        path=steps,
        hot=tuple(_hot(place, span) for place in range(min(chain, 12))),
        what_if=(WhatIf("commutative=pool.total_debt[USDC]", 4.2, 9.1, 3.9, 8.7, (_location(0),), "credits only"),),
        lists=DeclaredLists(120, 0.1, 0.93, 0.71, 61, 34, 9, 1.4, 81_700, ((3, 2, 1), (9, 1, 4))),
        nodes=nodes,
        edges=edges,
        components=max(0, transactions - len(edges)),
        verdict=f"{chain} of {transactions} transactions form one chain through pool.total_debt[USDC].",
        schedule=_schedule(draw, nodes),
    )


def _location(place: int) -> NamedLocation:
    return NamedLocation(f"0x{place + 1:040x}", "storage", f"0x{place:064x}", "pool", f"pool.total_debt[{place}]")


def _graph(draw: random.Random, transactions: int, path: list[int]) -> tuple[tuple[Node, ...], tuple[Edge, ...]]:
    levels, on_path = [0] * transactions, set(path)
    edges = [Edge(before, after, "pool.total_debt[USDC]", draw.randint(1, 4)) for before, after in pairwise(path)]
    edges += [Edge(path[0], after, "pool.reserves[USDC].index", 1) for after in path[2::5]]  # implied by the chain
    waiting = (index for index in range(2, transactions) if index not in on_path and draw.random() < 0.3)
    for index in waiting:
        some = draw.sample(range(index), draw.choice((1, 1, 1, 2)))
        edges += [Edge(before, index, f"USDC.balanceOf[{index % 17}]", 1) for before in some]
    edges.sort(key=lambda edge: (edge.after, edge.before))
    for edge in edges:
        levels[edge.after] = max(levels[edge.after], levels[edge.before] + 1)
    return tuple(_node(draw, index, levels[index], index in on_path) for index in range(transactions)), tuple(edges)


def _node(draw: random.Random, index: int, level: int, on_path: bool) -> Node:
    gas = 21_000 + int(draw.paretovariate(1.2) * 20_000)
    contract = "pool" if on_path else draw.choices(_CONTRACTS, range(len(_CONTRACTS), 0, -1))[0]
    seconds = min(gas, 4_000_000) / _GAS_A_SECOND
    names = {"sender": f"0x{index:040x}", "to": f"0x{len(contract):040x}", "operation": "transfer(address,uint256)"}
    success = index % 19 != 7
    return Node(
        index, level, gas, seconds, names["sender"], names["to"], contract, names["operation"], success, on_path
    )


def _path(nodes: tuple[Node, ...], path: list[int]) -> tuple[PathStep, ...]:
    steps: list[PathStep] = []
    until_gas, until_seconds, before = 0, 0.0, None
    for index in path:
        node = nodes[index]
        until_gas, until_seconds = until_gas + node.gas, until_seconds + node.seconds
        through = (_location(0), _location(index)) if before is not None else ()
        named = (f"0x{index:064x}", node.sender, node.to, node.contract, node.operation)
        steps.append(PathStep(index, *named, node.gas, node.seconds, before, through, until_gas, until_seconds))
        before = index
    return tuple(steps)


def _metrics(key_set: str, work: Measure, span: Measure, edges: int) -> ConflictMetrics:
    cap = Measure(
        work.transactions / span.transactions if span.transactions else 1.0,
        work.gas / span.gas if span.gas else 1.0,
        work.seconds / span.seconds if span.seconds else 1.0,
    )
    makespans = tuple(_makespan(workers, work, span) for workers in CAP_WORKERS)
    return ConflictMetrics(key_set, 0.5, 0.5, 3 * edges, edges, 1.3, 0.4, 0.7, 0.14, span, cap, makespans)


def _makespan(workers: int, work: Measure, span: Measure) -> Makespan:
    seconds, gas = max(work.seconds / workers, span.seconds), max(work.gas / workers, span.gas)
    return Makespan(workers, seconds, gas, 1.0, 1.0)


def _hot(place: int, span: Measure) -> HotLocation:
    rest = span.seconds / (place + 2)
    return HotLocation(_location(place), 90 - place, 110, 240, 40, rest, 900_000, span.seconds - rest, 3.0 + place)


def _schedule(draw: random.Random, nodes: tuple[Node, ...], workers: int = 2) -> Schedule:
    spans: list[Span] = []
    settled, clocks, runs = [], [0.0] * workers, 0
    for done, node in enumerate(nodes, 1):
        worker = clocks.index(min(clocks))
        lane = f"worker {worker}"
        for incarnation in range(2 if draw.random() < 0.05 else 1):
            begin = clocks[worker]
            if incarnation:
                spans[-1] = Span(lane, "stale", spans[-1].begin, spans[-1].end, node.index, 0)
            spans.append(Span(lane, "execute", begin, begin + node.seconds, node.index, incarnation))
            clocks[worker] += node.seconds
            runs += 1
        clocks[worker] += 0.0001
        settled.append((max(clocks), done))
        if done % 16 == 0:
            spans.append(Span("driver", "settle", max(clocks) - 0.0004, max(clocks)))
    total, alone = max(clocks), sum(node.seconds for node in nodes)
    facts = ("optimistic", "none", "fork", workers, total, alone, runs, runs - len(nodes))
    return Schedule(*facts, tuple(spans), tuple(settled), "closed: predicted 1.7 times")
