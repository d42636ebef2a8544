"""Names: our own contracts by their code, mainnet's by address and proof, everything else by its shape alone."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest

from bench.explain.entries import Entry, solidity_slot, vyper_slot
from bench.explain.known_contracts import KNOWN, KNOWN_TEXTS
from bench.explain.mapping_keys import MappingKeys, Place, balance_mappings
from bench.explain.names import Names, names_for
from bench.explain.pools import created_at, find_pools
from bench.explain.touched import Touched, addresses_in
from executor.hashing import keccak256
from executor.sequential import execute_sequential
from scheduler.access import BALANCE, NONCE, STORAGE, Location
from tests.conftest import Recorded, recorded
from workloads.artefacts import load_contract
from workloads.lending.pool_slots import PoolSlots
from workloads.registry import WORKLOADS, generate
from workloads.workload import Workload

TOKEN, OWNER, SPENDER = b"\xa1" * 20, b"\xb2" * 20, b"\xc3" * 20
WETH = bytes.fromhex("C02aaA39b223FE8D0A0e5C4F27eAD9083C756Cc2")
WETH_USDC_V2 = bytes.fromhex("B4e16d0168e52d35CaCD2c6185b44281Ec28C9Dc")
USDC_WETH_V3 = bytes.fromhex("88e6A0c2dDD26FEEb64F039a2c41296FcB3f5640")


@cache
def named(workload: str, transactions: int = 60) -> tuple[Workload, Names, frozenset[Location]]:
    """Return a small workload, names of its first block, and the slots that the block changed."""
    made = generate(workload, transactions, 1)
    results = execute_sequential(made.blocks[0], made.pre_state).transactions
    slots = frozenset(at for one in results for at in one.writes.values if at[1] == STORAGE)
    return made, names_for(made.blocks[0], made.pre_state, results), slots


def address_of(names: Names, label: str) -> bytes:
    return next(address for address, known in names.labels().items() if known == label)


# -- our own contracts --------------------------------------------------------------------------------------


def test_a_pool_is_read_as_its_source_writes_it() -> None:
    _, names, changed = named("lending")
    pool, usdc = address_of(names, "pool"), address_of(names, "USDC")
    contract = load_contract("LendingPool")
    total_debt = (pool, STORAGE, contract.slot("reserves", usdc, member="scaled_debt", struct="Reserve"))
    balance = (usdc, STORAGE, load_contract("Token").slot("balanceOf", pool))

    assert {total_debt, balance} <= changed
    assert names.of(total_debt).name == "pool.total_debt[USDC]"
    assert names.spellings(total_debt)[2] == "pool.reserves[USDC].scaled_debt"
    assert names.of(balance).name == "USDC.balanceOf[pool]"
    assert names.of(balance).contract == "USDC"


def test_a_user_is_a_shortened_address_and_a_position_has_two_keys() -> None:
    made, names, changed = named("lending")
    pool, weth = address_of(names, "pool"), address_of(names, "WETH")
    slots = PoolSlots(pool, address_of(names, "oracle"))
    senders = [one.sender_hint for one in made.blocks[0].transactions if one.sender_hint]
    positions = {(pool, STORAGE, slots.contract.slot("positions", sender, weth)): sender for sender in senders}
    location = next(at for at in sorted(positions) if at in changed)
    short = f"0x{positions[location].hex()[:6]}…{positions[location].hex()[-4:]}"

    assert names.of(location).name == f"pool.positions[{short}][WETH].scaled_supply"


@pytest.mark.parametrize("kind", [BALANCE, NONCE])
def test_other_locations_say_what_they_are(kind: int) -> None:
    _, names, _ = named("lending")
    what = {BALANCE: "balance", NONCE: "nonce"}[kind]
    location = names.of((address_of(names, "pool"), kind, 0))

    assert (location.name, location.kind, location.slot) == (f"{what} of pool", what, "")


@pytest.mark.parametrize("workload", ["amm"])
def test_every_slot_that_a_protocol_changes_has_a_name(workload: str) -> None:
    _, names, changed = named(workload)

    assert changed
    assert [names.of(at).name for at in changed if names.entry(at) is None] == []
    assert len({names.of(at).name for at in changed}) == len(changed)


@pytest.mark.slow
@pytest.mark.parametrize("workload", sorted(set(WORKLOADS) - {"adversarial", "replayed", "day"}))
def test_every_slot_of_every_protocol_has_a_name(workload: str) -> None:
    test_every_slot_that_a_protocol_changes_has_a_name(workload)


def test_instances_are_told_apart_by_their_tokens_or_numbered() -> None:
    _, amm, _ = named("amm")

    assert "pair A0/B0" in amm.labels().values()
    assert max(Counter(amm.labels().values()).values()) == 1


# -- mainnet ------------------------------------------------------------------------------------------------


def checksummed(address: bytes) -> str:
    digits = address.hex()
    digest = keccak256(digits.encode()).hex()
    return "0x" + "".join(d.upper() if int(h, 16) >= 8 else d for d, h in zip(digits, digest, strict=False))


def test_known_addresses_carry_their_checksums() -> None:
    assert [text for text in KNOWN_TEXTS if checksummed(bytes.fromhex(text[2:])) != text] == []


def held_against_transfers(block: Recorded) -> set[str]:
    """Return the known tokens whose balance slot the block's Transfer events show; none may show another."""
    shown = balance_mappings(block.expected.transactions)
    tokens = {token: KNOWN[token] for token in shown if token in KNOWN}
    expected = {
        known.name: slot for known in tokens.values() for slot, name in known.variables.items() if name == "balanceOf"
    }
    assert {known.name: shown[token] for token, known in tokens.items() if known.name in expected} == expected
    return set(expected)


