"""Workload replayed: recorded lending transactions of mainnet, repeated for many users on the recorded state.

Code, storage and calldata are the protocol's own; so is the way in which the calls conflict. Each user gets what the
recorded sender had: ether, and every slot that belongs to the sender, at the user's place. The state is partial: what
the block did not read is zero, so a call that leaves the recorded path may revert or end otherwise; `summary` says how
the calls of a capsule ended.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

from executor.access_lists import observed_sets
from executor.capsule import Capsule, load_capsule
from executor.errors import UsageError
from executor.header import transactions_root
from executor.receipts import decode_logs
from executor.sequential import execute_sequential
from executor.state import Account, MemoryState
from executor.transactions import BLOB, Transaction, decode_transaction
from executor.types import Block, RawTransaction, TransactionResult
from scheduler.access import STORAGE, Address
from workloads.accounts import KeyPair, make_accounts
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.sender_slots import OwnedSlots, Recipe
from workloads.signing import SIGNERS, Fees, Unsigned, encode_access_list
from workloads.workload import Workload

LENDERS = {
    bytes.fromhex(address): name
    for address, name in {
        "3d9819210a31b4961b30ef54be2aed79b9c9cd3b": "Compound",
        "c3d688b66703497daa19211eedff47f25384cdc3": "Compound v3",
        "398ec7346dcd622edc5ae82352f02be94c62d119": "Aave v1",
        "7d2768de32b0b80b7a3454c06bdac94a69ddc7a9": "Aave v2",
        "87870bca3f3fd6335c3f4ce8392d69350b4fa4e2": "Aave v3",
        "c13e21b648a5ee794902342038ff3adab66be987": "Spark",
    }.items()
}
"""The contract through which every call of a protocol goes -> the protocol."""
DIFFERS, REVERTS = "-differs", "-reverts"
SPARE = 10**18
"""Wei that a user has beyond what its calls may cost."""

PARAMETERS = {
    "capsule": Parameter("", "file of a recorded block with lending calls (needed)"),
    "calls": Parameter("lending", "which of its transactions: lending, or their places, as in 14,17"),
    "users": Parameter(300, "users, each with the recorded sender's slots", minimum=1, maximum=100_000),
}


@dataclass(frozen=True)
class Recorded:
    """A recorded transaction that succeeded, and the slots (contract, how, value) that are its sender's."""

    name: str
    tx: Transaction
    sender: Address
    slots: tuple[tuple[Address, Recipe, int], ...]
    events: tuple[tuple[Address, bytes], ...]

    def data_for(self, user: Address) -> bytes:
        """Return the calldata with the user in the place of the sender, wherever it stands."""
        return self.tx.data.replace(self.sender, user)


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return one block in which user after user makes each of the recorded calls, `transactions` in all."""
    path = parameters.text("capsule")
    if not path:
        raise UsageError("replayed: name a recorded block with --param capsule=PATH (format evm-block-replay/1)")
    capsule = load_capsule(path)
    recorded = find_calls(capsule, parameters.text("calls"))
    users = make_accounts(seed, "replayed/user", parameters.integer("users"))
    state = seeded_state(capsule.pre_state, recorded, users, transactions)
    block = _block(capsule.block, recorded, users, transactions)
    results = execute_sequential(block, state).transactions
    turns = (call_of(recorded, index % len(users)) for index in range(transactions))
    operations = tuple(_outcome(call, result) for call, result in zip(turns, results, strict=True))
    block = replace(block, access_sets=observed_sets(results, state))
    return Workload("replayed", seed, parameters.values, state, (block,), (operations,), summary=summary)


def call_of(recorded: list[Recorded], user: int) -> Recorded:
    """Return the call that a user repeats: always the same, with the slots that its own sender had."""
    return recorded[user % len(recorded)]


def _outcome(call: Recorded, result: TransactionResult) -> str:
    """Return the call's name, and what became of it: Compound, for one, says in an event that a call has failed."""
    if not result.success:
        return f"{call.name}{REVERTS}"
    return call.name if events_of(result) == call.events else f"{call.name}{DIFFERS}"


def events_of(result: TransactionResult) -> tuple[tuple[Address, bytes], ...]:
    """Return who logged which event, in order."""
    return tuple((log.address, log.topics[0] if log.topics else b"") for log in decode_logs(result.logs_rlp))


def outcomes(workload: Workload) -> dict[str, tuple[int, int, int]]:
    """Return recorded call -> repetitions with the recorded events, with other events, and reverted."""
    counts = Counter(workload.operations[0])
    names = dict.fromkeys(name.removesuffix(REVERTS).removesuffix(DIFFERS) for name in counts)
    return {name: (counts[name], counts[name + DIFFERS], counts[name + REVERTS]) for name in names}


def summary(workload: Workload) -> list[str]:
    """Return a line per recorded call: how many repetitions end in which way."""
    return [
        f"{name}: {same} as recorded, {differs} with other events, {reverts} reverted"
        for name, (same, differs, reverts) in outcomes(workload).items()
    ]


# -- what was recorded ------------------------------------------------------------------------------------


