"""What one transaction sees: own writes -> earlier writes -> pre-state; and notes what it read and wrote.

Reads keep the value seen before the transaction's own writes, also in frames that revert. A balance that is
only compared leaves a bound; every balance change is a delta. One undo list serves state, warm sets, transient
storage and logs, so a snapshot is its length.
"""

from __future__ import annotations

from typing import Any

from executor.earlier_state import BlockStore, EarlierState
from scheduler.access import (
    BALANCE,
    CODE,
    EMPTY_CODE_HASH,
    EXISTENCE,
    NONCE,
    STORAGE,
    Address,
    Bounds,
    ReadSet,
    Value,
    WriteSet,
)

RIPEMD160: Address = bytes(19) + b"\x03"


class BalanceBound:
    """A balance that may only be compared: whoever asks for more gets a TypeError instead of a silent read."""

    __slots__ = ("_address", "_view")

    def __init__(self, view: TransactionView, address: Address) -> None:
        self._view = view
        self._address = address

    def __lt__(self, amount: int) -> bool:
        """Return whether the balance is below `amount`, noting a bound if it is not."""
        return not self._view.covers(self._address, amount)

    def __bool__(self) -> bool:
        """Refuse: truth would be an unrecorded read."""
        msg = "a balance bound has no truth value; ask for the exact balance"
        raise TypeError(msg)


