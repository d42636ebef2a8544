"""Flash loans: every loan comes back with its fee, late arbitrages revert, and every invariant can fail."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.oracle import assert_same_as_sequential
from tests.workloads.planted import assert_seen, plant
from tests.workloads.runs import assert_sound, run_all, success_share
from tests.workloads.test_contracts import needs_vyper
from workloads import stage
from workloads.amm import PairCheck
from workloads.flash_loans import FLASH_GAS, LenderCheck, NothingLeftCheck, loan_fee
from workloads.registry import generate
from workloads.workload import Workload


def make(params: dict[str, str] | None = None, transactions: int = 60, seed: int = 3) -> Workload:
    small = {"markets": "3", "quotes": "2", "users": "10", "searchers": "5"}
    return generate("flash", transactions, seed, small | (params or {}))


def lender_check(workload: Workload) -> LenderCheck:
    return next(check for check in workload.checks if isinstance(check, LenderCheck))


@pytest.mark.parametrize(
    "params", [{"blocks": "3"}, {"failing": "0.5"}, {"mix": "arbitrage:1", "quotes": "1"}], ids=str
)
def test_every_invariant_holds_after_every_block(params: dict[str, str]) -> None:
    workload = make(params)
    assert_sound(workload)


def test_the_mix_is_what_was_asked_for_and_only_what_is_meant_to_reverts() -> None:
    workload = make({"failing": "0"}, transactions=100)
    counts = Counter(workload.operations[0])
    assert counts == {"swap": counts["swap"], "arbitrage": counts["arbitrage"]}
    assert counts["arbitrage"] == pytest.approx(30, abs=8)
    assert 0.85 < success_share(make(transactions=100)) < 1


def test_loans_are_taken_in_every_block_and_their_fees_stay() -> None:
    workload = make({"blocks": "2", "quotes": "1"})
    check = lender_check(workload)
    assert all(check.earned)
    gained = sum(check.earned)
    after = run_all(workload)[-1].after
    start = check.lender.read(workload.pre_state, "cash", check.token.address)
    assert check.lender.read(after, "cash", check.token.address) == start + gained


def test_blocks_run_in_parallel_as_in_sequence_and_exact_lists_need_one_execution_each() -> None:
    workload = make(transactions=25)
    compared = assert_same_as_sequential(workload.blocks[0], workload.pre_state)
    assert compared.executions("graph", "exact") == [25, 25]
    assert compared.conflicts > 0, "pairs, and the lender's cash, conflict where nothing is known before"


# -- invariants can fail ----------------------------------------------------------------------------------


def test_a_lender_out_of_pocket_is_seen() -> None:
    workload = make()
    (run,) = run_all(workload)
    check = lender_check(workload)
    cash = check.lender.at("cash", check.token.address)
    held = check.token.at("balanceOf", check.lender.address)
    assert_seen(workload, run, cash, 1, "lender: cash is")
    assert_seen(workload, run, held, -1, "came in, the fees of the loans are")


def test_tokens_left_in_the_borrower_and_a_falling_product_are_seen() -> None:
    workload = make()
    (run,) = run_all(workload)
    left = next(check for check in workload.checks if isinstance(check, NothingLeftCheck))
    pair = next(check for check in workload.checks if isinstance(check, PairCheck)).market.pair
    assert_seen(workload, run, left.tokens[0].at("balanceOf", left.borrower.address), 1, "left in the borrower")
    assert_seen(workload, run, left.tokens[0].at("totalSupply"), 1, "the supply changed")
    assert_seen(workload, run, pair.at("reserve1"), -(10**22), "the product per share fell")


PLANTED = [
    ("FlashLender", "self._pull(token, receiver, amount + fee)", "self._pull(token, receiver, amount)", "cash is"),
    (
        "FlashLender",
        "return (amount * fee_bps + BPS - 1) // BPS",
        "return amount * fee_bps // (2 * BPS)",
        "the fees of",
    ),
    (
        "Arbitrageur",
        "self._push(token, msg.sender, profit)",
        "self._push(token, msg.sender, profit - 1)",
        "left in the",
    ),
]


@needs_vyper
@pytest.mark.slow
@pytest.mark.parametrize(("name", "old", "new", "words"), PLANTED, ids=lambda text: text[:30])
def test_a_wrong_contract_is_seen(monkeypatch: pytest.MonkeyPatch, name: str, old: str, new: str, words: str) -> None:
    plant(monkeypatch, name, old, new)
    workload = make()
    (run,) = run_all(workload)
    assert any(words in line for line in workload.check(run.after, 0, run.before))


# -- the contracts by themselves --------------------------------------------------------------------------


class Venue(stage.Stage):
    """A lender of one token, two pairs a gap apart, and Ann, who has nothing."""

    def __init__(self) -> None:
        super().__init__("venue", 1)
        (self.ann,) = self.accounts("ann", 1)
        self.base, self.quote = (self.token(symbol, {self.owner.address: 10**24}) for symbol in ("B", "Q"))
        self.pairs = [self.deploy("Pair", self.base.address, self.quote.address) for _ in range(2)]
        self.lender = self.deploy("FlashLender", 9)
        self.bot = self.deploy("Arbitrageur", self.lender.address)
        for spender in (*self.pairs, self.lender):
            for token in (self.base, self.quote):
                self.allow(token, (self.owner,), spender.address)
        self.setup(self.owner, self.pairs[0], "add", 10**22, 10**22)
        self.setup(self.owner, self.pairs[1], "add", 10**22, 103 * 10**20)
        self.setup(self.owner, self.lender, "fund", self.quote.address, 10**22)

    def refusal(self, to: stage.Deployed, function: str, *arguments: int | bytes) -> str:
        """Return why a call of Ann's reverts."""
        return self.why(self.ann, to.address, to.contract.call(function, *arguments))

    def terms(self, amount: int, least: int = 1) -> tuple[int | bytes, ...]:
        """Return the arguments of an arbitrage in the direction that pays."""
        return self.quote.address, amount, self.pairs[0].address, self.pairs[1].address, least


