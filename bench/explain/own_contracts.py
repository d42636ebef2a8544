"""The workloads' contracts in a block: which account runs which, and what its slots hold.

A contract is known by its runtime code, so that exported blocks are read as well as generated ones; keys of mappings
are tried from what the transactions at hand saw and were given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from bench.explain.entries import Entry, Key, vyper_slot
from bench.explain.touched import ADDRESS_BYTES, SMALL_NUMBERS, Touched
from scheduler.access import STORAGE, Address
from workloads.artefacts import ARTEFACTS, WORD, Contract, load_contract

SHOWN_AS = {
    ("LendingPool", "reserves", "scaled_supply"): "total_supply",
    ("LendingPool", "reserves", "scaled_debt"): "total_debt",
    ("LendingPool", "reserves", "cash"): "cash",
}
"""What people call a member of a mapping's struct, the key behind it: `pool.total_debt[USDC]`."""
LABELS = {"LendingPool": "pool", "IssuedToken": "token", "MedianOracle": "oracle", "CoverPool": "cover"}
"""What an instance is called; the others by their contract's name in small letters."""
_MAPPING = re.compile(r"HashMap\[(\w+), (.*)\]")


@dataclass(frozen=True, slots=True)
class _Variable:
    name: str
    slot: int
    slots: int
    array: bool
    key_types: tuple[str, ...]
    members: tuple[str, ...]


@cache
def own_contracts() -> dict[bytes, Contract]:
    """Return runtime code -> contract for every committed artefact."""
    contracts = [load_contract(path.stem) for path in sorted(ARTEFACTS.glob("*.json"))]
    return {contract.runtime: contract for contract in contracts}


@dataclass(frozen=True, slots=True)
class Own:
    """A contract of ours as it was deployed; `fixed` are the addresses among its immutables, in their order."""

    contract: Contract
    fixed: tuple[Address, ...]


def recognise(code: bytes) -> Own | None:
    """Return the contract that `code` runs; deployed code has the values of its immutables behind it, as words."""
    for runtime, contract in own_contracts().items():
        if code.startswith(runtime):
            values = [code[at : at + WORD] for at in range(len(runtime), len(code), WORD)]
            return Own(contract, tuple(value[-ADDRESS_BYTES:] for value in values))
    return None


def label_of(contract: Contract) -> str:
    """Return what an instance is called, as long as nothing tells two apart."""
    return LABELS.get(contract.name) or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", contract.name).lower()


def decode_slots(
    contract: Contract, address: Address, wanted: Iterable[int], touched: Sequence[Touched]
) -> dict[int, Entry]:
    """Return slot -> entry for the wanted slots of the account at `address` that `touched` transactions explain."""
    left = set(wanted)
    found: dict[int, Entry] = {}
    mappings = []
    for variable in _variables(contract):
        if variable.key_types:
            mappings.append(variable)
            continue
        for at in range(variable.slots):
            if variable.slot + at in left:
                found[variable.slot + at] = Entry(variable.name, (at,) if variable.array else ())
    left -= found.keys()
    for transaction in touched:
        own = {slot for place, kind, slot in transaction.locations if place == address and kind == STORAGE} & left
        if own:
            new = dict(_entries(contract.name, mappings, own, transaction))
            found |= new
            left -= new.keys()
    return found


@cache
def _variables_of(name: str) -> tuple[_Variable, ...]:
    contract = load_contract(name)
    return tuple(_variable(contract, variable, slot) for variable, slot in contract.layout.items())


def _variables(contract: Contract) -> tuple[_Variable, ...]:
    return _variables_of(contract.name)


def _variable(contract: Contract, name: str, slot: int) -> _Variable:
    leaf, keys = contract.types[name], []
    while match := _MAPPING.fullmatch(leaf):
        keys.append(match[1])
        leaf = match[2]
    array = leaf.endswith("]") and not leaf.startswith(("String", "Bytes"))
    return _Variable(name, slot, contract.sizes[name], array, tuple(keys), contract.structs.get(leaf, ()))


def _entries(
    contract: str, mappings: Sequence[_Variable], wanted: set[int], transaction: Touched
) -> Iterator[tuple[int, Entry]]:
    for variable in mappings:
        for base, keys in _bases(variable, transaction):
            for at in range(max(len(variable.members), 1)):
                if base + at in wanted:
                    member = variable.members[at] if variable.members else ""
                    shown = SHOWN_AS.get((contract, variable.name, member), "")
                    yield base + at, Entry(variable.name, keys, member, shown)


def _bases(variable: _Variable, transaction: Touched) -> list[tuple[int, tuple[Key, ...]]]:
    """Return the first slot of each entry that the transaction could have meant, with its keys."""
    bases: list[tuple[int, tuple[Key, ...]]] = [(variable.slot, ())]
    for key_type in variable.key_types:
        candidates = _candidates(key_type, transaction)
        bases = [(vyper_slot(base, key), (*keys, key)) for base, keys in bases for key in candidates]
    return bases


def _candidates(key_type: str, transaction: Touched) -> Sequence[Key]:
    if key_type == "address":
        return transaction.addresses
    if key_type == "bool":
        return (0, 1)
    return tuple(dict.fromkeys((*SMALL_NUMBERS, *transaction.words)))
