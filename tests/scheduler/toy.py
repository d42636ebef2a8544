"""A toy machine: transactions are small programs over a few accounts, run in order or by a scheduler."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    STORAGE,
    AccessSet,
    Address,
    Bounds,
    Location,
    ReadSet,
    TxIndex,
    Value,
    WriteSet,
)
from scheduler.execution import Observation

ADDRESSES = tuple(bytes([number]) * 20 for number in range(1, 5))
SLOTS = (0, 1)
Operation = tuple[object, ...]


@dataclass(frozen=True)
class Program:
    """A transaction: its sender's nonce goes up by one, then the operations run one after another."""

    sender: Address
    operations: tuple[Operation, ...]


@dataclass
class PlainState:
    """The naive state: one value per location, no versions."""

    cells: dict[Location, Value] = field(default_factory=dict)
    derived_existence: bool = True

    def read(self, location: Location) -> Value:
        return self.cells.get(location, EMPTY_CODE_HASH if location[1] == CODE else 0)

    def now(self, location: Location) -> Value:
        """Return a location's value, existence derived where it is."""
        address, kind, _ = location
        if kind != EXISTENCE or not self.derived_existence:
            return self.read(location)
        parts = [self.read((address, part, 0)) for part in (BALANCE, NONCE, CODE)]
        return int(parts != [0, 0, EMPTY_CODE_HASH])

    def apply(self, writes: WriteSet) -> None:
        for address in writes.clears:
            for slot in SLOTS:
                self.cells.pop((address, STORAGE, slot), None)
        self.cells.update(writes.values)
        for address, delta in writes.deltas.items():
            location = (address, BALANCE, 0)
            self.cells[location] = self.cells.get(location, 0) + delta  # type: ignore[operator]

    def visible(self) -> dict[Location, Value]:
        """Return everything that differs from an empty state."""
        locations = [(a, kind, 0) for a in ADDRESSES for kind in (BALANCE, NONCE, CODE, EXISTENCE)]
        locations += [(a, STORAGE, slot) for a in ADDRESSES for slot in SLOTS]
        return {location: self.now(location) for location in locations}

    def copy(self) -> PlainState:
        return PlainState(dict(self.cells), self.derived_existence)


class Readable(Protocol):
    """What a program runs on."""

    derived_existence: bool

    def read(self, location: Location, below: TxIndex) -> Value: ...


class Now:
    """A plain state as something to read below any index."""

    def __init__(self, state: PlainState) -> None:
        self.state = state
        self.derived_existence = state.derived_existence

    def read(self, location: Location, below: TxIndex) -> Value:  # noqa: ARG002 - there is only one version
        return self.state.now(location)