@pytest.fixture
def venue() -> Venue:
    return Venue()


def test_an_arbitrage_pays_the_searcher_the_lender_and_nobody_else(venue: Venue) -> None:
    venue.begin_block()
    assert venue.send("arbitrage", venue.ann, venue.bot, "arbitrage", *venue.terms(5 * 10**19), gas=FLASH_GAS)
    assert venue.get(venue.quote, "balanceOf", venue.ann.address) > 10**17
    assert venue.get(venue.lender, "cash", venue.quote.address) == 10**22 + loan_fee(5 * 10**19)
    assert venue.get(venue.quote, "balanceOf", venue.bot.address) == 0
    assert venue.get(venue.base, "balanceOf", venue.bot.address) == 0


def test_an_arbitrage_without_profit_is_refused(venue: Venue) -> None:
    token, amount, first, second, least = venue.terms(5 * 10**19)
    assert venue.refusal(venue.bot, "arbitrage", token, amount, second, first, least) == "no profit"
    assert venue.refusal(venue.bot, "arbitrage", *venue.terms(5 * 10**19, 10**19)) == "no profit"
    assert venue.refusal(venue.bot, "arbitrage", *venue.terms(5 * 10**19, 0)) == "profit must be positive"
    assert venue.refusal(venue.bot, "arbitrage", *venue.terms(10**22 + 1)) == "not enough cash"
    assert venue.refusal(venue.bot, "arbitrage", *venue.terms(0)) == "nothing asked for"


def test_a_gift_to_the_borrower_is_nobodys_profit(venue: Venue) -> None:
    venue.setup(venue.owner, venue.quote, "transfer", venue.bot.address, 10**20)
    token, amount, first, second, least = venue.terms(5 * 10**19)
    assert venue.refusal(venue.bot, "arbitrage", token, amount, second, first, least) == "no profit"


def test_only_the_lender_may_call_back_and_only_the_owner_takes_out(venue: Venue) -> None:
    call = (venue.bot.address, venue.quote.address, 10**18, 0, 160, 0)
    assert venue.refusal(venue.bot, "onFlashLoan", *call) == "only the lender"
    loan = (venue.bot.address, venue.quote.address, 10**18, 128, 0)
    assert venue.refusal(venue.lender, "flashLoan", *loan) == "not asked for"
    assert venue.refusal(venue.lender, "withdraw", venue.quote.address, 1) == "only the owner"
    assert venue.refusal(venue.lender, "flashFee", venue.base.address, 1) == "not lent"
    assert venue.ask(venue.lender, "maxFlashLoan", venue.quote.address) == 10**22
    venue.setup(venue.owner, venue.lender, "withdraw", venue.quote.address, 10**22)
    assert venue.get(venue.lender, "cash", venue.quote.address) == 0


def test_fees_are_rounded_up(venue: Venue) -> None:
    fees = [venue.ask(venue.lender, "flashFee", venue.quote.address, amount) for amount in (1, 10_000, 10_001)]
    assert fees == [1, 9, 10]
