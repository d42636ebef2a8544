"""Liquidation cascades: they end, races are lost, positions heal or become bad debt, every invariant can fail."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, with_source_changed
from tests.workloads.runs import Run, assert_sound, run_all, wrong_access_sets
from tests.workloads.test_contracts import needs_vyper
from workloads import artefacts, stage
from workloads.crash import PARAMETERS
from workloads.crash_checks import CascadeCheck, rounds, summary
from workloads.crash_market import DEBT, LISTED, QUOTE, STEADY, CrashMarket, open_market
from workloads.flash_loans import FLASH_GAS, NothingLeftCheck, loan_fee
from workloads.lending import pool_slots
from workloads.lending.checks import PoolCheck
from workloads.lending.terms import ceil_div
from workloads.registry import generate
from workloads.workload import Workload

WETH = 0


def make(params: dict[str, str] | None = None, transactions: int = 80, seed: int = 3) -> Workload:
    return generate("crash", transactions, seed, {"liquidators": "10", "users": "8", **(params or {})})


@pytest.fixture(scope="module")
def fallen() -> tuple[Workload, list[Run]]:
    """Return a cascade over two blocks, executed."""
    workload = make({"blocks": "2"})
    return workload, run_all(workload)


def cascade(workload: Workload) -> CascadeCheck:
    return next(check for check in workload.checks if isinstance(check, CascadeCheck))


# -- the workload -----------------------------------------------------------------------------------------


def test_every_invariant_holds_after_every_block(fallen: tuple[Workload, list[Run]]) -> None:
    workload, runs = fallen
    for index, run in enumerate(runs):
        assert workload.check(run.after, index, run.before) == []
    assert wrong_access_sets(workload, runs) == []


@pytest.mark.slow
@pytest.mark.parametrize(
    "params",
    [
        {"price_path": "gbm", "volatility": "0.2", "blocks": "4"},
        {"price_path": "constant"},
        {"depth": "0.5", "flash": "1", "race": "1"},
        {"crash_at": "1", "recovery": "2", "blocks": "4", "borrowers": "10"},
    ],
    ids=str,
)
def test_every_invariant_holds_on_other_price_paths(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_cascade_ends_and_its_rounds_are_reported(fallen: tuple[Workload, list[Run]]) -> None:
    workload, _ = fallen
    first, second = rounds(workload)
    assert first.open_before > 10
    assert first.lowest < 1
    assert first.open_after == second.open_before > 0
    assert second.open_after == 0
    names = Counter(name for block in workload.operations for name in block)
    done = names["liquidate"] + names["flash-liquidate"]
    assert first.liquidations + second.liquidations == done > 15
    assert second.bad_debt > 0
    assert summary(workload)[1].startswith(f"round 2: {second.open_before} can be liquidated")


def test_races_are_lost_and_nothing_else_reverts(fallen: tuple[Workload, list[Run]]) -> None:
    workload, runs = fallen
    names = Counter(name for block in workload.operations for name in block)
    assert names["liquidate-reverts"] >= 3
    assert names["flash-liquidate"] >= 2
    assert [name for name in names if name.endswith("-reverts")] == ["liquidate-reverts"]
    failed = sum(not result.success for run in runs for result in run.result.transactions)
    assert failed == names["liquidate-reverts"]
    assert Counter(name for name in make({"race": "0"}).operations[0] if name.endswith("-reverts")) == {}


def test_prices_that_do_not_fit_into_a_block_come_with_the_next() -> None:
    workload = make({"blocks": "6"}, transactions=12)
    assert workload.operations[:4] == (("trade", "oracle"),) * 4
    assert "liquidate" in {name for block in workload.operations[4:] for name in block}
    for index, run in enumerate(run_all(workload)):
        assert workload.check(run.after, index, run.before) == []


def test_collateral_and_debt_are_the_calibrated_ones() -> None:
    market = open_market(stage.Stage("crash", 1), 1, 2, 200)
    owned, owed = Counter[str](), Counter[str]()
    for borrower in market.borrowers:
        for listing in market.model.listings:
            owned[listing.asset.symbol] += market.model.supplied(borrower, listing) > 0
            owed[listing.asset.symbol] += market.model.owed(borrower, listing) > 0
        assert market.model.standing(borrower).healthy
    assert (owned["WETH"] + owned["wstETH"]) / 200 == pytest.approx(0.59, abs=0.01)
    assert sum(owed[LISTED[index].symbol] for index in STEADY) / 200 == pytest.approx(0.985, abs=0.01)
    assert set(owed) >= set(DEBT)


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=20)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [20, 20]
    assert compared.conflicts > 0, "prices and totals conflict where nothing is known before"
    assert workload.operations[0][:2] == ("trade", "oracle")


@pytest.mark.slow
def test_the_default_ends_in_one_block_with_few_hot_liquidators() -> None:
    assert PARAMETERS["liquidators"].default == 70
    workload = generate("crash")
    assert cascade(workload).open_after == (0,)
    senders = Counter(
        tx.sender_hint
        for tx, name in zip(workload.blocks[0].transactions, workload.operations[0], strict=True)
        if "liquidate" in name
    )
    assert max(senders.values()) > 3 * sum(senders.values()) / len(senders)


# -- invariants can fail ----------------------------------------------------------------------------------


def spoilt(workload: Workload, run: Run, side: int, factor: int) -> list[str]:
    """Return what is said of the first block with every borrower's supply (0) or debt (1) multiplied."""
    check, wrong = cascade(workload), run.after.copy()
    for borrower in check.borrowers:
        for listing in check.pool.listings:
            address, _, slot = check.pool.position_at(borrower, listing)[side]
            wrong.accounts[address].storage[slot] = wrong.accounts[address].storage.get(slot, 0) * factor
    return workload.check(wrong, 0, run.before)


