"""The genesis of workload private: a pool of notes, and loans that were made from it before."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from scheduler.access import Address
from workloads.accounts import KeyPair, make_address
from workloads.block_builder import GENESIS_TIME
from workloads.distributions import Zipf, log_normal
from workloads.notes import VERIFIER_KEY, Note, frontier, tree
from workloads.parameters import Parameters
from workloads.private_checks import MEMBERS, NOTE, OPEN, REQUESTED, Loan, Pool
from workloads.stage import Stage

DAY = 86_400
UNIT = 10**6
WALLET = 10**9 * UNIT
MEDIAN_COLLATERAL = 4_000.0
"""Whole tokens put up for a note's worth."""
OVERDUE, ASKED = 4, 6
"""At genesis one loan in so many is past due, or still without a lender."""


@dataclass
class Work:
    """A generation in progress.

    `unspent` are the notes under `root`, the root as it was before the block: proofs are made ahead, so that no
    deposit of the block makes them wait. `pending` are the notes of this block.
    """

    stage: Stage
    parameters: Parameters
    pool: Pool
    users: tuple[KeyPair, ...]
    ranks: Zipf
    keys: dict[Address, KeyPair]
    root: bytes = b""
    block: int = -1
    leaves: list[bytes] = field(default_factory=list)
    nullifiers: list[bytes] = field(default_factory=list)
    unspent: deque[Note] = field(default_factory=deque)
    pending: list[Note] = field(default_factory=list)
    promised: dict[int, Note] = field(default_factory=dict)
    receivers: list[Address] = field(default_factory=list)
    spends: list[tuple[int | bytes, ...]] = field(default_factory=list)
    fresh: int = 0

    def user(self) -> KeyPair:
        """Draw a user."""
        return self.users[self.ranks.draw(self.stage.random)]

    def note(self) -> Note:
        """Return a new note."""
        note = Note(self.stage.random.randbytes(32))
        self.nullifiers.append(note.nullifier)
        return note

    def append(self, note: Note) -> None:
        """Say that a note is a leaf now."""
        self.leaves.append(note.commitment)
        self.pending.append(note)

    def begin_block(self) -> None:
        """Let the notes of earlier blocks be spent."""
        self.block = len(self.stage.blocks)
        self.root = self.stage.get(self.pool.contract, "root").to_bytes(32, "big")
        self.unspent.extend(self.pending)
        self.pending.clear()

    def fresh_address(self) -> Address:
        """Return an address that nobody has used."""
        self.fresh += 1
        return make_address(self.stage.seed, "private/fresh", self.fresh)

    def terms(self) -> tuple[int, int, int]:
        """Draw collateral (tokens), interest (wei), duration (s) of a loan."""
        random = self.stage.random
        collateral = int(log_normal(random, MEDIAN_COLLATERAL, 0.3) * UNIT)
        return collateral, NOTE * random.randint(5, 50) // 1_000, random.randint(7, 60) * DAY

    def drawn_loan(self, status: int, *, overdue: bool | None = None) -> tuple[int, Loan] | None:
        """Draw a loan of this status, and past due or not where that matters; None if there is none."""
        found = [
            (number, loan)
            for number, loan in self.pool.loans(self.stage).items()
            if loan.status == status and overdue in (None, loan.due < self.stage.now)
        ]
        return self.stage.random.choice(found) if found else None


def open_pool(stage: Stage, parameters: Parameters) -> Work:
    """Deploy the pool, and seed its notes and loans."""
    users = stage.accounts("user", parameters.integer("users"))
    token = stage.token("USD", {user.address: WALLET for user in users}, 6)
    contract = stage.deploy("NotePool", token.address, *VERIFIER_KEY)
    stage.allow(token, users, contract.address)
    ranks = Zipf(len(users), parameters.number("zipf_users"))
    work = Work(stage, parameters, Pool(contract, token), users, ranks, {user.address: user for user in users})
    loans = parameters.integer("loans")
    for number in range(1, loans + 1):
        _seed_loan(work, number)
    for _ in range(parameters.integer("notes")):
        work.append(work.note())
    _seed_tree(work)
    stage.seed_slot(contract.at("next_id"), loans + 1)
    stage.seed_ether(contract.address, NOTE * parameters.integer("notes"))
    return work


def _seed_loan(work: Work, number: int) -> None:
    """Let a borrower have asked some time ago, and a note have been spent for most of those who did."""
    stage, contract = work.stage, work.pool.contract
    collateral, interest, duration = work.terms()
    words = [REQUESTED, int.from_bytes(work.user().address, "big"), collateral, interest, duration]
    if number % ASKED:
        note, promised, payee = work.note(), work.note(), work.fresh_address()
        work.leaves.append(note.commitment)
        stage.seed_slot(contract.at("spent", note.nullifier), 1)
        work.promised[number] = promised
        overdue = stage.random.randrange(OVERDUE) == 0
        words[0] = OPEN
        words.append(GENESIS_TIME + (-1 if overdue else stage.random.randint(DAY, duration)))
        words += (int.from_bytes(part, "big") for part in (payee, promised.commitment))
    for member, value in zip(MEMBERS, words, strict=False):
        stage.seed_slot(contract.at("loans", number, member=member, struct="Loan"), value)
    stage.mint(work.pool.token, contract.address, collateral)


def _seed_tree(work: Work) -> None:
    """Seed the tree as its leaves make it."""
    stage, contract = work.stage, work.pool.contract
    levels = tree(work.leaves)
    address, kind, first = contract.at("filled")
    for level, node in enumerate(frontier(levels)):
        stage.seed_slot((address, kind, first + level), int.from_bytes(node, "big"))
    root = int.from_bytes(levels[-1][0], "big")
    for place, value in (("next_leaf", len(work.leaves)), ("root", root)):
        stage.seed_slot(contract.at(place), value)
    stage.seed_slot(contract.at("known_roots", root), 1)
