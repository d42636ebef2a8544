"""What a change of the contracts would bring: conflicts taken out of a block's access sets, and the caps that result.

A change is `commutative=LOCATION` (read-modify-writes of it become deltas, as a counter of its own kind would make
them) or `sharded=CONTRACT:K` (its contended slots exist K times). LOCATION is a name or a glob of names
(`pool.total_*`), `0xaddr:0xslot`, `0xaddr:balance`, or several of these, joined with `,` or `+`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from bench.explain.causes import causes
from bench.explain.model import WhatIf
from bench.explain.names import Names
from bench.explain.patterns import split_patterns, wanted
from executor.errors import UsageError
from executor.hashing import keccak256
from scheduler.access import BALANCE, STORAGE, AccessSet, Address, Location
from scheduler.graph import DependencyGraph, build

NEAREST_SHOWN = 3
MOST_SHARDS = 1_000_000
Caps = tuple[float, float]
"""Work / span by seconds and by gas."""


@dataclass(frozen=True, slots=True)
class Block:
    """What a question about a block needs, each per transaction in block order; `sets` are of key set D."""

    sets: Sequence[AccessSet]
    gas: Sequence[float]
    seconds: Sequence[float]
    senders: Sequence[Address]


def what_if(
    change: str,
    sets: Sequence[AccessSet],
    gas: Sequence[float],
    seconds: Sequence[float],
    senders: Sequence[Address],
    names: Names,
) -> WhatIf:
    """Return what `change` would bring to the block whose transactions have these access sets (key set D).

    UsageError, with the nearest names, for a change that cannot be read or that touches nothing in the block.
    """
    block = Block(sets, gas, seconds, senders)
    kind, equals, text = change.partition("=")
    if kind == "commutative" and equals and split_patterns(text):
        return _commutative_of(change, text, block, names)
    if kind == "sharded" and equals and text:
        return _sharded_of(change, text, block, names)
    raise UsageError(f"--what-if {change!r}: write commutative=LOCATION or sharded=CONTRACT:K")


def _commutative_of(change: str, text: str, block: Block, names: Names) -> WhatIf:
    locations = _matching(change, text, _contended(block.sets), names)
    after = commutative(block.sets, locations)
    return _answer(change, block, after, locations, names, "assumes that nobody needs the value in between")


def _sharded_of(change: str, text: str, block: Block, names: Names) -> WhatIf:
    contract, _, number = text.rpartition(":")
    if not (split_patterns(contract) and number.isascii() and number.isdigit() and 1 <= int(number) <= MOST_SHARDS):
        raise UsageError(f"--what-if {change!r}: write sharded=CONTRACT:K with K from 1 to {MOST_SHARDS}")
    addresses = _contracts(change, contract, names, block.sets)
    locations = [at for at in _contended(block.sets) if at[1] == STORAGE and _belongs(at, addresses, names)]
    after = sharded(block.sets, block.senders, locations, int(number))
    note = "senders are spread by keccak(sender) mod K" if locations else "no two transactions conflict over it"
    return _answer(change, block, after, locations, names, note)


def commutative(sets: Sequence[AccessSet], locations: Iterable[Location]) -> tuple[AccessSet, ...]:
    """Return the access sets in which read-modify-writes of `locations` are deltas.

    Deltas have no edge between them; a pure reader still waits for all earlier changers. Locations other than
    balances move to a balance of their own, for which `scheduler.graph` has just these rules.
    """
    chosen = frozenset(locations)
    return tuple(_as_deltas(access, chosen) for access in sets)


def _as_deltas(access: AccessSet, chosen: frozenset[Location]) -> AccessSet:
    reads = access.reads & chosen
    changes = (access.writes & chosen) | {at for at in chosen if at[1] == BALANCE and at[0] in access.deltas}
    changes |= {at for at in chosen if at[1] == STORAGE and at[0] in access.clears}
    if not (reads or changes):
        return access
    return AccessSet(
        reads=(access.reads - chosen).union(_counter(at) for at in reads - changes),
        writes=access.writes - chosen,
        deltas=access.deltas.union(_counter(at)[0] for at in changes),
        clears=access.clears,
    )


def _counter(location: Location) -> Location:
    """Return the balance that stands for a commutative location; a longer address than any account has."""
    address, kind, slot = location
    if kind == BALANCE:
        return location
    return address + bytes([kind]) + slot.to_bytes(32, "big"), BALANCE, 0


def sharded(
    sets: Sequence[AccessSet], senders: Sequence[Address], locations: Iterable[Location], shards: int
) -> tuple[AccessSet, ...]:
    """Return the access sets in which slots exist `shards` times, chosen by keccak(sender) mod `shards`.

    Who reads and writes a slot does so in the sender's shard; who only reads it reads all shards, who clears the
    account clears all.
    """
    chosen = frozenset(locations)
    used = sorted({shard_of(sender, shards) for sender in senders})  # the others are never written
    return tuple(
        _in_shard(access, chosen, shard_of(sender, shards), used) for access, sender in zip(sets, senders, strict=True)
    )


def shard_of(sender: Address, shards: int) -> int:
    """Return the shard that a sender's changes go to."""
    return int.from_bytes(keccak256(sender), "big") % shards


