"""Reference model of contracts/Token.vy, and tokens seeded at genesis."""

from __future__ import annotations

from scheduler.access import STORAGE, Address, Location
from workloads.artefacts import Contract, load_contract, string_slots
from workloads.storage_model import ModelStorage, Reverted

UNLIMITED = 2**256 - 1
"""An allowance that is never used up, and an amount that means all there is."""


class Token:
    """The token at `address`, on model storage; methods raise Reverted with the contract's reason."""

    def __init__(self, storage: ModelStorage, address: Address) -> None:
        self.address = address
        self.contract: Contract = load_contract("Token")
        self._storage = storage
        self._balances: dict[Address, Location] = {}
        self._allowances: dict[tuple[Address, Address], Location] = {}

    # -- where things lie ---------------------------------------------------------------------------------

    def balance_at(self, holder: Address) -> Location:
        """Return the location of a balance; remembered, since hashing is what costs."""
        known = self._balances.get(holder)
        if known is None:
            known = self.address, STORAGE, self.contract.slot("balanceOf", holder)
            self._balances[holder] = known
        return known

    def allowance_at(self, owner: Address, spender: Address) -> Location:
        """Return the location of an allowance."""
        known = self._allowances.get((owner, spender))
        if known is None:
            known = self.address, STORAGE, self.contract.slot("allowance", owner, spender)
            self._allowances[owner, spender] = known
        return known

    @property
    def supply_at(self) -> Location:
        """Return the location of the total supply."""
        return self.address, STORAGE, self.contract.slot("totalSupply")

    # -- genesis ------------------------------------------------------------------------------------------

    def deploy(self, name: str, symbol: str, decimals: int, owner: Address) -> None:
        """Seed the token's own variables."""
        layout = self.contract.layout
        slots = {layout["decimals"]: decimals, layout["owner"]: int.from_bytes(owner, "big")}
        slots |= string_slots(layout["name"], name) | string_slots(layout["symbol"], symbol)
        for slot, value in slots.items():
            self._storage.values[self.address, STORAGE, slot] = value

    def seed(self, holder: Address, amount: int) -> None:
        """Give `holder` new tokens, the supply growing with them."""
        values = self._storage.values
        for location in (self.balance_at(holder), self.supply_at):
            values[location] = values.get(location, 0) + amount

    def seed_allowance(self, owner: Address, spender: Address, amount: int = UNLIMITED) -> None:
        """Let `spender` move the owner's tokens."""
        self._storage.values[self.allowance_at(owner, spender)] = amount

    # -- calls --------------------------------------------------------------------------------------------

    def balance_of(self, holder: Address) -> int:
        """Return a balance without noting a read."""
        return self._storage.values.get(self.balance_at(holder), 0)

    def transfer(self, sender: Address, receiver: Address, amount: int) -> None:
        """Move tokens."""
        storage = self._storage
        held = storage.load(self.balance_at(sender))
        if held < amount:
            raise Reverted("insufficient balance")
        storage.store(self.balance_at(sender), held - amount)
        storage.add(self.balance_at(receiver), amount)

    def transfer_from(self, spender: Address, sender: Address, receiver: Address, amount: int) -> None:
        """Move somebody else's tokens."""
        at = self.allowance_at(sender, spender)
        allowed = self._storage.load(at)
        if allowed != UNLIMITED:
            if allowed < amount:
                raise Reverted("insufficient allowance")
            self._storage.store(at, allowed - amount)
        self.transfer(sender, receiver, amount)
