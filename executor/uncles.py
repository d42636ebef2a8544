"""Which uncles a block may include (yellow paper, 11.1)."""

from __future__ import annotations

from collections.abc import Sequence

from executor.errors import InvalidBlock
from executor.fork_schedule import ForkSchedule
from executor.forks import fork_rules
from executor.header import header_hash
from executor.header_rules import check_header_on_parent
from executor.invalid_block import (
    TooManyUnclesError,
    UncleInChainError,
    UncleIsAncestorError,
    UncleIsBrotherError,
    UncleParentIncorrectError,
)
from executor.lineage import KnownBlock
from executor.types import Header

MOST_UNCLES = 2
GENERATIONS = 7
"""How many ancestors matter: an uncle is at most six blocks older than the block, its parent seven."""


def check_uncles(uncles: Sequence[Header], ancestors: Sequence[KnownBlock], schedule: ForkSchedule) -> None:
    """Check the uncles of a block whose last GENERATIONS ancestors are these, its parent first.

    An uncle's own header must be valid on its parent, by the rules of the fork that it is of.
    """
    if len(uncles) > MOST_UNCLES:
        raise TooManyUnclesError(f"{len(uncles)} uncles; {MOST_UNCLES} are allowed")
    seen: set[bytes] = set()
    for index, uncle in enumerate(uncles):
        try:
            _check_uncle(uncle, ancestors, seen, schedule)
        except InvalidBlock as error:
            error.args = (f"uncle {index}: {error}",)
            raise


def _check_uncle(uncle: Header, ancestors: Sequence[KnownBlock], seen: set[bytes], schedule: ForkSchedule) -> None:
    uncle_hash = header_hash(uncle)
    if uncle_hash in seen:
        raise UncleIsBrotherError("stands there twice")
    seen.add(uncle_hash)
    if any(uncle_hash == ancestor.hash for ancestor in ancestors):
        raise UncleIsAncestorError("is an ancestor of the block")
    if any(uncle_hash in ancestor.uncle_hashes for ancestor in ancestors):
        raise UncleInChainError("is included in an ancestor already")
    parent = next((ancestor for ancestor in ancestors if ancestor.hash == uncle.parent_hash), None)
    if parent is None:
        raise UncleParentIncorrectError(f"its parent is no ancestor within {GENERATIONS} generations")
    if parent is ancestors[0]:
        raise UncleIsBrotherError("is a child of the block's own parent")
    fork = schedule.fork_at(uncle.number, uncle.timestamp, parent.total_difficulty)
    check_header_on_parent(uncle, parent.header, fork_rules(fork), schedule.dao_fork_block)
