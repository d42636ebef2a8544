"""Rules that hold in every fork, or began in one: nonce, funds, gas, signature, code of the sender, type."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import rlp

from executor.forks import fork_rules
from executor.state import MemoryState
from tests.builders import GAS_LIMIT
from tests.signing import ACCESS_LIST, BLOB, FEE_MARKET, SECP256K1_N, SET_CODE, Tx
from tests.validity.case import (
    ACCEPTED,
    ETHER,
    FORKS,
    PRICE,
    RECEIVER,
    SENDER,
    TRANSFER_GAS,
    ValidityCase,
    before,
    legacy,
    signed,
    since,
    state,
)

LAST_NONCE = 2**64 - 2
INITCODE_LIMIT = 49_152
RETURN_NOTHING = b"\x00"


def nonces() -> Iterator[ValidityCase]:
    """The nonce has to be the account's, and has to have a successor (EIP-2681, in hindsight everywhere)."""
    for fork in FORKS:
        at_seven, low, high = state(fork, nonce=7), legacy(nonce=6), legacy(nonce=8)
        yield ValidityCase("the nonce is the account's", fork, signed(legacy(nonce=7)), at_seven)
        yield ValidityCase("nonce too low", fork, signed(low), at_seven, "NonceMismatchError")
        yield ValidityCase("nonce too high", fork, signed(high), at_seven, "NonceMismatchError")
        last = state(fork, nonce=LAST_NONCE)
        yield ValidityCase("the last nonce there is", fork, signed(legacy(nonce=LAST_NONCE)), last)
        exhausted, raw = state(fork, nonce=LAST_NONCE + 1), signed(legacy(nonce=LAST_NONCE + 1))
        yield ValidityCase("nonce 2**64 - 1", fork, raw, exhausted, "NonceOverflowError")


def funds() -> Iterator[ValidityCase]:
    """The sender has to have gas limit times price, and the value."""
    raw, needed = signed(legacy(value=ETHER)), TRANSFER_GAS * PRICE + ETHER
    for fork in FORKS:
        yield ValidityCase("funds to the wei", fork, raw, state(fork, needed))
        short = state(fork, needed - 1)
        yield ValidityCase("funds short of a wei", fork, raw, short, "InsufficientBalanceError")
        unknown = without_sender(fork)
        yield ValidityCase("the sender does not exist", fork, raw, unknown, "InsufficientBalanceError")


def without_sender(fork: str) -> MemoryState:
    """Return the state without the sender."""
    built = state(fork)
    del built.accounts[SENDER.address]
    return built


def gas_limits() -> Iterator[ValidityCase]:
    """The gas limit has to cover the intrinsic gas and to fit the block."""
    for fork in FORKS:
        rich, short = state(fork, 1_000 * ETHER), "InsufficientTransactionGasError"
        yield ValidityCase("gas below 21000", fork, signed(legacy(gas=TRANSFER_GAS - 1)), rich, short)
        per_byte = fork_rules(fork).nonzero_byte_gas + 4
        data, with_data = b"\x01\x00" * 10, TRANSFER_GAS + 10 * per_byte
        if not fork_rules(fork).prague:
            exact = signed(legacy(data=data, gas=with_data))
            yield ValidityCase("gas covers the data", fork, exact, rich, gas=with_data)
        tight = signed(legacy(data=data, gas=with_data - 1))
        yield ValidityCase("gas below the data's cost", fork, tight, rich, short)
        full, over = legacy(gas=GAS_LIMIT), legacy(gas=GAS_LIMIT + 1)
        yield ValidityCase("gas as large as the block's", fork, signed(full), rich, gas=TRANSFER_GAS)
        yield ValidityCase("gas above the block's", fork, signed(over), rich, "GasUsedExceedsLimitError")


def creations() -> Iterator[ValidityCase]:
    """A creation costs 53000 from Homestead on, is metered and limited from Shanghai on (EIP-2, 3860)."""
    for fork in FORKS:
        rules, rich = fork_rules(fork), state(fork)
        cost = TRANSFER_GAS + rules.create_gas + 4 + 2 * rules.initcode_metered
        if rules.prague:
            cost = max(cost, TRANSFER_GAS + 10)
        exact = legacy(to=b"", value=0, data=RETURN_NOTHING, gas=cost)
        yield ValidityCase("a creation", fork, signed(exact), rich, gas=cost)
        tight, claim = replace(exact, gas=cost - 1), "InsufficientTransactionGasError"
        name, fault = "gas below a creation's cost", "metered outside of the intrinsic gas"
        fault = fault if rules.initcode_metered else ""
        yield ValidityCase(name, fork, signed(tight), rich, claim, shipped=fault)
        long = legacy(to=b"", value=0, data=bytes(INITCODE_LIMIT), gas=1_000_000)
        yield ValidityCase("init code at the limit", fork, signed(long), rich)
        longer = replace(long, data=bytes(INITCODE_LIMIT + 1))
        claim = "InitCodeTooLargeError" if rules.initcode_metered else ACCEPTED
        yield ValidityCase("init code above 49152 bytes", fork, signed(longer), rich, claim)


