"""What must hold of votes, and of the parameters of the markets that they are about, after every block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from executor.hashing import keccak256
from scheduler.access import Address
from workloads.artefacts import word
from workloads.lending.pool_slots import Listing
from workloads.stage import Deployed
from workloads.workload import StateReader, read_int

GRACE = 14 * 86_400


@dataclass(frozen=True)
class Dao:
    """The governance and its token, the pool it owns, and the terms it was deployed with (tokens, seconds)."""

    governance: Deployed
    token: Deployed
    pool: Deployed
    quorum: int
    period: int
    delay: int

    def proposal(self, state: StateReader, number: int, member: str) -> int:
        """Return a member of a proposal."""
        return self.governance.read(state, "proposals", number, member=member, struct="Proposal")

    def numbers(self, state: StateReader) -> range:
        """Return the numbers of all proposals so far."""
        return range(1, self.governance.read(state, "next_id"))

    def ballot(self, state: StateReader, number: int, voter: Address) -> tuple[int, int]:
        """Return the weight that a voter cast, 0 for none, and 1 if in favour."""
        read = self.governance.read
        weight = read(state, "ballots", number, voter, member="weight", struct="Ballot")
        return weight, read(state, "ballots", number, voter, member="supports", struct="Ballot")

    def power(self, state: StateReader, voter: Address, before: int | None = None) -> int:
        """Return what a voter has locked, or had before a time: by looking at every checkpoint."""
        read = self.governance.read
        for number in range(read(state, "checkpoint_count", voter), 0, -1):
            at = read(state, "checkpoints", voter, number, member="at", struct="Checkpoint")
            if before is None or at < before:
                return read(state, "checkpoints", voter, number, member="power", struct="Checkpoint")
        return 0


@dataclass(frozen=True)
class Change:
    """What a proposal asks for: the arguments of its execution, and the words that the pool then keeps."""

    listing: Listing
    arguments: tuple[int | bytes, ...]
    config: int
    curve: int

    @property
    def action(self) -> int:
        """Return the hash that the proposal keeps."""
        return int.from_bytes(keccak256(b"".join(map(word, self.arguments))), "big")


@dataclass(frozen=True)
class VoteCheck:
    """For and against are the weights cast; every weight is the voter's power before the proposal; ballots stay."""

    dao: Dao
    voters: tuple[Address, ...]
    times: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        lines = []
        for number in self.dao.numbers(after):
            found = [
                *self._totals(after, number),
                *self._ballots(before, after, number),
                *self._time(before, after, number, self.times[block_index]),
            ]
            lines += [f"proposal {number}: {line}" for line in found]
        if len(self.dao.numbers(after)) < len(self.dao.numbers(before)):
            lines.append("proposals are gone")
        return [*lines, *self._locked(before, after)]

    def _totals(self, after: StateReader, number: int) -> Iterator[str]:
        ballots = [self.dao.ballot(after, number, voter) for voter in self.voters]
        for name, side in (("supporting", 1), ("opposing", 0)):
            total = self.dao.proposal(after, number, name)
            cast = sum(weight for weight, supports in ballots if supports == side)
            if total != cast:
                yield f"{total} {name}, the ballots sum to {cast}"

    def _ballots(self, before: StateReader, after: StateReader, number: int) -> Iterator[str]:
        snapshot = self.dao.proposal(after, number, "snapshot")
        for voter in self.voters:
            old, new = self.dao.ballot(before, number, voter), self.dao.ballot(after, number, voter)
            if old == new:
                continue
            name = f"0x{voter.hex()[:8]}"
            if old[0]:
                yield f"{name} voted {old}, which became {new}"
            power = self.dao.power(after, voter, snapshot)
            if new[0] != power:
                yield f"{name} voted with {new[0]}, and had {power} before the proposal"

    def _time(self, before: StateReader, after: StateReader, number: int, now: int) -> Iterator[str]:
        """Votes only until the end, which never moves."""
        names = ("snapshot", "ends", "action", "supporting", "opposing")
        old, new = ([self.dao.proposal(state, number, name) for name in names] for state in (before, after))
        if old[0] == 0:
            old[:3] = [now, now + self.dao.period, new[2]]
        if new[:3] != old[:3]:
            yield f"snapshot, end and action are {new[:3]}, not {old[:3]}"
        if new[3:] != old[3:] and now > new[1]:
            yield f"votes came at {now}, the end was {new[1]}"

    def _locked(self, before: StateReader, after: StateReader) -> Iterator[str]:
        """Power is tokens that lie here, and comes from the voter's own."""
        balance, total = self.dao.token.at, 0
        for voter in self.voters:
            power = self.dao.power(after, voter)
            total += power
            gained = power - self.dao.power(before, voter)
            at = balance("balanceOf", voter)
            if read_int(before, at) - read_int(after, at) != gained:
                yield f"0x{voter.hex()[:8]} has {gained} more power, and gave another number of tokens"
        held = read_int(after, balance("balanceOf", self.dao.governance.address))
        if held != total:
            yield f"{held} tokens are locked, the voters' powers sum to {total}"


