"""The pre-state of a recorded block, in the shape of geth's genesis allocation."""

from __future__ import annotations

from executor.errors import InvalidInput, MissingCode
from executor.json_fields import JsonObject, as_bytes, as_int, as_object, as_text, required, shown
from executor.state import Account, MemoryState
from scheduler.access import EMPTY_CODE_HASH


def parse_pre_state(value: object, *, complete: bool) -> MemoryState:
    """Return the state that the object address -> account describes.

    Zero slots are kept where the state is partial: there they say that the slot was read.
    """
    state = MemoryState(complete=complete)
    hashes: dict[str, bytes] = {"": EMPTY_CODE_HASH, "0x": EMPTY_CODE_HASH}
    for key, entry in as_object(value, "pre").items():
        if key.startswith("_"):
            continue
        where = f"pre.{key}" if key.isalnum() and key.isascii() else f"pre[{shown(key)}]"
        address = as_bytes(key, where, 20)
        if address in state.accounts:
            raise InvalidInput(f"{where}: the account stands twice; keep one of them")
        state.accounts[address] = _parse_account(as_object(entry, where), where, state, hashes)
    for address, account in state.accounts.items():
        if account.code_hash not in state.codes:
            raise MissingCode(account.code_hash, f"pre.0x{address.hex()}")
    return state


def _parse_account(fields: JsonObject, where: str, state: MemoryState, hashes: dict[str, bytes]) -> Account:
    nonce = fields.get("nonce")
    return Account(
        as_int(required(fields, "balance", where), f"{where}.balance"),
        0 if nonce is None else as_int(nonce, f"{where}.nonce", 64),
        _parse_code(fields, where, state, hashes),
        _parse_storage(fields.get("storage"), f"{where}.storage", zeros=not state.complete),
    )


def _parse_code(fields: JsonObject, where: str, state: MemoryState, hashes: dict[str, bytes]) -> bytes:
    """Return the code hash of an account; the same code in many accounts is hashed once (`hashes`)."""
    stated = fields.get("codeHash")
    expected = None if stated is None else as_bytes(stated, f"{where}.codeHash", 32)
    if fields.get("code") is None:
        return EMPTY_CODE_HASH if expected is None else expected
    text = as_text(fields["code"], f"{where}.code")
    if text not in hashes:
        hashes[text] = state.add_code(as_bytes(text, f"{where}.code"))
    if expected is not None and expected != hashes[text]:
        raise InvalidInput(
            f"{where}.codeHash: 0x{expected.hex()} is stated, 0x{hashes[text].hex()} is the code's;"
            " record the block again"
        )
    return hashes[text]


def _parse_storage(value: object, where: str, *, zeros: bool) -> dict[int, int]:
    if value is None:
        return {}
    entries = as_object(value, where)
    slots: dict[int, int] = {}
    for key, entry in entries.items():
        if key.startswith("_"):
            continue
        slot = as_int(key, f"{where} (slot)")
        if slot in slots:
            raise InvalidInput(f"{where}: slot {slot:#x} stands twice; keep one of them")
        slots[slot] = as_int(entry, where)
    return slots if zeros else {slot: number for slot, number in slots.items() if number}
