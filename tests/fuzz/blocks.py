"""Random cases: accounts that many touch, a handful of transactions, a header whose coinbase takes part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from executor.forks import ForkRules, fork_rules
from tests.builders import BASE_FEE, GAS_LIMIT, SYSTEM_CONTRACTS
from tests.fuzz.children import CREATED2, INIT_CODES, MORTAL, const
from tests.fuzz.nodes import Node
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
    created2_at,
)
from tests.fuzz.plans import DELEGATION, AccountPlan, Case, TxPlan
from tests.fuzz.programs import Grammar
from tests.fuzz.source import Source, spread
from tests.fuzz.transactions import Transactions, spoiled

ETHER = 10**18
FORK_WEIGHTS = {
    "Cancun": 74, "Prague": 74, "Shanghai": 16, "Paris": 8, "London": 14, "Berlin": 12, "Istanbul": 12,
    "Petersburg": 10, "Byzantium": 8, "SpuriousDragon": 10, "TangerineWhistle": 4, "Homestead": 7, "Frontier": 7,
}  # fmt: skip
COINBASES = spread({
    "own": 10, "sender": 5, "contract": 6, "funded": 2, "absent": 2, "created": 1, "created2": 1, "precompile": 1,
    "authority": 1,
})  # fmt: skip
COUNTS = (1, 2, 3, 3, 4, 4, 5, 6, 8)
BALANCES = (0, 1, 2, 7, 100, 100, 10**6, ETHER)
DEPOSIT_TOPIC = 0x649BBC62D0E31342AFEA4E5CD82D4049E7E1EE912FC0889AA790803BE39038C5

_SIZE = Node("calldatasize")
DEPOSITS = (
    Node("calldatacopy", (const(0), const(0), _SIZE)),
    Node("log1", (const(0), _SIZE, const(DEPOSIT_TOPIC))),
)
"""A deposit contract that logs what it is called with."""
_FIRST_SLOT = Node("sload", (const(0),))
REQUESTS = (
    Node("sstore", (const(0), Node("add", (_FIRST_SLOT, Node("calldatasize"))))),
    Node("mstore", (const(0), _FIRST_SLOT)),
    Node("return", (const(31), Node("and", (_FIRST_SLOT, const(1))))),
)
"""A short contract in place of EIP-7002's and EIP-7251's: sums the bytes it is sent, tells if the sum is odd."""


def draw_case(source: Source, forks: Sequence[str] = ()) -> Case:
    """Return a case of one of `forks` (all, by weight, if none is named)."""
    fork = source.pick(tuple(forks) or spread(FORK_WEIGHTS))
    return _Drawing(source, fork).case()


class _Drawing:
    """One case while it is drawn."""

    def __init__(self, source: Source, fork: str) -> None:
        self._source = source
        self._fork = fork
        self._rules: ForkRules = fork_rules(fork)
        self._base_fee = source.pick((BASE_FEE, BASE_FEE, 1, 10**9)) if self._rules.base_fee else 0
        self._accounts: dict[bytes, AccountPlan] = {}

    def case(self) -> Case:
        source = self._source
        transactions = self._transactions()
        self._senders()
        self._contracts()
        self._others()
        transactions = self._squeezed(self._revived(transactions))
        return Case(
            fork=self._fork,
            accounts=tuple(self._accounts.values()),
            transactions=transactions,
            coinbase=self._coinbase(),
            gas_limit=self._gas_limit(transactions),
            base_fee=self._base_fee,
            excess_blob_gas=50_000_000 if source.chance(20) else 0,
            withdrawals=self._withdrawals(),
            uncles=self._uncles(),
            hashes=source.below(3),
        )

    # -- transactions -------------------------------------------------------------------------------------

    def _transactions(self) -> tuple[TxPlan, ...]:
        source = self._source
        maker = Transactions(source, self._fork, self._base_fee)
        plans = [maker.draw() for _ in range(source.pick(COUNTS))]
        if source.chance(7):
            position = source.below(len(plans))
            plans[position] = spoiled(plans[position], source, self._fork, self._base_fee)
        return tuple(plans)

    def _squeezed(self, plans: tuple[TxPlan, ...]) -> tuple[TxPlan, ...]:
        """Give a sender just what its first transaction costs, at times by way of an earlier one's value."""
        source = self._source
        if not source.chance(30):
            return plans
        position = source.below(len(plans))
        plan = plans[position]
        others = sum(other.sender == plan.sender for other in plans) - 1
        if others and not source.chance(10):
            return plans
        spare = source.pick((0, 0, 0, 1, -1, 1000))
        if source.chance(20):
            return self._drained(plans, position, spare)
        given = 0
        if source.chance(60):
            given = source.pick((plan.cost, 1, plan.value, 10**6))
            giver = next(other for other in SENDERS if other != plan.sender)
            gift = TxPlan(giver, plan.sender, value=given, gas=60_000, price=self._base_fee + 1, tip=1)
            plans = (*plans[:position], gift, *plans[position:])
        balance = max(0, plan.cost - given + spare)
        self._accounts[plan.sender] = replace(self._account(plan.sender), balance=balance)
        return plans

    def _drained(self, plans: tuple[TxPlan, ...], position: int, spare: int) -> tuple[TxPlan, ...]:
        """Let the sender spend all before, but for what the transaction at `position` costs and a little more."""
        plan = plans[position]
        drain = TxPlan(plan.sender, FUNDED, value=ETHER, gas=21_000, price=self._base_fee + 1, tip=1)
        balance = drain.cost + plan.cost + spare
        self._accounts[plan.sender] = replace(self._account(plan.sender), balance=balance, code=b"")
        return (*plans[:position], drain, *plans[position:])

    def _revived(self, plans: tuple[TxPlan, ...]) -> tuple[TxPlan, ...]:
        """Put a contract that dies when called where another creates it again, and call both."""
        source = self._source
        if not source.chance(15):
            return plans
        number = source.below(2)
        creator, address = CONTRACTS[number], created2_at(CONTRACTS[number], 0, INIT_CODES[0])
        self._put(AccountPlan(address, source.pick(BALANCES), 1, code=MORTAL, storage=((0, 5), (2, 9))))
        create = Node("create2", (const(source.below(2)), const(0)), raw=INIT_CODES[0])
        earlier = self._account(creator)
        self._put(replace(earlier, program=(Node("sstore", (const(0), create)), *earlier.program)))
        for target in (address, creator, address):
            position = source.below(len(plans) + 1)
            call = TxPlan(source.pick(SENDERS), target, gas=250_000, price=self._base_fee + 1, tip=1)
            plans = (*plans[:position], call, *plans[position:])
        return plans

    def _gas_limit(self, plans: tuple[TxPlan, ...]) -> int:
        """Return a limit that the gas limits of the transactions mostly fit into, or that they nearly fill."""
        source = self._source
        if not source.chance(4):
            return GAS_LIMIT
        return max(plan.gas for plan in plans) + source.below(sum(plan.gas for plan in plans) % 65_536 + 1)

    # -- accounts -----------------------------------------------------------------------------------------

    def _account(self, address: bytes) -> AccountPlan:
        return self._accounts.get(address) or AccountPlan(address)

    def _put(self, plan: AccountPlan) -> None:
        self._accounts[plan.address] = plan

    def _senders(self) -> None:
        source = self._source
        for sender in SENDERS:
            nonce = source.pick((1, 2, 2**64 - 2)) if source.chance(4) else 0
            self._put(AccountPlan(sender, 5 * ETHER, nonce, code=self._delegation(10)))
        for authority in AUTHORITIES[4:]:
            if source.chance(40):
                self._put(AccountPlan(authority, source.pick(BALANCES), 1, code=self._delegation(30)))
        if source.chance(2):
            self._put(replace(self._account(source.pick(SENDERS)), code=b"\x00"))

    def _delegation(self, percent: int) -> bytes:
        """Return the code of a delegation, where the fork knows them; now and then a loop of them."""
        if not (self._rules.prague and self._source.chance(percent)):
            return b""
        return DELEGATION + self._source.pick((*CONTRACTS, *CONTRACTS, *AUTHORITIES, PRECOMPILES[3], ABSENT))

    def _contracts(self) -> None:
        source, grammar = self._source, Grammar(self._source, self._fork)
        for address in CONTRACTS:
            if source.chance(10):
                continue
            program = grammar.program(6)
            storage = tuple((slot, self._word()) for slot in range(3) if source.chance(45))
            self._put(AccountPlan(address, source.pick(BALANCES), 1, program, storage=storage))

    def _word(self) -> int:
        source = self._source
        if not source.chance(20):
            return source.pick((1, 2, 7, 2**256 - 1))
        return int.from_bytes(source.pick((*CONTRACTS, *CREATED2, ABSENT, SENDERS[0])), "big")

    def _others(self) -> None:
        source = self._source
        for address in (FUNDED, COINBASE, PRECOMPILES[1]):
            if source.chance(40):
                self._put(AccountPlan(address, source.pick((1, 100, ETHER))))
        if not self._rules.merged and source.chance(25):  # later states hold no empty account (EIP-7523)
            self._put(AccountPlan(source.pick((ABSENT, GHOST, COINBASE))))
        if source.chance(12):
            self._collision(source.pick((*CREATED, *CREATED2)))
        self._system()

    def _collision(self, address: bytes) -> None:
        """Put something where a creation will land: a nonce, code, a balance, storage (EIP-684, 7610)."""
        source = self._source
        self._put(
            source.pick(
                (
                    AccountPlan(address, 1),
                    AccountPlan(address, nonce=1),
                    AccountPlan(address, code=b"\x00"),
                    AccountPlan(address, 1, storage=((0, 1), (1, 7))),
                )
            )
        )

    def _system(self) -> None:
        """Put the system contracts: short ones, as the real ones are slow in EELS, at times the real ones."""
        real, rules = self._source.chance(12), self._rules
        if rules.prague:
            requests = (WITHDRAWAL_REQUESTS, CONSOLIDATION_REQUESTS)
            for address in (*requests, *((HISTORY,) if real else ())):
                code = SYSTEM_CONTRACTS[address] if real else b""
                self._put(AccountPlan(address, nonce=1, program=REQUESTS, code=code))
            self._put(AccountPlan(DEPOSIT_CONTRACT, nonce=1, program=DEPOSITS))
        if rules.blobs and real:
            self._put(AccountPlan(BEACON_ROOTS, nonce=1, code=SYSTEM_CONTRACTS[BEACON_ROOTS]))

    # -- the header ---------------------------------------------------------------------------------------

    def _coinbase(self) -> bytes:
        source = self._source
        groups = {
            "own": (COINBASE,), "sender": SENDERS, "contract": CONTRACTS, "funded": (FUNDED,), "absent": (ABSENT,),
            "created": CREATED, "created2": CREATED2, "precompile": PRECOMPILES[:4], "authority": AUTHORITIES[4:],
        }  # fmt: skip
        return source.pick(groups[source.pick(COINBASES)])

    def _withdrawals(self) -> tuple[tuple[bytes, int], ...]:
        source = self._source
        if not (self._rules.initcode_metered and source.chance(20)):
            return ()
        whom = (ABSENT, *SENDERS[:2], *CONTRACTS[:2], *CREATED2[:2], COINBASE)
        return tuple((source.pick(whom), source.below(3)) for _ in range(1 + source.below(3)))

    def _uncles(self) -> tuple[tuple[bytes, int], ...]:
        source = self._source
        if self._rules.merged or not source.chance(15):
            return ()
        return tuple(
            (source.pick((ABSENT, SENDERS[0], CONTRACTS[0])), 1 + source.below(6)) for _ in range(1 + source.below(2))
        )
