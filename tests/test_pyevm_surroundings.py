"""What py-evm 0.12.1b1 does wrong as shipped around transactions: the table stands in `test_pyevm_faults`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from importlib.util import find_spec
from itertools import count
from typing import Any

import pytest
from eth import constants
from eth.consensus import ConsensusContext
from eth.db.atomic import AtomicDB
from eth.db.chain import ChainDB
from eth.exceptions import HeaderNotFound
from eth.precompiles import point_evaluation as shipped_point_evaluation
from eth.vm import forks
from eth.vm.chain_context import ChainContext
from eth.vm.forks.cancun.constants import BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CONTRACT_CODE
from eth.vm.forks.prague.constants import HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE

from bench import pyevm_baseline
from bench.pyevm_baseline import VIRTUAL_MACHINES, run_as_shipped
from executor.context import block_context
from executor.errors import UnknownFork
from executor.evm import precompiles
from executor.hashing import keccak256
from executor.sequential import execute_sequential
from executor.state import MemoryState
from executor.types import Block
from tests import builders
from tests.eels_bridge import FORKS
from tests.pyevm import Shipped, accepted_by_eels
from tests.validity.case import legacy, signed, state

# -- point evaluation -------------------------------------------------------------------------------------

POINT_EVALUATION = (10).to_bytes(20, "big")
INFINITY = b"\xc0" + bytes(47)
"""The commitment to the polynomial that is 0 everywhere, and the proof of any of its values."""


def evaluations(times: int, *, claimed: int = 0) -> tuple[Block, MemoryState]:
    """Return a block that asks `times` whether the zero polynomial is `claimed` at another point."""
    versioned = b"\x01" + hashlib.sha256(INFINITY).digest()[1:]
    data = [
        versioned + point.to_bytes(32, "big") + claimed.to_bytes(32, "big") + INFINITY + INFINITY
        for point in range(times)
    ]
    calls = [
        signed(legacy(nonce=nonce, gas=200_000, to=POINT_EVALUATION, value=0, data=one))
        for nonce, one in enumerate(data)
    ]
    return builders.block("Cancun", calls), state("Cancun")


class CountingSetup:
    """Stands in for ckzg: counts how often the trusted setup is loaded, and takes every proof."""

    def __init__(self) -> None:
        self.loads = 0

    def load_trusted_setup(self, _path: object, _precompute: int) -> object:
        self.loads += 1
        return self

    def verify_kzg_proof(self, *arguments: object) -> bool:
        assert arguments[-1] is self
        return True


@pytest.fixture
def counting(monkeypatch: pytest.MonkeyPatch) -> Iterator[CountingSetup]:
    setup = CountingSetup()
    monkeypatch.setattr(shipped_point_evaluation, "load_trusted_setup", setup.load_trusted_setup)
    monkeypatch.setattr(shipped_point_evaluation, "verify_kzg_proof", setup.verify_kzg_proof)
    monkeypatch.setattr(precompiles, "ckzg", setup)
    precompiles._trusted_setup.cache_clear()
    yield setup
    precompiles._trusted_setup.cache_clear()


def test_the_trusted_setup_is_loaded_at_every_point_evaluation_as_shipped(counting: CountingSetup) -> None:
    block, pre = evaluations(3)
    run_as_shipped(block, pre)
    assert counting.loads == 3


def test_the_trusted_setup_is_loaded_once_here(counting: CountingSetup) -> None:
    """Over transactions, and over blocks."""
    block, pre = evaluations(3)
    results = [execute_sequential(block, pre) for _ in range(2)]
    assert all(receipt.status for result in results for receipt in result.receipts)
    assert counting.loads == 1


@pytest.mark.slow
@pytest.mark.parametrize("claimed", [0, 1])
def test_point_evaluation_is_that_of_eels(claimed: int) -> None:
    block, pre = evaluations(1, claimed=claimed)
    ours, expected = execute_sequential(block, pre), accepted_by_eels(block, pre)
    assert (ours.gas_used, ours.receipts[0].status) == (expected.gas_used, expected.receipts[0].status)
    assert ours.receipts[0].status == 1 - claimed


# -- ancestors --------------------------------------------------------------------------------------------

ASKED = 200
"""How far back the hash that is asked for lies: 1 is the parent's."""


def state_with_hashes(block: Block, hashes: Any) -> Any:
    header = pyevm_baseline._header(block.header, VIRTUAL_MACHINES["Cancun"][1], constants.BLANK_ROOT_HASH)
    return forks.CancunVM.build_state(AtomicDB(), header, ChainContext(1), hashes)


