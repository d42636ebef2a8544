"""The oracle itself: every fork runs, and its roots are those of a trie that is not EELS'."""

from __future__ import annotations

import pytest
import rlp
from trie.hexary import HexaryTrie

from executor.capsule import load_capsule
from executor.hashing import keccak256
from executor.state import MemoryState
from executor.types import Withdrawal
from tests import builders
from tests.builders import BASE_FEE, COINBASE, GAS_LIMIT
from tests.data import capsule_path, needs_data
from tests.eels import EelsRejection, EelsResult, EelsTransaction, execute_block, execute_transaction
from tests.eels_bridge import FORKS
from tests.signing import Key, Tx, sign

SENDER, RECEIVER = Key(1), builders.address(1)
ETHER = 10**18
GWEI = 10**9
TIP = 2


def hexary_root(pairs: dict[bytes, bytes]) -> bytes:
    trie = HexaryTrie({})
    for key, value in pairs.items():
        trie[key] = value
    return bytes(trie.root_hash)


def independent_state_root(state: MemoryState) -> bytes:
    accounts = {}
    for address, account in state.accounts.items():
        slots = {keccak256(slot.to_bytes(32, "big")): rlp.encode(value) for slot, value in account.storage.items()}
        fields = [account.nonce, account.balance, hexary_root(slots), account.code_hash]
        accounts[keccak256(address)] = rlp.encode(fields)
    return hexary_root(accounts)


def transfer(tx_type: int = 2) -> bytes:
    """Return a transfer of one ether that pays TIP per gas above the base fee."""
    price = BASE_FEE + TIP
    fields = Tx(tx_type, gas_price=price, max_fee=price, priority_fee=TIP, to=RECEIVER, value=ETHER)
    return sign(SENDER, fields)


def funded(fork: str) -> MemoryState:
    state = builders.state(fork)
    state.put(SENDER.address, balance=10 * ETHER)
    return state


@pytest.mark.parametrize("fork", ["London", "Shanghai", "Cancun", "Prague"])
def test_a_transfer_gives_the_root_that_another_trie_gives(fork: str) -> None:
    block = builders.block(fork, [transfer()], withdrawals=(Withdrawal(0, 0, RECEIVER, 3),))
    result = execute_block(block, funded(fork))
    assert isinstance(result, EelsResult)

    expected = builders.state(fork)
    expected.put(SENDER.address, balance=9 * ETHER - 21_000 * (BASE_FEE + TIP), nonce=1)
    withdrawn = 0 if fork == "London" else 3 * GWEI
    expected.put(RECEIVER, balance=ETHER + withdrawn)
    reward = 2 * ETHER if fork == "London" else 0
    expected.put(COINBASE, balance=21_000 * TIP + reward)
    for contract in builders.SYSTEM_CONTRACTS:
        if contract in expected.accounts:
            expected.accounts[contract].storage.update(result.post.accounts[contract].storage)
    assert result.state_root == independent_state_root(expected)


@pytest.mark.parametrize("fork", ["Cancun", "Prague"])
def test_system_contracts_hold_the_beacon_root_and_the_parent_hash(fork: str) -> None:
    block = builders.block(fork)
    result = execute_block(block, builders.state(fork))
    assert isinstance(result, EelsResult)
    stored = [slot for account in result.post.accounts.values() for slot in account.storage.values()]
    header = block.header
    assert int.from_bytes(header.parent_beacon_root or b"", "big") in stored
    assert (int.from_bytes(header.parent_hash, "big") in stored) == (fork == "Prague")


def test_receipts_and_their_root() -> None:
    result = execute_block(builders.block("Cancun", [transfer()]), funded("Cancun"))
    assert isinstance(result, EelsResult)
    (receipt,) = result.receipts
    assert (receipt.tx_type, receipt.status, receipt.gas_used, receipt.logs) == (2, 1, 21_000, ())
    encoded = b"\x02" + rlp.encode([1, 21_000, bytes(256), []])
    assert result.receipts_root == hexary_root({rlp.encode(0): encoded})


@pytest.mark.parametrize("fork", FORKS)
def test_every_fork_runs_an_empty_block(fork: str) -> None:
    result = execute_block(builders.block(fork), builders.state(fork))
    assert isinstance(result, EelsResult)
    assert (result.gas_used, result.receipts, result.bloom) == (0, (), bytes(256))
    assert (result.requests_hash is not None) == (fork == "Prague")
    assert result.state_root == independent_state_root(result.post)


@pytest.mark.parametrize("fork", FORKS)
def test_every_fork_runs_a_legacy_transfer(fork: str) -> None:
    raw = sign(SENDER, Tx(0, chain_id=None, gas_price=BASE_FEE + TIP, to=RECEIVER, value=ETHER))
    result = execute_block(builders.block(fork, [raw]), funded(fork))
    assert isinstance(result, EelsResult)
    assert result.post.accounts[RECEIVER].balance == ETHER
    (receipt,) = result.receipts
    assert (receipt.status is None) == (receipt.post_state is not None)


def test_one_transaction_alone_needs_no_system_contracts() -> None:
    bare = MemoryState(complete=True)
    bare.put(SENDER.address, balance=10 * ETHER)
    outcome = execute_transaction(transfer(), builders.block("Prague"), bare)
    assert isinstance(outcome, EelsTransaction)
    assert outcome.receipt.gas_used == 21_000
    assert bare.accounts[SENDER.address].nonce == 0


def test_a_rejection_names_the_reason() -> None:
    raw = sign(SENDER, Tx(max_fee=BASE_FEE, gas=GAS_LIMIT + 1, to=RECEIVER))
    outcome = execute_block(builders.block("Shanghai", [raw]), funded("Shanghai"))
    assert isinstance(outcome, EelsRejection)
    assert outcome.name == "GasUsedExceedsLimitError"


@needs_data
@pytest.mark.parametrize("number", [19923400, 22615247])
def test_a_recorded_block_gives_what_its_header_says(number: int) -> None:
    block = load_capsule(capsule_path(number))
    result, header = execute_block(block.block, block.pre_state), block.block.header
    assert isinstance(result, EelsResult)
    assert (result.gas_used, result.bloom) == (header.gas_used, header.bloom)
    assert (result.receipts_root, result.requests_hash) == (header.receipts_root, header.requests_hash)
