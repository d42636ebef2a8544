"""The nouns of an explanation: what `explain` computes, prints, writes as JSON and draws; frozen data."""

from __future__ import annotations

from dataclasses import dataclass, field

KEY_SETS = ("A", "B", "C", "D", "S")
"""Ways of counting conflicts (semantics.md, Key sets); D is what the executor runs by."""
CAP_WORKERS = (2, 4, 8, 16)
"""Numbers of workers for which caps and makespans are given."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One quantity in the three units of the field: transactions, gas, measured seconds."""

    transactions: float
    gas: float
    seconds: float


@dataclass(frozen=True, slots=True)
class Makespan:
    """How long list scheduling takes on `workers`, in seconds and in gas, and its ratio to max(work / p, span)."""

    workers: int
    seconds: float
    gas: float
    to_bound_seconds: float
    to_bound_gas: float


@dataclass(frozen=True, slots=True)
class ConflictMetrics:
    """A block counted by one key set, under the field's names (experiments.md, Metrics).

    `isolated_share` of the transactions have no edge at all, `conflicted_share` is the rest. `edges_all_pairs` counts
    every (writer, later reader) pair of some location, `edges_last_writer` only the last writer before each reader;
    `average_degree` is 2 x last-writer edges / n. `giant_component_ratio` is the largest component's share of n,
    `hot_location_concentration` the share of (transaction, location) conflicts that the location with the most has.
    `span` is the critical path in each unit, each maximised by itself; `cap` is work / span.
    """

    key_set: str
    isolated_share: float
    conflicted_share: float
    edges_all_pairs: int
    edges_last_writer: int
    average_degree: float
    giant_component_ratio: float
    hot_location_concentration: float
    longest_chain_share: float
    span: Measure
    cap: Measure
    makespans: tuple[Makespan, ...] = ()


@dataclass(frozen=True, slots=True)
class NamedLocation:
    """A location for people: `name` is decoded where it can be (`pool.total_debt[USDC]`), else as `describe` says it.

    `address` and `slot` are 0x-hex (`slot` empty unless `kind` is storage); `contract` its account's name
    or address.
    """

    address: str
    kind: str
    slot: str
    contract: str
    name: str


@dataclass(frozen=True, slots=True)
class PathStep:
    """One transaction of the critical path (key set D, by seconds), in block order.

    `waits_for` is the one before it on the path (None for the first), `through` the locations that tie the two: all
    must go for the edge to go. `until_seconds` and `until_gas` are sums up to and with this step.
    """

    index: int
    hash: str
    sender: str
    to: str
    contract: str
    operation: str
    gas: int
    seconds: float
    waits_for: int | None
    through: tuple[NamedLocation, ...]
    until_gas: int
    until_seconds: float


@dataclass(frozen=True, slots=True)
class HotLocation:
    """A location that costs time.

    `path_seconds` and `path_gas`: the steps of the critical path that wait through it. `writers`, `readers`:
    transactions; `edges`: last-writer edges through it. `span_without_seconds`: the critical path if this location
    alone made no edge; `cap_with_these`: work / span by seconds if it and all that are ranked above it made none.
    """

    location: NamedLocation
    writers: int
    readers: int
    edges: int
    path_steps: int
    path_seconds: float
    path_gas: int
    span_without_seconds: float
    cap_with_these: float


@dataclass(frozen=True, slots=True)
class WhatIf:
    """What a change would bring: the caps before and after, by seconds, and the locations that it touched."""

    change: str
    cap_before: float
    cap_after: float
    cap_before_gas: float
    cap_after_gas: float
    locations: tuple[NamedLocation, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class DeclaredLists:
    """EIP-2930 lists against what was really touched, in storage slots of transactions that carry a list.

    `adoption` is the share of transactions with a list. Precision: declared slots that were touched; recall: touched
    slots that were declared, of transactions with a list; `missing` and `superfluous` count them; `exact` counts lists
    without either. `over_serialisation`: edges that only the declared lists make (declared counts as read and
    written), as a multiple of the real ones among the same transactions; `wasted_gas`: paid for entries that were not
    used, net of what used ones saved (EIP-2930: 2 400 an address, 1 900 a slot).
    """

    transactions_with_list: int
    adoption: float
    precision: float | None
    recall: float | None
    exact: int
    missing: int
    superfluous: int
    over_serialisation: float | None
    wasted_gas: int
    worst: tuple[tuple[int, int, int], ...] = ()
    """(transaction, missing, superfluous) of the worst lists, at most ten."""


@dataclass(frozen=True, slots=True)
class Node:
    """A transaction in the dependency graph (key set D); `level` is its depth, from 0, `hash` 0x-hex or empty."""

    index: int
    level: int
    gas: int
    seconds: float
    sender: str
    to: str
    contract: str
    operation: str
    success: bool
    on_path: bool
    hash: str = ""


@dataclass(frozen=True, slots=True)
class Edge:
    """`after` waits for `before`, through the location with this name (the first of several, with their number)."""

    before: int
    after: int
    location: str
    locations: int


@dataclass(frozen=True, slots=True)
class Span:
    """Something that took time on one lane of a measured run: seconds since the run began.

    `lane` is "driver" or "worker N". `kind` is plan, dispatch, settle, merge (driver), execute, stale (an execution
    whose result was not used), overhead (worker: unpack, pack). `index` and `incarnation` where it is about one
    transaction.
    """

    lane: str
    kind: str
    begin: float
    end: float
    index: int | None = None
    incarnation: int = 0


@dataclass(frozen=True, slots=True)
class Schedule:
    """A measured parallel run: what ran where and when, and how many had settled at which second."""

    strategy: str
    access_lists: str
    backend: str
    workers: int
    seconds: float
    sequential_seconds: float
    executions: int
    conflicts: int
    spans: tuple[Span, ...]
    settled: tuple[tuple[float, int], ...]
    gate: str = ""


@dataclass(frozen=True, slots=True)
class Explanation:
    """All of it. `work` is what all transactions come to; `key_sets` in the order of KEY_SETS."""

    label: str
    number: int
    fork: str
    transactions: int
    work: Measure
    key_sets: tuple[ConflictMetrics, ...]
    path: tuple[PathStep, ...]
    hot: tuple[HotLocation, ...]
    what_if: tuple[WhatIf, ...]
    lists: DeclaredLists
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    components: int
    verdict: str
    """One or two sentences: what holds this block back, in names and numbers."""
    schedule: Schedule | None = None
    format: str = field(default="parallel-evm-explain/1")
