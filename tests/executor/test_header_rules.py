"""Header rules: numbers against EELS, and one line per field that may not be chosen freely."""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

import pytest
from ethereum_types.numeric import U64, U256, Uint
from hypothesis import given
from hypothesis import strategies as st

from executor import invalid_block as reasons
from executor.difficulty import LEAST_DIFFICULTY, expected_difficulty
from executor.errors import InvalidBlock, UnknownFork
from executor.fork_schedule import ForkSchedule
from executor.forks import FORKS, GAS_PER_BLOB, fork_rules
from executor.header_rules import check_header_on_parent, expected_base_fee, expected_excess_blob_gas
from executor.types import Header
from tests.builders import GAS_LIMIT, state
from tests.mining import genesis, mine

EELS_NAMES = {
    "DAOFork": "dao_fork",
    "TangerineWhistle": "tangerine_whistle",
    "SpuriousDragon": "spurious_dragon",
    "Petersburg": "constantinople",
    "MuirGlacier": "muir_glacier",
    "ArrowGlacier": "arrow_glacier",
    "GrayGlacier": "gray_glacier",
}
PROOF_OF_WORK = [rules.name for rules in FORKS if not rules.merged and rules.name != "Constantinople"]


# Loaded here and not in a test: EELS sets the recursion limit, which Hypothesis does not like to see changed.
EELS: dict[str, Any] = {
    fork: import_module(f"ethereum.forks.{EELS_NAMES.get(fork, fork.lower())}.fork")
    for fork in (*PROOF_OF_WORK, "Cancun", "Prague")
}


@lru_cache
def parent_of(fork: str) -> Header:
    """Return the genesis of a fork."""
    return genesis(fork, state(fork)).header


def pair(fork: str, **changes: Any) -> tuple[Header, Header]:
    """Return a valid header of a fork with changes, and its parent."""
    parent = genesis(fork, state(fork))
    return replace(mine(fork, parent).header, **changes), parent.header


@pytest.mark.parametrize("fork", PROOF_OF_WORK)
@given(
    number=st.integers(1, 20_000_000),
    seconds=st.integers(1, 2_000),
    difficulty=st.integers(2**24, 2**60),
    uncles=st.booleans(),
)
def test_difficulty_is_that_of_eels(fork: str, number: int, seconds: int, difficulty: int, uncles: bool) -> None:
    parent = replace(parent_of(fork), number=number - 1, difficulty=difficulty)
    if uncles:
        parent = replace(parent, uncles_hash=b"\x01" * 32)
    facts = [Uint(number), U256(parent.timestamp + seconds), U256(parent.timestamp), Uint(difficulty)]
    if fork_rules(fork).status_receipts:
        facts.append(uncles)  # type: ignore[arg-type]
    expected = int(EELS[fork].calculate_block_difficulty(*facts))
    assert expected_difficulty(number, parent.timestamp + seconds, parent, fork_rules(fork)) == expected


@pytest.mark.parametrize("fork", PROOF_OF_WORK)
def test_difficulty_has_a_floor(fork: str) -> None:
    parent = replace(parent_of(fork), difficulty=LEAST_DIFFICULTY)
    assert expected_difficulty(1, parent.timestamp + 10_000, parent, fork_rules(fork)) == LEAST_DIFFICULTY


@given(
    limit=st.integers(5_000, 10**8),
    share=st.integers(0, 1_000),
    base_fee=st.integers(0, 10**12),
)
def test_base_fee_is_that_of_eels(limit: int, share: int, base_fee: int) -> None:
    used = limit * share // 1_000
    parent = replace(parent_of("London"), gas_limit=limit, gas_used=used, base_fee=base_fee)
    expected = EELS["London"].calculate_base_fee_per_gas(Uint(limit), Uint(limit), Uint(used), Uint(base_fee))
    assert expected_base_fee(parent) == int(expected)


