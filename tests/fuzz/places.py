"""The few addresses that random blocks live on, so that their transactions meet."""

from __future__ import annotations

import rlp

from executor.hashing import keccak256
from tests.signing import Key

KEYS = tuple(Key(0xF0 + number) for number in range(6))
"""Four senders, and two who only authorize (EIP-7702)."""
AUTHORITIES = tuple(key.address for key in KEYS)
SENDERS = AUTHORITIES[:4]
KEY_OF = dict(zip(AUTHORITIES, KEYS, strict=True))

CONTRACTS = tuple(b"\xcc" * 19 + bytes([0x40 + number]) for number in range(4))
"""Side by side, the first with two zero bits at the end: code chooses one by adding a number below 4."""
COINBASE = b"\xc0" * 20
FUNDED, ABSENT, GHOST = (b"\xfa" * 19 + bytes([number]) for number in range(3))
"""An account with a balance and nothing else, and two of which nothing is known."""
PRECOMPILES = tuple(number.to_bytes(20, "big") for number in range(1, 0x12))

BEACON_ROOTS = bytes.fromhex("000f3df6d732807ef1319fb7b8bb8522d0beac02")  # EIP-4788
HISTORY = bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")  # EIP-2935
WITHDRAWAL_REQUESTS = bytes.fromhex("00000961ef480eb55e80d19ad83579a64c007002")  # EIP-7002
CONSOLIDATION_REQUESTS = bytes.fromhex("0000bbddc7ce488642fb579f8b00f3a590007251")  # EIP-7251
DEPOSIT_CONTRACT = bytes.fromhex("00000000219ab540356cbb839cbe05303d7705fa")  # EIP-6110
SYSTEM = (BEACON_ROOTS, HISTORY, WITHDRAWAL_REQUESTS, CONSOLIDATION_REQUESTS, DEPOSIT_CONTRACT)


def created_at(creator: bytes, nonce: int) -> bytes:
    """Return where `creator` creates at `nonce`."""
    return keccak256(rlp.encode([creator, nonce]))[12:]


def created2_at(creator: bytes, salt: int, init_code: bytes) -> bytes:
    """Return where `creator` creates with CREATE2 (EIP-1014)."""
    return keccak256(b"\xff" + creator + salt.to_bytes(32, "big") + keccak256(init_code))[12:]


CREATED = (
    *(created_at(sender, nonce) for sender in SENDERS for nonce in range(2)),
    *(created_at(contract, nonce) for contract in CONTRACTS for nonce in (1, 2)),
)
"""Where the first creations of senders and contracts land."""
