"""The genesis of a blockchain test, from its RLP or its header in JSON, with the hash it must have."""

from __future__ import annotations

from bench.conformance.outcome import MismatchError
from executor.block_rlp import decode_block
from executor.header import header_hash
from executor.json_fields import JsonObject, as_bytes, as_object, required
from executor.json_header import HEADER_NAMES, parse_header
from executor.types import Header

FIXTURE_NAMES = {
    "uncles_hash": "uncleHash",
    "coinbase": "coinbase",
    "transactions_root": "transactionsTrie",
    "receipts_root": "receiptTrie",
    "bloom": "bloom",
}
"""Our name of a header field -> the suites', where it is not JSON-RPC's."""


def parse_genesis(fields: JsonObject) -> Header:
    """Return the header of the genesis; where RLP and JSON are given, both must be the same block."""
    stated = as_object(fields.get("genesisBlockHeader") or {}, "genesisBlockHeader")
    if fields.get("genesisRLP") is not None:
        header = decode_block(as_bytes(fields["genesisRLP"], "genesisRLP")).header
    else:
        required(fields, "genesisBlockHeader", "")
        header = parse_header(_in_rpc_names(stated), "genesisBlockHeader")
    if stated.get("hash") is not None:
        expected = as_bytes(stated["hash"], "genesisBlockHeader.hash", 32)
        if header_hash(header) != expected:
            raise MismatchError(f"genesis: its hash is 0x{header_hash(header).hex()}, not 0x{expected.hex()}")
    return header


def _in_rpc_names(stated: JsonObject) -> JsonObject:
    renamed = dict(stated)
    for name, suites in FIXTURE_NAMES.items():
        if suites in stated:
            renamed[HEADER_NAMES[name]] = stated[suites]
    return renamed
