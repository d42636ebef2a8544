"""Compiled contracts as the generators use them: code, call data, and where each variable lies in storage."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from executor.errors import InputOutputError
from executor.hashing import keccak256

ARTEFACTS = Path(__file__).parent / "contracts" / "artefacts"
WORD = 32


@dataclass(frozen=True)
class Contract:
    """A compiled contract; `layout` maps a variable to its first slot, `structs` a struct to its members.

    `types` and `sizes` map a variable to its type in the source and to the number of its slots.
    """

    name: str
    runtime: bytes
    creation: bytes
    selectors: dict[str, bytes]
    layout: dict[str, int]
    structs: dict[str, tuple[str, ...]]
    abi: list[dict[str, Any]]
    types: dict[str, str]
    sizes: dict[str, int]

    def call(self, function: str, *arguments: int | bytes) -> bytes:
        """Return call data; `function` is the name alone, arguments are static (integers, addresses)."""
        return self.selectors[function] + b"".join(map(word, arguments))

    def slot(self, variable: str, *keys: int | bytes, member: str = "", struct: str = "") -> int:
        """Return the slot of a variable, of a mapping's entry (one key per level) or of a struct's member."""
        slot = mapping_slot(self.layout[variable], *keys)
        return slot + self.structs[struct].index(member) if struct else slot


def word(value: int | bytes) -> bytes:
    """Return an ABI word: integers and addresses are padded on the left."""
    return value.to_bytes(WORD, "big") if isinstance(value, int) else value.rjust(WORD, b"\0")


def mapping_slot(slot: int, *keys: int | bytes) -> int:
    """Return where Vyper keeps the entry: keccak(slot || key) per level, the slot first."""
    for key in keys:
        slot = int.from_bytes(keccak256(slot.to_bytes(WORD, "big") + word(key)), "big")
    return slot


def string_slots(slot: int, text: str) -> dict[int, int]:
    """Return the slots of a Vyper string of at most 32 bytes: length, then bytes padded on the right."""
    data = text.encode()
    return {slot: len(data), slot + 1: int.from_bytes(data.ljust(WORD, b"\0"), "big")}


@cache
def load_contract(name: str) -> Contract:
    """Return the committed artefact of `name`; InputOutputError if it cannot be read."""
    path = ARTEFACTS / f"{name}.json"
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        msg = f"{path}: {error.strerror}; write it with `python -m workloads.compile`"
        raise InputOutputError(msg) from error
    return Contract(
        name=name,
        runtime=_bytes(document["runtime_bytecode"]),
        creation=_bytes(document["creation_bytecode"]),
        selectors={key.partition("(")[0]: _bytes(value) for key, value in document["selectors"].items()},
        layout={key: entry["slot"] for key, entry in document["storage_layout"].items()},
        structs={key: tuple(members) for key, members in document["structs"].items()},
        abi=document["abi"],
        types={key: entry["type"] for key, entry in document["storage_layout"].items()},
        sizes={key: entry["n_slots"] for key, entry in document["storage_layout"].items()},
    )


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