@pytest.mark.parametrize(
    ("side", "factor", "words"),
    [
        (0, 0, "owes without collateral: a bad debt is not recorded"),
        (1, 4, "was healthy and is not what it was"),
        (1, 4, "was liquidated and its health factor fell from"),
        (1, 4, "can be liquidated, it should be"),
        (1, 4, "scaled debt is"),
    ],
)
def test_positions_that_got_worse_are_seen(
    fallen: tuple[Workload, list[Run]], side: int, factor: int, words: str
) -> None:
    workload, runs = fallen
    lines = spoilt(workload, runs[0], side, factor)
    assert any(words in line for line in lines), lines[:5]


def test_cash_and_tokens_astray_are_seen(fallen: tuple[Workload, list[Run]]) -> None:
    workload, (run, _) = fallen
    left = next(check for check in workload.checks if isinstance(check, NothingLeftCheck))
    pool = next(check for check in workload.checks if isinstance(check, PoolCheck)).pool
    lent = left.tokens[QUOTE]
    assert_seen(workload, run, lent.at("balanceOf", left.borrower.address), 1, "left in the borrower")
    assert_seen(workload, run, lent.at("totalSupply"), 1, "the supply changed")
    assert_seen(workload, run, pool.listings[WETH].slots.cash, 1, "cash is")


PLANTED = [
    ("FlashLiquidator", "self._push(debt, msg.sender, profit)", "self._push(debt, msg.sender, profit - 1)", "left in"),
    ("LendingPool", "(BPS + self._part(config, 32))", "(BPS + 5 * self._part(config, 32))", "its health factor fell"),
    ("LendingPool", "        self.reserves[asset].deficit += lost\n", "", "insolvent by"),
]


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(("name", "old", "new", "words"), PLANTED, ids=["profit kept", "bonus", "deficit"])
def test_a_wrong_contract_is_seen(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, words: str) -> None:
    sound = artefacts.load_contract(name)
    if name == "LendingPool":  # put into the genesis as it is
        load = {name: replace(sound, runtime=with_source_changed(name, old, new, "bytecode_runtime"))}
    else:
        load = {name: replace(sound, creation=with_source_changed(name, old, new))}
    for module in (stage, pool_slots):
        monkeypatch.setattr(module, "load_contract", lambda name: load.get(name) or artefacts.load_contract(name))
    workload = make({"blocks": "2"})
    runs = enumerate(run_all(workload))
    lines = [line for index, run in runs for line in workload.check(run.after, index, run.before)]
    assert any(words in line for line in lines)


