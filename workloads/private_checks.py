"""What must hold of a pool of notes and of the loans made from it, after every block."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from scheduler.access import Address
from workloads.artefacts import load_contract
from workloads.notes import tree
from workloads.stage import ETHER, Deployed, ether_of
from workloads.workload import StateReader

NOTE = ETHER
REQUESTED, OPEN, REPAID, SEIZED, CANCELLED = 1, 2, 3, 4, 5
MEMBERS = load_contract("NotePool").structs["Loan"]
NEXT = {
    0: {REQUESTED, OPEN, REPAID, CANCELLED},
    REQUESTED: {OPEN, REPAID, CANCELLED},
    OPEN: {REPAID, SEIZED},
}
"""Status of a loan before a block -> what it may be after it, if another."""


@dataclass(frozen=True)
class Loan:
    """The members of the contract's struct, as the words they are; wei, tokens, seconds."""

    status: int
    borrower: int
    collateral: int
    interest: int
    duration: int
    due: int
    payee: int
    commitment: int

    @property
    def funded(self) -> bool:
        """Whether a note was spent for it."""
        return self.status in (OPEN, REPAID, SEIZED)

    @property
    def secured(self) -> bool:
        """Whether its collateral lies in the pool."""
        return self.status in (REQUESTED, OPEN)

    @property
    def receiver(self) -> Address:
        """Return who gets interest or collateral."""
        return self.payee.to_bytes(20, "big")


@dataclass(frozen=True)
class Pool:
    """The contract and the token that is collateral."""

    contract: Deployed
    token: Deployed

    def loan(self, state: StateReader, number: int) -> Loan:
        """Return a loan; all zero if there is none of this number."""
        read = self.contract.read
        return Loan(*(read(state, "loans", number, member=name, struct="Loan") for name in MEMBERS))

    def loans(self, state: StateReader) -> dict[int, Loan]:
        """Return all loans by number."""
        return {number: self.loan(state, number) for number in range(1, self.contract.read(state, "next_id"))}


@dataclass(frozen=True)
class TreeCheck:
    """The tree has a leaf for every deposit and repayment so far, in order; every root of it stays known.

    `leaves` are all that were ever appended, `counts` how many of them there are after each block.
    """

    pool: Pool
    leaves: tuple[bytes, ...]
    counts: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        read, count = self.pool.contract.read, self.counts[block_index]
        lines = []
        found = read(after, "next_leaf")
        if found != count:
            lines.append(f"{found} leaves, appended were {count}")
        root, (expected,) = read(after, "root"), tree(self.leaves[:count])[-1]
        if root != int.from_bytes(expected, "big"):
            lines.append(f"the root is {root:#x}, the leaves make 0x{expected.hex()}")
        roots = (root, read(before, "root"))
        return lines + [f"root {one:#x} is not known" for one in roots if read(after, "known_roots", one) != 1]


@dataclass(frozen=True)
class SpendCheck:
    """No note is spent twice: there are as many nullifiers as withdrawals and loans, and the ether is what is left.

    `nullifiers` are those of all notes; `receivers` of withdrawals get ether once and nothing else.
    """

    pool: Pool
    nullifiers: tuple[bytes, ...]
    receivers: tuple[Address, ...]

    def violations(self, before: StateReader, after: StateReader, _block_index: int) -> list[str]:
        """Return one line per broken rule."""
        contract = self.pool.contract
        old, new = ([contract.read(state, "spent", one) for one in self.nullifiers] for state in (before, after))
        lines = [
            f"nullifier 0x{nullifier.hex()[:8]} can be spent again"
            for nullifier, was, now in zip(self.nullifiers, old, new, strict=True)
            if was and not now
        ]
        paid = [ether_of(after, receiver) for receiver in self.receivers]
        lines += [f"a withdrawal paid {amount} wei" for amount in paid if amount not in (0, NOTE)]
        withdrawn, funded = sum(map(bool, paid)), sum(loan.funded for loan in self.pool.loans(after).values())
        if sum(new) != withdrawn + funded:
            lines.append(f"{sum(new)} nullifiers are spent, for {withdrawn} withdrawals and {funded} loans")
        left, held = (contract.read(after, "next_leaf") - sum(new)) * NOTE, ether_of(after, contract.address)
        if held != left:
            lines.append(f"the pool has {held} wei, unspent notes are worth {left}")
        return lines


@dataclass(frozen=True)
class LoanCheck:
    """Loans go from request to their end in time; collateral lies here until then; lenders get what is theirs."""

    pool: Pool
    times: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        old, new = self.pool.loans(before), self.pool.loans(after)
        lines = [f"loan {number} is gone" for number in sorted(old.keys() - new.keys())]
        for number, loan in new.items():
            was = self.pool.loan(before, number)
            found = [*self._course(was, loan, self.times[block_index]), *self._lender(loan, after)]
            lines += [f"loan {number}: {line}" for line in found]
        held = self.pool.token.read(after, "balanceOf", self.pool.contract.address)
        secured = sum(loan.collateral for loan in new.values() if loan.secured)
        if held != secured:
            lines.append(f"the pool holds {held} tokens, the loans' collateral is {secured}")
        return lines

    def _course(self, old: Loan, new: Loan, now: int) -> Iterator[str]:
        names = ("borrower", "collateral", "interest", "duration")
        if old.status and any(getattr(old, name) != getattr(new, name) for name in names):
            yield "its terms changed"
        if old.funded and (old.due, old.payee, old.commitment) != (new.due, new.payee, new.commitment):
            yield "due, payee or commitment changed"
        if new.funded and not old.funded and new.due != now + new.duration:
            yield f"funded at {now} for {new.duration} s, due at {new.due}"
        if new.status == old.status:
            return
        if new.status not in NEXT.get(old.status, ()):
            yield f"its status went from {old.status} to {new.status}"
        if (new.status == REPAID and now > new.due) or (new.status == SEIZED and now <= new.due):
            yield f"ended with status {new.status} at {now}, due at {new.due}"

    def _lender(self, loan: Loan, after: StateReader) -> Iterator[str]:
        """Compare what the lender's fresh address has with how the loan ended."""
        if not loan.payee:
            return
        wei, tokens = ether_of(after, loan.receiver), self.pool.token.read(after, "balanceOf", loan.receiver)
        expected = loan.interest * (loan.status == REPAID), loan.collateral * (loan.status == SEIZED)
        if (wei, tokens) != expected:
            yield f"its lender has {wei} wei and {tokens} tokens, not {expected}"