def signatures() -> Iterator[ValidityCase]:
    """The lower half of s from Homestead on (EIP-2), the chain id from Spurious Dragon on (EIP-155)."""
    for fork in FORKS:
        claim, pre = "InvalidSignatureError", state(fork)
        upper = ACCEPTED if fork == "Frontier" else claim
        yield ValidityCase("s in the upper half", fork, signed(legacy(high_s=True)), pre, upper)
        known = ACCEPTED if fork_rules(fork).empty_accounts_removed else claim
        yield ValidityCase("signed for this chain", fork, signed(legacy(chain_id=1)), pre, known)
        name, other = "signed for another chain", signed(legacy(chain_id=2))
        fault = "does not compare the chain" if known == ACCEPTED else ""
        yield ValidityCase(name, fork, other, pre, claim, shipped=fault)
        for name, raw in broken_signatures().items():
            yield ValidityCase(name, fork, raw, pre, claim)


def broken_signatures() -> dict[str, bytes]:
    """Return legacy transfers with one part of the signature replaced."""
    good = rlp.decode(signed(legacy()))
    places = {"v": 6, "r": 7, "s": 8}
    order = SECP256K1_N.to_bytes(32, "big")
    values = [("v", b"\x1d"), ("r", b""), ("r", order), ("s", b""), ("s", order)]
    return {
        f"{part} is 0x{value.hex()[:6] or '0'}": rlp.encode(
            [value if place == places[part] else item for place, item in enumerate(good)]
        )
        for part, value in values
    }


def senders_with_code() -> Iterator[ValidityCase]:
    """A contract sends nothing (EIP-3607, in hindsight everywhere); a delegated account does (EIP-7702)."""
    delegation = b"\xef\x01\x00" + RECEIVER
    fault = "does not look at the sender's code"
    for fork in FORKS:
        raw, claim = signed(legacy()), "InvalidSenderError"
        contract = state(fork, code=RETURN_NOTHING)
        yield ValidityCase("a sender with code", fork, raw, contract, claim, shipped=fault)
        claim = ACCEPTED if fork_rules(fork).prague else claim
        delegated = state(fork, code=delegation)
        noticed = "" if claim == ACCEPTED else fault
        yield ValidityCase("a delegated sender", fork, raw, delegated, claim, shipped=noticed)
        longer, name = state(fork, code=delegation + b"\x00"), "a sender with nearly a delegation"
        yield ValidityCase(name, fork, raw, longer, "InvalidSenderError", shipped=fault)


def types() -> Iterator[ValidityCase]:
    """A type is known from its fork on; before Berlin, typed bytes are not even a transaction's RLP."""
    first = {ACCESS_LIST: "Berlin", FEE_MARKET: "London", BLOB: "Cancun", SET_CODE: "Prague", 5: ""}
    for tx_type, known_from in first.items():
        forks = before(known_from) if known_from else FORKS
        raw = signed(Tx(tx_type, gas_price=PRICE, max_fee=PRICE, to=RECEIVER, gas=100_000))
        for fork in forks:
            demanded = "TransactionTypeError"
            claim, name = "DecodingError", f"type {tx_type} before its fork"
            if fork in since("Berlin"):
                claim = demanded
            yield ValidityCase(name, fork, raw, state(fork), claim, protocol=demanded)


def garbage() -> Iterator[ValidityCase]:
    """Bytes that are no transaction."""
    short = rlp.encode([b"\x01"] * 8)
    for fork in FORKS:
        yield ValidityCase("a field too few", fork, short, state(fork), "DecodingError", protocol="InvalidRlp")


CASES = [
    *nonces(),
    *funds(),
    *gas_limits(),
    *creations(),
    *signatures(),
    *senders_with_code(),
    *types(),
    *garbage(),
]
