"""Hypothesis strategies: programs for the toy machine, states, write sets, graphs."""

from __future__ import annotations

from hypothesis import strategies as st

from scheduler.access import BALANCE, CODE, EMPTY_CODE_HASH, EXISTENCE, NONCE, STORAGE, AccessSet, WriteSet
from scheduler.graph import DependencyGraph, build
from tests.scheduler.toy import ADDRESSES, SLOTS, PlainState, Program

addresses = st.sampled_from(ADDRESSES)
senders = st.sampled_from(ADDRESSES[:2])
slots = st.sampled_from(SLOTS)
small = st.integers(0, 2)
hashes = st.sampled_from([EMPTY_CODE_HASH, b"\1" * 32])

operations = st.one_of(
    st.tuples(st.just("load"), addresses, slots),
    st.tuples(st.just("store"), addresses, slots, small),
    st.tuples(st.just("pay"), addresses, addresses, st.integers(1, 4)),
    st.tuples(st.just("balance"), addresses),
    st.tuples(st.just("exists"), addresses),
    st.tuples(st.just("deploy"), addresses),
    st.tuples(st.just("destroy"), addresses),
    st.tuples(st.just("bump"), addresses),
)
tame_operations = operations.filter(lambda operation: operation[0] not in {"bump", "destroy"})
"""Operations that leave every sender's nonce alone, so that what is assumed of it is right."""


def programs(of: st.SearchStrategy[tuple[object, ...]] = operations) -> st.SearchStrategy[list[Program]]:
    """Return blocks of up to ten programs."""
    program = st.builds(Program, senders, st.lists(of, max_size=5).map(tuple))
    return st.lists(program, max_size=10)


storage_locations = st.tuples(addresses, st.just(STORAGE), slots)
plain_locations = st.tuples(addresses, st.sampled_from([NONCE, EXISTENCE]), st.just(0))
code_locations = st.tuples(addresses, st.just(CODE), st.just(0))
balance_locations = st.tuples(addresses, st.just(BALANCE), st.just(0))
locations = st.one_of(storage_locations, plain_locations, code_locations, balance_locations)

values = st.builds(
    lambda *parts: {location: value for part in parts for location, value in part.items()},
    st.dictionaries(storage_locations, small, max_size=3),
    st.dictionaries(plain_locations, st.integers(0, 1), max_size=2),
    st.dictionaries(code_locations, hashes, max_size=1),
)
write_sets = st.builds(
    WriteSet,
    values,
    st.dictionaries(addresses, st.integers(-3, 3), max_size=3),
    st.frozensets(addresses, max_size=1),
)


@st.composite
def base_states(draw: st.DrawFn, *, derived: bool | None = None) -> PlainState:
    """Return a state before the block in which some accounts have a balance, nonce, code and slots."""
    cells = dict(draw(values))
    cells |= draw(st.dictionaries(balance_locations, st.integers(0, 6), max_size=4))
    return PlainState(cells, draw(st.booleans()) if derived is None else derived)


access_sets = st.builds(
    AccessSet,
    st.frozensets(locations, max_size=4),
    st.frozensets(locations, max_size=2),
    st.frozensets(addresses, max_size=2),
    st.frozensets(addresses, max_size=1),
)


def graphs(count: int) -> st.SearchStrategy[DependencyGraph]:
    """Return graphs of random edges: right for no block in particular."""
    return st.lists(access_sets, min_size=count, max_size=count).map(build)
