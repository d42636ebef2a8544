"""Capsules: what is recorded loads and agrees with its header; what is written is read back the same."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from executor.capsule import load_capsule, parse_capsule
from executor.capsule_writer import dump_capsule
from executor.errors import (
    InputOutputError,
    InvalidInput,
    MissingCode,
)
from executor.forks import FORK_ALIASES, FORKS
from executor.hashing import keccak256
from executor.header import encode_header, header_hash, uncles_hash
from executor.state import MemoryState
from scheduler.access import STORAGE
from tests.data import block_number, capsule_path, capsule_paths, golden, needs_data
from tests.small import CODE, CONTRACT, MINER, SENDER, Document, document, small_block, small_header, small_state


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
    values: dict[str, Any] = {names[key]: bytes.fromhex(value[2:]) for key, value in fields.items()}
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
    assert (tmp_path / "a").read_bytes()[3:8] == bytes(5)  # neither a name nor a time
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


def test_brackets_in_strings_are_no_nesting(tmp_path: Path) -> None:
    source = '\\"' + "[{" * 100
    dump_capsule(small_block(), small_state(), tmp_path / "block", source=source)
    assert load_capsule(tmp_path / "block").source == source


def test_plain_json_is_read_too(tmp_path: Path) -> None:
    (tmp_path / "block.json").write_text(json.dumps(document(), indent=1))
    assert load_capsule(tmp_path / "block.json").block == small_block()
