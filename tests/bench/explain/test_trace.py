"""A trace is what trace viewers read: named lanes, slices on them, a counter, arrows along the critical path."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench.explain.model import Edge
from bench.explain.trace import MOST_NAMED, trace_document, write_trace
from executor.errors import InputOutputError, UsageError
from tests.bench.explain.planned import planned_explanation, planned_schedule


def events_by_phase(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the events of a trace by their kind."""
    found = defaultdict(list)
    for event in document["traceEvents"]:
        found[event["ph"]].append(event)
    return found


def test_a_trace_holds_the_schedule(tmp_path: Path) -> None:
    write_trace(planned_explanation(planned_schedule()), tmp_path / "trace.json")
    document = json.loads((tmp_path / "trace.json").read_text(encoding="utf-8"))
    events = events_by_phase(document)
    names = {event["tid"]: event["args"]["name"] for event in events["M"] if event["name"] == "thread_name"}
    assert names == {0: "driver", 1: "worker 0", 2: "worker 1"}
    slices = {(names[event["tid"]], event["name"], event["ts"], event["dur"]) for event in events["X"]}
    assert ("worker 1", "tx 2 (stale)", 6000.0, 2000.0) in slices
    assert ("worker 0", "tx 2 run 2", 8500.0, 1000.0) in slices
    assert ("driver", "settle", 12000.0, 1000.0) in slices
    assert len(slices) == len(planned_schedule().spans)
    assert [(event["ts"], event["args"]["settled"]) for event in events["C"]] == [(0, 0), (8000.0, 2), (13000.0, 4)]
    assert document["otherData"]["gate"] == "driver: too small"


def test_slices_say_what_a_transaction_waits_for() -> None:
    explanation = planned_explanation(planned_schedule())
    many = tuple(Edge(0, 1, f"slot {slot}", 1) for slot in range(MOST_NAMED + 3))
    events = events_by_phase(trace_document(replace(explanation, edges=(*explanation.edges, *many))))
    args = {event["name"]: event["args"] for event in events["X"]}
    assert [edge["transaction"] for edge in args["tx 3"]["waits_for"]] == [2, 0]
    assert (args["tx 3"]["gas"], args["tx 3"]["incarnation"], args["tx 3"]["used"]) == (100, 0, True)
    assert (args["tx 2 run 2"]["incarnation"], args["tx 2 (stale)"]["used"]) == (1, False)
    assert len(args["tx 1"]["waits_for"]) == MOST_NAMED
    assert args["tx 1"]["waits_for_in_all"] == MOST_NAMED + 3


def test_arrows_begin_and_end_within_the_slices_of_the_path() -> None:
    events = events_by_phase(trace_document(planned_explanation(planned_schedule())))
    slices = {event["name"]: event for event in events["X"]}
    begins, ends = ({event["id"]: event for event in events[phase]} for phase in "sf")
    assert list(begins) == list(ends) == [2, 3]
    for arrow, source, target in ((2, "tx 0", "tx 2 run 2"), (3, "tx 2 run 2", "tx 3")):
        for event, name in ((begins[arrow], source), (ends[arrow], target)):
            slice_ = slices[name]
            assert event["tid"] == slice_["tid"]
            assert slice_["ts"] < event["ts"] < slice_["ts"] + slice_["dur"]
        assert begins[arrow]["ts"] < ends[arrow]["ts"]


def test_there_is_no_arrow_back_in_time() -> None:
    """3 is used as it ran before 2 ran again: its values were the same."""
    schedule = planned_schedule()
    moved = [replace(span, begin=0.0082, end=0.0084) if span.index == 3 else span for span in schedule.spans]
    events = events_by_phase(trace_document(planned_explanation(replace(schedule, spans=tuple(moved)))))
    assert [event["id"] for event in events["s"]] == [2]


def test_what_cannot_be_written_is_said_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="measured"):
        write_trace(planned_explanation(), tmp_path / "trace.json")
    with pytest.raises(InputOutputError, match="cannot be written"):
        write_trace(planned_explanation(planned_schedule()), tmp_path / "missing" / "trace.json")
    assert not list(tmp_path.iterdir())
