"""The yardstick runs what it says: py-evm as shipped, equal to EELS by hand and to the header on record."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bench.pyevm_baseline import VIRTUAL_MACHINES, main, run_as_shipped
from executor.capsule import load_capsule
from executor.errors import UnknownFork
from executor.state import MemoryState
from tests import builders, eels
from tests.data import capsule_path, needs_data
from tests.eels_bridge import FORKS
from tests.signing import Key, Tx, sign

SENDER, KEEPER = Key(1), builders.address(1)
STORE_AND_LOG = bytes.fromhex("600160005560006000a000")  # SSTORE(0, 1), LOG0, STOP


def funded(fork: str) -> MemoryState:
    state = builders.state(fork)
    state.put(SENDER.address, balance=10**18)
    state.put(KEEPER, nonce=1, code=STORE_AND_LOG)
    return state


@pytest.mark.parametrize("fork", FORKS)
def test_gas_and_receipts_are_those_of_eels(fork: str) -> None:
    calls = [sign(SENDER, Tx(0, None, nonce, gas=90_000, to=KEEPER)) for nonce in range(2)]
    block, pre = builders.block(fork, calls), funded(fork)
    shipped, expected = run_as_shipped(block, pre), eels.execute_block(block, pre)
    assert isinstance(expected, eels.EelsResult)
    assert shipped.gas_by_tx == tuple(receipt.gas_used for receipt in expected.receipts)
    assert shipped.bloom == int.from_bytes(expected.bloom, "big")
    assert shipped.receipts_root == expected.receipts_root


def test_every_fork_of_eels_is_known() -> None:
    assert set(FORKS) <= set(VIRTUAL_MACHINES)
    with pytest.raises(UnknownFork):
        run_as_shipped(replace(builders.block("Prague"), fork="Osaka"), funded("Prague"))


@needs_data
def test_deviations_name_what_differs() -> None:
    capsule = load_capsule(capsule_path(22615247))
    result = run_as_shipped(capsule.block, capsule.pre_state)
    assert result.deviations(capsule.block) == ()
    header = replace(capsule.block.header, gas_used=1, receipts_root=bytes(32))
    assert result.deviations(replace(capsule.block, header=header)) == ("gas used", "receipts root")


@needs_data
@pytest.mark.slow
def test_every_recorded_block_is_exact(capsys: pytest.CaptureFixture[str]) -> None:
    assert main() == 0
    assert "50 blocks" in capsys.readouterr().out