class TransactionView:
    """The state through the eyes of the transaction at `below`."""

    def __init__(
        self,
        earlier: EarlierState,
        below: int,
        codes: BlockStore,
        *,
        empty_removed: bool,
        sweepable: frozenset[Address] = frozenset(),
    ) -> None:
        self.reads: ReadSet = {}
        self.bounds: Bounds = {}
        self.assumed: dict[Address, int] = {}
        self.new_codes: dict[bytes, bytes] = {}
        self.logs: list[tuple[bytes, tuple[bytes, ...], bytes]] = []
        self.swept: dict[Address, bool] = {}
        self._earlier = earlier
        self._below = below
        self._store = codes
        self._empty_removed = empty_removed
        self._sweepable = sweepable
        self._slots: dict[tuple[bytes, int, int], int] = {}
        self._deltas: dict[Address, int] = {}
        self._nonces: dict[Address, int] = {}
        self._codes: dict[Address, bytes] = {}
        self._exists: dict[Address, bool] = {}
        self._cleared: dict[Address, bool] = {}
        self._warm: dict[Any, bool] = {}
        self._transient: dict[tuple[Address, int], bytes] = {}
        self._undo: list[tuple[Any, Any, Any]] = []

    # -- undo ---------------------------------------------------------------------------------------------

    def snapshot(self) -> int:
        """Return a mark to come back to with `revert`."""
        return len(self._undo)

    def revert(self, mark: int) -> None:
        """Take back every change since `mark`; reads stay, they were real."""
        undo = self._undo
        while len(undo) > mark:
            container, key, old = undo.pop()
            if container is self.logs:
                self.logs.pop()
            elif old is None:
                del container[key]
            else:
                container[key] = old

    def _put(self, container: dict[Any, Any], key: object, value: object) -> None:
        self._undo.append((container, key, container.get(key)))
        container[key] = value

    # -- storage ------------------------------------------------------------------------------------------

    def get_storage(self, address: Address, slot: int, from_journal: bool = True) -> int:  # noqa: FBT001, FBT002 - py-evm's signature
        """Return the slot now, or (`from_journal` false) as it was before the transaction."""
        key = (address, STORAGE, slot)
        if from_journal:
            own = self._slots.get(key)
            if own is not None:
                return own
            if address in self._cleared:
                return 0
        seen = self.reads.get(key)
        if seen is None:
            seen = self.reads[key] = self._earlier.storage(address, slot, self._below)
        return seen  # type: ignore[return-value]

    def set_storage(self, address: Address, slot: int, value: int) -> None:
        """Write a slot; SSTORE has read it before, so that a write of the same value can be told."""
        key = (address, STORAGE, slot)
        slots = self._slots
        self._undo.append((slots, key, slots.get(key)))
        slots[key] = value

    def delete_storage(self, address: Address) -> None:
        """Drop all slots of the account: own ones now, older ones by a clear."""
        for key in [key for key in self._slots if key[0] == address]:
            self._undo.append((self._slots, key, self._slots.pop(key)))
        self._put(self._cleared, address, True)

    def get_transient_storage(self, address: Address, slot: int) -> bytes:
        """Return the transient slot (EIP-1153)."""
        return self._transient.get((address, slot), b"")

    def set_transient_storage(self, address: Address, slot: int, value: bytes) -> None:
        """Write the transient slot (EIP-1153)."""
        self._put(self._transient, (address, slot), value)

    # -- balances -----------------------------------------------------------------------------------------

    def covers(self, address: Address, amount: int) -> bool:
        """Return whether the balance is at least `amount`: a bound if it is, an exact read if it is not."""
        needed = amount - self._deltas.get(address, 0)
        if needed <= 0:
            return True
        seen = self.reads.get((address, BALANCE, 0))
        if seen is None:
            if self.bounds.get(address, -1) >= needed:
                return True
            seen = self._earlier.balance(address, self._below)
            if seen >= needed:
                self.bounds[address] = needed
                return True
            self.reads[(address, BALANCE, 0)] = seen
        return seen >= needed  # type: ignore[operator]

    def exact_balance(self, address: Address) -> int:
        """Return the balance, noting an exact read."""
        return self._seen_balance(address) + self._deltas.get(address, 0)

    def _seen_balance(self, address: Address) -> int:
        key = (address, BALANCE, 0)
        seen = self.reads.get(key)
        if seen is None:
            seen = self.reads[key] = self._earlier.balance(address, self._below)
        return seen  # type: ignore[return-value]

    def delta_balance(self, address: Address, delta: int) -> None:
        """Add `delta` wei; the caller has checked that the balance covers a debit."""
        self.touch_account(address)
        if delta:
            self._put(self._deltas, address, self._deltas.get(address, 0) + delta)

    # -- nonce and code -----------------------------------------------------------------------------------

    def get_nonce(self, address: Address) -> int:
        """Return the nonce."""
        own = self._nonces.get(address)
        return self._seen_nonce(address) if own is None else own

    def _seen_nonce(self, address: Address) -> int:
        key = (address, NONCE, 0)
        seen = self.reads.get(key)
        if seen is None:
            seen = self.assumed.get(address)
            if seen is None:
                seen = self._earlier.nonce(address, self._below)
            self.reads[key] = seen
        return seen  # type: ignore[return-value]

    def set_nonce(self, address: Address, nonce: int) -> None:
        """Set the nonce."""
        self.touch_account(address)
        self._put(self._nonces, address, nonce)

    def increment_nonce(self, address: Address) -> None:
        """Add one to the nonce."""
        self.set_nonce(address, self.get_nonce(address) + 1)

    def get_code_hash(self, address: Address) -> bytes:
        """Return the hash of the code."""
        own = self._codes.get(address)
        if own is not None:
            return own
        key = (address, CODE, 0)
        seen = self.reads.get(key)
        if seen is None:
            seen = self.reads[key] = self._earlier.code_hash(address, self._below)
        return seen  # type: ignore[return-value]

    def get_code(self, address: Address) -> bytes:
        """Return the code."""
        code_hash = self.get_code_hash(address)
        if code_hash == EMPTY_CODE_HASH:
            return b""
        own = self.new_codes.get(code_hash)
        return self._store.code(code_hash) if own is None else own

    def put_code(self, address: Address, code: bytes, code_hash: bytes) -> None:
        """Set the code, whose hash the caller knows."""
        self.touch_account(address)
        self.new_codes[code_hash] = code
        self._put(self._codes, address, code_hash)

    def has_code_or_nonce(self, address: Address) -> bool:
        """Return whether a contract may not be created here (EIP-684, and 7610: storage counts too).

        Storage without nonce and code is older than the block: none of its transactions can make or remove it,
        so asking is no read.
        """
        if self.get_nonce(address) != 0 or self.get_code_hash(address) != EMPTY_CODE_HASH:
            return True
        return self._store.only_storage(address)

    # -- existence ----------------------------------------------------------------------------------------

    def account_exists(self, address: Address) -> bool:
        """Return whether the account exists: is not empty from EIP-161 on, is present before it.

        The predicate is a location of its own, decided again at settling; what own writes already prove is
        no read.
        """
        if not self._empty_removed:
            own = self._exists.get(address)
            return self._seen_existence(address) if own is None else own
        if self._nonces.get(address) or self._codes.get(address, EMPTY_CODE_HASH) != EMPTY_CODE_HASH:
            return True
        if address in self._nonces or address in self._codes:
            return self._exists_from_parts(address)
        delta = self._deltas.get(address, 0)
        if delta == 0:
            return self._seen_existence(address)
        return delta > 0 or self._exists_from_parts(address)

    def _seen_existence(self, address: Address) -> bool:
        key = (address, EXISTENCE, 0)
        seen = self.reads.get(key)
        if seen is None:
            seen = self.reads[key] = int(self._earlier.exists(address, self._below))
        return bool(seen)

    def _exists_from_parts(self, address: Address) -> bool:
        if self.get_code_hash(address) != EMPTY_CODE_HASH or self.get_nonce(address):
            return True
        return self.exact_balance(address) != 0

    def account_is_empty(self, address: Address) -> bool:
        """Return whether the account is dead in the sense of EIP-161."""
        if self._empty_removed:
            return not self.account_exists(address)
        return not self._exists_from_parts(address)

    def touch_account(self, address: Address) -> None:
        """Materialise the account before EIP-161; from it on note an empty one that is to be swept."""
        if self._empty_removed:
            if address in self._sweepable and address not in self.swept:
                if address == RIPEMD160:  # no revert takes this touch back: mainnet's block 2 675 119 decided it
                    self.swept[address] = True
                else:
                    self._put(self.swept, address, True)
        elif not self.account_exists(address):
            self._put(self._exists, address, True)

    def destroy(self, address: Address) -> None:
        """Delete the account with its slots and burn what it holds; happens after the last opcode."""
        self._deltas[address] = -self._seen_balance(address)
        self._nonces[address] = 0
        self._codes[address] = EMPTY_CODE_HASH
        self._exists[address] = False
        self.delete_storage(address)

    # -- warm sets (EIP-2929) -----------------------------------------------------------------------------

    def is_storage_warm(self, address: Address, slot: int) -> bool:
        """Return whether the slot was accessed in this transaction."""
        return (address, slot) in self._warm

    def mark_storage_warm(self, address: Address, slot: int) -> None:
        """Note that the slot was accessed."""
        if (address, slot) not in self._warm:
            self._put(self._warm, (address, slot), True)

    def mark_address_warm(self, address: Address) -> None:
        """Note that the account was accessed."""
        if address not in self._warm:
            self._put(self._warm, address, True)

    def forget_access(self) -> None:
        """Start warm sets and transient storage anew: between two system calls of one view."""
        self._warm.clear()
        self._transient.clear()
        self._undo.clear()

    def add_log(self, address: Address, topics: tuple[bytes, ...], data: bytes) -> None:
        """Append an event; a revert takes it back."""
        self._undo.append((self.logs, None, None))
        self.logs.append((address, topics, data))

    # -- what it comes to ---------------------------------------------------------------------------------

    def final_bounds(self) -> Bounds:
        """Return the bounds of balances that were not also read exactly."""
        return {a: x for a, x in self.bounds.items() if (a, BALANCE, 0) not in self.reads}

    def write_set(self) -> WriteSet:
        """Return what changed: only what differs from the value seen before."""
        values: dict[tuple[bytes, int, int], Value] = {}
        reads, cleared = self.reads, self._cleared
        for key, value in self._slots.items():
            before = 0 if key[0] in cleared else reads.get(key)
            if value != before:
                values[key] = value
        for address, nonce in self._nonces.items():
            if nonce != reads.get((address, NONCE, 0)):
                values[(address, NONCE, 0)] = nonce
        for address, code_hash in self._codes.items():
            if code_hash != reads.get((address, CODE, 0)):
                values[(address, CODE, 0)] = code_hash
        deltas = {address: delta for address, delta in self._deltas.items() if delta}
        self._note_existence(values, deltas)
        return WriteSet(values, deltas, frozenset(cleared))

    def _note_existence(self, values: dict[tuple[bytes, int, int], Value], deltas: dict[Address, int]) -> None:
        """Add existence where it changed: state before EIP-161, from it on only a hint for the graph."""
        if not self._empty_removed:
            for address, present in self._exists.items():
                values[(address, EXISTENCE, 0)] = int(present)
            return
        for address in {*deltas, *self._nonces, *self._codes}:
            nonce = self.reads.get((address, NONCE, 0))
            code = self.reads.get((address, CODE, 0), EMPTY_CODE_HASH)
            if (nonce or code != EMPTY_CODE_HASH) and address not in self._exists:
                continue
            before = self._earlier.exists(address, self._below)
            if before and deltas.get(address, 0) >= 0 and address not in self._exists:
                continue  # nothing was taken from it
            after = self._exists_after(address)
            if before != after:
                values[(address, EXISTENCE, 0)] = int(after)

    def _exists_after(self, address: Address) -> bool:
        if address in self._exists:
            return self._exists[address]
        earlier, below = self._earlier, self._below
        return bool(
            self._nonces.get(address, 0)
            or self._codes.get(address, EMPTY_CODE_HASH) != EMPTY_CODE_HASH
            or earlier.balance(address, below) + self._deltas.get(address, 0)
            or earlier.nonce(address, below)
            or earlier.code_hash(address, below) != EMPTY_CODE_HASH
        )
