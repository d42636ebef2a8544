"""Names for locations: contracts, variables and keys in place of addresses and hashes, as far as they are certain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from bench.explain.entries import Entry, Key
from bench.explain.known_contracts import KNOWN
from bench.explain.mapping_keys import MappingKeys, balance_mappings
from bench.explain.model import NamedLocation
from bench.explain.own_contracts import Own, decode_slots, find_own, own_labels
from bench.explain.pools import OBSERVATIONS, V2_VARIABLES, V3_VARIABLES, Pool, find_pools, observation
from bench.explain.touched import Touched, touched_in
from executor.state import PreState
from executor.types import Block, TransactionResult
from scheduler.access import KIND_NAMES, STORAGE, Address, Location

SHORT = 12
"""Hex digits up to which a value is shown whole; of more, the first six and the last four stand for it."""
LARGEST_NUMBER = 1 << 64
"""Keys above are shown in hex: they are hashes."""
BALANCES = "balanceOf"


class Names:
    """Decodes the locations of one executed block; what is asked for is worked out once and kept."""

    def __init__(
        self, touched: Sequence[Touched], own: dict[Address, Own], labels: dict[Address, str],
        variables: dict[Address, dict[int, str]],
    ) -> None:  # fmt: skip
        self._touched = touched
        self._own = own
        self._labels = labels
        self._variables = variables
        self._keys = MappingKeys(touched)
        self._by_place: defaultdict[Location, list[int]] = defaultdict(list)
        for index, one in enumerate(touched):
            for location in one.locations:
                self._by_place[location].append(index)
        self._decoded: dict[Address, dict[int, Entry]] = {}
        self._named: dict[Location, NamedLocation] = {}

    def of(self, location: Location) -> NamedLocation:
        """Return the location for people."""
        known = self._named.get(location)
        if known is None:
            known = self._named[location] = self._name(location)
        return known

    def contract(self, address: Address) -> str:
        """Return the name of the contract at `address`; empty where none is known."""
        return self._labels.get(address, "")

    def label(self, address: Address) -> str:
        """Return the name of the contract at `address`, else the address, shortened."""
        return self._labels.get(address) or shortened(address.hex())

    def labels(self) -> dict[Address, str]:
        """Return address -> name for every contract that has one."""
        return dict(self._labels)

    def entry(self, location: Location) -> Entry | None:
        """Return what a storage location holds; None for other kinds and where nothing is known but the slot."""
        address, kind, slot = location
        if kind != STORAGE:
            return None
        decoded = self._decoded.get(address)
        if decoded is None:
            decoded = self._decoded[address] = self._decode_own(address)
        if slot not in decoded and address not in self._own:
            found = self._foreign(location)
            if found:
                decoded[slot] = found
        return decoded.get(slot)

    def spellings(self, location: Location) -> tuple[str, ...]:
        """Return all that a person may write for the location, its name first."""
        address, kind, slot = location
        place = f"{slot:#x}" if kind == STORAGE else KIND_NAMES[kind]
        spellings = [self.of(location).name, f"0x{address.hex()}:{place}"]
        entry = self.entry(location)
        if entry and entry.shown:
            spellings.append(self._text(address, replace(entry, shown="")))
        if kind != STORAGE and address in self._labels:
            spellings.append(f"{self._labels[address]}:{place}")
        return tuple(spellings)

    def _name(self, location: Location) -> NamedLocation:
        address, kind, slot = location
        full = f"0x{address.hex()}"
        entry = self.entry(location)
        if kind != STORAGE:
            name = f"{KIND_NAMES[kind]} of {self.label(address)}"
        elif entry:
            name = self._text(address, entry)
        else:
            name = f"{self.label(address)}.slot {_short(slot)}"
        return NamedLocation(
            address=full,
            kind=KIND_NAMES[kind],
            slot=f"{slot:#x}" if kind == STORAGE else "",
            contract=self._labels.get(address, full),
            name=name,
        )

    def _text(self, address: Address, entry: Entry) -> str:
        keys = "".join(f"[{self.key_text(key)}]" for key in entry.keys)
        if entry.shown:
            return f"{self.label(address)}.{entry.shown}{keys}"
        member = f".{entry.member}" if entry.member else ""
        return f"{self.label(address)}.{entry.variable}{keys}{member}"

    def key_text(self, key: Key) -> str:
        """Return a mapping's key for people: an address by its contract's name, a hash shortened."""
        if isinstance(key, bytes):
            return self.label(key)
        return str(key) if key < LARGEST_NUMBER else _short(key)

    def _decode_own(self, address: Address) -> dict[int, Entry]:
        own = self._own.get(address)
        if own is None:
            return {}
        places = [location for location in self._by_place if location[0] == address and location[1] == STORAGE]
        indices = sorted({index for location in places for index in self._by_place[location]})
        wanted = [slot for _, _, slot in places]
        return decode_slots(own.contract, address, wanted, [self._touched[index] for index in indices])

    def _foreign(self, location: Location) -> Entry | None:
        """Return an entry of a contract that is not ours: by known variables, else by its shape alone."""
        address, _, slot = location
        variables = self._variables.get(address, {})
        if slot in variables:
            return Entry(variables[slot])
        if variables is V3_VARIABLES and slot in OBSERVATIONS:
            return observation(slot)
        place = self._keys.place(slot, self._by_place.get(location, ()))
        return None if place is None else place.entry(variables.get(place.slot))


def names_for(block: Block, pre_state: PreState, results: Sequence[TransactionResult]) -> Names:
    """Return names for the locations that an executed block touched; `results` in block order.

    Contracts of the workloads are known by their code, tokens among them by their symbol; mainnet's by address, its
    Uniswap pools by the addresses that their factories give them.
    """
    touched = touched_in(block, results)
    addresses = _addresses(pre_state, touched)
    own = find_own(addresses, pre_state, results)
    labels = own_labels(own, pre_state)
    variables = {address: {slot: BALANCES} for address, slot in balance_mappings(results).items()}
    for address in addresses:
        if block.chain_id == 1 and address in KNOWN and address not in own:
            labels[address] = KNOWN[address].name
            variables[address] = KNOWN[address].variables or variables.get(address, {})
    for pool in find_pools(addresses, pre_state):
        labels[pool.address] = _pool_label(pool, labels)
        variables[pool.address] = V2_VARIABLES if pool.version == 2 else V3_VARIABLES
    return Names(touched, own, labels, variables)


def _addresses(pre_state: PreState, touched: Sequence[Touched]) -> tuple[Address, ...]:
    """Return accounts in the order of the state, where it has one: numbers of shards then stay from block to block."""
    known: Iterable[Address] = getattr(pre_state, "accounts", ())
    return tuple(dict.fromkeys([*known, *(location[0] for one in touched for location in one.locations)]))


def _pool_label(pool: Pool, labels: dict[Address, str]) -> str:
    first, second = (labels.get(token) or shortened(token.hex()) for token in pool.tokens)
    fee = f" {pool.fee / 10_000:g}%" if pool.fee else ""
    return f"{pool.exchange} {first}/{second}{fee}"


def shortened(digits: str) -> str:
    """Return hex digits for people.

    >>> shortened("c02aaa39b223fe8d0a0e5c4f27ead9083c756cc2")
    '0xc02aaa…6cc2'
    """
    return f"0x{digits}" if len(digits) <= SHORT else f"0x{digits[:6]}…{digits[-4:]}"


def _short(value: int) -> str:
    return shortened(f"{value:x}")
