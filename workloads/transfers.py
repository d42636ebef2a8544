"""Workload 0, transfers: ether and ERC-20 tokens between accounts, from independent to one long chain."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from random import Random

from scheduler.access import Address, Location
from workloads.accounts import KeyPair, make_accounts, make_address
from workloads.block_builder import COINBASE, TRANSFER_GAS, BlockBuilder, Call, genesis
from workloads.checks import EtherCheck, ModelCheck, NonceCheck, SupplyCheck
from workloads.common import BLOCKS, DECLARE
from workloads.distributions import Zipf, log_normal
from workloads.parameters import Parameter, Parameters, WorkloadSpec
from workloads.storage_model import ModelStorage, Reverted
from workloads.token_model import Token
from workloads.workload import Check, Workload

ETHER = 10**18
BASE_BALANCE = ETHER
TOKEN_BALANCE = 10**9 * 10**18
ERC20_GAS = 80_000
MEDIAN_ETHER, MEDIAN_TOKENS = 0.05, 25.0

PARAMETERS = {
    "kind": Parameter("mixed", "what is sent", choices=("eth", "erc20", "mixed")),
    "accounts": Parameter(1000, "accounts that send and receive", minimum=2, maximum=1_000_000),
    "shape": Parameter(
        "random",
        "who sends to whom: disjoint pairs, Zipf draws, to few hot accounts, each to the next",
        choices=("independent", "random", "clustered", "chain"),
    ),
    "zipf": Parameter(0.0, "exponent over accounts (random, clustered)", minimum=0, maximum=3),
    "hot": Parameter(4, "hot recipients (clustered)", minimum=1),
    "hot_share": Parameter(1.0, "share of transactions that go to a hot one (clustered)", 0, 1),
    "eth_share": Parameter(0.5, "share of ether transfers (mixed)", minimum=0, maximum=1),
    "new_accounts": Parameter(0.05, "share of ether transfers to fresh accounts", minimum=0, maximum=1),
    "failing": Parameter(0.01, "share of token transfers that revert", minimum=0, maximum=1),
    "blocks": BLOCKS,
    "declare": DECLARE,
}


@dataclass
class _Transfers:
    """A generation in progress."""

    parameters: Parameters
    seed: int
    random: Random
    accounts: tuple[KeyPair, ...]
    builder: BlockBuilder
    storage: ModelStorage = field(default_factory=ModelStorage)
    block_start: dict[Location, int] = field(default_factory=dict)
    received: dict[Address, int] = field(default_factory=dict)
    sent: set[Address] = field(default_factory=set)
    paid: list[tuple[dict[Address, int], set[Address]]] = field(default_factory=list)
    nonces: list[dict[Address, int]] = field(default_factory=list)
    slots: list[dict[Location, int]] = field(default_factory=list)
    fresh: list[Address] = field(default_factory=list)
    existing: set[Address] = field(default_factory=set)


def generate(parameters: Parameters, transactions: int, seed: int) -> Workload:
    """Return blocks of transfers, `transactions` in all."""
    accounts = make_accounts(seed, "transfers", parameters.integer("accounts"))
    builder = BlockBuilder(parameters.text("declare"))
    work = _Transfers(parameters, seed, Random(f"transfers/{seed}"), accounts, builder)
    token = _deploy_token(work)
    pre_storage = work.storage.by_account()
    if parameters.text("kind") == "eth" and parameters.text("shape") == "chain":
        balances = _ether_chain(work, transactions)
    else:
        balances = _independent_payments(work, token, transactions)
    pre_state = genesis()
    for address, balance in balances.items():
        pre_state.put(address, balance=balance)
    pre_state.put(token.address, nonce=1, code=token.contract.runtime, storage=pre_storage[token.address])
    return Workload(
        name="transfers",
        seed=seed,
        parameters=parameters.values,
        pre_state=pre_state,
        blocks=builder.blocks,
        operations=builder.operations,
        checks=_checks(work, token),
    )


def _places(work: _Transfers, transactions: int) -> Iterator[bool]:
    """Yield for each transaction whether it is the first of its block; close the blocks."""
    blocks = work.parameters.integer("blocks")
    for index in range(blocks):
        work.block_start = dict(work.storage.values)
        work.received, work.sent = {}, set()
        size = (index + 1) * transactions // blocks - index * transactions // blocks
        for position in range(size):
            yield position == 0
        work.builder.end_block()
        work.paid.append((work.received, work.sent))
        work.nonces.append(dict(work.builder.nonces))
        work.slots.append(dict(work.storage.values))


def _deploy_token(work: _Transfers) -> Token:
    token = Token(work.storage, make_address(work.seed, "token"))
    token.deploy("Transfer Token", "TT", 18, make_address(work.seed, "owner"))
    for account in work.accounts:
        token.seed(account.address, TOKEN_BALANCE)
    return token


def _independent_payments(work: _Transfers, token: Token, transactions: int) -> dict[Address, int]:
    """Add transfers by senders who own enough from the start; return the balances that this takes."""
    work.existing = {account.address for account in work.accounts}
    kind, eth_share = work.parameters.text("kind"), work.parameters.number("eth_share")
    pairs = _pairs(work)
    for _ in _places(work, transactions):
        sender, receiver = next(pairs)
        if kind == "eth" or (kind == "mixed" and work.random.random() < eth_share):
            _send_ether(work, sender, receiver.address)
        else:
            _send_tokens(work, token, sender, receiver.address)
    costs = work.builder.costs
    return {account.address: BASE_BALANCE + costs.get(account.address, 0) for account in work.accounts}


def _pairs(work: _Transfers) -> Iterator[tuple[KeyPair, KeyPair]]:
    """Yield sender and receiver for ever, never the same."""
    accounts, random = work.accounts, work.random
    shape = work.parameters.text("shape")
    count = len(accounts)
    if shape in {"independent", "chain"}:
        # Pairs (0, 1), (2, 3), ...; or a chain in which each sends on to the next.
        step, last = (2, count - 1) if shape == "independent" else (1, count)
        while True:
            for index in range(0, last, step):
                yield accounts[index], accounts[(index + 1) % count]
    zipf = Zipf(count, work.parameters.number("zipf"))
    hot = min(work.parameters.integer("hot"), count)
    hot_share = work.parameters.number("hot_share") if shape == "clustered" else 0.0
    while True:
        sender = zipf.draw(random)
        receiver = random.randrange(hot) if random.random() < hot_share else zipf.draw(random)
        if sender != receiver:
            yield accounts[sender], accounts[receiver]


def _send_ether(work: _Transfers, sender: KeyPair, receiver: Address) -> None:
    if work.random.random() < work.parameters.number("new_accounts"):
        receiver = make_address(work.seed, "fresh", len(work.fresh))
        work.fresh.append(receiver)
    value = int(log_normal(work.random, MEDIAN_ETHER) * ETHER)
    _pay(work, sender, receiver, value)


def _pay(work: _Transfers, sender: KeyPair, receiver: Address, value: int, *, needs_credit: bool = False) -> None:
    new = receiver not in work.existing
    work.sent.add(sender.address)
    work.existing.add(receiver)
    work.received[receiver] = work.received.get(receiver, 0) + value
    work.builder.add(Call("eth", sender, receiver, TRANSFER_GAS, value, new_account=new, needs_credit=needs_credit))


def _ether_chain(work: _Transfers, transactions: int) -> dict[Address, int]:
    """Add a chain in which each spends what just came in: nobody but the first has ether at genesis."""
    accounts, builder = work.accounts, work.builder
    step = TRANSFER_GAS * builder.fees.max_fee
    value = ETHER + step * transactions
    first = accounts[0].address
    work.existing.add(first)
    for index, first_of_block in enumerate(_places(work, transactions)):
        sender, receiver = accounts[index % len(accounts)], accounts[(index + 1) % len(accounts)]
        _pay(work, sender, receiver.address, value, needs_credit=not first_of_block)
        value -= step
    return {first: ETHER + step * (transactions + 1)}


def _send_tokens(work: _Transfers, token: Token, sender: KeyPair, receiver: Address) -> None:
    amount = int(log_normal(work.random, MEDIAN_TOKENS) * 10**18)
    operation = "erc20"
    work.sent.add(sender.address)
    if work.random.random() < work.parameters.number("failing"):
        amount += token.balance_of(sender.address)
    step = partial(token.transfer, sender.address, receiver, amount)
    earlier = work.storage.touched_on(work.block_start, step) if work.builder.declare == "stale" else frozenset()
    work.storage.begin()
    try:
        step()
    except Reverted:
        work.storage.revert()
        operation = "erc20-reverts"
    reads, writes = work.storage.touched()
    data = token.contract.call("transfer", receiver, amount)
    call = Call(operation, sender, token.address, ERC20_GAS, data=data, reads=reads, writes=writes, earlier=earlier)
    work.builder.add(call)


def _checks(work: _Transfers, token: Token) -> tuple[Check, ...]:
    holders = [*(account.address for account in work.accounts), *work.fresh]
    received = [{one: got.get(one, 0) for one in holders if one not in sent} for got, sent in work.paid]
    balances = tuple(token.balance_at(account.address) for account in work.accounts)
    return (
        NonceCheck(tuple(work.nonces)),
        EtherCheck(frozenset((*holders, COINBASE)), tuple(received)),
        SupplyCheck("TT", token.supply_at, balances),
        ModelCheck(tuple(work.slots)),
    )


SPEC = WorkloadSpec(
    name="transfers",
    description="ether and ERC-20 transfers, from independent to one chain",
    parameters=PARAMETERS,
    generate=generate,
)
