"""Damaged capsules: whatever is wrong, one error of ours says in one line what, where and what to do."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from executor.capsule import load_capsule, parse_capsule
from executor.capsule_writer import format_capsule
from executor.errors import (
    InputOutputError,
    InvalidInput,
    InvalidRlp,
    MissingCode,
    ParallelEvmError,
    UnknownFork,
)
from executor.header import encode_header, header_hash
from executor.types import Witness
from tests.small import CONTRACT, SENDER, Document, document, small_block, small_header, small_state

# --- damaged documents


def put(*path: str | int, value: object) -> Callable[[Document], object]:
    """Return a change that sets the value at `path`."""

    def change(capsule: Document) -> None:
        target: Any = capsule
        for key in path[:-1]:
            target = target[key]
        target[path[-1]] = value

    return change


def drop(*path: str | int) -> Callable[[Document], object]:
    """Return a change that removes what stands at `path`."""

    def change(capsule: Document) -> None:
        target: Any = capsule
        for key in path[:-1]:
            target = target[key]
        del target[path[-1]]

    return change


WORD = "0x" + "11" * 32
ADDRESS = "0x" + SENDER.hex()
DAMAGES: list[tuple[Callable[[Document], object], type[InvalidInput], str]] = [
    (put("format", value="evm-block-replay/2"), InvalidInput, "format"),
    (drop("format"), InvalidInput, "format"),
    (drop("fork"), InvalidInput, "fork: the field is missing"),
    (put("fork", value="Atlantis\n"), UnknownFork, "Atlantis"),
    (put("fork", value=["Prague"]), InvalidInput, "fork: expected a string, found a list"),
    (put("fork", value="Cancun"), InvalidInput, "Cancun may not have requestsHash"),
    (drop("header", "requestsHash"), InvalidInput, "Prague lacks requestsHash"),
    (drop("header"), InvalidInput, "header: the field is missing"),
    (put("header", value=[]), InvalidInput, "header: expected an object, found a list"),
    (drop("header", "gasUsed"), InvalidInput, "header.gasUsed: the field is missing"),
    (put("header", "gasUsed", value=None), InvalidInput, "header.gasUsed: the field is missing"),
    (put("header", "gasUsed", value=-1), InvalidInput, "header.gasUsed: expected a non-negative number"),
    (put("header", "gasUsed", value="-0x1"), InvalidInput, "header.gasUsed: expected a non-negative number"),
    (put("header", "gasUsed", value=1.5), InvalidInput, "header.gasUsed"),
    (put("header", "gasUsed", value=True), InvalidInput, "header.gasUsed"),
    (put("header", "gasUsed", value="0x1_0"), InvalidInput, "header.gasUsed"),
    (put("header", "gasUsed", value="0x" + "f" * 5000), InvalidInput, "at most 64 bits"),
    (put("header", "gasUsed", value="0x1"), InvalidInput, "hash: "),
    (put("header", "miner", value="0xaa"), InvalidInput, "header.miner: expected 20 bytes"),
    (put("header", "stateRoot", value=7), InvalidInput, "header.stateRoot: expected bytes"),
    (put("hash", value=WORD), InvalidInput, "hash: "),
    (drop("hash"), InvalidInput, "hash: the field is missing"),
    (drop("chainId"), InvalidInput, "chainId"),
    (put("chainId", value="mainnet"), InvalidInput, "chainId"),
    (put("stateComplete", value="true"), InvalidInput, "stateComplete"),
    (put("transactions", value={}), InvalidInput, "transactions: expected a list, found an object"),
    (put("transactions", value=[]), InvalidInput, "header.transactionsRoot"),
    (put("transactions", 0, value=5), InvalidInput, "transactions[0]"),
    (drop("transactions", 1, "raw"), InvalidInput, "transactions[1].raw: the field is missing"),
    (put("transactions", 1, "raw", value="0x02"), InvalidRlp, "transactions[1].raw"),
    (put("transactions", 1, "raw", value="0x"), InvalidRlp, "transactions[1].raw"),
    (put("transactions", 0, "raw", value="0xc3"), InvalidRlp, "transactions[0].raw"),
    (put("transactions", 0, "raw", value="0xc"), InvalidInput, "transactions[0].raw: expected bytes"),
    (put("transactions", 0, "raw", value="0xc0"), InvalidInput, "transactions[0].hash"),
    (put("transactions", 0, "hash", value=WORD), InvalidInput, "transactions[0].hash"),
    (put("transactions", 0, "from", value=WORD), InvalidInput, "transactions[0].from: expected 20 bytes"),
    (put("withdrawals", value=None), InvalidInput, "withdrawals"),
    (put("withdrawals", value=[]), InvalidInput, "header.withdrawalsRoot"),
    (put("withdrawals", 0, "amount", value="0x4"), InvalidInput, "header.withdrawalsRoot"),
    (drop("withdrawals", 0, "address"), InvalidInput, "withdrawals[0].address: the field is missing"),
    (put("uncles", value=["0x" + encode_header(small_header()).hex()]), InvalidInput, "header.sha3Uncles"),
    (put("uncles", value=[WORD]), InvalidInput, "uncles"),
    (put("uncles", value=["0x" + "c0" * 40]), InvalidRlp, "uncles[0]"),
    (put("uncles", value=["0xc0", {}]), InvalidRlp, "uncles[0]"),
    (put("blockHashes", "999", value=WORD), InvalidInput, "blockHashes.999"),
    (put("blockHashes", "last", value=WORD), InvalidInput, "blockHashes"),
    (put("blockHashes", "998", value="0x11"), InvalidInput, "blockHashes.998: expected 32 bytes"),
    (drop("pre"), InvalidInput, "pre: the field is missing"),
    (put("pre", value=[]), InvalidInput, "pre: expected an object, found a list"),
    (put("pre", "0x1234", value={"balance": "0x0"}), InvalidInput, "pre.0x1234: expected 20 bytes"),
    (put("pre", "a\nb", value={"balance": "0x0"}), InvalidInput, "pre['a\\nb']"),
    (put("pre", ADDRESS.upper(), value={"balance": "0x0"}), InvalidInput, "stands twice"),
    (put("pre", ADDRESS, value=None), InvalidInput, "expected an object, found null"),
    (drop("pre", ADDRESS, "balance"), InvalidInput, "balance: the field is missing"),
    (put("pre", ADDRESS, "balance", value="-1"), InvalidInput, "balance: expected a non-negative number"),
    (put("pre", ADDRESS, "balance", value="0x1" + "0" * 64), InvalidInput, "at most 256 bits"),
    (put("pre", ADDRESS, "nonce", value=2**64), InvalidInput, "at most 64 bits"),
    (put("pre", ADDRESS, "code", value=["0x"]), InvalidInput, "code: expected a string"),
    (put("pre", ADDRESS, "code", value="0x60 0160"), InvalidInput, "code: expected bytes"),
    (put("pre", ADDRESS, "codeHash", value=WORD), MissingCode, "is missing"),
    (put("pre", "0x" + CONTRACT.hex(), "codeHash", value=WORD), InvalidInput, "codeHash"),
    (put("pre", ADDRESS, "storage", value=[]), InvalidInput, "storage: expected an object"),
    (put("pre", ADDRESS, "storage", value={"0x1": "zz"}), InvalidInput, "storage"),
    (put("pre", ADDRESS, "storage", value={"0x1": "0x1", "0x01": "0x2"}), InvalidInput, "stands twice"),
    (put("witness", value=[]), InvalidInput, "witness: expected an object"),
    (put("witness", value={"state": []}), InvalidInput, "witness.parentHeader: the field is missing"),
    (put("source", value={"a": 1}), InvalidInput, "source"),
]


@pytest.mark.parametrize(
    ("damage", "error", "said"), DAMAGES, ids=[f"{i}-{said}" for i, (*_, said) in enumerate(DAMAGES)]
)
def test_a_damaged_capsule_is_refused_in_one_line(
    damage: Callable[[Document], object], error: type[InvalidInput], said: str, tmp_path: Path
) -> None:
    capsule = document()
    damage(capsule)
    path = tmp_path / "block.json.gz"
    path.write_bytes(gzip.compress(json.dumps(capsule).encode()))
    with pytest.raises(InvalidInput) as caught:
        load_capsule(path)
    message = str(caught.value)
    assert type(caught.value) is error
    assert message.startswith(f"{path}: ")
    assert said in message
    assert "\n" not in message


def test_the_parent_of_the_witness_is_the_blocks_parent() -> None:
    parent = small_header("Cancun")
    block = small_block()
    block = replace(block, header=replace(block.header, parent_hash=header_hash(parent)), block_hashes={})
    capsule = format_capsule(block, small_state(), source="", witness=Witness(parent, (b"\xc0",)))
    assert parse_capsule(capsule).witness == Witness(parent, (b"\xc0",))
    other = Witness(replace(parent, gas_used=1), ())
    with pytest.raises(InvalidInput, match=r"witness\.parentHeader"):
        parse_capsule(format_capsule(block, small_state(), source="", witness=other))


# --- damaged files


def packed(data: bytes) -> bytes:
    """Return `data` gzipped."""
    return gzip.compress(data, mtime=0)


WHOLE = packed(json.dumps(document()).encode())


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (packed(b""), "not JSON"),
        (WHOLE[: len(WHOLE) // 2], "truncated"),
        (WHOLE[:-4], "truncated"),
        (WHOLE[:2], "truncated"),
        (WHOLE + b"trailing", "damaged"),
        (WHOLE[:40] + b"\xff\xff\xff" + WHOLE[43:], "damaged"),
        (WHOLE[:-8] + bytes(8), "damaged"),
        (b"PK\x03\x04 a zip archive", "not JSON"),
        (b"\xff\xfe\x00{}", "not JSON"),
        (b'{"format": ', "not JSON"),
        (b"[" * 200_000, "nested deeper"),
        (b'[{"\\\\]": "]\\"]}", "a": ' * 50_000, "nested deeper"),
        (b'{"format": ' + b"9" * 5000 + b"}", "not JSON"),
        (b"[]", "expected an object"),
        (b"{}", "format"),
        (b"null", "expected an object"),
    ],
)
def test_a_damaged_file_is_refused_in_one_line(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "block.json.gz"
    path.write_bytes(data)
    with pytest.raises(InvalidInput, match=said) as caught:
        load_capsule(path)
    assert "\n" not in str(caught.value)
    assert caught.value.exit_code == 10


def test_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    paths: list[tuple[Path | str, str]] = [
        (tmp_path, "is a directory"),
        (tmp_path / "absent.json.gz", "no such file"),
        (tmp_path / "two\nlines", "no such file"),
        (tmp_path / ("long" * 200), "cannot be read"),
        ("nul\0byte", "cannot be read"),
    ]
    for path, said in paths:
        with pytest.raises(InputOutputError, match=said) as caught:
            load_capsule(path)
        assert "\n" not in str(caught.value)
        assert caught.value.exit_code == 11


def test_a_file_without_the_right_to_read_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)  # chmod does not stop root
    with pytest.raises(InputOutputError, match="Permission denied"):
        load_capsule(tmp_path / "block")


def test_a_document_that_is_too_large_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("executor.files.MAX_BYTES", 1 << 20)
    for data in (packed(b" " * (2 << 20)), b" " * (2 << 20)):
        (tmp_path / "block").write_bytes(data)
        with pytest.raises(InvalidInput, match="holds more than 1 MiB"):
            load_capsule(tmp_path / "block")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("0x" + "1" * 41),
    lambda values: st.lists(values, max_size=2) | st.dictionaries(st.text(max_size=4), values, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """Return the path of every value in a document."""
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [found for key, entry in entries for found in [(*path, key), *places(entry, (*path, key))]]


@settings(max_examples=300, deadline=None)
@given(st.data(), json_values)
def test_no_value_in_any_place_escapes_as_another_error(data: st.DataObject, value: object) -> None:
    capsule = document()
    put(*data.draw(st.sampled_from(places(capsule))), value=value)(capsule)
    try:
        parse_capsule(capsule)
    except ParallelEvmError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a harmless change need not raise


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=0, max_value=255))
def test_no_damaged_byte_escapes_as_another_error(tmp_path: Path, at: int, byte: int) -> None:
    path = tmp_path / "block"
    path.write_bytes(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
    try:
        load_capsule(path)
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - the gzip header has bytes that say nothing
