"""State tests, each as a block of one transaction: roots against EELS, and a line for what does not hold."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from executor.roots import state_root
from tests import builders, eels
from tests.bench.fixtures import HASH, Fixture, alloc, hexed, results
from tests.executor.test_chain import ALICE, call, funded

NO_LOGS = "0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347"
FORKS = ("Frontier", "SpuriousDragon", "Berlin", "London", "Cancun", "Prague")


def state_test(coinbase: bytes) -> Fixture:
    """Return a state test of a valid and an invalid transaction per fork, with the roots that EELS comes to."""
    pre = funded("Frontier")
    valid, invalid = call(ALICE, 0), call(ALICE, 5)
    post: dict[str, list[Fixture]] = {"Osaka": [{"hash": HASH, "logs": NO_LOGS, "txbytes": hexed(valid)}]}
    for fork in FORKS:
        done = eels.execute_transaction(valid, builders.block(fork, coinbase=coinbase), pre)
        assert isinstance(done, eels.EelsTransaction)
        touched = pre.copy()
        if fork == "Frontier":  # an account that is paid nothing comes into being
            touched.put(coinbase)
        post[fork] = [
            {"hash": hexed(done.state_root), "logs": NO_LOGS, "txbytes": hexed(valid)},
            {
                "hash": hexed(state_root(touched)), "logs": NO_LOGS, "txbytes": hexed(invalid),
                "expectException": "TransactionException.NONCE_MISMATCH_TOO_HIGH",
            },
        ]  # fmt: skip
    env = {
        "currentCoinbase": hexed(coinbase), "currentDifficulty": "0x20000", "currentGasLimit": "0x1c9c380",
        "currentNumber": "0x1", "currentTimestamp": "0x3e8", "currentBaseFee": hexed(builders.BASE_FEE),
    }  # fmt: skip
    return {"env": env, "pre": alloc(pre), "transaction": {}, "post": post}


@pytest.mark.parametrize("coinbase", [b"\xc0" * 20, ALICE.address], ids=["nobody", "sender"])
def test_state_tests_agree_with_eels(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], coinbase: bytes
) -> None:
    fixture = state_test(coinbase)
    if coinbase == ALICE.address:
        fixture["post"]["Frontier"].pop()  # the sender is there already
    later, *ran = results(capfd, write_tests(state=fixture))
    assert later["name"] == "state/Osaka/0"
    assert later["error"].startswith("fork Osaka is not executable")
    assert len(ran) == 12 - (coinbase == ALICE.address)
    assert [result["error"] for result in ran if not result["pass"]] == []


@pytest.mark.parametrize(
    ("case", "change", "words"),
    [
        (0, {"hash": HASH}, "state root"),
        (0, {"logs": HASH}, "hash of the logs"),
        (0, {"expectException": "TransactionException.SENDER_NOT_EOA"}, "was accepted"),
        (0, {"txbytes": None}, "without txbytes is not executable"),
        (1, {"expectException": None}, "was rejected: transaction 0: NonceMismatchError"),
        (1, {"expectException": "TransactionException.SENDER_NOT_EOA"}, "another reason"),
    ],
)
def test_a_state_test_that_does_not_hold_fails(
    capfd: pytest.CaptureFixture[str], write_tests: Callable[..., Path], case: int, change: Fixture, words: str
) -> None:
    fixture = state_test(b"\xc0" * 20)
    fixture["post"] = {"Berlin": fixture["post"]["Berlin"]}
    fixture["post"]["Berlin"][case] |= change
    result = results(capfd, write_tests(state=fixture))[case]
    assert result["pass"] is False
    assert words in result["error"]
