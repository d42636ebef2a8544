"""Uniswap's pools in a block, recognised beyond doubt: their factories give each an address that can be computed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import combinations, product

from bench.explain.entries import Entry
from executor.hashing import keccak256
from executor.state import PreState
from scheduler.access import CODE, STORAGE, Address
from workloads.artefacts import word

V2_VARIABLES = {
    0: "totalSupply", 1: "balanceOf", 2: "allowance", 4: "nonces", 5: "factory", 6: "token0", 7: "token1",
    8: "reserves", 9: "price0CumulativeLast", 10: "price1CumulativeLast", 11: "kLast", 12: "unlocked",
}  # fmt: skip
V3_VARIABLES = {
    0: "slot0", 1: "feeGrowthGlobal0", 2: "feeGrowthGlobal1", 3: "protocolFees", 4: "liquidity", 5: "ticks",
    6: "tickBitmap", 7: "positions",
}  # fmt: skip
OBSERVATIONS = range(8, 8 + 65_535)
"""Where version 3 keeps its ring of past prices."""
TOKEN0, TOKEN1 = 6, 7
V3_FEES = (100, 500, 3_000, 10_000)
_V2_FACTORIES = (
    (
        "UniswapV2",
        bytes.fromhex("5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f"),
        bytes.fromhex("96e8ac4277198ff8b6f785478aa9a39f403cb768dd02cbee326c3e7da348845f"),
    ),
    (
        "Sushi",
        bytes.fromhex("C0AEe478e3658e2610c5F7A4A2E1777cE9e4f2Ac"),
        bytes.fromhex("e18a34eb0e04b04f7a0ac29a6e80748dca96319b42c54d679cb821dca90c6303"),
    ),
)
_V3_FACTORY = bytes.fromhex("1F98431c8aD98523631AE4a59f267346ea31F984")
_V3_CREATION = bytes.fromhex("e34f199b19b2b4f47f68442619d555527d244f78a3297ea89325f843f87b8b54")
_V3_CODE_BYTES = 22_142
_PUSHED_ADDRESS = re.compile(rb"\x7f\0{12}([^\0].{19})", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Pool:
    """A pool: its exchange (`UniswapV2`), version (2 or 3), tokens in the pool's order, fee in hundredths of a bp."""

    address: Address
    exchange: str
    version: int
    tokens: tuple[Address, Address]
    fee: int = 0


def find_pools(addresses: Iterable[Address], pre_state: PreState) -> Iterator[Pool]:
    """Yield the pools among `addresses`: V2 by the tokens in their storage, V3 by those in their code."""
    for address in addresses:
        pool = _v2_pool(address, pre_state) or _v3_pool(address, pre_state)
        if pool:
            yield pool


def observation(slot: int) -> Entry:
    """Return which past price one of the slots OBSERVATIONS of a pool of version 3 holds."""
    return Entry("observations", (slot - OBSERVATIONS.start,))


def created_at(factory: Address, salt: bytes, creation_hash: bytes) -> Address:
    """Return the address that CREATE2 gives (EIP-1014)."""
    return keccak256(b"\xff" + factory + salt + creation_hash)[12:]


def _v2_pool(address: Address, pre_state: PreState) -> Pool | None:
    first, second = (pre_state.read((address, STORAGE, slot)) for slot in (TOKEN0, TOKEN1))
    if not (isinstance(first, int) and isinstance(second, int) and 0 < first < second < 1 << 160):
        return None
    tokens = first.to_bytes(20, "big"), second.to_bytes(20, "big")
    for exchange, factory, creation_hash in _V2_FACTORIES:
        if created_at(factory, keccak256(b"".join(tokens)), creation_hash) == address:
            return Pool(address, exchange, 2, tokens)
    return None


def _v3_pool(address: Address, pre_state: PreState) -> Pool | None:
    code_hash = pre_state.read((address, CODE, 0))
    try:
        code = pre_state.code(code_hash) if isinstance(code_hash, bytes) else b""
    except KeyError:  # a partial recording holds only the code that ran
        return None
    if len(code) != _V3_CODE_BYTES:
        return None
    pushed = sorted(set(_PUSHED_ADDRESS.findall(code)))
    for tokens, fee in product(combinations(pushed, 2), V3_FEES):
        salt = keccak256(word(tokens[0]) + word(tokens[1]) + word(fee))
        if created_at(_V3_FACTORY, salt, _V3_CREATION) == address:
            return Pool(address, "UniswapV3", 3, tokens, fee)
    return None
