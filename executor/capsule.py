"""Recorded blocks: reads the format `evm-block-replay/1` and checks that a document is what it says."""

from __future__ import annotations

import json
from dataclasses import dataclass

from executor.capsule_state import parse_pre_state
from executor.errors import InvalidInput, InvalidRlp, ParallelEvmError
from executor.files import StrPath, printable, read_packed, unpacked
from executor.forks import fork_rules
from executor.hashing import keccak256
from executor.header import decode_header, header_hash, transactions_root, uncles_hash, withdrawals_root
from executor.json_fields import (
    JsonObject,
    as_bytes,
    as_int,
    as_list,
    as_object,
    as_text,
    is_nested_deeper,
    refuse,
    required,
)
from executor.json_header import check_fork_fields, parse_header, parse_withdrawal
from executor.rlp_codec import is_one_list
from executor.state import MemoryState
from executor.types import Block, Header, RawTransaction, Withdrawal, Witness

FORMAT = "evm-block-replay/1"
WHAT = "a block capsule (<block>.json.gz)"
MAX_NESTING = 32
_HIGHEST_TYPE = 0x7F  # of a transaction's envelope (EIP-2718)


@dataclass(frozen=True, slots=True)
class Capsule:
    """A block with all that its execution needs; `source` says who recorded it, `hash` is the block's."""

    block: Block
    pre_state: MemoryState
    witness: Witness | None
    source: str
    hash: bytes


def load_capsule(path: StrPath) -> Capsule:
    """Return the checked capsule in the file `path`, gzipped or plain JSON.

    InputOutputError, InvalidInput and its subclasses say in one line which file, which field and what to do.
    """
    try:
        return capsule_of(read_packed(path, WHAT))
    except ParallelEvmError as error:
        error.args = (f"{printable(path)}: {error}",)
        raise


def capsule_of(data: bytes) -> Capsule:
    """Return the checked capsule in the bytes of a file, gzipped or plain JSON; InvalidInput where it is none."""
    return parse_capsule(_document(unpacked(data, WHAT)))


def _document(data: bytes) -> object:
    # With the recursion limit that EVMs set, the scanner runs off the stack before it reaches the limit.
    if is_nested_deeper(data, MAX_NESTING):
        raise InvalidInput(f"the JSON is nested deeper than {MAX_NESTING} levels; name a block capsule")
    try:
        return json.loads(data.decode("utf-8-sig"))
    except ValueError as error:
        raise InvalidInput(f"is not JSON, gzipped or plain ({error}); name a block capsule") from None


def parse_capsule(document: object) -> Capsule:
    """Return the capsule that a parsed JSON document holds; InvalidInput where it is not what it says."""
    fields = as_object(document, "capsule")
    if fields.get("format") != FORMAT:
        raise refuse("format", f"{FORMAT!r}", fields.get("format"))
    rules = fork_rules(as_text(required(fields, "fork", ""), "fork"))
    header = parse_header(required(fields, "header", ""), "header")
    check_fork_fields(header, rules)
    block_hash = header_hash(header)
    _agree("hash", block_hash, as_bytes(required(fields, "hash", ""), "hash", 32))
    uncles, uncle_hashes = _parse_uncles(fields.get("uncles"), header)
    block = Block(
        header=header,
        transactions=_parse_transactions(required(fields, "transactions", ""), header),
        fork=rules.name,
        chain_id=as_int(required(fields, "chainId", ""), "chainId", 64),
        withdrawals=_parse_withdrawals(fields.get("withdrawals"), header),
        uncles=uncles,
        uncle_hashes=uncle_hashes,
        block_hashes=_parse_block_hashes(fields.get("blockHashes") or {}, header),
    )
    return Capsule(
        block=block,
        pre_state=parse_pre_state(required(fields, "pre", ""), complete=_parse_flag(fields, "stateComplete")),
        witness=_parse_witness(fields.get("witness"), header),
        source=as_text(fields.get("source") or "", "source"),
        hash=block_hash,
    )


def _agree(where: str, computed: bytes, stated: bytes) -> None:
    if computed != stated:
        raise InvalidInput(f"{where}: 0x{stated.hex()} is stated, 0x{computed.hex()} computed; record the block again")


def _parse_flag(fields: JsonObject, name: str) -> bool:
    value = fields.get(name, False)
    if not isinstance(value, bool):
        raise refuse(name, "true or false", value)
    return value


