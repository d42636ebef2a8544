"""What a case of validity is, and the accounts that all of them share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from executor.state import MemoryState
from executor.types import Block
from tests import builders, eels
from tests.builders import BASE_FEE
from tests.eels_bridge import FORKS as EELS_FORKS
from tests.signing import LEGACY, Key, Tx, sign

FORKS = tuple(EELS_FORKS)
ACCEPTED = "accepted"
ETHER = 10**18
PRICE = 10 * BASE_FEE
TRANSFER_GAS = 21_000
SENDER, OTHER = Key(1), Key(2)
RECEIVER, CONTRACT = builders.address(1), builders.address(2)


@dataclass(frozen=True, slots=True)
class ValidityCase:
    """One signed transaction on one complete state, and what its name claims of it.

    `claim` is ACCEPTED or the name of the exception that EELS raises; a test holds it against EELS. `gas` is
    the receipt's gas where the case is about gas. `shipped` says what py-evm 0.12.1b1 does wrong with it.
    `protocol` is the name of our error where EELS 2.20.0 has none of its own: it lets the transaction pass,
    cannot decode it, or raises a bare InvalidBlock. `changes` go to the block's header.
    """

    name: str
    fork: str
    raw: bytes
    pre: MemoryState
    claim: str = ACCEPTED
    gas: int | None = None
    shipped: str = ""
    protocol: str = ""
    changes: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.fork}: {self.name}"

    @property
    def block(self) -> Block:
        """The block that holds this transaction alone; chain id 1."""
        return builders.block(self.fork, [self.raw], **self.changes)

    @property
    def demanded(self) -> str:
        """ACCEPTED, or the name of the error that our engine has to give."""
        return self.protocol or self.claim

    def expected(self) -> eels.EelsTransaction | eels.EelsRejection:
        """Return what EELS makes of it, by running EELS."""
        return eels.execute_transaction(self.raw, self.block, self.pre)


def since(fork: str) -> tuple[str, ...]:
    """Return `fork` and all later ones."""
    return FORKS[FORKS.index(fork) :]


def before(fork: str) -> tuple[str, ...]:
    """Return all forks before `fork`."""
    return FORKS[: FORKS.index(fork)]


def legacy(**fields: Any) -> Tx:
    """Return a transfer that every fork knows, with `fields` replaced."""
    plain = Tx(LEGACY, chain_id=None, gas_price=PRICE, to=RECEIVER, value=1)
    return replace(plain, **fields)


def state(fork: str, balance: int = ETHER, nonce: int = 0, code: bytes = b"") -> MemoryState:
    """Return a complete state in which SENDER has what is given."""
    built = builders.state(fork)
    built.put(SENDER.address, balance=balance, nonce=nonce, code=code)
    return built


def signed(tx: Tx) -> bytes:
    """Return `tx` as SENDER signs it."""
    return sign(SENDER, tx)
