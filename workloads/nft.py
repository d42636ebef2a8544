"""Workload 11, nft: loans between peers against single tokens: asked for or offered, repaid or seized.

All new loans write the next number. Who takes a token into or out of escrow also writes, in the token's collection,
how many the escrow holds (EIP-721's balanceOf): loans are independent across collections, not within one.
"""

from __future__ import annotations

from collections.abc import Callable

from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.nft_checks import BooksCheck, CollateralCheck, as_address
from workloads.nft_market import Trading, open_market
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Stage
from workloads.workload import Workload

MIX = "request:16,offer:12,lend:16,borrow:18,repay:22,seize:6,transfer:10"

PARAMETERS = {
    "users": Parameter(400, "people who lend, borrow, and swap tokens", minimum=4, maximum=100_000),
    "collections": Parameter(40, "collections; each counts the tokens in escrow: a hot slot", minimum=1, maximum=1_000),
    "tokens": Parameter(16, "tokens in each collection", minimum=4, maximum=100_000),
    "open": Parameter(0.3, "share of the tokens that are collateral at genesis; some loans are overdue", 0, 1),
    "zipf_users": ZIPF_USERS,
    "block_seconds": Parameter(21_600, "seconds between blocks; loans last days", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of lending between peers, `transactions` in all."""
    stage = Stage("nft", seed, declare=parameters.text("declare"), block_seconds=parameters.integer("block_seconds"))
    work = open_market(stage, parameters)
    blocks = parameters.integer("blocks")
    fill_blocks(stage, parse_mix(parameters.text("mix"), MIX), transactions, blocks, lambda name: _step(work, name))
    lending, people = work.lending, tuple(user.address for user in work.users)
    balances = tuple(lending.money.at("balanceOf", person) for person in people)
    checks = (
        CollateralCheck(lending, people),
        BooksCheck(lending, people, tuple(block.header.timestamp for block in stage.blocks)),
        SupplyCheck("money", lending.money.at("totalSupply"), balances),
    )
    return stage.finish(parameters.values, checks)


# -- transactions -----------------------------------------------------------------------------------------


def _step(work: Trading, operation: str) -> None:
    if work.stage.random.random() < work.parameters.number("failing"):
        _seize_early(work)
    else:
        _STEPS[operation](work)


def _request(work: Trading) -> None:
    """Let the owner of a free token ask for a loan; where all are collateral, somebody repays or seizes."""
    if (found := work.free()) is None:
        _close(work, overdue=False)
        return
    (collection, number), owner = found
    work.requests.append((collection, number))
    work.send("request", owner, collection.address, number, *work.terms())


def _offer(work: Trading) -> None:
    lender, collection = work.someone(), work.stage.random.choice(work.lending.collections)
    work.offers.append((lender, collection))
    work.send("offer", lender, collection.address, work.stage.random.randint(1, 5), *work.terms())


def _lend(work: Trading) -> None:
    """Accept a request that its owner can still keep; where there is none, offer."""
    stage, loans = work.stage, work.lending.loans
    while work.requests:
        collection, number = work.requests.pop(stage.random.randrange(len(work.requests)))
        borrower, *terms = (
            stage.get(loans, "requests", collection.address, number, member=name, struct="Request")
            for name in ("borrower", "principal", "rate", "duration")
        )
        lender = work.someone()
        owner = work.lending.owner(stage, collection, number)
        if owner == as_address(borrower) != lender.address:
            work.send("lend", lender, collection.address, number, *terms)
            return
    _offer(work)


def _borrow(work: Trading) -> None:
    """Take an offer against a free token; where that cannot be, ask for a loan."""
    stage, loans = work.stage, work.lending.loans
    while work.offers:
        lender, collection = offered = stage.random.choice(work.offers)
        left, *terms = (
            stage.get(loans, "offers", lender.address, collection.address, member=name, struct="Offer")
            for name in ("left", "principal", "rate", "duration")
        )
        if left == 0:
            work.offers.remove(offered)
            continue
        numbers = range(1, work.lending.size + 1)
        for number in stage.random.sample(numbers, min(20, len(numbers))):
            owner = work.lending.owner(stage, collection, number)
            if owner in work.keys and owner != lender.address:
                work.send("borrow", work.keys[owner], lender.address, collection.address, number, *terms)
                return
        break
    _request(work)


def _close(work: Trading, *, overdue: bool) -> None:
    """Repay a loan, or seize what is overdue; where there is no such loan, do the other, or offer."""
    for late in (overdue, not overdue):
        if (loan := work.loan(overdue=late)) is not None:
            operation, who = ("seize", "lender") if late else ("repay", "borrower")
            work.send(operation, work.party(loan, who), loan)
            return
    _offer(work)


def _transfer(work: Trading) -> None:
    """Let a free token change hands: requests of its owner's for it are void."""
    if (found := work.free()) is None:
        _close(work, overdue=False)
        return
    (collection, number), owner = found
    receiver = work.someone().address
    work.stage.send("transfer", owner, collection, "transferFrom", owner.address, receiver, number)


def _seize_early(work: Trading) -> None:
    """Try to seize what is not yet due, or where nothing is lent, a loan that does not exist."""
    loan = work.loan(overdue=False)
    lender = work.someone() if loan is None else work.party(loan, "lender")
    work.send("seize", lender, loan or 0)


_STEPS: dict[str, Callable[[Trading], None]] = {
    "request": _request,
    "offer": _offer,
    "lend": _lend,
    "borrow": _borrow,
    "repay": lambda work: _close(work, overdue=False),
    "seize": lambda work: _close(work, overdue=True),
    "transfer": _transfer,
}

SPEC = WorkloadSpec(
    name="nft",
    description="loans between peers against single tokens: hot next number, hot escrow count per collection",
    parameters=PARAMETERS,
    generate=generate,
)
