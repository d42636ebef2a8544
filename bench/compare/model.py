"""The nouns of a comparison: combinations, what one of them came to on a block, a block with all of them."""

from __future__ import annotations

from dataclasses import dataclass

from executor.gate import DRIVER, REST
from executor.strategies import SEQUENTIAL

INLINE = "inline"
"""The backend with one thread: it counts what a combination does, its times are nobody's choice."""


@dataclass(frozen=True, slots=True)
class Combination:
    """A strategy with lists on a backend; `access_lists` is empty where the strategy has no use for any.

    `same_as` names other (strategy, lists) that were asked for and start from the same plan, so that they are this one.
    """

    strategy: str
    access_lists: str = ""
    backend: str = ""
    same_as: tuple[str, ...] = ()

    @property
    def method(self) -> str:
        """What runs, without where: `graph with exact lists`."""
        lists = {"": "", "none": " without lists"}.get(self.access_lists, f" with {self.access_lists} lists")
        return self.strategy + lists

    @property
    def name(self) -> str:
        """What runs and where: `graph with exact lists on process`."""
        return f"{self.method} on {self.backend}" if self.backend else self.method


@dataclass(frozen=True, slots=True)
class Row:
    """What a combination came to on one block.

    `times` are the seconds of every repetition, `seconds` their median. The counts, the gate's word and
    `overhead_share` are those of the repetition whose time is the median, or of the faster of the middle two.
    `overhead_share` is what was no execution, of the processors' time on both sides; 0 where that was not counted.
    `bound` is what the block's longest chain allows on this many workers, None where there is one thread. `gate` is
    where the gate let the block run (`executor.gate`), empty where nobody asked it.
    """

    combination: Combination
    workers: int
    times: tuple[float, ...]
    seconds: float
    speedup: float
    executions: int
    conflicts: int
    bound: float | None
    equal: bool
    gate: str = ""
    gate_reason: str = ""
    overhead_share: float = 0.0
    lost_workers: int = 0

    @property
    def sequential(self) -> bool:
        """Whether this is the reference."""
        return self.combination.strategy == SEQUENTIAL

    @property
    def inline(self) -> bool:
        """Whether this has one thread and is there for its counts."""
        return self.combination.backend == INLINE

    @property
    def kept(self) -> bool:
        """Whether the gate kept the block on the driver, so that this too ran one after another."""
        return self.gate == DRIVER

    @property
    def place(self) -> str:
        """Where the gate let it run, in a word."""
        return "both" if self.gate == REST else self.gate

    @property
    def share_of_bound(self) -> float | None:
        """How much of what is possible was reached."""
        return None if self.bound is None else self.speedup / self.bound


@dataclass(frozen=True, slots=True)
class Chain:
    """What a block's longest chain of dependencies, by measured seconds, allows.

    `share` and `longest_transaction_share` are of all seconds; `levels` is the longest chain in transactions, which is
    the number of waves; `through` names the location through which most of the chain's time waits, empty for none.
    """

    transactions: int
    share: float
    longest_transaction_share: float
    levels: int
    through: str = ""

    def bound(self, workers: int) -> float:
        """Return the speed-up that no schedule on this many workers exceeds."""
        return min(float(workers), 1 / self.share) if self.share else 1.0


@dataclass(frozen=True, slots=True)
class Comparison:
    """A block with all combinations; the first row is sequential execution.

    `processor_share` is how much of a processor sequential execution got while it ran: less than nearly all says that
    others were busy on the machine. `header_ok` says whether the header agrees, None where it holds no expected
    values; `problems` are one line each.
    """

    number: int
    label: str
    fork: str
    transactions: int
    gas_used: int
    chain: Chain
    rows: tuple[Row, ...]
    processor_share: float = 1.0
    header_ok: bool | None = None
    problems: tuple[str, ...] = ()

    @property
    def ok(self) -> bool:
        """Whether nothing that was compared differs."""
        return self.header_ok is not False and not self.problems and all(row.equal for row in self.rows)

    @property
    def sequential(self) -> Row:
        """The reference."""
        return self.rows[0]

    @property
    def contenders(self) -> tuple[Row, ...]:
        """Rows that may win: the right result, more than one thread, and not sequential execution under another name.

        Sequential execution is among them.
        """
        return tuple(row for row in self.rows if row.equal and not row.inline and not row.kept)

    @property
    def winner(self) -> Row | None:
        """The fastest of the contenders; None where a result differs, or only one thread was asked for."""
        if not all(row.equal for row in self.rows) or all(row.inline for row in self.rows[1:]):
            return None
        return min(self.contenders, key=lambda row: row.seconds)
