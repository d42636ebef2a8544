"""The token and the oracle on the engine: what they allow, what they refuse, where they keep things."""

from __future__ import annotations

import pytest

from tests.workloads.chain import Chain, reason
from workloads.artefacts import load_contract, mapping_slot, string_slots, word
from workloads.token_model import UNLIMITED

TOKEN, ORACLE = load_contract("Token"), load_contract("Oracle")


def string_argument(text: str) -> bytes:
    return word(len(text)) + text.encode().ljust(32, b"\0")


@pytest.fixture
def chain() -> Chain:
    return Chain()


@pytest.fixture
def token(chain: Chain) -> bytes:
    """Deploy a token from its creation bytecode and give account 1 a hundred."""
    arguments = word(96) + word(160) + word(6) + string_argument("Test Token") + string_argument("TT")
    address = chain.deploy(chain.accounts[0], TOKEN, arguments)
    assert chain.send(chain.accounts[0], address, TOKEN.call("mint", chain.accounts[1].address, 100)).success
    return address


def test_the_layout_says_where_everything_lies(chain: Chain, token: bytes) -> None:
    storage = chain.state.accounts[token].storage
    holder = chain.accounts[1].address
    spender = chain.accounts[2].address
    chain.send(chain.accounts[1], token, TOKEN.call("approve", spender, 7))
    names = string_slots(TOKEN.layout["name"], "Test Token") | string_slots(TOKEN.layout["symbol"], "TT")
    assert storage == names | {
        TOKEN.layout["decimals"]: 6,
        TOKEN.layout["owner"]: int.from_bytes(chain.accounts[0].address, "big"),
        TOKEN.slot("totalSupply"): 100,
        TOKEN.slot("balanceOf", holder): 100,
        TOKEN.slot("allowance", holder, spender): 7,
    }
    assert TOKEN.slot("allowance", holder, spender) == mapping_slot(8, holder, spender)


def test_transfers_move_and_never_overdraw(chain: Chain, token: bytes) -> None:
    _, holder, other, _ = chain.accounts
    assert chain.send(holder, token, TOKEN.call("transfer", other.address, 60)).success
    refused = chain.send(holder, token, TOKEN.call("transfer", other.address, 41))
    assert reason(refused) == "insufficient balance"
    assert chain.ask(token, TOKEN.call("balanceOf", holder.address)) == 40
    assert chain.ask(token, TOKEN.call("balanceOf", other.address)) == 60


def test_a_transfer_to_oneself_makes_no_tokens(chain: Chain, token: bytes) -> None:
    holder = chain.accounts[1]
    assert chain.send(holder, token, TOKEN.call("transfer", holder.address, 60)).success
    assert chain.ask(token, TOKEN.call("balanceOf", holder.address)) == 100


@pytest.mark.parametrize("allowed", [59, 60, UNLIMITED])
def test_allowances_are_used_up_unless_unlimited(chain: Chain, token: bytes, allowed: int) -> None:
    _, holder, spender, receiver = chain.accounts
    chain.send(holder, token, TOKEN.call("approve", spender.address, allowed))
    result = chain.send(spender, token, TOKEN.call("transferFrom", holder.address, receiver.address, 60))
    assert reason(result) == ("insufficient allowance" if allowed < 60 else "")
    left = chain.ask(token, TOKEN.call("allowance", holder.address, spender.address))
    assert left == {59: 59, 60: 0, UNLIMITED: UNLIMITED}[allowed]


def test_only_the_owner_mints_and_nobody_sends_to_nobody(chain: Chain, token: bytes) -> None:
    owner, holder, *_ = chain.accounts
    assert reason(chain.send(holder, token, TOKEN.call("mint", holder.address, 1))) == "only the owner"
    assert reason(chain.send(owner, token, TOKEN.call("mint", bytes(20), 1))) == "zero receiver"
    assert reason(chain.send(holder, token, TOKEN.call("transfer", bytes(20), 1))) == "zero receiver"


def test_the_oracle_takes_prices_from_its_owner_and_never_zero(chain: Chain) -> None:
    owner, other, asset, _ = chain.accounts
    oracle = chain.deploy(owner, ORACLE)
    price = ORACLE.call("price", asset.address)
    assert reason(chain.send(other, oracle, price)) == "no price"
    set_price = ORACLE.call("set_price", asset.address, 5)
    assert reason(chain.send(other, oracle, set_price)) == "only the owner"
    zero = ORACLE.call("set_price", asset.address, 0)
    assert reason(chain.send(owner, oracle, zero)) == "zero price"
    assert chain.send(owner, oracle, set_price).success
    assert chain.ask(oracle, price) == 5
    assert chain.state.accounts[oracle].storage[ORACLE.slot("prices", asset.address)] == 5


def test_the_oracle_can_be_handed_on(chain: Chain) -> None:
    owner, other, asset, _ = chain.accounts
    oracle = chain.deploy(owner, ORACLE)
    assert reason(chain.send(other, oracle, ORACLE.call("set_owner", other.address))) == "only the owner"
    assert chain.send(owner, oracle, ORACLE.call("set_owner", other.address)).success
    assert chain.send(other, oracle, ORACLE.call("set_price", asset.address, 9)).success
