"""What must hold of delta-neutral positions after every block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.access import Address
from workloads.perp_exchange import LOT, Exchange
from workloads.stage import Deployed
from workloads.workload import StateReader


@dataclass(frozen=True)
class Strategy:
    """A deployed Neutral, and the token that it holds and sells short."""

    contract: Deployed
    asset: Deployed


@dataclass(frozen=True)
class NeutralCheck:
    """Spot less short is within a lot, but for what was harvested since the last rebalance.

    `hedged` are, per block, those whose last transaction in it opened or rebalanced: they have nothing unhedged.
    """

    venue: Exchange
    strategies: tuple[Strategy, ...]
    hedged: tuple[tuple[Address, ...], ...]

    def violations(self, _before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines = []
        for strategy in self.strategies:
            address = strategy.contract.address
            found = self._of(after, strategy, just_hedged=address in self.hedged[block_index])
            lines += [f"strategy 0x{address.hex()[:8]}: {line}" for line in found]
        return lines

    def _of(self, after: StateReader, strategy: Strategy, *, just_hedged: bool) -> Iterator[str]:
        contract, asset = strategy.contract, strategy.asset
        held, unhedged = contract.read(after, "held"), contract.read(after, "unhedged")
        short = self.venue.position(after, (contract.address, asset.address, False)).size
        if not 0 <= held - unhedged - short < LOT:
            yield f"net delta is {held - unhedged - short}: {held} held, {unhedged} of it new, {short} short"
        if just_hedged and (unhedged or not short):
            yield f"was rebalanced, and has {unhedged} unhedged and {short} short"
        owned = asset.read(after, "balanceOf", contract.address)
        if owned != held:
            yield f"holds {held}, its balance is {owned}"
        idle = self.venue.token.read(after, "balanceOf", contract.address)
        if idle:
            yield f"{idle} of the money lie idle"
