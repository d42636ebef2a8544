"""Recorded reads, writes, gas and status against an independent recording of all 50 blocks.

Every kind of difference is in the table below with its reason; any other fails. The recording keeps an exact
balance read wherever py-evm asks for a balance, we keep a bound; it leaves out the coinbase's fee.
"""

from __future__ import annotations

from typing import Any

from executor.types import TransactionResult
from scheduler.access import BALANCE, CODE, EXISTENCE, NONCE, STORAGE, Location
from tests.conftest import Recorded
from tests.data import golden, needs_data

LETTERS = {BALANCE: "b", NONCE: "n", CODE: "c", EXISTENCE: "e"}
MORE, LESS = "we have it, the recording does not", "the recording has it, we do not"

EXPLAINED = {
    ("read", LESS, "b"): "a bound, or nothing where the comparison cannot fail, in place of an exact read",
    ("read", LESS, "e"): "existence that own writes, nonce or code already prove is no read",
    ("read", MORE, "c"): "the sender's code (EIP-3607), which py-evm does not check",
    ("read", MORE, "e"): "before EIP-161 every touched account's presence; after it what the balance proved",
    ("write", MORE, "b"): "the coinbase's fee, which the recording leaves out",
    ("write", MORE, "e"): "presence of accounts that the fee or a touch brought into being",
    ("write", LESS, "s"): "slots of a destroyed account: one clear instead of a write per slot",
    ("write", MORE, "n"): "the nonce of a destroyed account is written without having been read",
}


def name(location: Location) -> str:
    address, kind, slot = location
    return f"s:{address.hex()}:{slot:x}" if kind == STORAGE else f"{LETTERS[kind]}:{address.hex()}"


def differences(entry: dict[str, Any], result: TransactionResult) -> list[tuple[tuple[str, str, str], str]]:
    """Return ((read or write, direction, kind), location) for each difference."""
    deltas = {f"b:{address.hex()}" for address in result.writes.deltas}
    ours = {
        "read": {name(location) for location in result.reads},
        "write": {name(location) for location in result.writes.values} | deltas,
    }
    found = []
    for what, mine in ours.items():
        theirs = set(entry[f"{what}s"])
        found += [((what, MORE, location[0]), location) for location in mine - theirs]
        found += [((what, LESS, location[0]), location) for location in theirs - mine]
    return found


def justified(key: tuple[str, str, str], location: str, result: TransactionResult, coinbase: bytes) -> bool:
    """Return whether a difference of an explained kind really has the reason that the table gives."""
    address = bytes.fromhex(location.split(":")[1])
    destroyed = address in result.writes.clears
    if key == ("read", MORE, "c"):
        return address == result.sender
    if key == ("write", MORE, "b"):
        return address == coinbase
    if key in {("write", LESS, "s"), ("write", MORE, "n")}:
        return destroyed
    if key == ("read", LESS, "b"):
        inherited = (address, EXISTENCE, 0) in result.reads  # of a SELFDESTRUCT: a blind credit, even of nothing
        return address in result.bounds or inherited or moved_or_called(address, result)
    if key == ("read", LESS, "e"):
        return address == coinbase or moved_or_called(address, result) or nonce_is_known(address, result)
    return key in EXPLAINED


def moved_or_called(address: bytes, result: TransactionResult) -> bool:
    """Return whether the account was debited, credited or called, or paid a fee of nothing: none needs its balance.

    A blind credit, a comparison that no balance fails, and py-evm's sweep of touched accounts ask for balance and
    existence there; code that is known, or seen to be absent, shows that the account was called.
    """
    known_code = (address, CODE, 0) in result.reads or (address, CODE, 0) in result.writes.values
    return address == result.sender or address in result.writes.deltas or known_code


def nonce_is_known(address: bytes, result: TransactionResult) -> bool:
    """Return whether a nonce read or written proves the account to exist."""
    return any((result.reads.get((address, NONCE, 0)), result.writes.values.get((address, NONCE, 0))))


@needs_data
def test_accesses_are_those_of_the_recording(each_block: Recorded) -> None:
    coinbase = each_block.capsule.block.header.coinbase
    results, entries = each_block.expected.transactions, golden(each_block.number)
    assert len(entries) == len(results)
    for index, (entry, result) in enumerate(zip(entries, results, strict=True)):
        assert entry["gas"] == result.gas_used, index
        assert entry["status"] in {None, int(result.success)}, index
        for key, location in differences(entry, result):
            assert justified(key, location, result, coinbase), (index, key, location)


@needs_data
def test_slots_and_nonces_read_are_the_same_to_the_last_one(each_block: Recorded) -> None:
    for entry, result in zip(golden(each_block.number), each_block.expected.transactions, strict=True):
        for kind, letter in ((STORAGE, "s"), (NONCE, "n")):
            ours = {name(location) for location in result.reads if location[1] == kind}
            assert ours == {location for location in entry["reads"] if location[0] == letter}