def test_balance_slots_agree_with_transfer_events() -> None:
    assert held_against_transfers(recorded(18085863)) >= {"WETH", "USDC", "USDT", "SHIB"}


@pytest.mark.slow
def test_balance_slots_agree_with_transfer_events_in_every_block(each_block: Recorded) -> None:
    held_against_transfers(each_block)


def test_uniswap_pools_are_recognised_by_the_address_that_their_factory_gives() -> None:
    block = recorded(12243999)
    pools = {pool.address: pool for pool in find_pools(block.capsule.pre_state.accounts, block.capsule.pre_state)}
    names = names_for(block.capsule.block, block.capsule.pre_state, block.expected.transactions)

    assert names.contract(WETH) == "WETH"
    for address, pool in pools.items():
        location = (address, STORAGE, 8)
        assert pool.version != 2 or names.of(location).name == f"{names.contract(address)}.reserves"
    assert "UniswapV2 WETH/USDT" in names.labels().values()


def test_addresses_of_pools_are_computed_as_their_factories_do() -> None:
    """Two pools whose addresses everybody knows: EIP-1014 with the salts of versions 2 and 3."""
    usdc = bytes.fromhex("A0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48")
    v2 = bytes.fromhex("5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f")
    v2_code = bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f")

    assert created_at(v2, keccak256(usdc + WETH), v2_code) == WETH_USDC_V2


def test_a_pool_of_version_3_shows_its_tokens_and_its_fee() -> None:
    block = recorded(18085863)
    pools = {pool.address: pool for pool in find_pools(block.capsule.pre_state.accounts, block.capsule.pre_state)}
    names = names_for(block.capsule.block, block.capsule.pre_state, block.expected.transactions)

    assert (pools[USDC_WETH_V3].version, pools[USDC_WETH_V3].fee) == (3, 500)
    assert names.of((USDC_WETH_V3, STORAGE, 0)).name == "UniswapV3 USDC/WETH 0.05%.slot0"


# -- shapes -------------------------------------------------------------------------------------------------


def touched(*slots: int) -> Touched:
    locations = frozenset((TOKEN, STORAGE, slot) for slot in slots)
    return Touched(locations, people=(OWNER, SPENDER), addresses=(OWNER, SPENDER), words=(77,))


def test_a_mapping_is_found_by_its_key_and_only_numbered() -> None:
    single = solidity_slot(7, OWNER)
    nested = solidity_slot(solidity_slot(3, OWNER), SPENDER)
    word = solidity_slot(2, 77) + 1
    element = int.from_bytes(keccak256((6).to_bytes(32, "big")), "big") + 40
    keys = MappingKeys([touched(single, nested, word)])

    assert keys.place(single, [0]) == Place(7, (OWNER,), 0)
    assert keys.place(vyper_slot(7, SPENDER), [0]) == Place(7, (SPENDER,), 0)
    assert keys.place(nested, [0]) == Place(3, (OWNER, SPENDER), 0)
    assert keys.place(word, [0]) == Place(2, (77,), 1)
    assert keys.place(element, [0]) == Place(6, (), 40)
    assert keys.place(12345, [0]) is None
    assert keys.place(solidity_slot(7, TOKEN), [0]) is None


@pytest.mark.parametrize(
    ("place", "variable", "expected"),
    [
        (Place(7, (5,), 0), None, Entry("mapping7", (5,))),
        (Place(7, (5,), 1), None, Entry("mapping7", (5,), "word1")),
        (Place(7, (OWNER,), 0), "balanceOf", Entry("balanceOf", (OWNER,))),
        (Place(6, (), 40), None, Entry("array6", (), "word40")),
    ],
)
def test_only_the_shape_is_told_where_the_variable_is_not_known(
    place: Place, variable: str | None, expected: Entry
) -> None:
    assert place.entry(variable) == expected


def test_what_is_not_known_keeps_its_slot() -> None:
    names = Names([touched(5, 0xABCDEF << 200)], {}, {}, {})

    assert names.of((TOKEN, STORAGE, 5)).name == "0xa1a1a1…a1a1.slot 0x5"
    assert names.of((TOKEN, STORAGE, 0xABCDEF << 200)).name == "0xa1a1a1…a1a1.slot 0xabcdef…0000"


def test_addresses_are_found_in_call_data_wherever_they_stand() -> None:
    data = b"\x12\x34\x56\x78" + OWNER.rjust(32, b"\0") + b"\x99" * 7 + SPENDER.rjust(32, b"\0")

    assert addresses_in(data) == [OWNER, SPENDER]
