"""Workload 12, governance: votes on the parameters of a lending market, whose execution all of its users wait for.

A proposal is voted on for three days, queued if it passed, and executed two days later: the default of a day between
blocks shows a life in six of them. Until then proposals of the genesis, in every stage, keep each block busy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workloads.accounts import KeyPair
from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.distributions import log_normal
from workloads.governance_checks import GRACE, ParameterCheck, VoteCheck
from workloads.governance_market import WAD, Work, open_market
from workloads.lending.checks import PoolCheck
from workloads.lending.terms import BPS, amount_of
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.stage import Stage
from workloads.workload import Check, Workload

IN_FAVOUR = 0.75
MEDIAN_AMOUNT, MEDIAN_LOCKED = 3_000.0, 300.0
"""Dollars deposited; tokens locked."""
MIX = "vote:36,lock:3,unlock:2,propose:1,queue:1,execute:1,deposit:22,borrow:14,withdraw:12,repay:8"

PARAMETERS = {
    "users": Parameter(150, "voters, who lend and borrow as well", minimum=4, maximum=100_000),
    "assets": Parameter(4, "markets of the pool", minimum=2, maximum=8),
    "proposals": Parameter(3, "proposals at genesis in each stage: open, passed, queued", minimum=1, maximum=100),
    "zipf_users": ZIPF_USERS,
    "zipf_assets": Parameter(0.8, "exponent over markets", minimum=0, maximum=3),
    "block_seconds": Parameter(86_400, "seconds between blocks", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of votes and loans, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("governance", seed, declare=parameters.text("declare"), block_seconds=seconds)
    work = open_market(stage, parameters)
    blocks = parameters.integer("blocks")
    fill_blocks(stage, parse_mix(parameters.text("mix"), MIX), transactions, blocks, lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work, seconds))


def _checks(work: Work, seconds: int) -> Iterator[Check]:
    dao, model = work.dao, work.model
    people = tuple(user.address for user in work.users)
    times = tuple(block.header.timestamp for block in work.stage.blocks)
    yield VoteCheck(dao, people, times)
    yield ParameterCheck(dao, tuple(model.listings), work.changes, times)
    risked = tuple(frozenset(work.risked[index]) for index in range(len(times)))
    yield PoolCheck(model, (*people, work.others), risked, seconds)
    for listing in model.listings:
        balances = tuple(listing.token.balance_at(holder) for holder in (*people, model.address))
        yield SupplyCheck(listing.asset.symbol, listing.token.supply_at, balances)
    balances = tuple(dao.token.at("balanceOf", holder) for holder in (*people, dao.governance.address))
    yield SupplyCheck("votes", dao.token.at("totalSupply"), balances)


def _step(work: Work, operation: str) -> None:
    work.model.now = work.stage.now
    if work.stage.random.random() < work.parameters.number("failing"):
        _vote_twice(work)
    else:
        _STEPS[operation](work)


# -- votes ------------------------------------------------------------------------------------------------


def _open(work: Work) -> list[int]:
    """Return the proposals that can be voted on now, by who had power before them."""
    dao, stage = work.dao, work.stage
    return [n for n in dao.numbers(stage) if dao.proposal(stage, n, "ends") >= stage.now]


def _send(work: Work, operation: str, sender: KeyPair, *arguments: int | bytes) -> bool:
    return work.stage.send(operation, sender, work.dao.governance, operation, *arguments)


def _vote(work: Work) -> None:
    """Let somebody vote who has not; where all have, somebody supplies."""
    stage, dao = work.stage, work.dao
    numbers = _open(work)
    for _ in range(20):
        if not numbers:
            break
        number, user = stage.random.choice(numbers), work.user()
        snapshot = dao.proposal(stage, number, "snapshot")
        if user not in work.voted[number] and dao.power(stage, user.address, snapshot):
            work.voted[number].append(user)
            _send(work, "vote", user, number, int(stage.random.random() < IN_FAVOUR))
            return
    _deposit(work)


def _vote_twice(work: Work) -> None:
    """Try to vote again; or where nobody did, on a proposal that does not exist."""
    voted = [number for number in _open(work) if work.voted[number]]
    if voted:
        number = work.stage.random.choice(voted)
        _send(work, "vote", work.stage.random.choice(work.voted[number]), number, 1)
    else:
        _send(work, "vote", work.user(), 0, 1)


def _propose(work: Work) -> None:
    """Let one of those with enough power propose something."""
    number, change = work.dao.numbers(work.stage).stop, work.change()
    for user in work.stage.random.sample(work.users, len(work.users)):
        if work.stage.succeeds(user, work.dao.governance, "propose", *change.arguments):
            work.changes[number] = change
            _send(work, "propose", user, *change.arguments)
            return
    _deposit(work)


def _queue(work: Work) -> None:
    """Queue what has passed; where nothing has, somebody votes."""
    dao, stage = work.dao, work.stage
    for number in dao.numbers(stage):
        waiting = not dao.proposal(stage, number, "eta") and dao.proposal(stage, number, "ends") < stage.now
        supporting, opposing = (dao.proposal(stage, number, side) for side in ("supporting", "opposing"))
        if waiting and supporting > opposing and supporting + opposing >= dao.quorum:
            _send(work, "queue", work.user(), number)
            return
    _vote(work)


def _execute(work: Work) -> None:
    """Execute what has waited; where nothing has, somebody votes."""
    dao, stage = work.dao, work.stage
    for number in dao.numbers(stage):
        eta = dao.proposal(stage, number, "eta")
        if eta and eta <= stage.now <= eta + GRACE and not dao.proposal(stage, number, "executed"):
            # Who borrowed under the old limits owes nothing to the new ones.
            work.risked[len(stage.blocks)].clear()
            _send(work, "execute", work.user(), number, *work.changes[number].arguments)
            return
    _vote(work)


def _lock(work: Work) -> None:
    _send(work, "lock", work.user(), int(log_normal(work.stage.random, MEDIAN_LOCKED)) * WAD + 1)


def _unlock(work: Work) -> None:
    """Take a tenth back."""
    user = work.user()
    power = work.dao.power(work.stage, user.address)
    if power >= 10:
        _send(work, "unlock", user, power // 10)
    else:
        _lock(work)


# -- loans ------------------------------------------------------------------------------------------------


def _lend(work: Work, operation: str, user: KeyPair, *arguments: int | bytes) -> None:
    done = work.stage.send(operation, user, work.dao.pool, operation, *arguments)
    if done and operation in ("borrow", "withdraw"):
        work.risked[len(work.stage.blocks)].add(user.address)


def _deposit(work: Work) -> None:
    listing = work.listing()
    amount = amount_of(log_normal(work.stage.random, MEDIAN_AMOUNT), listing.asset)
    _lend(work, "deposit", work.user(), listing.token.address, amount)


def _borrow(work: Work) -> None:
    """Use a part of what the limit leaves; where it leaves nothing, supply."""
    user, listing = work.user(), work.listing()
    standing = work.model.standing(user.address)
    room = (standing.limit - standing.debt * BPS) * work.stage.random.randrange(10, 50) // 100
    amount = room * listing.asset.unit // (BPS * listing.asset.price)
    if amount > 0:
        _lend(work, "borrow", user, listing.token.address, amount)
    else:
        _deposit(work)


def _withdraw(work: Work) -> None:
    """Take a fifth of something back, if the debts allow it."""
    user = work.user()
    for listing in work.model.listings:
        terms = listing.token.address, work.model.supplied(user.address, listing) // 5
        if terms[1] and work.stage.succeeds(user, work.dao.pool, "withdraw", *terms):
            _lend(work, "withdraw", user, *terms)
            return
    _deposit(work)


def _repay(work: Work) -> None:
    """Pay half of a debt back; where there is none, borrow."""
    user = work.user()
    for listing in work.model.listings:
        owed = work.model.owed(user.address, listing)
        if owed > 1:
            _lend(work, "repay", user, listing.token.address, owed // 2)
            return
    _borrow(work)


_STEPS: dict[str, Callable[[Work], None]] = {
    "vote": _vote,
    "lock": _lock,
    "unlock": _unlock,
    "propose": _propose,
    "queue": _queue,
    "execute": _execute,
    "deposit": _deposit,
    "borrow": _borrow,
    "withdraw": _withdraw,
    "repay": _repay,
}

SPEC = WorkloadSpec(
    name="governance",
    description="votes on a lending market: hot counters, and executions that all lending in the block waits for",
    parameters=PARAMETERS,
    generate=generate,
)
