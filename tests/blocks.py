"""Blocks made by hand: a complete pre-state, a few signed transactions, a header of any fork."""

from __future__ import annotations

from dataclasses import dataclass, field

import rlp
from coincurve import PrivateKey

from executor.forks import fork_rules
from executor.hashing import keccak256
from executor.state import MemoryState
from executor.types import Block, Header, RawTransaction, Withdrawal

ETHER = 10**18
BASE_FEE = 7
COINBASE = bytes.fromhex("c0" * 20)
PLAIN_PRICE = 10


@dataclass(frozen=True)
class User:
    """An account with a key."""

    key: PrivateKey

    @property
    def address(self) -> bytes:
        return keccak256(self.key.public_key.format(compressed=False)[1:])[12:]


def user(number: int) -> User:
    """Return the user of this number, always the same."""
    return User(PrivateKey.from_int(number + 1))


def _minimal(value: int) -> bytes:
    return value.to_bytes((value.bit_length() + 7) // 8, "big")


def sign_legacy(sender: User, fields: list[bytes]) -> bytes:
    """Return a transaction without replay protection: valid in every fork."""
    signature = sender.key.sign_recoverable(keccak256(rlp.encode(fields)), hasher=None)
    r, s, parity = signature[:32], signature[32:64], signature[64]
    tail = [_minimal(27 + parity), r.lstrip(b"\x00"), s.lstrip(b"\x00")]
    encoded: bytes = rlp.encode([*fields, *tail])
    return encoded


def sign_typed(sender: User, tx_type: int, fields: list[object]) -> bytes:
    """Return a typed transaction."""
    signature = sender.key.sign_recoverable(keccak256(bytes([tx_type]) + rlp.encode(fields)), hasher=None)
    r, s, parity = signature[:32], signature[32:64], signature[64]
    encoded: bytes = rlp.encode([*fields, _minimal(parity), r.lstrip(b"\x00"), s.lstrip(b"\x00")])
    return bytes([tx_type]) + encoded


def authorization(authority: User, delegate: bytes, nonce: int, chain_id: int = 1) -> list[bytes]:
    """Return a signed EIP-7702 authorization."""
    fields = [_minimal(chain_id), delegate, _minimal(nonce)]
    signature = authority.key.sign_recoverable(keccak256(b"\x05" + rlp.encode(fields)), hasher=None)
    r, s, parity = signature[:32], signature[32:64], signature[64]
    return [*fields, _minimal(parity), r.lstrip(b"\x00"), s.lstrip(b"\x00")]


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

    def fund(self, *users: User, balance: int = ETHER) -> None:
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
        sender: User,
        to: bytes,
        *,
        value: int = 0,
        data: bytes = b"",
        gas: int = 500_000,
        price: int = PLAIN_PRICE,
        nonce: int | None = None,
    ) -> None:
        """Add a legacy transaction (`to` empty deploys)."""
        self.raws.append(
            sign_legacy(
                sender,
                [
                    _minimal(self._nonce(sender, nonce)),
                    _minimal(price),
                    _minimal(gas),
                    to,
                    _minimal(value),
                    data,
                ],
            )
        )

    def set_code(self, sender: User, to: bytes, authorizations: list[list[bytes]], *, data: bytes = b"") -> None:
        """Add a set-code transaction (EIP-7702)."""
        nonce, price = _minimal(self._nonce(sender, None)), _minimal(PLAIN_PRICE)
        fields: list[object] = [
            b"\x01",
            nonce,
            b"",
            price,
            _minimal(500_000),
            to,
            b"",
            data,
            [],
            authorizations,
        ]
        self.raws.append(sign_typed(sender, 4, fields))

    def _nonce(self, sender: User, given: int | None) -> int:
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
