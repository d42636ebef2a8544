"""Random transactions of every type, with limits and funds that often just suffice, or just not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from executor.forks import ForkRules, fork_rules
from tests.fuzz.children import CREATED2
from tests.fuzz.expressions import SIZES, VALUES
from tests.fuzz.places import (
    ABSENT,
    AUTHORITIES,
    BEACON_ROOTS,
    COINBASE,
    CONSOLIDATION_REQUESTS,
    CONTRACTS,
    CREATED,
    DEPOSIT_CONTRACT,
    FUNDED,
    GHOST,
    HISTORY,
    PRECOMPILES,
    SENDERS,
    WITHDRAWAL_REQUESTS,
)
from tests.fuzz.plans import AuthorizationPlan, TxPlan
from tests.fuzz.programs import Grammar
from tests.fuzz.source import Source, spread
from tests.signing import ACCESS_LIST, BLOB, LEGACY, SET_CODE, AccessList

TX_GAS, ZERO_BYTE, FLOOR_TOKEN, WORD, LISTED_ADDRESS, LISTED_SLOT, AUTHORIZED = 21_000, 4, 10, 2, 2_400, 1_900, 25_000
TARGETS = spread({
    "contract": 60, "sender": 8, "nobody": 7, "creation": 10, "precompile": 3, "made": 7, "coinbase": 4, "system": 3,
})  # fmt: skip
CALLED = (*(CONTRACTS[:1] * 5), *(CONTRACTS[:2] * 2), *CONTRACTS)
"""Contracts that transactions call: mostly the first, so that they meet."""
GAS = spread({"plenty": 16, "cut": 5, "exact": 1, "little": 2})
TIPS = (0, 0, 1, 2, 1000)
DELEGATES = spread({"contract": 8, "nothing": 2, "authority": 2, "precompile": 1, "absent": 1})
DEPOSIT = b"".join(
    value.to_bytes(32, "big") for value in (160, 256, 320, 384, 512, 48, 1, 2 << 240, 32, 3, 8, 4, 96, 5, 6, 7, 8, 9)
)
"""The 576 bytes of a deposit's event: five offsets, then each field behind its length."""


