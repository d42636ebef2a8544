"""A random block as plain data, before anything is signed: what is drawn, shrunk, and built."""

from __future__ import annotations

from dataclasses import dataclass, replace

from executor.forks import GAS_PER_BLOB, fork_rules
from executor.state import MemoryState
from executor.types import Block, Header, Withdrawal
from tests import builders
from tests.fuzz.nodes import Program, compiled
from tests.fuzz.places import KEY_OF
from tests.signing import ACCESS_LIST, LEGACY, SET_CODE, AccessList, Authorization, Tx, authorize, sign

DELEGATION = b"\xef\x01\x00"
"""Before an address: code that says whose code to run (EIP-7702)."""


@dataclass(frozen=True, slots=True)
class AccountPlan:
    """An account before the block; its code is `code`, or else the program compiled."""

    address: bytes
    balance: int = 0
    nonce: int = 0
    program: Program = ()
    code: bytes = b""
    storage: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class AuthorizationPlan:
    """A delegation to sign; the nonce is the right one plus `shift`, `broken` spoils the signature."""

    authority: bytes
    target: bytes
    shift: int = 0
    chain_id: int = 1
    broken: bool = False

    @property
    def counts(self) -> bool:
        """Whether it takes effect (if the authority is no contract)."""
        return self.shift == 0 and self.chain_id in {0, 1} and not self.broken


@dataclass(frozen=True, slots=True)
class TxPlan:
    """A transaction to sign; the nonce follows from those before it, plus `shift`. `to` None creates.

    `price` is the gas price or max fee, `tip` the priority fee, both in wei per gas.
    """

    sender: bytes
    to: bytes | None
    tx_type: int = LEGACY
    value: int = 0
    data: bytes = b""
    gas: int = 100_000
    price: int = 10
    tip: int = 0
    shift: int = 0
    chain_id: int | None = None
    access_list: AccessList = ()
    blob_hashes: tuple[bytes, ...] = ()
    max_blob_fee: int = 10**9
    authorizations: tuple[AuthorizationPlan, ...] = ()
    high_s: bool = False

    @property
    def cost(self) -> int:
        """The wei that the sender has to have for it."""
        blobs = len(self.blob_hashes) * GAS_PER_BLOB * self.max_blob_fee
        return self.gas * self.price + self.value + blobs


@dataclass(frozen=True, slots=True)
class Case:
    """A block and the state before it; withdrawals are (address, gwei), uncles (address, blocks ago)."""

    fork: str
    accounts: tuple[AccountPlan, ...]
    transactions: tuple[TxPlan, ...]
    coinbase: bytes
    gas_limit: int = builders.GAS_LIMIT
    base_fee: int = builders.BASE_FEE
    excess_blob_gas: int = 0
    withdrawals: tuple[tuple[bytes, int], ...] = ()
    uncles: tuple[tuple[bytes, int], ...] = ()
    hashes: int = 0


def build(case: Case) -> tuple[Block, MemoryState]:
    """Return the block, signed, and the complete state before it."""
    rules = fork_rules(case.fork)
    facts: dict[str, object] = {"coinbase": case.coinbase, "gas_limit": case.gas_limit}
    if rules.base_fee:
        facts["base_fee"] = case.base_fee
    if rules.blobs:
        facts["excess_blob_gas"] = case.excess_blob_gas
    withdrawals = tuple(Withdrawal(n, n, address, amount) for n, (address, amount) in enumerate(case.withdrawals))
    block = builders.block(case.fork, _signed(case), withdrawals, **facts)
    number = block.header.number
    hashes = {number - ago: bytes([ago]) * 32 for ago in range(2, 2 + case.hashes)}
    uncles = tuple(_uncle(block.header, address, ago) for address, ago in case.uncles)
    return replace(block, uncles=uncles, block_hashes=hashes), _state(case)


def _uncle(header: Header, coinbase: bytes, ago: int) -> Header:
    return replace(header, coinbase=coinbase, number=header.number - ago)


def _state(case: Case) -> MemoryState:
    """Return the state, from Paris on without accounts that are empty: later states hold none (EIP-7523)."""
    state, merged = MemoryState(complete=True), fork_rules(case.fork).merged
    for account in case.accounts:
        if merged and not (account.balance or account.nonce or account.code or account.program):
            continue
        code = account.code or (compiled(account.program) if account.program else b"")
        storage = dict(account.storage)
        state.put(account.address, balance=account.balance, nonce=account.nonce, code=code, storage=storage)
    return state


def _signed(case: Case) -> list[bytes]:
    """Return the transactions, their nonces counted by sender and authority."""
    nonces = {account.address: account.nonce for account in case.accounts}
    signed = []
    for plan in case.transactions:
        nonce = nonces.get(plan.sender, 0)
        nonces[plan.sender] = nonce + (plan.shift == 0)
        authorizations = tuple(_authorization(each, nonces) for each in plan.authorizations)
        fields = Tx(
            plan.tx_type,
            chain_id=plan.chain_id,
            nonce=max(0, nonce + plan.shift),
            gas_price=plan.price,
            max_fee=plan.price,
            priority_fee=plan.tip,
            gas=plan.gas,
            to=plan.to or b"",
            value=plan.value,
            data=plan.data,
            access_list=plan.access_list if plan.tx_type >= ACCESS_LIST else (),
            max_blob_fee=plan.max_blob_fee,
            blob_hashes=plan.blob_hashes,
            authorizations=authorizations if plan.tx_type == SET_CODE else (),
            high_s=plan.high_s,
        )
        signed.append(sign(KEY_OF[plan.sender], fields))
    return signed


def _authorization(plan: AuthorizationPlan, nonces: dict[bytes, int]) -> Authorization:
    nonce = nonces.get(plan.authority, 0)
    if plan.counts:
        nonces[plan.authority] = nonce + 1
    made = authorize(KEY_OF[plan.authority], plan.target, max(0, nonce + plan.shift), plan.chain_id)
    if not plan.broken:
        return made
    parity, r, s = made.signature
    return replace(made, signature=(parity, r, s ^ 1))
