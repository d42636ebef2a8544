"""The workloads' contracts in a block: which account runs which, and what its slots hold.

A contract is known by its runtime code, so that exported blocks are read as well as generated ones; keys of mappings
are tried from what the transactions at hand saw and were given.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from bench.explain.entries import Entry, Key, vyper_slot
from bench.explain.touched import ADDRESS_BYTES, SMALL_NUMBERS, Touched
from executor.state import PreState
from executor.types import TransactionResult
from scheduler.access import CODE, STORAGE, Address
from workloads.artefacts import ARTEFACTS, WORD, Contract, load_contract
from workloads.workload import read_int

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


def find_own(
    addresses: Iterable[Address], pre_state: PreState, results: Sequence[TransactionResult]
) -> dict[Address, Own]:
    """Return the accounts among `addresses`, and among those that a block's results create, that run one of ours."""
    hashes = {address: pre_state.read((address, CODE, 0)) for address in addresses}
    created: dict[bytes, bytes] = {}
    for result in results:
        created.update(result.codes)
        hashes |= {place: value for (place, kind, _), value in result.writes.values.items() if kind == CODE and value}
    by_hash = {code_hash: recognise(_code(code_hash, created, pre_state)) for code_hash in set(hashes.values())}
    return {address: own for address, code_hash in hashes.items() if (own := by_hash[code_hash])}


def _code(code_hash: object, created: dict[bytes, bytes], pre_state: PreState) -> bytes:
    assert isinstance(code_hash, bytes), code_hash
    try:
        return created.get(code_hash) or pre_state.code(code_hash)
    except KeyError:  # a partial recording holds only the code that ran
        return b""


def own_labels(own: dict[Address, Own], pre_state: PreState) -> dict[Address, str]:
    """Return names that differ: a token's symbol, else what the contract is called.

    Several of a kind are told apart by the tokens that they are for, else by numbers in the order of the state.
    """
    symbols = {address: _symbol(address, one.contract, pre_state) for address, one in own.items()}
    labels: dict[Address, str] = {}
    for label, group in _sharing({address: symbols[address] or label_of(own[address].contract) for address in own}):
        told = {address: _with_tokens(label, own[address], symbols) for address in group} if len(group) > 1 else {}
        for same, sharing in _sharing({address: told.get(address, label) for address in group}):
            labels |= {a: same if len(sharing) == 1 else f"{same}#{number}" for number, a in enumerate(sharing)}
    return labels


def _sharing(labels: dict[Address, str]) -> list[tuple[str, list[Address]]]:
    """Return each label with those who share it."""
    sharing: defaultdict[str, list[Address]] = defaultdict(list)
    for address, label in labels.items():
        sharing[label].append(address)
    return list(sharing.items())


def _with_tokens(label: str, own: Own, symbols: dict[Address, str]) -> str:
    tokens = "/".join(symbol for address in own.fixed if (symbol := symbols.get(address)))
    return f"{label} {tokens}" if tokens else label


def _symbol(address: Address, contract: Contract, pre_state: PreState) -> str:
    """Return the symbol that a token keeps in its storage; empty for other contracts."""
    slot = contract.layout.get("symbol")
    if slot is None:
        return ""
    length = read_int(pre_state, (address, STORAGE, slot))
    text = read_int(pre_state, (address, STORAGE, slot + 1)).to_bytes(32, "big")[:length]
    return text.decode("ascii", "replace") if text.isascii() and text.isalnum() else ""


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