@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
@given(excess=st.integers(0, 100), used=st.integers(0, 9))
def test_excess_blob_gas_is_that_of_eels(fork: str, excess: int, used: int) -> None:
    parent = replace(parent_of(fork), excess_blob_gas=excess * GAS_PER_BLOB, blob_gas_used=used * GAS_PER_BLOB)
    fields = dict.fromkeys(EELS[fork].Header.__dataclass_fields__)
    fields |= {"excess_blob_gas": U64(excess * GAS_PER_BLOB), "blob_gas_used": U64(used * GAS_PER_BLOB)}
    expected = EELS[fork].calculate_excess_blob_gas(EELS[fork].Header(**fields))
    assert expected_excess_blob_gas(parent, fork_rules(fork)) == int(expected)


@pytest.mark.parametrize("fork", [rules.name for rules in FORKS])
def test_what_is_mined_is_valid(fork: str) -> None:
    header, parent = pair(fork)
    check_header_on_parent(header, parent, fork_rules(fork))


STEP = GAS_LIMIT // 1024


@pytest.mark.parametrize(
    ("fork", "changes", "reason"),
    [
        ("Cancun", {"number": 0}, reasons.InvalidNumberError),
        ("Cancun", {"number": 2}, reasons.InvalidNumberError),
        ("Cancun", {"timestamp": 1_000}, reasons.InvalidTimestampError),
        ("Cancun", {"timestamp": 0}, reasons.InvalidTimestampError),
        ("Cancun", {"gas_limit": GAS_LIMIT + STEP}, reasons.InvalidGasLimitError),
        ("Cancun", {"gas_limit": GAS_LIMIT - STEP}, reasons.InvalidGasLimitError),
        ("Cancun", {"gas_limit": 2**63}, reasons.GasLimitTooBigError),
        ("Cancun", {"gas_used": GAS_LIMIT + 1}, reasons.GasUsedAboveLimitError),
        ("Cancun", {"extra_data": b"x" * 33}, reasons.ExtraDataTooBigError),
        ("Cancun", {"base_fee": 10**9}, reasons.InvalidBaseFeeError),
        ("Cancun", {"difficulty": 1}, reasons.DifficultyAfterMergeError),
        ("Cancun", {"nonce": b"\x01" * 8}, reasons.NonceAfterMergeError),
        ("Cancun", {"uncles_hash": b"\x01" * 32}, reasons.UnclesAfterMergeError),
        ("Cancun", {"excess_blob_gas": 1}, reasons.InvalidExcessBlobGasError),
        ("Cancun", {"requests_hash": bytes(32)}, reasons.BlockFormatError),
        ("Cancun", {"parent_beacon_root": None}, reasons.BlockFormatError),
        ("Cancun", {"blob_gas_used": None}, reasons.BlockFormatError),
        ("Prague", {"requests_hash": None}, reasons.BlockFormatError),
        ("Shanghai", {"withdrawals_root": None}, reasons.BlockFormatError),
        ("Shanghai", {"excess_blob_gas": 0}, reasons.BlockFormatError),
        ("London", {"base_fee": None}, reasons.BlockFormatError),
        ("Berlin", {"base_fee": 10**9}, reasons.BlockFormatError),
        ("Berlin", {"difficulty": 0}, reasons.MergeNotReachedError),
        ("Berlin", {"difficulty": 999_999}, reasons.InvalidDifficultyError),
        ("Frontier", {"difficulty": 999_999}, reasons.InvalidDifficultyError),
    ],
)
def test_every_field_that_is_not_free_is_checked(
    fork: str, changes: dict[str, Any], reason: type[InvalidBlock]
) -> None:
    header, parent = pair(fork, **changes)
    with pytest.raises(reason) as caught:
        check_header_on_parent(header, parent, fork_rules(fork))
    assert type(caught.value) is reason


@pytest.mark.parametrize(
    ("fork", "changes"),
    [
        ("Cancun", {"gas_limit": GAS_LIMIT + STEP - 1}),
        ("Cancun", {"gas_limit": GAS_LIMIT - STEP + 1}),
        ("Cancun", {"extra_data": b"x" * 32}),
        ("Cancun", {"gas_used": GAS_LIMIT}),
        ("Berlin", {"mix_hash": b"\x01" * 32}),
        ("Berlin", {"nonce": b"\x01" * 8}),
    ],
)
def test_what_is_free_may_be_chosen(fork: str, changes: dict[str, Any]) -> None:
    header, parent = pair(fork, **changes)
    check_header_on_parent(header, parent, fork_rules(fork))


