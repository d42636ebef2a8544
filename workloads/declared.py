"""What transactions declare in their EIP-2930 lists: nothing, the truth, or one of its usual distortions."""

from __future__ import annotations

from collections.abc import Iterable
from random import Random

from executor.types import TransactionResult
from scheduler.access import STORAGE, Location

DECLARE_MODES = ("none", "exact", "over", "stale", "partial")
"""No list; the slots touched; those and as many more; those touched on the state before the block; half of them."""
DECLARED_ADDRESS_GAS, DECLARED_SLOT_GAS = 2_400, 1_900  # EIP-2930
DECLARE_HELP = "slots in the transactions' EIP-2930 lists"


def declared_slots(mode: str, touched: TransactionResult, random: Random) -> frozenset[Location]:
    """Return the slots that a list of this mode holds for a transaction that touches what `touched` does."""
    return distorted(mode, slots_of(touched), random)


def distorted(mode: str, slots: frozenset[Location], random: Random) -> frozenset[Location]:
    """Return what a list of this mode holds where `slots` are touched, for `stale` on the state before the block."""
    if mode == "none":
        return frozenset()
    if mode == "partial":
        return frozenset(sorted(slots)[::2])
    if mode == "over":
        return slots | frozenset((address, STORAGE, random.getrandbits(256)) for address, _, _ in sorted(slots))
    return slots


def slots_of(result: TransactionResult) -> frozenset[Location]:
    """Return every slot that an execution touched; a written slot was read before (EIP-2200)."""
    return frozenset(location for location in result.reads if location[1] == STORAGE)


def extra_gas(slots: Iterable[Location]) -> int:
    """Return what a list costs in gas (EIP-2930)."""
    slots = list(slots)
    return DECLARED_ADDRESS_GAS * len({address for address, _, _ in slots}) + DECLARED_SLOT_GAS * len(slots)
