"""Schedules as files, `parallel-evm-schedule/1`: JSON lines, gzipped where the name ends in `.gz`.

The first line is `{"format": "parallel-evm-schedule/1"}`. Every further line is one run of one block:

    block         {"number", "hash", "transactions" (how many), "content" (digest of fork, header, transactions)}
    strategy, access_lists, backend, workers   as the executor was asked for them
    error         why the run ended early; null where it did not
    events        what happened, in order:
      ["sent", worker, ticket, [[index, incarnation, at_head], ...]]   at_head is 0 or 1; tickets are 1, 2, 3, ...
      ["replied", worker, ticket, [digest, ...]]                       a digest per execution of the batch
      ["lost", worker, [ticket, ...], reason]                          all that the worker held

Digests are 8 bytes of BLAKE2b in hex, over all that an execution read and did (`executor.schedule.digest`).
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable

from executor.errors import InvalidInput, ParallelEvmError
from executor.files import StrPath, printable, read_whole, write_whole
from executor.json_fields import JsonObject, as_int, as_list, as_object, as_text, is_nested_deeper, refuse, required
from executor.pool import IN_FLIGHT
from executor.schedule import (
    BlockIdentity,
    Replied,
    Schedule,
    ScheduledRun,
    ScheduleEvent,
    Sent,
    WorkerLost,
)
from scheduler.execution import Execution

FORMAT = "parallel-evm-schedule/1"
MAX_NESTING = 8
MAX_WORKERS = 1 << 16
_BITS = 63  # of any number in a schedule


def dump_schedule(schedule: Iterable[ScheduledRun], path: StrPath) -> None:
    """Write a schedule to `path`, whole or not at all; the same schedule gives the same bytes."""
    lines = [{"format": FORMAT}, *map(_format_run, schedule)]
    data = "".join(json.dumps(line, separators=(",", ":")) + "\n" for line in lines).encode()
    write_whole(path, gzip.compress(data, mtime=0) if str(path).endswith(".gz") else data)


def load_schedule(path: StrPath) -> Schedule:
    """Return the schedule in the file `path`; InputOutputError and InvalidInput say what is wrong with it."""
    try:
        return _parse_lines(read_whole(path, "a schedule"))
    except ParallelEvmError as error:
        error.args = (f"{printable(path)}: {error}",)
        raise


def _parse_lines(data: bytes) -> Schedule:
    lines = data.splitlines()
    head = as_object(_document(lines[0] if lines else b"", "line 1"), "line 1")
    if head.get("format") != FORMAT:
        raise refuse("line 1.format", repr(FORMAT), head.get("format"))
    runs = [_parse_run(_document(line, f"line {number}"), f"line {number}") for number, line in enumerate(lines[1:], 2)]
    if not runs:
        raise InvalidInput("holds no run; record at least one block")
    return tuple(runs)


def _document(line: bytes, where: str) -> object:
    if is_nested_deeper(line, MAX_NESTING):
        raise InvalidInput(f"{where}: nested deeper than {MAX_NESTING} levels; record the schedule again")
    try:
        return json.loads(line)
    except ValueError as error:
        raise InvalidInput(f"{where}: is not JSON ({error}); record the schedule again") from None


# -- runs


def _format_run(run: ScheduledRun) -> JsonObject:
    block = run.block
    return {
        "block": {
            "number": block.number,
            "hash": block.hash,
            "transactions": block.transactions,
            "content": block.content,
        },
        "strategy": run.strategy,
        "access_lists": run.access_lists,
        "backend": run.backend,
        "workers": run.workers,
        "error": run.error,
        "events": list(map(_format_event, run.events)),
    }


def _parse_run(value: object, where: str) -> ScheduledRun:
    fields = as_object(value, where)
    error = fields.get("error")
    events = as_list(required(fields, "events", where), f"{where}.events")
    run = ScheduledRun(
        block=_parse_block(required(fields, "block", where), f"{where}.block"),
        strategy=as_text(required(fields, "strategy", where), f"{where}.strategy"),
        access_lists=as_text(required(fields, "access_lists", where), f"{where}.access_lists"),
        backend=as_text(required(fields, "backend", where), f"{where}.backend"),
        workers=as_int(required(fields, "workers", where), f"{where}.workers", _BITS),
        events=tuple(_parse_event(event, f"{where}.events[{place}]") for place, event in enumerate(events)),
        error=None if error is None else as_text(error, f"{where}.error"),
    )
    if not 0 < run.workers <= MAX_WORKERS:
        raise refuse(f"{where}.workers", f"1 to {MAX_WORKERS} workers", run.workers)
    _check_order(run, where)
    return run


def _parse_block(value: object, where: str) -> BlockIdentity:
    fields = as_object(value, where)
    return BlockIdentity(
        number=as_int(required(fields, "number", where), f"{where}.number", _BITS + 1),
        hash=as_text(required(fields, "hash", where), f"{where}.hash"),
        transactions=as_int(required(fields, "transactions", where), f"{where}.transactions", _BITS),
        content=as_text(required(fields, "content", where), f"{where}.content"),
    )


# -- events


def _format_event(event: ScheduleEvent) -> list[object]:
    match event:
        case Sent(worker, ticket, executions):
            return ["sent", worker, ticket, [[*execution[:2], int(execution.at_head)] for execution in executions]]
        case Replied(worker, ticket, digests):
            return ["replied", worker, ticket, list(digests)]
        case WorkerLost(worker, tickets, reason):
            return ["lost", worker, list(tickets), reason]


def _parse_event(value: object, where: str) -> ScheduleEvent:
    items = as_list(value, where)
    if len(items) != 4:
        raise refuse(where, "a list of 4", value)
    kind, worker, third, fourth = items
    place = as_int(worker, f"{where}[1]", _BITS)
    if kind == "lost":
        tickets = tuple(as_int(ticket, f"{where}[2]", _BITS) for ticket in as_list(third, f"{where}[2]"))
        return WorkerLost(place, tickets, as_text(fourth, f"{where}[3]"))
    ticket, rows = as_int(third, f"{where}[2]", _BITS), as_list(fourth, f"{where}[3]")
    if kind == "sent":
        return Sent(place, ticket, tuple(_parse_execution(row, f"{where}[3]") for row in rows))
    if kind == "replied":
        return Replied(place, ticket, tuple(as_text(row, f"{where}[3]") for row in rows))
    raise refuse(f"{where}[0]", "'sent', 'replied' or 'lost'", kind)


def _parse_execution(value: object, where: str) -> Execution:
    row = as_list(value, where)
    if len(row) != 3:
        raise refuse(where, "[index, incarnation, at_head]", value)
    index, incarnation, at_head = (as_int(item, where, _BITS) for item in row)
    if at_head > 1:
        raise refuse(where, "at_head to be 0 or 1", at_head)
    return Execution(index, incarnation, bool(at_head))


def _check_order(run: ScheduledRun, where: str) -> None:
    """Refuse events that no run can have: what the replaying pool takes for granted is checked here."""
    in_flight: dict[int, Sent] = {}
    tickets = 0
    for place, event in enumerate(run.events):
        at = f"{where}.events[{place}]"
        if event.worker >= run.workers:
            raise refuse(f"{at}[1]", f"a worker below {run.workers}", event.worker)
        if isinstance(event, Sent):
            _drop_refused(in_flight, event)
        held = [ticket for ticket, sent in in_flight.items() if sent.worker == event.worker]
        match event:
            case Sent(_, ticket, executions):
                tickets += 1
                if ticket != tickets or not executions or len(held) >= IN_FLIGHT:
                    raise refuse(at, f"executions under ticket {tickets} for a worker that has room", ticket)
                in_flight[ticket] = event
            case Replied(_, ticket, digests):
                if ticket not in held or len(digests) != len(in_flight.pop(ticket).executions):
                    raise refuse(at, f"an answer to all of a batch that worker {event.worker} holds", ticket)
            case WorkerLost(_, lost, _):
                if sorted(lost) != held:
                    raise refuse(at, f"the loss of all batches of worker {event.worker}", str(list(lost)))
                in_flight = {ticket: sent for ticket, sent in in_flight.items() if ticket not in held}


def _drop_refused(in_flight: dict[int, Sent], again: Sent) -> None:
    """Take out a batch that is sent again to a worker that holds it: it had another state and ran nothing of it."""
    what = again.worker, again.executions
    for ticket in [ticket for ticket, sent in in_flight.items() if (sent.worker, sent.executions) == what]:
        del in_flight[ticket]