def intrinsic_gas(plan: TxPlan, rules: ForkRules) -> int:
    """Return the least gas limit that is accepted (EIP-2, 2028, 2930, 3860, 7623, 7702)."""
    zeros = plan.data.count(0)
    others = len(plan.data) - zeros
    gas = TX_GAS + ZERO_BYTE * zeros + rules.nonzero_byte_gas * others
    if plan.to is None:
        gas += rules.create_gas + rules.initcode_metered * WORD * ((len(plan.data) + 31) // 32)
    gas += sum(LISTED_ADDRESS + LISTED_SLOT * len(slots) for _, slots in plan.access_list)
    gas += AUTHORIZED * len(plan.authorizations)
    return max(gas, TX_GAS + FLOOR_TOKEN * (zeros + 4 * others)) if rules.prague else gas


class Transactions:
    """Draws transactions for a block of `fork` with this base fee."""

    def __init__(self, source: Source, fork: str, base_fee: int) -> None:
        self._source = source
        self._rules = fork_rules(fork)
        self._base_fee = base_fee if self._rules.base_fee else 0
        self._grammar = Grammar(source, fork)

    def draw(self) -> TxPlan:
        """Return a transaction that may stand in a block, as far as it alone decides that."""
        source, rules = self._source, self._rules
        tx_type = source.pick(sorted(rules.tx_types)) if source.chance(70) else LEGACY
        plan = self._aimed(TxPlan(source.pick(SENDERS[:3] * 3 + SENDERS), CONTRACTS[0], tx_type))
        tip = source.pick(TIPS)
        price = self._base_fee + tip + (source.pick(TIPS) if tx_type > ACCESS_LIST else 0)
        plan = replace(plan, price=price, tip=tip)
        if tx_type != LEGACY or (rules.empty_accounts_removed and source.chance(50)):
            plan = replace(plan, chain_id=1)
        if tx_type >= ACCESS_LIST and source.chance(60):
            plan = replace(plan, access_list=self._access_list())
        if tx_type == BLOB:
            hashes = tuple(bytes([1, number]) * 16 for number in range(1 + source.below(3)))
            plan = replace(plan, blob_hashes=hashes)
        if tx_type == SET_CODE:
            plan = replace(plan, authorizations=tuple(self._authorization() for _ in range(1 + source.below(3))))
        return replace(plan, gas=self._gas(plan))

    # -- the parts ----------------------------------------------------------------------------------------

    def _aimed(self, plan: TxPlan) -> TxPlan:
        """Return the plan with recipient, value and data."""
        source = self._source
        kind = source.pick(TARGETS)
        value = source.pick(VALUES)
        if kind == "creation" and plan.tx_type not in {BLOB, SET_CODE}:
            return replace(plan, to=None, data=self._grammar.init_code(), value=value)
        if kind == "system":
            return self._to_a_system_contract(plan)
        groups = {
            "sender": AUTHORITIES,
            "nobody": (ABSENT, GHOST, FUNDED),
            "precompile": PRECOMPILES[:10],
            "made": (*CREATED2, *CREATED),
            "coinbase": (COINBASE,),
        }
        data = source.bytes(min(source.pick(SIZES), 64)) if source.chance(40) else b""
        return replace(plan, to=source.pick(groups.get(kind, CALLED)), data=data, value=value)

    def _to_a_system_contract(self, plan: TxPlan) -> TxPlan:
        to, data, value = self._source.pick(
            (
                (WITHDRAWAL_REQUESTS, b"\x07" * 56, 1),
                (CONSOLIDATION_REQUESTS, b"\x08" * 96, 1),
                (DEPOSIT_CONTRACT, DEPOSIT, 0),
                (BEACON_ROOTS, (1_750_000_000).to_bytes(32, "big"), 0),
                (HISTORY, (999_999).to_bytes(32, "big"), 0),
            )
        )
        return replace(plan, to=to, data=data, value=value)

    def _access_list(self) -> AccessList:
        """Return a list: right as often as wrong, empty, doubled, or huge."""
        source = self._source
        if source.chance(4):
            return tuple((address, tuple(range(40))) for address in CONTRACTS)
        entries = []
        for _ in range(source.below(4)):
            address = source.pick((*CONTRACTS, *CONTRACTS, ABSENT, SENDERS[0], PRECOMPILES[1], COINBASE, *CREATED2[:2]))
            entries.append((address, tuple(range(source.below(4)))))
        return tuple(entries)

    def _authorization(self) -> AuthorizationPlan:
        source = self._source
        kind = source.pick(DELEGATES)
        groups = {"nothing": (bytes(20),), "authority": AUTHORITIES, "precompile": PRECOMPILES[:4], "absent": (ABSENT,)}
        return AuthorizationPlan(
            authority=source.pick(AUTHORITIES),
            target=source.pick(groups.get(kind, CONTRACTS)),
            shift=source.pick((1, -1)) if source.chance(10) else 0,
            chain_id=source.pick((0, 2)) if source.chance(20) else 1,
            broken=source.chance(4),
        )

    def _gas(self, plan: TxPlan) -> int:
        source, least = self._source, intrinsic_gas(plan, self._rules)
        kind = source.pick(GAS)
        if kind == "plenty":
            return least + source.pick((120_000, 60_000, 200_000, 300_000))
        if kind == "exact":
            return least
        return least + source.below(65_536 if kind == "cut" else 4_096)


# -- faults: transactions that no block may hold ----------------------------------------------------------


def spoiled(plan: TxPlan, source: Source, fork: str, base_fee: int) -> TxPlan:
    """Return the plan with a fault that makes it invalid (or would, were it not for other transactions)."""
    faults: list[Callable[[TxPlan], TxPlan]] = [
        lambda p: replace(p, shift=1),
        lambda p: replace(p, shift=1),
        lambda p: replace(p, shift=-1 if p.shift == 0 else 1),
        lambda p: replace(p, gas=intrinsic_gas(p, fork_rules(fork)) - 1),
        lambda p: replace(p, value=2 * 10**18),
        lambda p: replace(p, gas=10**9),
        lambda p: replace(p, high_s=True),
        lambda p: replace(p, chain_id=2) if p.tx_type == LEGACY else p,
        lambda p: replace(p, price=max(0, base_fee - 1), tip=0),
        lambda p: replace(p, tip=p.price + 1),
        lambda p: replace(p, tx_type=p.tx_type + 1, chain_id=1, blob_hashes=(), authorizations=()),
        lambda p: replace(p, max_blob_fee=0),
        lambda p: replace(p, blob_hashes=(bytes(32),)),
        lambda p: replace(p, blob_hashes=(b"\x01" * 32,) * 7),
        lambda p: replace(p, to=None),
        lambda p: replace(p, sender=AUTHORITIES[4]),
    ]
    return source.pick(faults)(plan)
