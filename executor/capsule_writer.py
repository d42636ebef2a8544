"""Writes blocks in the format `evm-block-replay/1`: the same block gives the same bytes."""

from __future__ import annotations

import gzip
import io
import json

from executor.capsule import FORMAT, parse_capsule
from executor.errors import MissingCode
from executor.files import StrPath, write_whole
from executor.hashing import keccak256
from executor.header import header_hash
from executor.json_fields import JsonObject
from executor.json_header import format_header, format_value, format_withdrawal
from executor.state import Account, MemoryState
from executor.types import Block, RawTransaction, Witness


def dump_capsule(
    block: Block,
    pre_state: MemoryState,
    path: StrPath,
    *,
    source: str = "parallel-evm",
    witness: Witness | None = None,
) -> None:
    """Write a gzipped capsule to `path`, whole or not at all.

    What could not be loaded again is refused with the error that loading would raise.
    """
    document = format_capsule(block, pre_state, source=source, witness=witness)
    parse_capsule(document)
    text = json.dumps(document, sort_keys=True, separators=(",", ":"))
    packed = io.BytesIO()
    # Without a time and a name the bytes depend on the block alone.
    with gzip.GzipFile(filename="", mode="wb", fileobj=packed, mtime=0) as file:
        file.write(text.encode())
    write_whole(path, packed.getvalue())


def format_capsule(block: Block, pre_state: MemoryState, *, source: str, witness: Witness | None = None) -> JsonObject:
    """Return the JSON document of a capsule."""
    document: JsonObject = {
        "format": FORMAT,
        "source": source,
        "chainId": block.chain_id,
        "fork": block.fork,
        "hash": format_value(header_hash(block.header)),
        "header": format_header(block.header),
        "transactions": [_format_transaction(transaction) for transaction in block.transactions],
        "withdrawals": None if block.withdrawals is None else list(map(format_withdrawal, block.withdrawals)),
        "uncles": [format_header(uncle) for uncle in block.uncles]
        or [format_value(uncle) for uncle in block.uncle_hashes],
        "blockHashes": {str(number): format_value(value) for number, value in block.block_hashes.items()},
        "pre": _format_state(pre_state),
    }
    if pre_state.complete:
        document["stateComplete"] = True
    if witness is not None:
        nodes = list(map(format_value, witness.nodes))
        document["witness"] = {"parentHeader": format_header(witness.parent_header), "state": nodes}
    return document


def _format_transaction(transaction: RawTransaction) -> JsonObject:
    fields: JsonObject = {
        "raw": format_value(transaction.raw),
        "hash": format_value(keccak256(transaction.raw)),
    }
    if transaction.sender_hint is not None:
        fields["from"] = format_value(transaction.sender_hint)
    return fields


def _format_state(state: MemoryState) -> JsonObject:
    return {
        format_value(address): _format_account(format_value(address), account, state)
        for address, account in state.accounts.items()
    }


def _format_account(name: str, account: Account, state: MemoryState) -> JsonObject:
    fields: JsonObject = {"balance": hex(account.balance), "nonce": hex(account.nonce)}
    code = state.codes.get(account.code_hash)
    if code is None:
        raise MissingCode(account.code_hash, name)
    if code:
        fields["code"] = format_value(code)
    if account.storage:
        slots = account.storage.items()
        fields["storage"] = {_word(slot): _word(value) for slot, value in slots if value or not state.complete}
    return fields


def _word(value: int) -> str:
    return f"0x{value:064x}"
