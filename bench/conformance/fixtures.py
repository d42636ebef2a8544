"""Documents of tests -> the tests in them, each with its kind, its category and its fields.

Formats: BlockchainTests and GeneralStateTests of ethereum/tests and EEST (`blockchain_test`, `state_test`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from pathlib import PurePosixPath

from bench.conformance.sources import Source
from executor.errors import InvalidInput
from executor.json_fields import JsonObject, is_nested_deeper

MAX_NESTING = 64
_EIP = re.compile(r"eip\d+", re.IGNORECASE)


class Kind(Enum):
    """What a test is: blocks on a genesis, transactions on a state, or something that is not run here."""

    BLOCKCHAIN = "blockchain"
    STATE = "state"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Fixture:
    """A test as it stands in its document; `category` is the folder, or the EIP, that it belongs to."""

    name: str
    category: str
    kind: Kind
    fields: JsonObject

    @property
    def format(self) -> str:
        """What the document calls the format, for messages."""
        info = self.fields.get("_info")
        stated = info.get("fixture-format") or info.get("fixture_format") if isinstance(info, dict) else None
        return str(stated or "unknown")


def parse_fixtures(source: Source) -> Iterator[Fixture]:
    """Yield the tests of a document, none where it holds something else (an index); InvalidInput for broken JSON."""
    document = _document(source)
    for name, entry in document.items() if isinstance(document, dict) else ():
        kind = _kind(entry)
        if kind is not None:
            yield Fixture(name, _category(source.place), kind, entry)


def _document(source: Source) -> object:
    if is_nested_deeper(source.data, MAX_NESTING):
        raise InvalidInput(f"{source.label}: the JSON is nested deeper than {MAX_NESTING} levels; name a file of tests")
    try:
        return json.loads(source.data.decode("utf-8-sig"))
    except ValueError as error:
        raise InvalidInput(f"{source.label}: is not JSON ({error}); name a file of tests") from None


def _kind(entry: object) -> Kind | None:
    """Return a test's kind; None for what is no test at all."""
    if not isinstance(entry, dict):
        return None
    if "blocks" in entry:
        return Kind.BLOCKCHAIN
    if "transaction" in entry and "post" in entry:
        return Kind.STATE
    return Kind.OTHER if "_info" in entry or "network" in entry else None


def _category(place: PurePosixPath) -> str:
    """Return the folder of an EIP with the one around it, or else the last two folders."""
    folders = place.parts[:-1]
    for depth, name in enumerate(folders):
        if _EIP.match(name):
            return "/".join(folders[max(depth - 1, 0) : depth + 1])
    return "/".join(folders[-2:])