def test_a_gas_limit_has_a_floor() -> None:
    header, parent = pair("Berlin", gas_limit=4_999)
    with pytest.raises(reasons.InvalidGasLimitError, match="below 5000"):
        check_header_on_parent(header, replace(parent, gas_limit=5_000), fork_rules("Berlin"))


def test_the_gas_limit_doubles_with_the_base_fee() -> None:
    network = "BerlinToLondonAt1"
    parent = genesis(network, state("Berlin"))
    header = mine(network, parent).header
    assert (header.gas_limit, header.base_fee) == (2 * GAS_LIMIT, 10**9)
    check_header_on_parent(header, parent.header, fork_rules("London"))
    with pytest.raises(reasons.InvalidGasLimitError):
        check_header_on_parent(replace(header, gas_limit=GAS_LIMIT), parent.header, fork_rules("London"))


@pytest.mark.parametrize(("number", "checked"), [(4, False), (5, True), (14, True), (15, False)])
def test_the_dao_fork_marks_ten_blocks(number: int, checked: bool) -> None:
    header, parent = pair("Homestead", extra_data=b"no-dao")
    header, parent = replace(header, number=number), replace(parent, number=number - 1)
    if not checked:
        check_header_on_parent(header, parent, fork_rules("DAOFork"), dao_fork_block=5)
        return
    with pytest.raises(reasons.InvalidDaoExtraDataError):
        check_header_on_parent(header, parent, fork_rules("DAOFork"), dao_fork_block=5)
    check_header_on_parent(replace(header, extra_data=b"dao-hard-fork"), parent, fork_rules("DAOFork"), 5)


@pytest.mark.parametrize(
    ("network", "facts", "fork"),
    [
        ("Cancun", (9, 9, 9), "Cancun"),
        ("EIP158", (0, 0, 0), "SpuriousDragon"),
        ("FrontierToHomesteadAt5", (4, 99_999, 0), "Frontier"),
        ("FrontierToHomesteadAt5", (5, 0, 0), "Homestead"),
        ("HomesteadToDaoAt5", (5, 0, 0), "DAOFork"),
        ("HomesteadToEIP150At5", (6, 0, 0), "TangerineWhistle"),
        ("EIP158ToByzantiumAt5", (5, 0, 0), "Byzantium"),
        ("ByzantiumToConstantinopleFixAt5", (5, 0, 0), "Petersburg"),
        ("BerlinToLondonAt5", (5, 0, 0), "London"),
        ("ArrowGlacierToParisAtDiffC0000", (99, 0, 0xBFFFF), "ArrowGlacier"),
        ("ArrowGlacierToMergeAtDiffC0000", (1, 0, 0xC0000), "Paris"),
        ("ParisToShanghaiAtTime15k", (99, 14_999, 0), "Paris"),
        ("ShanghaiToCancunAtTime15k", (1, 15_000, 0), "Cancun"),
        ("CancunToPragueAtTime7", (1, 7, 0), "Prague"),
    ],
)
def test_networks_of_the_suites_know_their_forks(network: str, facts: tuple[int, int, int], fork: str) -> None:
    assert ForkSchedule.of(network).fork_at(*facts) == fork


@pytest.mark.parametrize(
    ("network", "unknown"),
    [("Amsterdam", "Amsterdam"), ("PragueToOsakaAtTime15k", "Osaka"), ("BerlinToLondon", "BerlinToLondon"), ("", "")],
)
def test_a_network_that_is_not_known_names_the_fork(network: str, unknown: str) -> None:
    with pytest.raises(UnknownFork) as caught:
        ForkSchedule.of(network)
    assert caught.value.name == unknown


def test_only_a_chain_that_comes_to_the_dao_fork_has_a_block_of_it() -> None:
    assert ForkSchedule.of("HomesteadToDaoAt5").dao_fork_block == 5
    assert ForkSchedule.of("HomesteadToEIP150At5").dao_fork_block is None
    assert ForkSchedule.of("DAOFork").dao_fork_block is None