def _in_shard(access: AccessSet, chosen: frozenset[Location], own: int, used: Sequence[int]) -> AccessSet:
    changed = access.writes & chosen
    only_read = (access.reads & chosen) - changed
    if not (changed or only_read):
        return access
    mine = {_shard(at, own) for at in changed}
    every = {_shard(at, shard) for at in only_read for shard in used}
    reads_mine = {_shard(at, own) for at in changed & access.reads}
    return AccessSet(
        reads=(access.reads - chosen) | reads_mine | every,
        writes=(access.writes - chosen) | mine,
        deltas=access.deltas,
        clears=access.clears,
    )


def _shard(location: Location, shard: int) -> Location:
    """Return the slot in one shard: beyond 256 bits, where no other slot lies."""
    address, kind, slot = location
    return address, kind, slot + ((shard + 1) << 256)


def _contended(sets: Sequence[AccessSet]) -> list[Location]:
    """Return the locations that at least two transactions touch and one changes, those with most edges first."""
    edges: dict[Location, int] = {}
    for ties in causes(sets).ties:
        for _, location in ties:
            edges[location] = edges.get(location, 0) + 1
    return sorted(edges, key=lambda location: (-edges[location], location))


def _matching(change: str, text: str, candidates: Sequence[Location], names: Names) -> list[Location]:
    """Return the candidates that the patterns in `text` mean; UsageError for a pattern that means none."""
    found: dict[Location, None] = {}
    spelled = {location: names.spellings(location) for location in candidates}
    for pattern in split_patterns(text):
        is_wanted = wanted(pattern)
        matches = [location for location, spellings in spelled.items() if any(map(is_wanted, spellings))]
        if not matches:
            raise _nothing(change, pattern, [names.of(location).name for location in candidates])
        found |= dict.fromkeys(matches)
    return list(found)


def _contracts(change: str, text: str, names: Names, sets: Sequence[AccessSet]) -> frozenset[Address]:
    """Return the contracts that a pattern means by name, by name without number, or by address."""
    labels = names.labels()
    touched = {at[0] for access in sets for at in access.reads}
    spelled = {address: (f"0x{address.hex()}", *_with_plain(labels.get(address, ""))) for address in touched}
    found: set[Address] = set()
    for pattern in split_patterns(text):
        is_wanted: Callable[[str], bool] = wanted(pattern)
        matches = {address for address, spellings in spelled.items() if any(map(is_wanted, spellings))}
        if not matches:
            raise _nothing(change, pattern, sorted(labels[address] for address in touched if address in labels))
        found |= matches
    return frozenset(found)


def _with_plain(label: str) -> tuple[str, ...]:
    """Return a contract's name, and without number and tokens: what all of its kind are called."""
    return (label, label.partition("#")[0], label.partition(" ")[0]) if label else ()


def _belongs(location: Location, addresses: frozenset[Address], names: Names) -> bool:
    """Return whether a slot is the contract's own, or an entry for it elsewhere: what it holds of a token."""
    if location[0] in addresses:
        return True
    entry = names.entry(location)
    return entry is not None and any(key in addresses for key in entry.keys)


def _nothing(change: str, pattern: str, known: Sequence[str]) -> UsageError:
    nearest = get_close_matches(pattern, known, NEAREST_SHOWN, cutoff=0) if known else []
    hint = f"nearest: {', '.join(nearest)}" if nearest else "no two transactions of the block touch the same"
    return UsageError(f"--what-if {change!r}: nothing in conflict is called {pattern!r}; {hint}")


def _answer(
    change: str, block: Block, after: Sequence[AccessSet], locations: Sequence[Location], names: Names, note: str
) -> WhatIf:
    before = caps(build(block.sets), block)
    then = caps(build(after), block)
    return WhatIf(change, before[0], then[0], before[1], then[1], tuple(map(names.of, locations)), note)


def caps(graph: DependencyGraph, block: Block) -> Caps:
    """Return work / span by seconds and by gas; 1 where there is no work."""
    return _cap(graph, block.seconds), _cap(graph, block.gas)


def _cap(graph: DependencyGraph, weights: Sequence[float]) -> float:
    span = graph.critical_path(weights)[0]
    return sum(weights) / span if span else 1.0