def test_an_ancestors_hash_costs_all_younger_ones_as_shipped() -> None:
    taken = count()
    hashes = (number.to_bytes(32, "big") for number in taken)
    block = builders.block("Cancun")
    found = state_with_hashes(block, hashes).get_ancestor_hash(block.header.number - ASKED)
    assert int.from_bytes(found, "big") == ASKED - 1
    assert next(taken) == ASKED


def test_a_recording_of_the_hash_alone_is_no_help_as_shipped() -> None:
    """Its place in the row is what names a hash; and a chain without the headers between ends in an error."""
    block, wanted = builders.block("Cancun"), keccak256(b"the ancestor")
    assert state_with_hashes(block, (wanted,)).get_ancestor_hash(block.header.number - ASKED) == b""
    database = AtomicDB()
    header = pyevm_baseline._header(block.header, VIRTUAL_MACHINES["Cancun"][1], constants.BLANK_ROOT_HASH)
    vm = forks.CancunVM(header, ChainDB(database), ChainContext(1), ConsensusContext(database))
    with pytest.raises(HeaderNotFound):
        vm.state.get_ancestor_hash(block.header.number - ASKED)


class CountingHashes(dict[int, bytes]):
    """Hashes by number that know which were asked for."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.asked: list[int] = []

    def get(self, number: int, default: Any = None) -> Any:
        self.asked.append(number)
        return super().get(number, default)


def test_an_ancestors_hash_is_looked_up_here() -> None:
    block, wanted = builders.block("Cancun"), keccak256(b"the ancestor")
    context = block_context(block)
    asked = block.header.number - ASKED
    hashes = CountingHashes({asked: wanted})
    object.__setattr__(context, "block_hashes", hashes)
    assert context.ancestor_hash(asked) == wanted
    assert hashes.asked == [asked]


# -- system contracts, forks, receipts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fork", "address", "code"),
    [
        ("Cancun", BEACON_ROOTS_ADDRESS, BEACON_ROOTS_CONTRACT_CODE),
        ("Prague", HISTORY_STORAGE_ADDRESS, HISTORY_STORAGE_CONTRACT_CODE),
    ],
)
def test_system_contracts_are_never_deployed_as_shipped(fork: str, address: bytes, code: bytes) -> None:
    """`not code != wanted` deploys where the code is there. Here and in EELS they belong to the pre-state."""
    bare = state(fork)
    bare.accounts.pop(address)
    vm = pyevm_baseline._seeded_vm(builders.block(fork), bare)
    vm.state.set_system_contracts()
    assert vm.state.get_code(address) == b""
    assert builders.SYSTEM_CONTRACTS[address] == code
    assert address not in execute_sequential(builders.block(fork), bare).state_diff.accounts
    assert address not in accepted_by_eels(builders.block(fork), bare).post.accounts


@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
def test_where_the_contracts_stand_all_three_write_the_same_slots(fork: str) -> None:
    """No fault: what is never deployed matters only to states that never had it."""
    block, pre = builders.block(fork), state(fork)
    shipped, expected = Shipped(block, pre), accepted_by_eels(block, pre)
    ours = execute_sequential(block, pre).state_diff.accounts
    written = {(address, slot) for address, change in ours.items() for slot in change.storage}
    assert {address for address, _ in written} >= {BEACON_ROOTS_ADDRESS}
    for address, slot in written:
        value = ours[address].storage[slot]
        assert expected.post.accounts[address].storage[slot] == value
        assert shipped.vm.state.get_storage(address, slot) == value


def test_osaka_is_missing() -> None:
    assert find_spec("eth.vm.forks.osaka") is None
    assert find_spec("ethereum.forks.osaka") is not None
    with pytest.raises(UnknownFork):
        execute_sequential(Block(builders.header("Prague"), (), "Osaka"), MemoryState(complete=True))


@pytest.mark.parametrize(
    "fork", [name for name in FORKS if FORKS[name] in {"frontier", "homestead", "spurious_dragon"}]
)
def test_receipts_before_byzantium_hold_state_roots_everywhere(fork: str) -> None:
    """No fault: EELS' hold the same roots, and so do ours where the pre-state is whole."""
    block = builders.block(fork, [signed(legacy(nonce=nonce, value=nonce)) for nonce in range(3)])
    pre = state(fork)
    shipped, expected = Shipped(block, pre), accepted_by_eels(block, pre)
    roots = [receipt.post_state for receipt in expected.receipts]
    assert [bytes(receipt.state_root) for receipt in shipped.receipts] == roots
    assert [receipt.post_state for receipt in execute_sequential(block, pre).receipts] == roots
    assert len(set(roots)) == 3
