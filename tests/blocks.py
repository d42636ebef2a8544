"""Blocks made by hand: a complete pre-state, a few signed transactions, a header of any fork."""

from __future__ import annotations

from dataclasses import dataclass, field

from executor.forks import fork_rules
from executor.state import MemoryState
from executor.types import Block, Header, RawTransaction, Withdrawal
from tests.signing import LEGACY, SET_CODE, Authorization, Key, Tx, sign

ETHER = 10**18
BASE_FEE = 7
COINBASE = bytes.fromhex("c0" * 20)
PLAIN_PRICE = 10


def user(number: int) -> Key:
    """Return the user of this number, always the same."""
    return Key(number + 1)


@dataclass
class Builder:
    """Collects transactions; nonces count up by sender unless given."""

    fork: str = "Cancun"
    coinbase: bytes = COINBASE
    gas_limit: int = 30_000_000
    state: MemoryState = field(default_factory=lambda: MemoryState(complete=True))
    raws: list[bytes] = field(default_factory=list)
    nonces: dict[bytes, int] = field(default_factory=dict)
    withdrawals: tuple[Withdrawal, ...] = ()

    def fund(self, *users: Key, balance: int = ETHER) -> None:
        """Give users a balance."""
        for one in users:
            self.state.put(one.address, balance=balance)

    def contract(self, number: int, code: bytes, *, balance: int = 0, storage: dict[int, int] | None = None) -> bytes:
        """Put a contract at an address of its own and return it."""
        address = bytes([0xCC]) * 18 + number.to_bytes(2, "big")
        self.state.put(address, balance=balance, nonce=1, code=code, storage=storage)
        return address

    def send(
        self,
        sender: Key,
        to: bytes,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 500_000,
        price: int = PLAIN_PRICE,
        nonce: int | None = None,
    ) -> None:
        """Add a legacy transaction (`to` empty deploys)."""
        tx = Tx(
            LEGACY,
            chain_id=None,  # without replay protection: valid in every fork
            nonce=self._nonce(sender, nonce),
            gas_price=price,
            gas=gas,
            to=to,
            value=value,
            data=data,
        )
        self.raws.append(sign(sender, tx))

    def set_code(self, sender: Key, to: bytes, *authorizations: Authorization) -> None:
        """Add a set-code transaction (EIP-7702)."""
        nonce = self._nonce(sender, None)
        tx = Tx(
            SET_CODE,
            nonce=nonce,
            max_fee=PLAIN_PRICE,
            priority_fee=0,
            gas=500_000,
            to=to,
            authorizations=authorizations,
        )
        self.raws.append(sign(sender, tx))

    def _nonce(self, sender: Key, given: int | None) -> int:
        nonce = self.nonces.get(sender.address, 0) if given is None else given
        self.nonces[sender.address] = nonce + 1
        return nonce

    def block(self) -> Block:
        """Return the block."""
        rules = fork_rules(self.fork)
        header = Header(
            parent_hash=b"\x11" * 32, uncles_hash=bytes(32), coinbase=self.coinbase, state_root=bytes(32),
            transactions_root=bytes(32), receipts_root=bytes(32), bloom=bytes(256),
            difficulty=0 if rules.merged else 131_072, number=1000, gas_limit=self.gas_limit, gas_used=0,
            timestamp=1_700_000_000, extra_data=b"", mix_hash=b"\x22" * 32, nonce=bytes(8),
            base_fee=BASE_FEE if rules.base_fee else None,
            withdrawals_root=bytes(32) if rules.initcode_metered else None,
            blob_gas_used=0 if rules.blobs else None, excess_blob_gas=0 if rules.blobs else None,
            parent_beacon_root=bytes(32) if rules.blobs else None,
        )  # fmt: skip
        return Block(
            header=header,
            transactions=tuple(RawTransaction(raw) for raw in self.raws),
            fork=self.fork,
            withdrawals=self.withdrawals if rules.initcode_metered else None,
        )
