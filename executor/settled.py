"""The state as the settled transactions left it: effects applied in block order over the pre-state."""

from __future__ import annotations

from collections import defaultdict

from executor.state import PreState
from executor.types import AccountDiff, StateDiff, TransactionResult
from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    STORAGE,
    Address,
    Location,
    Value,
)


class SettledState:
    """Settled values over a pre-state; answers a view like a multi-version state, with one version only."""

    def __init__(self, pre_state: PreState, *, empty_removed: bool) -> None:
        self._pre_state = pre_state
        self._empty_removed = empty_removed
        self._values: dict[Location, Value] = {}
        self._deltas: dict[Address, int] = {}
        self._clears: set[Address] = set()
        self._sweeps: set[Address] = set()
        self._codes: dict[bytes, bytes] = {}

    def apply(self, result: TransactionResult) -> None:
        """Take in the effects of the next transaction in block order."""
        writes = result.writes
        for address in writes.clears:
            self._clears.add(address)
            for key in [key for key in self._values if key[0] == address and key[1] == STORAGE]:
                del self._values[key]
        self._values.update(writes.values)
        deltas = self._deltas
        for address, delta in writes.deltas.items():
            deltas[address] = deltas.get(address, 0) + delta
        if result.codes:
            self._codes.update(result.codes)
        if result.sweeps:
            self._sweeps |= result.sweeps

    # -- reading: `below` is there for the shape, everything settled is below ------------------------------

    def storage(self, address: Address, slot: int, below: int = 0) -> int:  # noqa: ARG002
        """Return a slot."""
        key = (address, STORAGE, slot)
        value = self._values.get(key)
        if value is None:
            value = 0 if address in self._clears else self._pre_state.read(key)
        return value  # type: ignore[return-value]

    def balance(self, address: Address, below: int = 0) -> int:  # noqa: ARG002
        """Return a balance in wei."""
        return self._pre_state.read((address, BALANCE, 0)) + self._deltas.get(address, 0)  # type: ignore[operator]

    def nonce(self, address: Address, below: int = 0) -> int:  # noqa: ARG002
        """Return a nonce."""
        return self._value((address, NONCE, 0))  # type: ignore[return-value]

    def code_hash(self, address: Address, below: int = 0) -> bytes:  # noqa: ARG002
        """Return the hash of a code."""
        return self._value((address, CODE, 0))  # type: ignore[return-value]

    def exists(self, address: Address, below: int = 0) -> bool:  # noqa: ARG002
        """Return whether the account exists: not empty from EIP-161 on, present before it."""
        if self._empty_removed:
            return bool(self.nonce(address) or self.code_hash(address) != EMPTY_CODE_HASH or self.balance(address))
        return bool(self._value((address, EXISTENCE, 0)))

    def code(self, code_hash: bytes) -> bytes:
        """Return a code by its hash."""
        own = self._codes.get(code_hash)
        return self._pre_state.code(code_hash) if own is None else own

    def only_storage(self, address: Address) -> bool:
        """Return whether the account began the block with storage, but neither nonce nor code (EIP-7610)."""
        return self._pre_state.only_storage(address)

    def _value(self, location: Location) -> Value:
        value = self._values.get(location)
        return self._pre_state.read(location) if value is None else value

    # -- what the block comes to --------------------------------------------------------------------------

    def diff(self) -> StateDiff:
        """Return what differs from the pre-state, account by account, in the order of addresses."""
        nonces: dict[Address, int] = {}
        codes: dict[Address, bytes] = {}
        slots: dict[Address, dict[int, int]] = defaultdict(dict)
        touched = self._clears | self._sweeps | {address for address, delta in self._deltas.items() if delta}
        for (address, kind, slot), value in self._values.items():
            if kind == STORAGE:
                slots[address][slot] = value  # type: ignore[assignment] # a slot is an int
            elif kind == NONCE:
                nonces[address] = value  # type: ignore[assignment] # a nonce is an int
            elif kind == CODE:
                codes[address] = value  # type: ignore[assignment] # a hash is bytes
            else:
                touched.add(address)
        touched.update(nonces, codes, slots)
        accounts: dict[Address, AccountDiff] = {}
        for address in sorted(touched):
            change = self._account_diff(address, nonces.get(address), codes.get(address), slots.get(address))
            if change is not None:
                accounts[address] = change
        return StateDiff(accounts)

    def _account_diff(
        self, address: Address, nonce: int | None, code_hash: bytes | None, slots: dict[int, int] | None
    ) -> AccountDiff | None:
        """Return what differs, given what was written of the account and nothing else.

        Only that is compared, as reading an account costs more than all else; and a nonce proves that it exists.
        """
        before = self._pre_state.read
        if not nonce and not self.exists(address):
            return AccountDiff(deleted=True) if before((address, EXISTENCE, 0)) else None
        delta = self._deltas.get(address, 0)
        if nonce is not None and nonce == before((address, NONCE, 0)):
            nonce = None
        if code_hash is not None and code_hash == before((address, CODE, 0)):
            code_hash = None
        cleared = address in self._clears
        storage = {} if slots is None else self._changed_slots(address, slots, cleared=cleared)
        same = not (delta or storage or cleared) and nonce is None and code_hash is None
        if same and before((address, EXISTENCE, 0)):
            return None
        return AccountDiff(
            balance=self.balance(address) if delta else None,
            nonce=nonce,
            code=None if code_hash is None else self.code(code_hash),
            storage=storage,
            cleared=cleared,
        )

    def _changed_slots(self, address: Address, slots: dict[int, int], *, cleared: bool) -> dict[int, int]:
        before = self._pre_state.read
        return {
            slot: slots[slot]
            for slot in sorted(slots)
            if slots[slot] != (0 if cleared else before((address, STORAGE, slot)))
        }
