"""Capsules: what is recorded loads and agrees with itself, what is damaged is refused in one line."""

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
from executor.capsule_writer import dump_capsule, format_capsule
from executor.errors import (
    InputOutputError,
    InvalidInput,
    InvalidRlp,
    MissingCode,
    ParallelEvmError,
    UnknownFork,
)
from executor.forks import FORK_ALIASES, FORKS
from executor.hashing import keccak256
from executor.header import encode_header, header_hash, uncles_hash
from executor.state import MemoryState
from executor.types import Witness
from scheduler.access import STORAGE
from tests.data import block_number, capsule_path, capsule_paths, golden, needs_data
from tests.small import CODE, CONTRACT, MINER, SENDER, small_block, small_header, small_state

Document = dict[str, Any]


def document(fork: str = "Prague") -> Document:
    """Return a valid capsule as a JSON document of its own."""
    return json.loads(json.dumps(format_capsule(small_block(fork), small_state(), source="tests")))


def accounts(state: MemoryState) -> dict[bytes, tuple[int, int, bytes, dict[int, int]]]:
    """Return the content of a state, comparable."""
    return {
        address: (entry.nonce, entry.balance, entry.code_hash, entry.storage)
        for address, entry in state.accounts.items()
    }


def rehashed(capsule: Document, **fields: Any) -> Document:
    """Return `capsule` with other header fields, and the hash that belongs to them."""
    capsule["header"] |= fields
    names = {"transactionsRoot": "transactions_root", "sha3Uncles": "uncles_hash"}
    values = {names[key]: bytes.fromhex(value[2:]) for key, value in fields.items()}
    header = replace(small_block().header, **values)
    return capsule | {"hash": "0x" + header_hash(header).hex()}


# --- recorded blocks


@needs_data
@pytest.mark.parametrize(
    "path", capsule_paths() + capsule_paths("witness"), ids=lambda path: path.parent.name + path.stem
)
def test_recorded_blocks_load_and_agree_with_their_header(path: Path) -> None:
    capsule = load_capsule(path)
    assert capsule.block.header.number == block_number(path)
    assert len(capsule.block.transactions) == len(golden(block_number(path)))
    assert not capsule.pre_state.complete
    assert (capsule.witness is not None) == (path.parent.name == "witness")


@needs_data
def test_there_are_fifty_recorded_blocks() -> None:
    assert len(capsule_paths()) == 50


@needs_data
def test_hashes_of_uncles_are_kept_where_only_these_were_recorded() -> None:
    capsules = [load_capsule(path) for path in capsule_paths()]
    assert sum(len(capsule.block.uncle_hashes) for capsule in capsules) == 3


@needs_data
def test_a_recorded_block_is_written_and_read_back_unchanged(tmp_path: Path) -> None:
    for path in (capsule_path(22615247, "witness"), capsule_path(2179522)):
        first = load_capsule(path)
        target = tmp_path / path.name
        dump_capsule(first.block, first.pre_state, target, source=first.source, witness=first.witness)
        second = load_capsule(target)
        assert (second.block, second.witness, second.source) == (first.block, first.witness, first.source)
        assert accounts(second.pre_state) == accounts(first.pre_state)
        assert second.pre_state.codes == first.pre_state.codes


# --- writing


@pytest.mark.parametrize("fork", [rules.name for rules in FORKS])
def test_a_block_of_every_fork_is_written_and_read_back(fork: str, tmp_path: Path) -> None:
    block = small_block(fork, uncles=(small_header("Frontier"), small_header("London")))
    dump_capsule(block, small_state(), tmp_path / "block.json.gz")
    capsule = load_capsule(tmp_path / "block.json.gz")
    assert capsule.block == block
    assert capsule.hash == keccak256(encode_header(block.header))
    assert capsule.pre_state.complete
    assert accounts(capsule.pre_state) == accounts(small_state())


def test_the_same_block_gives_the_same_bytes_in_any_order_of_its_accounts(tmp_path: Path) -> None:
    state = small_state()
    turned = MemoryState(dict(reversed(state.accounts.items())), dict(state.codes), complete=True)
    for name, entry in (("a", state), ("b", turned)):
        dump_capsule(small_block(), entry, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]


def test_what_could_not_be_loaded_again_is_not_written(tmp_path: Path) -> None:
    block = replace(small_block(), transactions=())
    with pytest.raises(InvalidInput, match="transactionsRoot"):
        dump_capsule(block, small_state(), tmp_path / "block")
    with pytest.raises(MissingCode):
        dump_capsule(small_block(), MemoryState(small_state().accounts), tmp_path / "block")
    with pytest.raises(InputOutputError, match="cannot be written"):
        dump_capsule(small_block(), small_state(), tmp_path / "absent" / "block")
    assert not list(tmp_path.iterdir())


# --- lenient reading