def find_calls(capsule: Capsule, wanted: str) -> list[Recorded]:
    """Return the lending calls of a block, or those at the places asked for; UsageError if there are none."""
    results = execute_sequential(capsule.block, capsule.pre_state).transactions
    if wanted == "lending":
        places = [at for at, result in enumerate(results) if result.success and protocol_of(result)]
    else:
        places = _places(wanted, len(results))
    found = [_recorded(capsule.block.transactions[at], results[at], at) for at in places]
    repeatable = [call for call in found if call is not None]
    if not repeatable:
        raise UsageError(
            f"calls={wanted}: block {capsule.block.header.number} has no such call that can be repeated;"
            " name another capsule, or places of transactions"
        )
    return repeatable


def protocol_of(result: TransactionResult) -> str | None:
    """Return the lending protocol whose storage a transaction read."""
    return next((name for hub, name in LENDERS.items() if _reads_of(result, hub)), None)


def _reads_of(result: TransactionResult, contract: Address) -> bool:
    return any(address == contract and kind == STORAGE for address, kind, _ in result.reads)


def _places(wanted: str, count: int) -> list[int]:
    try:
        places = [int(text) for text in wanted.split(",")]
    except ValueError:
        raise UsageError(f"calls={wanted}: write lending, or places of transactions as in 14,17") from None
    for place in places:
        if not 0 <= place < count:
            raise UsageError(f"calls={wanted}: the block has no transaction {place}; its last is {count - 1}")
    return places


def _recorded(raw: RawTransaction, result: TransactionResult, place: int) -> Recorded | None:
    """Return a transaction with its sender's slots; None for creations, and for types that need more than a key."""
    tx = decode_transaction(raw.raw)
    if tx.is_create or tx.tx_type >= BLOB:
        return None
    touched = [(address, slot) for address, kind, slot in result.reads if kind == STORAGE]
    owned = OwnedSlots(result.sender, _named(result, tx))
    slots = tuple(
        (address, recipe, value)
        for address, slot in touched
        if (recipe := owned.recipe(slot)) and isinstance(value := result.reads[address, STORAGE, slot], int)
    )
    name = f"{place}:{protocol_of(result) or '0x' + tx.to.hex()[:8]}/{tx.data[:4].hex()}"
    return Recorded(name, tx, result.sender, slots, events_of(result))


def _named(result: TransactionResult, tx: Transaction) -> set[Address]:
    """Return the addresses that may be keys beside the sender: what was touched, and what the calldata names."""
    words = (tx.data[at : at + 32] for at in range(4, len(tx.data), 32))
    return {address for address, _, _ in result.reads} | {w[12:] for w in words if len(w) == 32 and not any(w[:12])}


# -- what is made of it -----------------------------------------------------------------------------------


def seeded_state(
    recorded_state: MemoryState, recorded: list[Recorded], users: tuple[KeyPair, ...], transactions: int
) -> MemoryState:
    """Return the recorded state with ether for all that users do, and the sender's slots for each of them."""
    state = recorded_state.copy()
    rounds = transactions // len(users) + 1
    for index, user in enumerate(users):
        call = call_of(recorded, index)
        wei = SPARE + rounds * (call.tx.gas * call.tx.max_fee + call.tx.value)
        state.accounts[user.address] = Account(balance=wei)
        for contract, recipe, value in call.slots:
            state.accounts.setdefault(contract, Account()).storage[recipe.slot(user.address)] = value
    return state


def _block(original: Block, recorded: list[Recorded], users: tuple[KeyPair, ...], transactions: int) -> Block:
    """Return a block of the calls under the recorded header: every user's, then every user's again."""
    nonces: Counter[Address] = Counter()
    raws = []
    gas = 0
    for index in range(transactions):
        turn = index % len(users)
        user, call = users[turn], call_of(recorded, turn)
        raws.append(_signed(call, user, nonces[user.address], original.chain_id))
        nonces[user.address] += 1
        gas += call.tx.gas
    header = replace(
        original.header,
        transactions_root=transactions_root(raws),
        gas_limit=max(gas, original.header.gas_limit),
    )
    return replace(original, header=header, transactions=tuple(raws))


def _signed(call: Recorded, user: KeyPair, nonce: int, chain_id: int) -> RawTransaction:
    """Return the call signed by `user`; slots of its list that are the sender's become the user's."""
    tx = call.tx
    moved = {(address, recipe.slot(call.sender)): recipe.slot(user.address) for address, recipe, _ in call.slots}
    listed = (
        (address, STORAGE, moved.get((address, slot), slot)) for address, slots in tx.access_list for slot in slots
    )
    fees = Fees(tx.max_fee, tx.priority_fee)
    unsigned = Unsigned(nonce, tx.gas, tx.to, tx.value, call.data_for(user.address), fees, encode_access_list(listed))
    return SIGNERS[tx.tx_type](unsigned, user, chain_id)


SPEC = WorkloadSpec(
    name="replayed",
    description="recorded lending calls of mainnet, repeated for many users on the recorded state",
    parameters=PARAMETERS,
    generate=generate,
    needs="capsule",
)
