"""An explanation made by hand: four transactions, of which three wait for each other, with names hard to quote."""

from __future__ import annotations

from bench.explain.model import (
    DeclaredLists,
    Edge,
    Explanation,
    Measure,
    NamedLocation,
    Node,
    PathStep,
    Schedule,
    Span,
)

AWKWARD = 'a "quoted" \\ name\nof <two> & lines\x00'
LOCATION = NamedLocation("0x11", "storage", "0x0", AWKWARD, f"{AWKWARD}.total")


def planned_schedule() -> Schedule:
    """Return a schedule of two workers and five executions, one of them stale."""
    spans = (
        Span("driver", "plan", 0.0, 0.001),
        Span("driver", "dispatch", 0.001, 0.002),
        Span("worker 0", "overhead", 0.002, 0.0025),
        Span("worker 1", "execute", 0.003, 0.006, 1),
        Span("worker 0", "execute", 0.0025, 0.005, 0),
        Span("worker 1", "stale", 0.006, 0.008, 2),
        Span("worker 0", "execute", 0.0085, 0.0095, 2, 1),
        Span("worker 0", "execute", 0.0095, 0.012, 3),
        Span("driver", "settle", 0.012, 0.013),
        Span("driver", "merge", 0.013, 0.014),
    )
    settled = ((0.008, 2), (0.013, 4))
    return Schedule("optimistic", "none", "process", 2, 0.015, 0.011, 5, 1, spans, settled, "driver: too small")


def planned_explanation(schedule: Schedule | None = None) -> Explanation:
    """Return the explanation; 0 -> 2 -> 3 is its critical path, 1 stands alone."""
    work = Measure(4, 400, 0.0085)
    nodes = tuple(
        Node(index, level, 100, 0.0025, "0xaa", "0xbb", AWKWARD, "pay()", success=True, on_path=index != 1)
        for index, level in ((0, 0), (1, 0), (2, 1), (3, 2))
    )
    steps = tuple(
        PathStep(index, "0x", "0xaa", "0xbb", AWKWARD, "pay()", 100, 0.0025, waits_for, (LOCATION,), 0, 0.0)
        for index, waits_for in ((0, None), (2, 0), (3, 2))
    )
    edges = (Edge(0, 2, LOCATION.name, 2), Edge(2, 3, LOCATION.name, 1), Edge(0, 3, "plain", 1))
    lists = DeclaredLists(0, 0.0, None, None, 0, 0, 0, None, 0)
    return Explanation(
        label=f"block 7 {AWKWARD}",
        number=7,
        fork="Prague",
        transactions=4,
        work=work,
        key_sets=(),
        path=steps,
        hot=(),
        what_if=(),
        lists=lists,
        nodes=nodes,
        edges=edges,
        components=2,
        verdict="0 -> 2 -> 3 wait for each other",
        schedule=schedule,
    )
