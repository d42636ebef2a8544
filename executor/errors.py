"""The one tree of errors; each carries its facts as attributes and knows its exit code.

ParallelEvmError
 +-- UsageError                  2   an option or a name that does not exist
 +-- InvalidInput               10   a capsule that is not what it says (JSON, fields, hashes)
 |    +-- InvalidRlp            12   bytes that are not the RLP they should be
 |    +-- UnknownFork           10
 |    +-- MissingCode           10   a code hash without its code
 |    +-- MissingWitness        10   a trie node that a state root needs is absent
 +-- InputOutputError           11   a file that cannot be read or written
 +-- InvalidBlock                1   the block breaks a rule of the protocol
 |    +-- InvalidTransaction     1   ... because of one transaction (a reason per subclass)
 +-- ExecutionFailed             1   the engine could not run a transaction on settled state
 +-- PoolError                   1   workers could not be started or were lost for good
"""

from __future__ import annotations


class ParallelEvmError(Exception):
    """Base of everything this package raises on purpose; `where` names the block or file, if known."""

    exit_code = 1
    where: str | None = None


class UsageError(ParallelEvmError):
    """The caller asked for something that does not exist."""

    exit_code = 2


class InvalidInput(ParallelEvmError):  # noqa: N818 - the tree reads as the protocol's reasons
    """A document that does not hold what it says."""

    exit_code = 10


class InvalidRlp(InvalidInput):
    """Bytes that are not the RLP they should be; `index` names the transaction, if they are one's."""

    exit_code = 12

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message if index is None else f"transaction {index}: {message}")
        self.index = index


class UnknownFork(InvalidInput):
    """A fork that the engine does not know."""

    def __init__(self, name: str) -> None:
        super().__init__(f"unknown fork {name!r}; known are Frontier to Prague (README, Forks)")
        self.name = name


class MissingCode(InvalidInput):
    """A code hash whose code is not in the pre-state."""

    def __init__(self, code_hash: bytes, where: str) -> None:
        super().__init__(f"{where}: code of hash 0x{code_hash.hex()} is missing; record the block with code")
        self.code_hash = code_hash


class MissingWitness(InvalidInput):
    """A trie node that the post-state root needs is not in the witness."""


class InputOutputError(ParallelEvmError):
    """A file that cannot be read or written."""

    exit_code = 11


class InvalidBlock(ParallelEvmError):  # noqa: N818
    """The block breaks a rule of the protocol, whatever its transactions do."""


class InvalidTransaction(InvalidBlock):
    """A transaction that may not be in this block; subclasses name the reason as EELS does."""

    def __init__(self, message: str, index: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.index = index

    def __str__(self) -> str:
        """Return the reason, led by the transaction's place in the block where it is known."""
        place = "" if self.index is None else f"transaction {self.index}: "
        return f"{place}{type(self).__name__}: {self.message}"


class TransactionTypeError(InvalidTransaction):
    """The fork does not know this type."""


class ExecutionFailed(ParallelEvmError):  # noqa: N818
    """The engine could not run a transaction on settled state; `index` names it."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(f"transaction {index} could not be executed: {reason}")
        self.index = index
        self.reason = reason


class PoolError(ParallelEvmError):
    """Workers could not be started, or were lost more often than is worth retrying."""