def test_slots_that_were_read_as_zero_stay_in_a_partial_state_only() -> None:
    capsule = document()
    capsule["pre"]["0x" + CONTRACT.hex()]["storage"]["0x9"] = "0x0"
    assert 9 not in parse_capsule(capsule).pre_state.accounts[CONTRACT].storage
    state = parse_capsule(capsule | {"stateComplete": False}).pre_state
    assert state.accounts[CONTRACT].storage[9] == state.read((CONTRACT, STORAGE, 9)) == 0


def without_prefix(value: Any) -> Any:
    """Return the document without `0x` in values and keys."""
    if isinstance(value, dict):
        return {without_prefix(key): without_prefix(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [without_prefix(entry) for entry in value]
    return value.removeprefix("0x") if isinstance(value, str) else value


def test_the_prefix_of_hex_is_optional() -> None:
    plain, bare = parse_capsule(document()), parse_capsule(without_prefix(document()))
    assert bare.block == plain.block
    assert accounts(bare.pre_state) == accounts(plain.pre_state)


def test_unknown_keys_and_comments_are_ignored_wherever_they_stand() -> None:
    capsule = document()
    capsule |= {"_comment": "by hand", "size": "0x300"}
    capsule["header"] |= {"_comment": 1, "totalDifficulty": "0x1"}
    capsule["transactions"][0] |= {"gasPrice": "0x1"}
    capsule["blockHashes"]["_comment"] = "ancestors"
    capsule["pre"]["_comment"] = ["accounts"]
    capsule["pre"]["0x" + CONTRACT.hex()]["storage"]["_comment"] = {}
    assert parse_capsule(capsule).block == parse_capsule(document()).block


def test_numbers_may_be_json_numbers_and_optional_fields_absent() -> None:
    capsule = document("London")
    capsule["header"]["number"] = 1000
    capsule["pre"]["0x" + SENDER.hex()] = {"balance": 5, "nonce": 8}
    capsule["pre"]["0x" + MINER.hex()] = {"balance": "0x", "code": None, "storage": None}
    for name in ("withdrawals", "uncles", "blockHashes", "source", "stateComplete"):
        del capsule[name]
    for transaction in capsule["transactions"]:
        del transaction["hash"]
    state = parse_capsule(capsule).pre_state
    assert (state.accounts[SENDER].balance, state.accounts[SENDER].nonce) == (5, 8)
    assert state.accounts[MINER].is_empty()


@pytest.mark.parametrize(("alias", "fork"), FORK_ALIASES.items())
def test_forks_may_be_named_as_the_test_suites_do(alias: str, fork: str) -> None:
    assert parse_capsule(document(fork) | {"fork": alias}).block.fork == fork


def test_a_transaction_may_be_its_bytes_alone_and_an_uncle_its_rlp() -> None:
    uncle = small_header("London")
    capsule = rehashed(document(), sha3Uncles="0x" + uncles_hash([uncle]).hex())
    capsule["uncles"] = ["0x" + encode_header(uncle).hex()]
    capsule["transactions"] = [entry["raw"] for entry in capsule["transactions"]]
    block = parse_capsule(capsule).block
    assert block.uncles == (uncle,)
    assert [entry.raw for entry in block.transactions] == [entry.raw for entry in small_block().transactions]


def test_a_code_hash_alone_is_enough_where_another_account_brings_the_code() -> None:
    capsule = document()
    capsule["pre"]["0x" + SENDER.hex()]["codeHash"] = "0x" + keccak256(CODE).hex()
    assert parse_capsule(capsule).pre_state.accounts[SENDER].code_hash == keccak256(CODE)


def test_plain_json_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "block.json").write_text(json.dumps(document(), indent=1))
    assert load_capsule(tmp_path / "block.json").block == small_block()


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
    for path, said in [
        (tmp_path, "is a directory"),
        (tmp_path / "absent.json.gz", "no such file"),
        (tmp_path / "two\nlines", "no such file"),
        (tmp_path / ("long" * 200), "cannot be read"),
        ("nul\0byte", "cannot be read"),
    ]:
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
    monkeypatch.setattr("executor.capsule.MAX_BYTES", 1 << 20)
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
    entries = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    return [found for key, entry in entries for found in [(*path, key), *places(entry, (*path, key))]]


@settings(max_examples=300)
@given(st.data(), json_values)
def test_no_value_in_any_place_escapes_as_another_error(data: st.DataObject, value: object) -> None:
    capsule = document()
    put(*data.draw(st.sampled_from(places(capsule))), value=value)(capsule)
    try:
        parse_capsule(capsule)
    except ParallelEvmError as error:
        assert "\n" not in str(error)  # noqa: PT017 - a harmless change need not raise


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(min_value=0, max_value=len(WHOLE) - 1), st.integers(min_value=0, max_value=255))
def test_no_damaged_byte_escapes_as_another_error(tmp_path: Path, at: int, byte: int) -> None:
    path = tmp_path / "block"
    path.write_bytes(WHOLE[:at] + bytes([byte]) + WHOLE[at + 1 :])
    try:
        load_capsule(path)
    except InvalidInput as error:
        assert "\n" not in str(error)  # noqa: PT017 - the gzip header has bytes that say nothing
