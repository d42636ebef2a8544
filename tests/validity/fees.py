"""Fees: the base fee, the priority fee, funds (EIP-1559), the calldata floor (EIP-7623)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from executor.forks import fork_rules
from executor.state import MemoryState
from tests.builders import BASE_FEE
from tests.signing import ACCESS_LIST, BLOB, FEE_MARKET, LEGACY, SET_CODE, Tx, authorize
from tests.validity.case import (
    CONTRACT,
    ETHER,
    OTHER,
    PRICE,
    RECEIVER,
    TRANSFER_GAS,
    ValidityCase,
    legacy,
    signed,
    since,
    state,
)

BLOB_HASH = b"\x01" + bytes(31)
FLOOR_DATA = b"\x01" * 1_200
FLOOR_GAS = TRANSFER_GAS + 40 * len(FLOOR_DATA)  # 69 000
CLEAR_SLOT = b"\x5f\x60%c\x55"  # PUSH0, PUSH1 slot, SSTORE


def dynamic(tx_type: int, **fields: object) -> Tx:
    """Return a transfer of a type with two fees, with what its type must have."""
    plain = Tx(tx_type, max_fee=PRICE, priority_fee=1, gas=100_000, to=RECEIVER, value=1)
    if tx_type == BLOB:
        plain = replace(plain, blob_hashes=(BLOB_HASH,))
    if tx_type == SET_CODE:
        plain = replace(plain, authorizations=(authorize(OTHER, RECEIVER),))
    return replace(plain, **fields)  # type: ignore[arg-type]


def dynamic_types(fork: str) -> list[int]:
    """Return the types with two fees that `fork` knows."""
    return sorted(fork_rules(fork).tx_types & {FEE_MARKET, BLOB, SET_CODE})


def priced(tx_type: int, price: int) -> bytes:
    """Return a signed transfer that offers `price` wei per gas."""
    if tx_type in {LEGACY, ACCESS_LIST}:
        return signed(legacy(tx_type=tx_type, chain_id=1, gas_price=price))
    return signed(dynamic(tx_type, max_fee=price))


def base_fees() -> Iterator[ValidityCase]:
    """No transaction pays less than the base fee; EELS has no name of its own for those with one price."""
    for fork in since("London"):
        for tx_type in sorted(fork_rules(fork).tx_types):
            exact, low = priced(tx_type, BASE_FEE), priced(tx_type, BASE_FEE - 1)
            yield ValidityCase(f"type {tx_type} at the base fee", fork, exact, state(fork))
            demanded = "InsufficientMaxFeePerGasError"
            claim = demanded if tx_type in dynamic_types(fork) else "InvalidBlock"
            name = f"type {tx_type} below the base fee"
            yield ValidityCase(name, fork, low, state(fork), claim, protocol=demanded)


def priority_fees() -> Iterator[ValidityCase]:
    """The priority fee is part of the max fee."""
    fault = "does not compare the two fees"
    for fork in since("London"):
        for tx_type in dynamic_types(fork):
            equal = signed(dynamic(tx_type, priority_fee=PRICE))
            yield ValidityCase(f"type {tx_type}: all of the fee is priority", fork, equal, state(fork))
            name, claim = "priority fee above max fee", "PriorityFeeGreaterThanMaxFeeError"
            above = signed(dynamic(tx_type, priority_fee=PRICE + 1))
            yield ValidityCase(f"type {tx_type}: {name}", fork, above, state(fork), claim, shipped=fault)


def dynamic_funds() -> Iterator[ValidityCase]:
    """Funds are measured by the max fee, plus the value, plus the blobs by their max fee."""
    for fork in since("London"):
        for tx_type in dynamic_types(fork):
            tx = dynamic(tx_type, value=ETHER // 2)
            needed = tx.gas * PRICE + tx.value + len(tx.blob_hashes) * 2**17 * tx.max_blob_fee
            yield ValidityCase(f"type {tx_type}: funds to the wei", fork, signed(tx), state(fork, needed))
            claim = "InsufficientBalanceError"
            short, paid = state(fork, needed - 1), state(fork, needed - tx.value)
            fault = "measures by the price paid"
            name = "funds for the price paid, not for the max fee"
            yield ValidityCase(f"type {tx_type}: {name}", fork, signed(tx), short, claim, shipped=fault)
            name = f"type {tx_type}: funds without the value"
            yield ValidityCase(name, fork, signed(tx), paid, claim)


def clearing(slots: int) -> MemoryState:
    """Return a state with CONTRACT, which clears that many slots and earns their refunds."""
    built = state("Prague")
    code = b"".join(CLEAR_SLOT % slot for slot in range(slots))
    built.put(CONTRACT, nonce=1, code=code, storage=dict.fromkeys(range(slots), 1))
    return built


def floors() -> Iterator[ValidityCase]:
    """From Prague on, calldata has a floor: in the gas limit, and in what is paid after refunds."""
    fork, pre = "Prague", state("Prague")
    tx = legacy(data=FLOOR_DATA, gas=FLOOR_GAS)
    yield ValidityCase("gas limit at the floor", fork, signed(tx), pre, gas=FLOOR_GAS)
    below, claim = replace(tx, gas=FLOOR_GAS - 1), "InsufficientTransactionGasError"
    fault = "accepts it and charges more than the limit"
    yield ValidityCase("gas limit below the floor", fork, signed(below), pre, claim, shipped=fault)
    for slots in (0, 1, 6):
        raw = signed(legacy(data=FLOOR_DATA, gas=200_000, to=CONTRACT))
        fault = "the receipt says less than was paid" if slots > 1 else ""
        name = f"the floor, {slots} refunds"
        yield ValidityCase(name, fork, raw, clearing(slots), gas=FLOOR_GAS, shipped=fault)
    yield ValidityCase("above the floor", fork, signed(legacy(gas=200_000, to=CONTRACT)), clearing(6))


CASES = [*base_fees(), *priority_fees(), *dynamic_funds(), *floors()]