def _parse_transactions(value: object, header: Header) -> tuple[RawTransaction, ...]:
    entries = enumerate(as_list(value, "transactions"))
    transactions = tuple(_parse_transaction(entry, f"transactions[{index}]") for index, entry in entries)
    _agree("header.transactionsRoot", transactions_root(transactions), header.transactions_root)
    return transactions


def _parse_transaction(value: object, where: str) -> RawTransaction:
    fields: JsonObject = {"raw": value} if isinstance(value, str) else as_object(value, where)
    raw = as_bytes(required(fields, "raw", where), f"{where}.raw")
    typed = bool(raw) and 0 < raw[0] <= _HIGHEST_TYPE
    if not is_one_list(raw[1:] if typed else raw):
        raise InvalidRlp(f"{where}.raw: is not the RLP of one signed transaction; record the block again")
    if fields.get("hash") is not None:
        _agree(f"{where}.hash", keccak256(raw), as_bytes(fields["hash"], f"{where}.hash", 32))
    sender = fields.get("from")
    return RawTransaction(raw, None if sender is None else as_bytes(sender, f"{where}.from", 20))


def _parse_withdrawals(value: object, header: Header) -> tuple[Withdrawal, ...] | None:
    if header.withdrawals_root is None:
        if value:
            raise refuse("withdrawals", "none in a block without withdrawalsRoot", value)
        return None
    entries = enumerate(as_list(value, "withdrawals"))
    withdrawals = tuple(parse_withdrawal(entry, f"withdrawals[{index}]") for index, entry in entries)
    _agree("header.withdrawalsRoot", withdrawals_root(withdrawals), header.withdrawals_root)
    return withdrawals


def _parse_uncles(value: object, header: Header) -> tuple[tuple[Header, ...], tuple[bytes, ...]]:
    """Return the uncles, or their hashes where only these were recorded (as JSON-RPC gives them)."""
    entries = [] if value is None else as_list(value, "uncles")
    if entries and all(isinstance(entry, str) and len(entry) <= len("0x") + 64 for entry in entries):
        hashes = tuple(as_bytes(entry, f"uncles[{index}]", 32) for index, entry in enumerate(entries))
        if header.uncles_hash == uncles_hash(()):
            raise refuse("uncles", "none, as sha3Uncles says", value)
        return (), hashes
    uncles = tuple(_parse_uncle(entry, f"uncles[{index}]") for index, entry in enumerate(entries))
    _agree("header.sha3Uncles", uncles_hash(uncles), header.uncles_hash)
    return uncles, ()


def _parse_uncle(value: object, where: str) -> Header:
    if isinstance(value, str):
        try:
            return decode_header(as_bytes(value, where))
        except InvalidRlp as error:
            raise InvalidRlp(f"{where}: {error}; record the block again") from None
    return parse_header(value, where)


def _parse_block_hashes(value: object, header: Header) -> dict[int, bytes]:
    entries = as_object(value, "blockHashes").items()
    hashes = dict(_parse_block_hash(key, entry) for key, entry in entries if not key.startswith("_"))
    parent = header.number - 1
    _agree(f"blockHashes.{parent}", header.parent_hash, hashes.get(parent, header.parent_hash))
    return hashes


def _parse_block_hash(key: str, value: object) -> tuple[int, bytes]:
    """Return a number and its hash; as a key of JSON the number is decimal, unless it begins with 0x."""
    decimal = key.isascii() and key.isdigit() and len(key) <= len(str(2**64))
    number = as_int(int(key) if decimal else key, "blockHashes (number)", 64)
    return number, as_bytes(value, f"blockHashes.{number}", 32)


def _parse_witness(value: object, header: Header) -> Witness | None:
    if value is None:
        return None
    fields = as_object(value, "witness")
    parent = parse_header(required(fields, "parentHeader", "witness"), "witness.parentHeader")
    _agree("witness.parentHeader", header_hash(parent), header.parent_hash)
    # Nodes are found by their hash, so those that some recorders give apart can do no harm together.
    entries = [
        (f"witness.{name}[{index}]", node)
        for name in ("state", "committed")
        for index, node in enumerate(as_list(fields.get(name) or [], f"witness.{name}"))
    ]
    return Witness(parent, tuple(as_bytes(node, where) for where, node in entries))
