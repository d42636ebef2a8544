"""Workload 16, private: loans paid from notes, by commitments and nullifiers; each spend checks two pairings.

Deposits and repayments append to one Merkle tree, one after the other. Spends wait for nobody: they name a root of an
earlier block, mark a nullifier of their own, and move ether that nobody counts. They are rare by default, since each
costs an engine in Python about half a second, as much as a hundred of the rest. What stands for a proof proves
nothing: see contracts/NotePool.vy.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from workloads.checks import SupplyCheck
from workloads.common import BLOCKS, DECLARE, FAILING, ZIPF_USERS, fill_blocks, parse_mix
from workloads.notes import Claim
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.private_checks import NOTE, OPEN, REQUESTED, LoanCheck, SpendCheck, TreeCheck
from workloads.private_pool import Work, open_pool
from workloads.stage import Stage
from workloads.workload import Check, Workload

MIX = "deposit:36,request:26,cancel:5,repay:24,seize:6,fund:2,withdraw:1"

PARAMETERS = {
    "users": Parameter(200, "people who borrow, pay in, and send for others", minimum=2, maximum=100_000),
    "notes": Parameter(60, "unspent notes at genesis", minimum=1, maximum=10_000),
    "loans": Parameter(120, "loans at genesis; some are overdue, some have no lender yet", minimum=1, maximum=10_000),
    "zipf_users": ZIPF_USERS,
    "block_seconds": Parameter(21_600, "seconds between blocks; loans last weeks", 1, 10**6),
    "mix": Parameter(MIX, "weights of the operations; each comes at least once"),
    "failing": FAILING,
    "blocks": BLOCKS,
    "declare": DECLARE,
}


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of deposits, loans and spends, `transactions` in all."""
    seconds = parameters.integer("block_seconds")
    stage = Stage("private", seed, declare=parameters.text("declare"), block_seconds=seconds)
    work = open_pool(stage, parameters)
    start = len(work.leaves)
    blocks = parameters.integer("blocks")
    fill_blocks(stage, parse_mix(parameters.text("mix"), MIX), transactions, blocks, lambda name: _step(work, name))
    return stage.finish(parameters.values, _checks(work, start))


def _checks(work: Work, start: int) -> Iterator[Check]:
    stage, pool = work.stage, work.pool
    counts, count = [], start
    for names in stage.operations:
        count += sum(name in ("deposit", "repay") for name in names)
        counts.append(count)
    yield TreeCheck(pool, tuple(work.leaves), tuple(counts))
    yield SpendCheck(pool, tuple(work.nullifiers), tuple(work.receivers))
    yield LoanCheck(pool, tuple(block.header.timestamp for block in stage.blocks))
    lenders = [loan.receiver for loan in pool.loans(stage).values() if loan.payee]
    holders = (*(user.address for user in work.users), *lenders, pool.contract.address)
    balances = tuple(pool.token.at("balanceOf", holder) for holder in holders)
    yield SupplyCheck("collateral", pool.token.at("totalSupply"), balances)


def _step(work: Work, operation: str) -> None:
    if work.block != len(work.stage.blocks):
        work.begin_block()
    if work.stage.random.random() < work.parameters.number("failing"):
        _spend_again(work)
    else:
        _STEPS[operation](work)


def _deposit(work: Work) -> None:
    note = work.note()
    work.append(note)
    work.stage.send("deposit", work.user(), work.pool.contract, "deposit", note.commitment, value=NOTE)


def _withdraw(work: Work) -> None:
    """Spend a note for an address that nobody knows; where none is left, pay one in."""
    if not work.unspent:
        _deposit(work)
        return
    note, receiver = work.unspent.popleft(), work.fresh_address()
    proof = Claim(work.pool.contract.address, work.root, note.nullifier, receiver).prove()
    work.receivers.append(receiver)
    work.spends.append((work.root, note.nullifier, receiver, *proof))
    work.stage.send("withdraw", work.user(), work.pool.contract, "withdraw", *work.spends[-1])


def _spend_again(work: Work) -> None:
    """Try to spend a note that is spent, as one of the loans of the genesis did; that costs no pairing."""
    spent = work.root, work.nullifiers[0], work.fresh_address(), 1, 2
    terms = work.stage.random.choice(work.spends) if work.spends else spent
    work.stage.send("withdraw", work.user(), work.pool.contract, "withdraw", *terms)


def _request(work: Work) -> None:
    work.stage.send("request", work.user(), work.pool.contract, "request", *work.terms())


def _cancel(work: Work) -> None:
    """Take a request back; where there is none, ask."""
    if (found := work.drawn_loan(REQUESTED)) is None:
        _request(work)
        return
    number, loan = found
    borrower = work.keys[loan.borrower.to_bytes(20, "big")]
    work.stage.send("cancel", borrower, work.pool.contract, "cancel", number)


def _fund(work: Work) -> None:
    """Spend a note for somebody who asks; where nobody does, somebody asks, and without a note one is paid in."""
    if not work.unspent:
        _deposit(work)
        return
    if (found := work.drawn_loan(REQUESTED)) is None:
        _request(work)
        return
    number, _ = found
    note, payee = work.unspent.popleft(), work.fresh_address()
    promised = work.promised[number] = work.note()
    claim = Claim(work.pool.contract.address, work.root, note.nullifier, payee, number, promised.commitment)
    terms = number, work.root, note.nullifier, payee, promised.commitment, *claim.prove()
    work.stage.send("fund", work.user(), work.pool.contract, "fund", *terms)


def _repay(work: Work) -> None:
    """Let a borrower pay in time; where nothing is owed, somebody asks for a loan."""
    if (found := work.drawn_loan(OPEN, overdue=False)) is None:
        _request(work)
        return
    number, loan = found
    work.append(work.promised[number])
    borrower = work.keys[loan.borrower.to_bytes(20, "big")]
    work.stage.send("repay", borrower, work.pool.contract, "repay", number, value=NOTE + loan.interest)


def _seize(work: Work) -> None:
    """Let a lender have the collateral of a loan that is past due; where there is none, somebody repays."""
    if (found := work.drawn_loan(OPEN, overdue=True)) is None:
        _repay(work)
        return
    work.stage.send("seize", work.user(), work.pool.contract, "seize", found[0])


_STEPS: dict[str, Callable[[Work], None]] = {
    "deposit": _deposit,
    "request": _request,
    "cancel": _cancel,
    "repay": _repay,
    "seize": _seize,
    "fund": _fund,
    "withdraw": _withdraw,
}

SPEC = WorkloadSpec(
    name="private",
    description="loans from notes, by commitments and nullifiers: a hot tree, and long spends that wait for nobody",
    parameters=PARAMETERS,
    generate=generate,
)
