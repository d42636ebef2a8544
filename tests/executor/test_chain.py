"""Chains: branches, heads, uncles, forgotten states, and a rejection for every root that is not what it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest

from executor import invalid_block as reasons
from executor.block_executor import BlockExecutor
from executor.block_rlp import encode_block
from executor.chain import Chain, StateForgottenError
from executor.errors import InvalidBlock, InvalidRlp, InvalidTransaction
from executor.evm.validity import InsufficientBalanceError
from executor.fork_schedule import ForkSchedule
from executor.pool import InlinePool
from executor.state import MemoryState, state_after
from executor.types import AccountDiff, RawTransaction, StateDiff, Withdrawal
from tests.asm import asm
from tests.builders import state
from tests.mining import Mined, genesis, mine
from tests.signing import LEGACY, Key, Tx, sign

ALICE, BOB = Key(1), Key(2)
COUNTER = bytes.fromhex("cc" * 20)
HASHER = bytes.fromhex("dd" * 20)
PRICE = 2 * 10**9


def funded(network: str) -> MemoryState:
    """Return a state with two rich accounts, a counter, and a contract that stores the hash of a block."""
    pre_state = state(ForkSchedule.of(network).first)
    for key in (ALICE, BOB):
        pre_state.put(key.address, balance=10**20)
    pre_state.put(COUNTER, nonce=1, code=asm("0 SLOAD 1 ADD 0 SSTORE"))
    pre_state.put(HASHER, nonce=1, code=asm("0 CALLDATALOAD DUP1 BLOCKHASH SWAP1 SSTORE"))
    return pre_state


def call(key: Key, nonce: int, to: bytes = COUNTER, data: bytes = b"", value: int = 0) -> bytes:
    tx = Tx(LEGACY, chain_id=None, nonce=nonce, gas_price=PRICE, gas=100_000, to=to, data=data, value=value)
    return sign(key, tx)


def chain_on(network: str, first: Mined, **options: Any) -> Chain:
    """Return a chain that executes in parallel, one transaction per message, in shuffled order."""
    executor = BlockExecutor(strategy="optimistic", access_lists="none", pool=InlinePool(3, seed=1, batch_limit=1))
    return Chain(first.header, first.state, ForkSchedule.of(network), executor, **options)


def grown(network: str, length: int) -> tuple[Chain, list[Mined]]:
    """Return a chain with a genesis and `length` blocks of two conflicting transactions each."""
    blocks = [genesis(network, funded(network))]
    chain = chain_on(network, blocks[0])
    for number in range(length):
        blocks.append(mine(network, blocks[-1], (call(ALICE, number), call(BOB, number))))
        chain.import_block(blocks[-1].rlp)
    return chain, blocks


NETWORKS = ("Frontier", "SpuriousDragon", "Berlin", "London", "Paris", "Shanghai", "Cancun", "Prague")


@pytest.mark.parametrize("network", NETWORKS)
def test_blocks_build_on_each_other(network: str) -> None:
    chain, blocks = grown(network, 3)
    assert chain.head.hash == blocks[-1].hash
    assert chain.state(chain.head.hash).accounts[COUNTER].storage == {0: 6}
    assert chain.state(blocks[1].hash).accounts[COUNTER].storage == {0: 2}
    assert chain.head.total_difficulty == blocks[-1].total_difficulty


def test_an_import_tells_what_was_executed_once() -> None:
    chain, blocks = grown("Cancun", 1)
    block = mine("Cancun", blocks[-1], (call(ALICE, 1), call(BOB, 1)))
    result = chain.import_block(block.rlp).result
    assert result is not None
    assert len(result.receipts) == 2
    assert (result.stats.executions > 2, result.stats.conflicts > 0) == (True, True)
    assert chain.import_block(block.rlp).result is None


@pytest.mark.parametrize(
    "network",
    [
        "FrontierToHomesteadAt2", "HomesteadToDaoAt2", "HomesteadToEIP150At2", "EIP158ToByzantiumAt2",
        "BerlinToLondonAt2", "ArrowGlacierToParisAtDiff1E8480", "ParisToShanghaiAtTime1020",
        "ShanghaiToCancunAtTime1020",
    ],
)  # fmt: skip
def test_a_chain_goes_from_fork_to_fork(network: str) -> None:
    chain, blocks = grown(network, 4)
    assert chain.head.hash == blocks[-1].hash
    schedule = ForkSchedule.of(network)
    forks = {
        schedule.fork_at(block.header.number, block.header.timestamp, parent.total_difficulty)
        for parent, block in pairwise(blocks)
    }
    assert forks == {schedule.first, schedule.then}


def test_a_branch_has_its_own_states_and_hashes() -> None:
    chain, blocks = grown("Cancun", 0)
    branches = [[mine("Cancun", blocks[0], (call(key, 0),))] for key in (ALICE, BOB)]
    for depth in range(2):  # in turn, so that neither is the head for long
        for branch in branches:
            chain.import_block(branch[depth].rlp)
            branch.append(mine("Cancun", branch[-1]))
    assert branches[0][0].hash != branches[1][0].hash
    for branch, key in zip(branches, (ALICE, BOB), strict=True):
        asked = mine("Cancun", branch[1], (call(key, 1, HASHER, (1).to_bytes(32, "big")), call(key, 2)))
        child = chain.import_block(asked.rlp).block
        accounts = chain.state(child.hash).accounts
        assert accounts[HASHER].storage == {1: int.from_bytes(branch[0].hash, "big")}
        assert accounts[COUNTER].storage == {0: 2}
        assert accounts[key.address].nonce == 3


def test_before_the_merge_the_heaviest_branch_is_canonical() -> None:
    chain, blocks = grown("Berlin", 2)
    slow = [mine("Berlin", blocks[0], seconds=60)]
    chain.import_block(slow[0].rlp)
    assert chain.head.hash == blocks[2].hash
    slow += [mine("Berlin", slow[0], seconds=1)]
    slow += [mine("Berlin", slow[1], seconds=1)]
    for block in slow[1:]:
        chain.import_block(block.rlp)
    assert slow[2].total_difficulty > blocks[2].total_difficulty
    assert chain.head.hash == slow[2].hash


def test_of_branches_of_equal_weight_the_first_stays() -> None:
    chain, blocks = grown("Berlin", 1)
    equal = mine("Berlin", blocks[0], coinbase=b"\x07" * 20)
    chain.import_block(equal.rlp)
    assert equal.total_difficulty == blocks[1].total_difficulty
    assert chain.head.hash == blocks[1].hash


def test_after_the_merge_the_last_block_imported_is_canonical() -> None:
    chain, blocks = grown("Cancun", 2)
    sibling = mine("Cancun", blocks[0], coinbase=b"\x07" * 20)
    chain.import_block(sibling.rlp)
    assert chain.head.hash == sibling.hash
    chain.import_block(blocks[2].rlp)
    assert chain.head.hash == blocks[2].hash


def test_proof_of_work_does_not_displace_proof_of_stake() -> None:
    network = "ArrowGlacierToParisAtDiff1E8480"
    chain, blocks = grown(network, 3)
    assert chain.head.merged
    heavy = mine(network, mine(network, blocks[0], seconds=60), seconds=1)
    with pytest.raises(reasons.UnknownParentError):
        chain.import_block(heavy.rlp)
    rival = mine(network, blocks[0], seconds=1)
    chain.import_block(rival.rlp)
    assert chain.head.hash == blocks[3].hash


def wrong_hash(size: int = 32) -> bytes:
    return b"\x5c" * size


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"parent_hash": wrong_hash()}, reasons.UnknownParentError),
        ({"parent_hash": bytes(32)}, reasons.UnknownParentError),
        ({"uncles_hash": wrong_hash()}, reasons.UnclesAfterMergeError),
        ({"state_root": wrong_hash()}, reasons.InvalidStateRootError),
        ({"transactions_root": wrong_hash()}, reasons.InvalidTransactionsRootError),
        ({"receipts_root": wrong_hash()}, reasons.InvalidReceiptsRootError),
        ({"bloom": wrong_hash(256)}, reasons.InvalidLogBloomError),
        ({"number": 7}, reasons.InvalidNumberError),
        ({"gas_limit": 1}, reasons.InvalidGasLimitError),
        ({"gas_used": 21_000}, reasons.InvalidGasUsedError),
        ({"timestamp": 1}, reasons.InvalidTimestampError),
        ({"withdrawals_root": wrong_hash()}, reasons.InvalidWithdrawalsRootError),
        ({"blob_gas_used": 131_072}, reasons.InvalidBlobGasUsedError),
        ({"excess_blob_gas": 1}, reasons.InvalidExcessBlobGasError),
        ({"requests_hash": wrong_hash()}, reasons.InvalidRequestsHashError),
        ({"coinbase": wrong_hash(20)}, reasons.InvalidStateRootError),
        ({"parent_beacon_root": wrong_hash()}, reasons.InvalidStateRootError),
    ],
)
def test_a_damaged_field_is_named(changes: dict[str, Any], reason: type[InvalidBlock]) -> None:
    chain, blocks = grown("Prague", 1)
    withdrawals = (Withdrawal(0, 0, b"\x09" * 20, 5),)
    block = mine("Prague", blocks[-1], (call(ALICE, 1),), withdrawals=withdrawals)
    with pytest.raises(InvalidBlock) as caught:
        chain.import_block(block.damaged(**changes))
    assert type(caught.value) is reason
    assert chain.head.hash == blocks[-1].hash
    chain.import_block(block.rlp)  # nothing of the damaged one was kept
    assert chain.head.hash == block.hash


def test_a_body_must_be_the_headers() -> None:
    chain, blocks = grown("Shanghai", 0)
    block = mine("Shanghai", blocks[0], (call(ALICE, 0),))
    for body, reason in (
        ({"withdrawals": None}, reasons.BlockFormatError),
        ({"withdrawals": (Withdrawal(0, 0, b"\x09" * 20, 5),)}, reasons.InvalidWithdrawalsRootError),
        ({"uncles": (blocks[0].header,)}, reasons.InvalidUnclesHashError),
        ({"transactions": ()}, reasons.InvalidTransactionsRootError),
    ):
        with pytest.raises(reason):
            chain.import_block(encode_block(replace(block.parts, **body)))


def test_invalid_transactions_are_named_before_roots() -> None:
    chain, blocks = grown("Cancun", 0)
    poor = RawTransaction(call(Key(99), 0))
    parts = replace(mine("Cancun", blocks[0]).parts, transactions=(poor,))
    with pytest.raises(InsufficientBalanceError) as caught:
        chain.import_block(encode_block(parts))
    assert isinstance(caught.value, InvalidTransaction)
    broken = replace(parts, transactions=(RawTransaction(b"\xc1\x01"),))
    with pytest.raises(InvalidRlp):
        chain.import_block(encode_block(broken))


def test_a_genesis_must_have_its_state() -> None:
    first = genesis("Cancun", funded("Cancun"))
    wrong = replace(first, state=state("Cancun"))
    with pytest.raises(reasons.InvalidStateRootError, match="genesis"):
        chain_on("Cancun", wrong)


def test_states_that_lie_too_deep_are_forgotten() -> None:
    first = genesis("Cancun", funded("Cancun"))
    chain = chain_on("Cancun", first, states_kept=2)
    blocks = [first]
    for _ in range(4):
        blocks.append(mine("Cancun", blocks[-1]))
        chain.import_block(blocks[-1].rlp)
    late = mine("Cancun", blocks[1], coinbase=b"\x07" * 20)
    with pytest.raises(StateForgottenError, match="more than 2 blocks behind block 4"):
        chain.import_block(late.rlp)
    chain.import_block(mine("Cancun", blocks[2], coinbase=b"\x07" * 20).rlp)
    assert chain.block(blocks[1].hash) is not None


def test_blockhash_knows_256_ancestors() -> None:
    network = "Shanghai"
    chain, blocks = grown(network, 0)
    for _ in range(257):
        blocks.append(mine(network, blocks[-1], seconds=1))
        chain.import_block(blocks[-1].rlp)
    raws = tuple(call(ALICE, nonce, HASHER, number.to_bytes(32, "big")) for nonce, number in enumerate((1, 2, 257)))
    block = mine(network, blocks[-1], raws)
    child = chain.import_block(block.rlp).block
    stored = chain.state(child.hash).accounts[HASHER].storage
    assert stored == {number: int.from_bytes(blocks[number].hash, "big") for number in (2, 257)}


def test_a_state_shares_what_a_block_did_not_touch() -> None:
    before = funded("Cancun")
    diff = {COUNTER: AccountDiff(storage={0: 5}), BOB.address: AccountDiff(deleted=True)}
    after = state_after(before, StateDiff(diff))
    assert after.accounts[ALICE.address] is before.accounts[ALICE.address]
    assert (after.accounts[COUNTER].storage, before.accounts[COUNTER].storage) == ({0: 5}, {})
    assert BOB.address not in after.accounts
    assert BOB.address in before.accounts
