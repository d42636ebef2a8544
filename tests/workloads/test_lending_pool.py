"""The lending pool on the engine: its economics, its refusals, and who may configure it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.workloads.bank import ETH, TOKEN, USD, USDC, WETH, Bank
from tests.workloads.chain import reason
from workloads.lending.terms import BPS, YEAR, pack_config, pack_curve
from workloads.token_model import UNLIMITED


@pytest.fixture
def bank() -> Bank:
    """Ann supplies a million dollars, Bob 100 ether."""
    bank = Bank()
    assert bank.act(bank.ann, "deposit", USDC, 1_000_000 * USD) == ""
    assert bank.act(bank.bob, "deposit", WETH, 100 * ETH) == ""
    return bank


@pytest.fixture
def crashed(bank: Bank) -> Bank:
    """Bob has borrowed to the limit, then ether falls by 5 %."""
    assert bank.act(bank.bob, "borrow", USDC, 240_000 * USD) == ""
    bank.set_price(WETH, WETH.price * 95 // 100)
    return bank


# -- users ------------------------------------------------------------------------------------------------


def test_what_is_supplied_can_be_withdrawn_to_the_last_unit(bank: Bank) -> None:
    assert bank.act(bank.bob, "withdraw", WETH, 30 * ETH) == ""
    assert bank.act(bank.bob, "withdraw", WETH, UNLIMITED) == ""
    assert bank.balance(bank.bob.address, WETH) == 1_000 * ETH
    assert bank.ask("user_assets", bank.bob.address) == 0


def test_the_loan_to_value_bounds_what_is_borrowed(bank: Bank) -> None:
    limit = 100 * 3_000 * WETH.risk.ltv // BPS * USD
    assert bank.act(bank.bob, "borrow", USDC, limit + 1) == "not enough collateral"
    assert bank.act(bank.bob, "borrow", USDC, limit) == ""
    assert bank.act(bank.bob, "borrow", USDC, 1) == "not enough collateral"
    assert bank.balance(bank.bob.address, USDC) == 5_000_000 * USD + limit


def test_collateral_in_use_cannot_be_withdrawn(bank: Bank) -> None:
    assert bank.act(bank.bob, "borrow", USDC, 200_000 * USD) == ""
    assert bank.act(bank.bob, "withdraw", WETH, 20 * ETH) == "unhealthy"
    assert bank.act(bank.bob, "withdraw", WETH, UNLIMITED) == "unhealthy"
    assert bank.act(bank.bob, "withdraw", WETH, 19 * ETH) == ""
    assert 1 <= bank.health(bank.bob) < 1.01


def test_refusals_of_amounts_and_assets(bank: Bank) -> None:
    assert bank.act(bank.ann, "deposit", USDC, 0) == "amount too small"
    assert bank.act(bank.ann, "borrow", USDC, 0) == "amount too small"
    assert bank.act(bank.ann, "withdraw", USDC, 0) == "nothing to withdraw"
    assert bank.act(bank.ann, "withdraw", WETH, UNLIMITED) == "nothing to withdraw"
    assert bank.act(bank.ann, "withdraw", USDC, 1_000_001 * USD) == "more than supplied"
    assert bank.act(bank.ann, "repay", USDC, 1) == "no debt"
    assert bank.act(bank.ann, "borrow", WETH, 101 * ETH) == "not enough cash"
    assert reason(bank.call(bank.ann, "deposit", bank.oracle, 1)) == "asset not listed"


def test_lent_out_cash_cannot_be_withdrawn(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 200_000 * USD)
    assert bank.act(bank.ann, "withdraw", USDC, UNLIMITED) == "not enough cash"


def test_a_payment_above_the_debt_is_not_taken(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 1_000 * USD)
    assert bank.act(bank.bob, "repay", USDC, UNLIMITED) == ""
    assert bank.balance(bank.bob.address, USDC) == 5_000_000 * USD
    assert bank.owed(bank.bob, USDC) == 0


def test_a_gift_of_tokens_to_the_pool_changes_nothing(bank: Bank) -> None:
    before = bank.supplied(bank.ann, USDC), bank.health(bank.bob)
    gift = TOKEN.call("transfer", bank.pool, 1_000 * USD)
    assert bank.chain.send(bank.liz, bank.tokens["USDC"], gift).success
    assert (bank.supplied(bank.ann, USDC), bank.health(bank.bob)) == before


# -- interest ---------------------------------------------------------------------------------------------


def test_anyone_may_bring_the_indexes_up_to_now(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 200_000 * USD)
    bank.chain.time += YEAR
    owed, supplied = bank.owed(bank.bob, USDC), bank.supplied(bank.ann, USDC)
    assert bank.call(bank.liz, "accrue", bank.tokens["USDC"]).success
    assert bank.reserve(USDC, "updated_at") == bank.chain.time
    assert (bank.owed(bank.bob, USDC), bank.supplied(bank.ann, USDC)) == (owed, supplied)
    assert reason(bank.call(bank.liz, "accrue", bank.oracle)) == "asset not listed"


def test_a_year_of_interest_goes_to_suppliers_and_fees(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 200_000 * USD)
    bank.chain.time += 12
    bank.act(bank.liz, "deposit", USDC, USD)  # time has passed: the rate of 20 % utilisation is stored
    bank.chain.time += YEAR
    utilisation = 0.2
    rate = USDC.curve.slope1 / BPS * utilisation / (USDC.curve.kink / BPS)
    interest = bank.owed(bank.bob, USDC) - 200_000 * USD
    assert interest == pytest.approx(200_000 * USD * rate, rel=1e-3)
    earned = bank.supplied(bank.ann, USDC) - 1_000_000 * USD
    assert earned == pytest.approx(interest * (1 - USDC.risk.reserve_factor / BPS), rel=1e-3)
    bank.act(bank.liz, "deposit", USDC, USD)
    assert bank.reserve(USDC, "fees") == pytest.approx(interest * USDC.risk.reserve_factor / BPS, rel=1e-3)
    assert bank.surplus(USDC) >= 0


def test_everybody_can_leave_after_years_and_the_books_balance(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 150_000 * USD)
    for _ in range(3):
        bank.chain.time += YEAR // 2 + 7
        bank.act(bank.liz, "deposit", WETH, ETH + 1)
        bank.act(bank.bob, "repay", USDC, 7_777_777)
    for person, function, asset in (
        (bank.bob, "repay", USDC),
        (bank.bob, "withdraw", WETH),
        (bank.liz, "withdraw", WETH),
        (bank.ann, "withdraw", USDC),
    ):
        assert bank.act(person, function, asset, UNLIMITED) == ""
    for asset in (WETH, USDC):
        assert bank.reserve(asset, "scaled_supply") == bank.reserve(asset, "scaled_debt") == 0
        assert bank.surplus(asset) >= 0
        assert bank.reserve(asset, "cash") == bank.balance(bank.pool, asset)


def test_beyond_the_kink_the_rate_is_steep(bank: Bank) -> None:
    bank.act(bank.ann, "borrow", WETH, 80 * ETH)
    bank.chain.time += 12
    bank.act(bank.liz, "deposit", WETH, 10**9)
    at_kink = bank.reserve(WETH, "accrual") & (1 << 128) - 1
    bank.act(bank.ann, "borrow", WETH, 10 * ETH)
    bank.chain.time += 12
    bank.act(bank.liz, "deposit", WETH, 10**9)
    beyond = bank.reserve(WETH, "accrual") & (1 << 128) - 1
    assert at_kink * YEAR / 10**27 == pytest.approx(0.04, rel=1e-3)
    assert beyond * YEAR / 10**27 == pytest.approx(0.04 + 0.4, rel=1e-3)


def test_a_round_trip_in_one_block_never_pays(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 123_456 * USD)
    bank.chain.time += YEAR // 3
    for amount in (1, 2, 3, 999, 10**12 + 7):
        bank.act(bank.liz, "deposit", WETH, amount)
        bank.act(bank.liz, "withdraw", WETH, UNLIMITED)
        bank.act(bank.liz, "deposit", USDC, amount)
        bank.act(bank.liz, "withdraw", USDC, UNLIMITED)
    assert bank.balance(bank.liz.address, WETH) <= 1_000 * ETH
    assert bank.balance(bank.liz.address, USDC) <= 5_000_000 * USD


# -- liquidation ------------------------------------------------------------------------------------------


def test_the_healthy_cannot_be_liquidated_nor_anyone_by_himself(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 240_000 * USD)
    assert bank.liquidate(bank.bob, USDC, WETH) == "healthy"
    assert bank.liquidate(bank.liz, USDC, WETH) == "own position"


def test_a_liquidation_repays_half_takes_the_bonus_and_heals(crashed: Bank) -> None:
    before, repaid = crashed.health(crashed.bob), crashed.half_of_debt(crashed.bob, USDC)
    assert before < 1
    assert crashed.liquidate(crashed.bob, USDC, WETH) == ""
    assert crashed.balance(crashed.liz.address, USDC) == 5_000_000 * USD - repaid
    gained = crashed.balance(crashed.liz.address, WETH) - 1_000 * ETH
    worth = gained * (WETH.price * 95 // 100) / WETH.unit / 10**18
    assert worth == pytest.approx(repaid / USD * (1 + WETH.risk.bonus / BPS))
    assert crashed.health(crashed.bob) > before
    assert crashed.owed(crashed.bob, USDC) == pytest.approx(120_000 * USD)


def test_liquidation_stops_when_the_user_is_healthy(crashed: Bank) -> None:
    outcomes = [crashed.liquidate(crashed.bob, USDC, WETH) for _ in range(3)]
    assert outcomes[0] == ""
    assert outcomes[-1] == "healthy"


def test_nothing_is_seized_for_nothing(crashed: Bank) -> None:
    assert crashed.liquidate(crashed.bob, USDC, WETH, 0) == "nothing to seize"
    assert crashed.liquidate(crashed.bob, WETH, WETH) == "nothing to seize"  # no debt in ether
    assert crashed.liquidate(crashed.bob, USDC, USDC) == "nothing to seize"  # no dollars supplied


def test_what_collateral_cannot_cover_is_written_off_and_can_be_made_good(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 240_000 * USD)
    bank.set_price(WETH, WETH.price // 10)
    while (outcome := bank.liquidate(bank.bob, USDC, WETH)) == "":
        assert bank.surplus(USDC) >= 0
    assert outcome == "healthy"  # nothing left on either side
    assert (bank.supplied(bank.bob, WETH), bank.owed(bank.bob, USDC)) == (0, 0)
    assert bank.ask("user_assets", bank.bob.address) == 0
    deficit = bank.reserve(USDC, "deficit")
    paid = 5_000_000 * USD - bank.balance(bank.liz.address, USDC)
    assert deficit == pytest.approx(240_000 * USD - paid, abs=10)
    assert bank.act(bank.liz, "cover_deficit", USDC, UNLIMITED) == ""
    assert bank.act(bank.liz, "cover_deficit", USDC, 1) == "no deficit"
    assert bank.act(bank.ann, "withdraw", USDC, UNLIMITED) == ""


# -- configuration ----------------------------------------------------------------------------------------


def test_the_configuration_is_packed_as_the_genesis_packs_it(bank: Bank) -> None:
    for index, asset in enumerate((WETH, USDC)):
        assert bank.reserve(asset, "config") == pack_config(index, asset, eager=False)
        assert bank.reserve(asset, "curve") == pack_curve(asset.curve)


@pytest.mark.parametrize(
    ("numbers", "why"),
    [
        ((8_300, 8_200, 500, 1_000, 0, 400, 6_000, 8_000, 0), "limit above threshold"),
        ((8_000, 9_600, 500, 1_000, 0, 400, 6_000, 8_000, 0), "threshold too high"),
        ((8_000, 8_200, 500, 5_001, 0, 400, 6_000, 8_000, 0), "out of range"),
        ((8_000, 8_200, 500, 1_000, 0, 400, 6_000, 10_000, 0), "kink out of range"),
        ((8_000, 8_200, 500, 1_000, 0, 400, 1_000_001, 8_000, 0), "rate too high"),
    ],
)
def test_impossible_parameters_are_refused(bank: Bank, numbers: tuple[int, ...], why: str) -> None:
    assert reason(bank.list_asset(bank.owner, WETH, *numbers, function="set_asset")) == why


def test_only_the_owner_configures(bank: Bank) -> None:
    for function in ("list_asset", "set_asset"):
        assert reason(bank.list_asset(bank.ann, WETH, function=function)) == "only the owner"
    assert reason(bank.call(bank.ann, "set_oracle", bank.oracle)) == "only the owner"
    assert reason(bank.call(bank.ann, "set_owner", bank.ann.address)) == "only the owner"
    collect = bank.call(bank.ann, "collect_fees", bank.tokens["USDC"], bank.ann.address)
    assert reason(collect) == "only the owner"
    assert reason(bank.list_asset(bank.owner, WETH)) == "listed already"


def test_new_parameters_take_effect(bank: Bank) -> None:
    eager = replace(WETH, risk=replace(WETH.risk, ltv=0))
    numbers = (0, 8_250, 500, 1_500, 0, 400, 8_000, 8_000, 1)
    assert bank.list_asset(bank.owner, WETH, *numbers, function="set_asset").success
    assert bank.reserve(WETH, "config") == pack_config(0, eager, eager=True)
    assert bank.act(bank.bob, "borrow", USDC, USD) == "not enough collateral"


def test_fees_go_to_the_owner_and_no_further_than_cash(bank: Bank) -> None:
    bank.act(bank.bob, "borrow", USDC, 200_000 * USD)
    bank.chain.time += 12
    bank.act(bank.liz, "deposit", USDC, USD)
    bank.chain.time += YEAR
    assert bank.call(bank.owner, "collect_fees", bank.tokens["USDC"], bank.owner.address).success
    collected = bank.balance(bank.owner.address, USDC)
    assert collected > 100 * USD
    assert bank.reserve(USDC, "fees") == 0
    assert bank.reserve(USDC, "cash") == bank.balance(bank.pool, USDC)
    assert bank.surplus(USDC) >= 0