# -- liquidations with borrowed tokens, by themselves -----------------------------------------------------


class Fallen(stage.Stage):
    """A market whose first borrower with ether against dollars is unhealthy after a fall of 15 %."""

    def __init__(self) -> None:
        super().__init__("fallen", 1)
        self.market: CrashMarket = open_market(self, 1, 2, 12)
        self.liz = self.market.liquidators[0]
        price = LISTED[WETH].price * 85 // 100
        weth = self.market.tokens[WETH]
        self.setup(self.owner, self.market.oracle, "set_price", weth.address, price)
        self.market.model.now = self.now
        model, listings = self.market.model, self.market.model.listings
        self.victim = next(
            borrower
            for borrower in self.market.borrowers
            if model.supplied(borrower, listings[WETH])
            and model.owed(borrower, listings[QUOTE])
            and not model.standing(borrower).healthy
        )
        self.half = ceil_div(model.owed(self.victim, listings[QUOTE]), 2)

    def terms(self, least: int = 1, amount: int | None = None) -> tuple[int | bytes, ...]:
        """Return the arguments of a liquidation of the victim."""
        tokens = self.market.tokens[QUOTE].address, self.market.tokens[WETH].address
        return self.victim, *tokens, amount or self.half, self.market.pairs[WETH].address, least

    def refusal(self, *terms: int | bytes, function: str = "liquidate") -> str:
        """Return why a call of Liz's reverts."""
        place = self.market.flash_liquidator
        return self.why(self.liz, place.address, place.contract.call(function, *terms))


def test_a_liquidation_with_borrowed_tokens_needs_no_capital_and_keeps_the_bonus() -> None:
    fallen = Fallen()
    dollars = fallen.market.tokens[QUOTE]
    had = fallen.get(dollars, "balanceOf", fallen.liz.address)
    cash = fallen.get(fallen.market.lender, "cash", dollars.address)
    fallen.begin_block()
    assert fallen.send(
        "liquidate", fallen.liz, fallen.market.flash_liquidator, "liquidate", *fallen.terms(), gas=FLASH_GAS
    )
    assert fallen.get(dollars, "balanceOf", fallen.liz.address) > had + fallen.half // 50
    assert fallen.get(fallen.market.lender, "cash", dollars.address) == cash + loan_fee(fallen.half)
    for token in fallen.market.tokens:
        assert fallen.get(token, "balanceOf", fallen.market.flash_liquidator.address) == 0
        assert fallen.get(token, "allowance", fallen.market.flash_liquidator.address, fallen.market.pool.address) == 0


def test_refusals_of_liquidations_with_borrowed_tokens() -> None:
    fallen = Fallen()
    victim, debt, collateral, *rest = fallen.terms()
    healthy = next(one for one in fallen.market.borrowers if fallen.market.model.standing(one).healthy)
    assert fallen.refusal(healthy, debt, collateral, *rest) == "healthy"
    assert fallen.refusal(*fallen.terms(least=fallen.half)) == "no profit"
    assert fallen.refusal(*fallen.terms(least=0)) == "profit must be positive"
    assert fallen.refusal(victim, debt, debt, *rest) == "same asset"
    call = (fallen.market.flash_liquidator.address, debt, 1, 0, 160, 0)
    assert fallen.refusal(*call, function="onFlashLoan") == "only the lender"


def test_borrowing_more_than_can_be_repaid_changes_only_the_fee() -> None:
    fallen = Fallen()
    fallen.begin_block()
    place = fallen.market.flash_liquidator
    assert fallen.succeeds(fallen.liz, place, "liquidate", *fallen.terms(amount=fallen.half * 2), gas=FLASH_GAS)
