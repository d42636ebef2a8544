"""Headers and withdrawals in JSON-RPC names, both ways."""

from __future__ import annotations

from executor.errors import InvalidInput
from executor.forks import ForkRules
from executor.header import BYTE_SIZES, FIRST_OPTIONAL, HEADER_FIELDS, INT_BITS
from executor.json_fields import JsonObject, as_bytes, as_int, as_object, required
from executor.types import Header, Withdrawal

HEADER_NAMES = {
    "parent_hash": "parentHash",
    "uncles_hash": "sha3Uncles",
    "coinbase": "miner",
    "state_root": "stateRoot",
    "transactions_root": "transactionsRoot",
    "receipts_root": "receiptsRoot",
    "bloom": "logsBloom",
    "difficulty": "difficulty",
    "number": "number",
    "gas_limit": "gasLimit",
    "gas_used": "gasUsed",
    "timestamp": "timestamp",
    "extra_data": "extraData",
    "mix_hash": "mixHash",
    "nonce": "nonce",
    "base_fee": "baseFeePerGas",
    "withdrawals_root": "withdrawalsRoot",
    "blob_gas_used": "blobGasUsed",
    "excess_blob_gas": "excessBlobGas",
    "parent_beacon_root": "parentBeaconBlockRoot",
    "requests_hash": "requestsHash",
}
"""Our name of a header field -> JSON-RPC's."""


def parse_header(value: object, where: str) -> Header:
    """Return the header that a JSON object describes; absent optional fields are None."""
    fields = as_object(value, where)
    values = {
        name: _parse_field(name, required(fields, key, where), f"{where}.{key}")
        for name, key in HEADER_NAMES.items()
        if HEADER_FIELDS.index(name) < FIRST_OPTIONAL or fields.get(key) is not None
    }
    return Header(**values)  # type: ignore[arg-type]  # each value has its field's type


def _parse_field(name: str, value: object, where: str) -> int | bytes:
    if name in INT_BITS:
        return as_int(value, where, INT_BITS[name])
    return as_bytes(value, where, BYTE_SIZES.get(name, 32))


def check_fork_fields(header: Header, rules: ForkRules) -> None:
    """Refuse a header that lacks a field of its fork, or has one of a later fork."""
    expected = {
        "base_fee": rules.base_fee,
        "withdrawals_root": rules.initcode_metered,
        "blob_gas_used": rules.blobs,
        "excess_blob_gas": rules.blobs,
        "parent_beacon_root": rules.blobs,
        "requests_hash": rules.prague,
    }
    for name, present in expected.items():
        if present != (getattr(header, name) is not None):
            verb = "lacks" if present else "may not have"
            raise InvalidInput(
                f"header: a block of {rules.name} {verb} {HEADER_NAMES[name]}; correct `fork` or the header"
            )


def format_header(header: Header) -> JsonObject:
    """Return `header` as a JSON object."""
    values = {key: getattr(header, name) for name, key in HEADER_NAMES.items()}
    return {key: format_value(value) for key, value in values.items() if value is not None}


def format_value(value: int | bytes) -> str:
    """Return a number as the shortest 0x-hex, bytes as 0x-hex of their length."""
    return hex(value) if isinstance(value, int) else f"0x{value.hex()}"


def parse_withdrawal(value: object, where: str) -> Withdrawal:
    """Return the withdrawal that a JSON object describes."""
    fields = as_object(value, where)

    def number(name: str) -> int:
        return as_int(required(fields, name, where), f"{where}.{name}", 64)

    address = as_bytes(required(fields, "address", where), f"{where}.address", 20)
    return Withdrawal(number("index"), number("validatorIndex"), address, number("amount"))


def format_withdrawal(withdrawal: Withdrawal) -> JsonObject:
    """Return `withdrawal` as a JSON object."""
    return {
        "index": hex(withdrawal.index),
        "validatorIndex": hex(withdrawal.validator_index),
        "address": format_value(withdrawal.address),
        "amount": hex(withdrawal.amount),
    }