class View:
    """What one program sees and does; the accumulator makes every later operation depend on every read."""

    def __init__(self, state: Readable, below: TxIndex) -> None:
        self.state, self.below = state, below
        self.reads: ReadSet = {}
        self.bounds: Bounds = {}
        self.values: dict[Location, Value] = {}
        self.deltas: dict[Address, int] = {}
        self.clears: set[Address] = set()
        self.accumulator = 0

    def before(self, location: Location) -> Value:
        """Read a location as it was before this transaction."""
        if location not in self.reads:
            self.reads[location] = self.state.read(location, self.below)
        return self.reads[location]

    def get(self, location: Location) -> Value:
        address, kind, _ = location
        if kind == EXISTENCE and self.state.derived_existence:
            return self._exists(address)
        if kind == BALANCE:
            return self.before(location) + self.deltas.get(address, 0)  # type: ignore[operator]
        if kind == STORAGE and address in self.clears:
            return self.values.get(location, 0)
        return self.values[location] if location in self.values else self.before(location)

    def _exists(self, address: Address) -> int:
        """Ask for the predicate alone where nothing of its own could change it."""
        own = {(address, NONCE, 0), (address, CODE, 0)} & self.values.keys()
        if not own and not self.deltas.get(address):
            return self.before((address, EXISTENCE, 0))  # type: ignore[return-value]
        empty = self.get((address, NONCE, 0)) == 0 and self.get((address, CODE, 0)) == EMPTY_CODE_HASH
        return int(not empty or self.get((address, BALANCE, 0)) != 0)

    def put(self, location: Location, value: Value) -> None:
        if location[1] == STORAGE and location[0] in self.clears:
            self.values[location] = value
        elif value == self.before(location):
            self.values.pop(location, None)
        else:
            self.values[location] = value

    def affords(self, address: Address, amount: int) -> bool:
        """Compare a balance: a bound where it is enough, else the exact value."""
        needed = amount - self.deltas.get(address, 0)
        location = (address, BALANCE, 0)
        if self.state.read(location, self.below) < needed:  # type: ignore[operator]
            self.before(location)
            return False
        if needed > 0:
            self.bounds[address] = max(needed, self.bounds.get(address, 0))
        return True

    def add(self, address: Address, amount: int) -> None:
        self.deltas[address] = self.deltas.get(address, 0) + amount
        if not self.state.derived_existence and amount > 0:
            self.put((address, EXISTENCE, 0), 1)

    def run(self, program: Program) -> None:
        nonce = (program.sender, NONCE, 0)
        self.put(nonce, self.get(nonce) + 1)  # type: ignore[operator]
        for name, *arguments in program.operations:
            getattr(self, f"op_{name}")(*arguments)

    def op_load(self, address: Address, slot: int) -> None:
        self.accumulator += self.get((address, STORAGE, slot))  # type: ignore[operator]

    def op_store(self, address: Address, slot: int, value: int) -> None:
        location = (address, STORAGE, slot)
        self.get(location)
        self.put(location, (self.accumulator + value) % 3)

    def op_pay(self, source: Address, target: Address, amount: int) -> None:
        if self.affords(source, amount + self.accumulator % 2):
            self.add(source, -amount)
            self.add(target, amount)
        else:
            self.accumulator += 1

    def op_balance(self, address: Address) -> None:
        self.accumulator += self.get((address, BALANCE, 0))  # type: ignore[operator]

    def op_exists(self, address: Address) -> None:
        self.accumulator += self.get((address, EXISTENCE, 0))  # type: ignore[operator]

    def op_deploy(self, address: Address) -> None:
        self.put((address, CODE, 0), bytes([self.accumulator % 2]) * 32)

    def op_bump(self, address: Address) -> None:
        location = (address, NONCE, 0)
        self.put(location, self.get(location) + 1)  # type: ignore[operator]

    def op_destroy(self, address: Address) -> None:
        """Drop the whole account if the accumulator is even."""
        if self.accumulator % 2:
            return
        self.add(address, -self.get((address, BALANCE, 0)))  # type: ignore[operator]
        self.put((address, NONCE, 0), 0)
        self.put((address, CODE, 0), EMPTY_CODE_HASH)
        if not self.state.derived_existence:
            self.put((address, EXISTENCE, 0), 0)
        self.clears.add(address)
        self.values = {at: value for at, value in self.values.items() if at[:2] != (address, STORAGE)}


def execute(program: Program, state: Readable, index: TxIndex, nonce: int | None) -> Observation:
    """Run a program below `index`; a `nonce` is assumed of its sender without looking."""
    view = View(state, index)
    own_nonce = (program.sender, NONCE, 0)
    if nonce is not None:
        view.reads[own_nonce] = nonce
    view.run(program)
    deltas = {address: delta for address, delta in view.deltas.items() if delta}
    writes = WriteSet(view.values, deltas, frozenset(view.clears))
    return Observation(view.reads, view.bounds, writes, () if nonce is None else (own_nonce,))


def assumed_nonces(programs: Sequence[Program], base: PlainState) -> list[int]:
    """Return the nonce each program expects of its sender: one more per earlier program of the same."""
    nonces: list[int] = []
    for index, program in enumerate(programs):
        earlier = sum(before.sender == program.sender for before in programs[:index])
        nonces.append(int(base.read((program.sender, NONCE, 0))) + earlier)
    return nonces


def run_in_order(programs: Sequence[Program], base: PlainState) -> tuple[PlainState, list[Observation]]:
    """Return the state after the programs and what each of them saw and did: the oracle."""
    state = base.copy()
    observations = []
    for index, program in enumerate(programs):
        observations.append(execute(program, Now(state), index, None))
        state.apply(observations[-1].writes)
    return state, observations


def exact_access(programs: Sequence[Program], observations: Sequence[Observation]) -> list[AccessSet]:
    """Return what each program touched; bounds and existence count as reads of their parts."""
    sets = []
    for program, seen in zip(programs, observations, strict=True):
        reads = set(seen.reads) - {(program.sender, NONCE, 0)}
        reads |= {(address, BALANCE, 0) for address in seen.bounds}
        for address, kind, _ in tuple(reads):
            if kind == EXISTENCE:
                reads |= {(address, part, 0) for part in (NONCE, CODE, BALANCE)}
        writes = seen.writes
        sets.append(AccessSet(frozenset(reads), frozenset(writes.values), frozenset(writes.deltas), writes.clears))
    return sets
