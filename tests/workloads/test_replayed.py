"""Recorded lending calls for many users: the slots found are the sender's, and the conflicts the protocols' own."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import pytest

from executor.capsule import load_capsule
from executor.errors import UsageError
from executor.sequential import execute_sequential
from executor.transactions import decode_transaction
from scheduler.access import STORAGE
from scheduler.graph import build
from tests.bench.test_cli import run
from tests.data import capsule_path, needs_data
from tests.oracle import assert_same_as_sequential
from workloads.accounts import make_accounts, make_address
from workloads.artefacts import mapping_slot
from workloads.registry import generate
from workloads.replayed import events_of, find_calls, outcomes, summary
from workloads.sender_slots import OwnedSlots, entry
from workloads.workload import Workload

C_USDC = bytes.fromhex("39aa39c021dfbae8fac545936693ac917d5e7563")
USDC = bytes.fromhex("a0b86991c6218b36c1d19d4a2e9eb0ce3606eb48")
OWNER, OTHER, THIRD = (make_address(1, "slots", index) for index in range(3))
ACCOUNT_TOKENS, BALANCES = 15, 9  # where cUSDC and USDC keep what an account has


@cache
def make(number: int, transactions: int = 12, users: int = 12, calls: str = "lending") -> Workload:
    params = {"capsule": str(capsule_path(number)), "users": str(users), "calls": calls}
    return generate("replayed", transactions, 1, params)


# -- whose slot it is -------------------------------------------------------------------------------------


def solidity(base: int, *keys: bytes) -> int:
    for key in keys:
        base = entry(base, key, key_first=True)
    return base


@pytest.mark.parametrize(
    ("slot", "moved"),
    [
        (solidity(9, OWNER), solidity(9, THIRD)),
        (solidity(9, OWNER) + 3, solidity(9, THIRD) + 3),
        (solidity(10, OWNER, OTHER), solidity(10, THIRD, OTHER)),
        (solidity(18, OTHER, OWNER), solidity(18, OTHER, THIRD)),
        (solidity(solidity(9, OTHER) + 2, OWNER), solidity(solidity(9, OTHER) + 2, THIRD)),
        (mapping_slot(4, OWNER), mapping_slot(4, THIRD)),
        (mapping_slot(4, OWNER, OTHER), mapping_slot(4, THIRD, OTHER)),
    ],
    ids=["balance", "struct", "allowance", "per market", "in a struct", "vyper", "vyper allowance"],
)
def test_the_same_slot_of_another_owner_is_found(slot: int, moved: int) -> None:
    recipe = OwnedSlots(OWNER, (OTHER, OWNER)).recipe(slot)
    assert recipe is not None
    assert (recipe.slot(OWNER), recipe.slot(THIRD)) == (slot, moved)


def test_slots_of_others_are_nobodys() -> None:
    owned = OwnedSlots(OWNER, (OTHER,))
    for slot in (0, 9, solidity(9, OTHER), solidity(9, OTHER, THIRD), solidity(9, THIRD, OWNER)):
        assert owned.recipe(slot) is None


# -- Compound ---------------------------------------------------------------------------------------------


@needs_data
def test_every_repeated_mint_ends_as_the_recorded_one() -> None:
    assert outcomes(make(11114732)) == {"14:Compound/a0712d68": (6, 0, 0), "17:Compound/a0712d68": (6, 0, 0)}


@needs_data
def test_each_user_gets_the_shares_that_its_tokens_buy() -> None:
    workload = make(11114732)
    call, _ = find_calls(load_capsule(capsule_path(11114732)), "lending")
    result = execute_sequential(workload.blocks[0], workload.pre_state)
    paid = int.from_bytes(call.tx.data[4:36], "big")
    shares = []
    for user in make_accounts(1, "replayed/user", 12):
        assert workload.pre_state.read((USDC, STORAGE, solidity(BALANCES, user.address))) == paid
        assert result.state_diff.accounts[USDC].storage[solidity(BALANCES, user.address)] == 0
        shares.append(result.state_diff.accounts[C_USDC].storage[solidity(ACCOUNT_TOKENS, user.address)])
    assert min(shares) > 0
    assert max(shares) - min(shares) <= 1, "one block, one rate; the division's remainder may differ"


@needs_data
def test_mints_of_one_market_are_a_chain_and_end_as_in_sequence() -> None:
    workload = make(11114732)
    assert max(build(workload.blocks[0].access_sets or ()).levels()) == 11
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [12, 12]
    assert compared.conflicts > 0


@needs_data
@pytest.mark.slow
def test_a_second_mint_without_tokens_fails_as_the_protocol_has_it() -> None:
    """Compound returns an error code and logs a failure: the transaction succeeds, and the events say otherwise."""
    assert outcomes(make(11114732, 6, 3, "14")) == {"14:Compound/a0712d68": (3, 3, 0)}


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize("number", [12243999, 19933612])
def test_ether_mints_and_an_aave_swap_end_as_in_sequence(number: int) -> None:
    workload = make(number, 8, 8)
    (counts,) = outcomes(workload).values()
    assert sum(counts) == 8
    assert counts[0] >= 1, "the first repetition finds what the recorded call found"
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [8, 8]


@needs_data
@pytest.mark.slow
def test_users_sign_for_themselves_and_stand_in_the_calldata() -> None:
    capsule = load_capsule(capsule_path(12520364))
    (call,) = find_calls(capsule, "lending")
    user = make_accounts(1, "replayed/user", 1)[0]
    assert call.tx.data.count(call.sender) == 2
    assert call.data_for(user.address).count(user.address) == 2
    workload = make(12520364, 1, 1)
    result = execute_sequential(workload.blocks[0], workload.pre_state).transactions[0]
    assert result.sender == user.address
    assert events_of(result) == call.events
    assert decode_transaction(workload.blocks[0].transactions[0].raw).data == call.data_for(user.address)


# -- what is asked for ------------------------------------------------------------------------------------


def test_without_a_capsule_the_error_says_so(capfd: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capfd, "run", "replayed", "--backend", "inline")
    assert (code, out) == (2, "")
    assert err.splitlines() == [
        "parallel-evm: replayed: name a recorded block with --param capsule=PATH (format evm-block-replay/1)"
    ]


@needs_data
@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "calls", "words"),
    [
        (46147, "lending", "no such call"),
        (11114732, "fourteen", "write lending, or places"),
        (11114732, "14,999", "no transaction 999"),
    ],
)
def test_calls_that_are_not_there_are_refused(number: int, calls: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make(number, 1, 1, calls)


@needs_data
def test_an_empty_block_can_be_made() -> None:
    workload = make(11114732, 0)
    assert [block.transactions for block in workload.blocks] == [()]


@needs_data
@pytest.mark.slow
def test_the_command_line_runs_and_exports(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    options = ("replayed", "--transactions", 4, "--param", f"capsule={capsule_path(11114732)}", "--param", "users=4")
    code, out, _ = run(capfd, "run", *options, "--backend", "inline", "--json")
    block = json.loads(out)["blocks"][0]
    assert (code, block["equal_to_sequential"], block["state_root"]) == (0, True, None)
    assert run(capfd, "export", *options, "--out", tmp_path)[0] == 0
    (path,) = tmp_path.iterdir()
    code, out, _ = run(capfd, "replay", path, "--backend", "inline", "--json")
    checks = json.loads(out)["blocks"][0]["checks"]
    assert (code, checks["state_root"], checks["receipts_root"], checks["gas_used"]) == (0, None, True, True)


@needs_data
@pytest.mark.slow
def test_the_summary_says_how_each_call_ends() -> None:
    workload = generate("replayed", 4, 1, {"capsule": str(capsule_path(11114732)), "users": "4"})
    assert summary(workload) == [
        "14:Compound/a0712d68: 2 as recorded, 0 with other events, 0 reverted",
        "17:Compound/a0712d68: 2 as recorded, 0 with other events, 0 reverted",
    ]
