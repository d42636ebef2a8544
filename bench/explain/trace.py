"""The measured schedule as a Chrome trace (JSON object format), which Perfetto and chrome://tracing open."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, TypeAlias

from bench.explain.model import Edge, Explanation, Node, Schedule, Span
from executor.errors import UsageError
from executor.files import StrPath, write_whole

Event: TypeAlias = dict[str, Any]

PROCESS = 1
RUNS = ("execute", "stale")
"""Kinds of spans that are executions of transactions."""
MOST_NAMED = 8
"""Transactions waited for that an event names; the others are counted."""
_FROM, _TO = 0.9, 0.1
"""Where in their slices arrows begin and end: viewers tie an arrow to the slice that it lies within."""


def write_trace(explanation: Explanation, path: StrPath) -> None:
    """Write the schedule of an explanation to `path`, whole or not at all.

    UsageError where nothing was measured, InputOutputError where it cannot be written.
    """
    write_whole(path, json.dumps(trace_document(explanation), separators=(",", ":")).encode())


def trace_document(explanation: Explanation) -> dict[str, Any]:
    """Return the trace: a lane per worker and one for the driver, settled transactions, arrows along the critical path.

    Times are in microseconds since the run began.
    """
    schedule = explanation.schedule
    if schedule is None:
        raise UsageError("a trace shows a measured run; let one be measured")
    lanes = _lanes(schedule)
    return {
        "displayTimeUnit": "ms",
        "otherData": _about(explanation, schedule),
        "traceEvents": [
            *_names(explanation, lanes),
            *_slices(explanation, schedule, lanes),
            *_counter(schedule),
            *_arrows(explanation, schedule, lanes),
        ],
    }


def _about(explanation: Explanation, schedule: Schedule) -> dict[str, Any]:
    return {
        "block": explanation.number,
        "label": explanation.label,
        "fork": explanation.fork,
        "transactions": explanation.transactions,
        "strategy": schedule.strategy,
        "access_lists": schedule.access_lists,
        "backend": schedule.backend,
        "workers": schedule.workers,
        "seconds": schedule.seconds,
        "sequential_seconds": schedule.sequential_seconds,
        "executions": schedule.executions,
        "conflicts": schedule.conflicts,
        "gate": schedule.gate,
        "verdict": explanation.verdict,
    }


def _lanes(schedule: Schedule) -> dict[str, int]:
    """Return the thread of every lane, the driver first; also of workers that got nothing to do."""
    return {"driver": 0} | {f"worker {worker}": worker + 1 for worker in range(schedule.workers)}


def _names(explanation: Explanation, lanes: Mapping[str, int]) -> Iterator[Event]:
    yield _meta("process_name", 0, name=f"parallel-evm: {explanation.label}")
    for lane, thread in lanes.items():
        yield _meta("thread_name", thread, name=lane)
        yield _meta("thread_sort_index", thread, sort_index=thread)


def _meta(what: str, thread: int, **args: Any) -> Event:
    return {"ph": "M", "pid": PROCESS, "tid": thread, "name": what, "args": args}


def _slices(explanation: Explanation, schedule: Schedule, lanes: Mapping[str, int]) -> Iterator[Event]:
    nodes = {node.index: node for node in explanation.nodes}
    before: dict[int, list[Edge]] = {}
    for edge in explanation.edges:
        before.setdefault(edge.after, []).append(edge)
    for span in schedule.spans:
        args: dict[str, Any] = {}
        if span.index is not None:
            args = {"transaction": span.index, "incarnation": span.incarnation, "used": span.kind != "stale"}
            args |= _of_node(nodes.get(span.index)) | _waiting(before.get(span.index, []))
        yield {
            "ph": "X",
            "pid": PROCESS,
            "tid": lanes[span.lane],
            "name": span.kind if span.index is None else _title(span),
            "cat": span.kind,
            "ts": _micros(span.begin),
            "dur": _micros(span.end - span.begin),
            "args": args,
        }


def _title(span: Span) -> str:
    again = f" run {span.incarnation + 1}" if span.incarnation else ""
    return f"tx {span.index}{again}{' (stale)' if span.kind == 'stale' else ''}"


def _of_node(node: Node | None) -> dict[str, Any]:
    if node is None:
        return {}
    return {
        "gas": node.gas,
        "contract": node.contract,
        "operation": node.operation,
        "success": node.success,
        "on_critical_path": node.on_path,
    }


def _waiting(edges: list[Edge]) -> dict[str, Any]:
    """Return whom a transaction waits for, the latest first, and through what."""
    latest = sorted(edges, key=lambda edge: -edge.before)
    named = [{"transaction": edge.before, "location": edge.location} for edge in latest[:MOST_NAMED]]
    return {"waits_for": named, "waits_for_in_all": len(latest)}


def _counter(schedule: Schedule) -> Iterator[Event]:
    for second, settled in ((0.0, 0), *schedule.settled):
        yield {
            "ph": "C",
            "pid": PROCESS,
            "tid": 0,
            "name": "settled transactions",
            "ts": _micros(second),
            "args": {"settled": settled},
        }


def _arrows(explanation: Explanation, schedule: Schedule, lanes: Mapping[str, int]) -> Iterator[Event]:
    """Yield a flow from each step of the critical path to the next.

    None where the one that waits had run before: its result was validated with what the other wrote in a later run.
    """
    used = {span.index: span for span in schedule.spans if span.kind == "execute"}
    for step in explanation.path:
        source, target = used.get(step.waits_for), used.get(step.index)
        if step.waits_for is None or source is None or target is None or source.end > target.begin:
            continue
        common = {"pid": PROCESS, "cat": "critical path", "name": "critical path", "id": step.index}
        yield common | {"ph": "s", "tid": lanes[source.lane], "ts": _within(source, _FROM)}
        yield common | {"ph": "f", "bp": "e", "tid": lanes[target.lane], "ts": _within(target, _TO)}


def _within(span: Span, share: float) -> float:
    return _micros(span.begin + share * (span.end - span.begin))


def _micros(seconds: float) -> float:
    return round(1e6 * seconds, 3)
