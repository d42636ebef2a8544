"""Invariants that several protocols share: nonces, ether, token supply, storage as a model has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from scheduler.access import BALANCE, NONCE, Address, Location, describe
from workloads.workload import StateReader, read_int

SHOWN = 3  # of many slots that differ, name these


@dataclass(frozen=True)
class NonceCheck:
    """After block i every sender's nonce is what its transactions make it; `nonces` per block."""

    nonces: tuple[Mapping[Address, int], ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return the senders whose nonce is another."""
        return [
            f"nonce of 0x{address.hex()} is {found}, not {nonce}"
            for address, nonce in self.nonces[block_index].items()
            if (found := read_int(after, (address, NONCE, 0))) != nonce
        ]


@dataclass(frozen=True)
class EtherCheck:
    """Ether moves as sent: who only receives has exactly that much more, and nothing comes from nowhere.

    `received` is wei per block by those who send nothing in it; `holders` all who may have ether.
    """

    holders: frozenset[Address]
    received: tuple[Mapping[Address, int], ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return wrong credits, and a total that grew."""
        lines = []
        for address, amount in self.received[block_index].items():
            gained = _ether(after, address) - _ether(before, address)
            if gained != amount:
                lines.append(f"0x{address.hex()} received {amount} wei but has {gained} more")
        total = sum(_ether(before, address) for address in self.holders)
        grown = sum(_ether(after, address) for address in self.holders) - total
        if grown > 0:
            lines.append(f"{grown} wei came from nowhere")
        return lines


def _ether(state: StateReader, address: Address) -> int:
    return read_int(state, (address, BALANCE, 0))


@dataclass(frozen=True)
class SupplyCheck:
    """The supply of a token is the sum of its balances, and did not change: nobody mints in these blocks."""

    token: str
    supply_at: Location
    balances_at: tuple[Location, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return what does not add up."""
        supply = read_int(after, self.supply_at)
        held = sum(read_int(after, location) for location in self.balances_at)
        lines = [] if held == supply else [f"{self.token}: balances sum to {held}, the supply is {supply}"]
        if supply != read_int(before, self.supply_at):
            lines.append(f"{self.token}: the supply changed to {supply}")
        return lines


@dataclass(frozen=True)
class ModelCheck:
    """Storage is slot by slot what the reference models of the contracts computed; `slots` per block."""

    slots: tuple[Mapping[Location, int], ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return the first slots that differ, and how many do."""
        expected = self.slots[block_index]
        wrong = [location for location, value in expected.items() if read_int(after, location) != value]
        lines = [
            f"{describe(location)} is {read_int(after, location)}, the model says {expected[location]}"
            for location in wrong[:SHOWN]
        ]
        return lines if len(wrong) <= SHOWN else [*lines, f"and {len(wrong) - SHOWN} more slots differ"]