@dataclass(frozen=True)
class ParameterCheck:
    """A market's parameters are those of a proposal that was executed in the block, or what they were.

    Executed is only what passed, after its delay. `changes` are what the proposals ask for, by number.
    """

    dao: Dao
    listings: tuple[Listing, ...]
    changes: Mapping[int, Change]
    times: tuple[int, ...]

    def violations(self, before: StateReader, after: StateReader, block_index: int) -> list[str]:
        """Return one line per broken rule."""
        dao, now = self.dao, self.times[block_index]
        executed = [
            number
            for number in dao.numbers(after)
            if dao.proposal(after, number, "executed") != dao.proposal(before, number, "executed")
        ]
        lines = [f"proposal {number}: {line}" for number in executed for line in self._execution(after, number, now)]
        lines += [f"proposal {n}: {line}" for n in dao.numbers(after) for line in self._queueing(before, after, n, now)]
        for listing in self.listings:
            at = listing.slots
            allowed = [(self.changes[n].config, self.changes[n].curve) for n in executed if self._is_of(n, listing)]
            expected = allowed or [(read_int(before, at.config), read_int(before, at.curve))]
            found = read_int(after, at.config), read_int(after, at.curve)
            if found not in expected:
                names = f"proposals {executed}" if allowed else "no proposal"
                lines.append(f"{listing.asset.symbol}: config and curve are {found}, {names} executed say {expected}")
        owner = dao.pool.read(after, "owner")
        if owner != int.from_bytes(dao.governance.address, "big"):
            lines.append(f"the pool belongs to {owner:#x}")
        return lines

    def _is_of(self, number: int, listing: Listing) -> bool:
        return self.changes[number].listing.index == listing.index

    def _execution(self, after: StateReader, number: int, now: int) -> Iterator[str]:
        eta, action = (self.dao.proposal(after, number, name) for name in ("eta", "action"))
        if self.dao.proposal(after, number, "executed") != 1:
            yield "its execution was taken back"
        if not eta or not eta <= now <= eta + GRACE:
            yield f"executed at {now}, to be executed from {eta}"
        if action != self.changes[number].action:
            yield f"its action is {action:#x}, proposed was {self.changes[number].action:#x}"

    def _queueing(self, before: StateReader, after: StateReader, number: int, now: int) -> Iterator[str]:
        old, new = self.dao.proposal(before, number, "eta"), self.dao.proposal(after, number, "eta")
        if old == new:
            return
        if old or new != now + self.dao.delay or now <= self.dao.proposal(after, number, "ends"):
            yield f"queued at {now} for {new}, was {old}"
        supporting, opposing = (self.dao.proposal(after, number, name) for name in ("supporting", "opposing"))
        if supporting <= opposing or supporting + opposing < self.dao.quorum:
            yield f"queued with {supporting} for and {opposing} against, the quorum is {self.dao.quorum}"
